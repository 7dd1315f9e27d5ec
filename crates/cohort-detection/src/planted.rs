//! A made world with detections whose weakness is known: what evaluation must find, and what it must not.

use cohort_eval::{Stream, unit};

use crate::groups::PictureGroups;
use crate::id::Id;
use crate::picture::Picture;
use crate::results::{Detection, Results};
use crate::truth::{Category, Object, Truth};

/// What the detector is bad at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Nothing in particular.
    None,
    /// Objects up to 32 x 32 pixels.
    SmallObjects,
    /// Dark pictures, about a third of all.
    DarkPictures,
    /// The pictures of one of eight sequences.
    OneSequence,
}

/// A made world.
#[derive(Debug, Clone)]
pub struct Planted {
    /// Pictures and objects.
    pub truth: Truth,
    /// Detections.
    pub results: Results,
    /// Attributes of the pictures: `light` (dark, bright), `sequence` (0 to 7), `camera` (left, right; it never matters).
    pub attributes: Vec<PictureGroups>,
}

/// Pictures' sides.
const SIDES: (u32, u32) = (480, 640);
const CLASSES: [&str; 3] = ["car", "cyclist", "pedestrian"];
const SEQUENCES: usize = 8;
/// Chance that an object is found, by class; and where the detector is weak.
const FINDS: [f64; 3] = [0.85, 0.75, 0.7];
const FINDS_WEAKLY: f64 = 0.35;

/// A world of `pictures` pictures with one to six objects each, of sizes from 12 to 200 pixels, and a detector that finds most of them,
/// moves boxes a little whatever their size, and sees one thing a picture that is not there.
pub fn planted(pictures: usize, weakness: Weakness, seed: u64) -> Planted {
    let stream = Stream::new(seed, &["planted detections"]);
    let mut world = Planted {
        truth: Truth::default(),
        results: Results::default(),
        attributes: attributes(pictures),
    };
    let (mut objects, mut detections) = (Vec::new(), Vec::new());
    for picture in 0..pictures {
        let generator = &mut stream.item(picture);
        let mut next = || unit(generator);
        let dark = next() < 1.0 / 3.0;
        let left = next() < 0.5;
        let sequence = picture * SEQUENCES / pictures;
        let labels = [u32::from(dark), sequence as u32, u32::from(left)];
        for (attribute, label) in world.attributes.iter_mut().zip(labels) {
            attribute.of_picture[picture] = Some(label);
        }
        let weak_picture = match weakness {
            Weakness::DarkPictures => dark,
            Weakness::OneSequence => sequence == 3,
            Weakness::None | Weakness::SmallObjects => false,
        };
        let mut detect = |category: u32, place: [f64; 4], score: f64| {
            detections.push(Detection {
                picture: picture as u32,
                category,
                place,
                area: place[2] * place[3],
                score,
                mask: None,
            });
        };
        for _ in 0..1 + (next() * 6.0) as usize {
            let category = (next() * CLASSES.len() as f64) as usize;
            let side = 12.0 * (next() * (200.0_f64 / 12.0).ln()).exp();
            let (width, height) = (side * (0.7 + 0.6 * next()), side * (0.7 + 0.6 * next()));
            let x = next() * (f64::from(SIDES.1) - width);
            let y = next() * (f64::from(SIDES.0) - height);
            let area = width * height;
            objects.push(Object {
                id: Id::Number(objects.len() as i64 + 1),
                picture: picture as u32,
                category: category as u32,
                place: [x, y, width, height],
                area,
                crowd: false,
                mask: None,
            });
            let weak = weak_picture || (weakness == Weakness::SmallObjects && area <= 1024.0);
            let found = next() < if weak { FINDS_WEAKLY } else { FINDS[category] };
            // about a normal number
            let mut moved = |by: f64| by * ((next() + next() + next()) - 1.5) * 2.0;
            let place = [
                x + moved(0.08 * width),
                y + moved(0.08 * height),
                width * (1.0 + moved(0.08)),
                height * (1.0 + moved(0.08)),
            ];
            let score = 0.3 + 0.7 * next();
            if found {
                detect(category as u32, place, score);
            }
        }
        if next() < 0.8 {
            let (width, height) = (20.0 + 120.0 * next(), 20.0 + 120.0 * next());
            let x = next() * (f64::from(SIDES.1) - width);
            let y = next() * (f64::from(SIDES.0) - height);
            let category = (next() * CLASSES.len() as f64) as u32;
            detect(category, [x, y, width, height], 0.05 + 0.75 * next());
        }
    }
    let of = |picture: usize| Picture {
        id: Id::Number(picture as i64 + 1),
        file_name: format!("{picture:06}.png"),
        height: SIDES.0,
        width: SIDES.1,
    };
    let categories = CLASSES.iter().zip(1..).map(|(name, id)| Category {
        id: Id::Number(id),
        name: (*name).into(),
    });
    let pictures = (0..pictures).map(of).collect();
    world.truth = Truth::new(pictures, categories.collect(), objects, Vec::new());
    world.results = Results::new(detections, Vec::new());
    world
}

fn attributes(pictures: usize) -> Vec<PictureGroups> {
    let of = |attribute: &str, names: Vec<String>| PictureGroups {
        attribute: attribute.into(),
        names,
        of_picture: vec![None; pictures],
    };
    vec![
        of("light", vec!["bright".into(), "dark".into()]),
        of("sequence", (0..SEQUENCES).map(|s| s.to_string()).collect()),
        of("camera", vec!["right".into(), "left".into()]),
    ]
}
