//! Faces drawn from parameters.

mod canvas;
mod features;
mod hair;
mod head;
mod params;
mod skin;

use image::RgbImage;

use crate::draw::{Draw, Purpose};
use crate::population::Subject;
use canvas::{Canvas, Grain, mix, ramp};
use head::Head;
use params::FaceParams;

/// The face of one clip, ready to be rendered.
pub(crate) struct Face {
    params: FaceParams,
    draw: Draw,
}

impl Face {
    /// The face of a clip in which the subject looks `age` years old.
    pub(crate) fn draw(
        seed: u64,
        subject_index: usize,
        clip: usize,
        subject: &Subject,
        age: f64,
    ) -> Self {
        let mut own = Draw::new(seed, Purpose::FaceSubject, subject_index);
        let mut draw = Draw::new(seed, Purpose::FaceClip, clip);
        let params = FaceParams::draw(subject, age, &mut own, &mut draw);
        Face { params, draw }
    }

    /// Paints from back to front.
    pub(crate) fn render(mut self) -> RgbImage {
        let face = &self.params;
        let grain = Grain::new(&mut self.draw);
        let head = Head::new(face);
        let hair = hair::mean_colour(face);
        let mut canvas = Canvas::new(face.view);
        canvas.all(|u, v, at| {
            let cloud = 0.12 * (grain.at(1.3 * u + 40.0, 1.3 * v + 40.0) - 0.5);
            *at = mix(
                face.backdrop[0],
                face.backdrop[1],
                ramp(u + 0.6 * v, -1.8, 1.8) + cloud,
            );
        });
        hair::back(&mut canvas, face, &head, &grain);
        skin::body(&mut canvas, face);
        skin::skin(&mut canvas, face, &head, &grain);
        skin::marks(&mut canvas, face, &head, &grain);
        skin::beard(&mut canvas, face, &head, &grain, hair);
        features::features(&mut canvas, face, hair);
        hair::front(&mut canvas, face, &head, &grain);
        if let Some(frame) = face.glasses {
            features::glasses(&mut canvas, face, frame);
        }
        canvas.blur(
            1 + u32::from(face.blur > 1.0),
            face.blur.min(2.0) / if face.blur > 1.0 { 2.0 } else { 1.0 },
        );
        canvas.develop(face.gains, face.noise, &mut self.draw)
    }
}
