//! Boxes, masks and labels drawn into pictures.

mod font;

use cohort_detection::rle::Rle;
use cohort_vision::Picture;

use crate::Detected;
use font::{HEIGHT, WIDTH, letter};

/// Draws a frame in its class's colour around each detection, with a label above it or, at the upper edge, in it; the surest last, so
/// that nothing covers it. A mask tints its pixels. Lines and letters grow with the picture. `label` says what is written; no label for
/// an empty text.
///
/// # Panics
/// When a mask is of another size than the picture.
pub fn draw(picture: &mut Picture, all: &[Detected], label: impl Fn(&Detected) -> String) {
    let shorter = picture.width().min(picture.height());
    let scale = (shorter / 400).max(1);
    let mut order: Vec<&Detected> = all.iter().collect();
    order.sort_by(|a, b| a.score.total_cmp(&b.score));
    for found in order {
        let colour = colour_of(found.class);
        let mut canvas = Canvas { picture, scale };
        if let Some(mask) = &found.mask {
            canvas.tint(mask, colour);
        }
        let frame = canvas.frame(found.corners, colour);
        canvas.label(&label(found), frame, colour);
    }
}

/// Colours apart from one another for neighbouring classes: hues go round by the golden section, bright and then darker.
fn colour_of(class: usize) -> [u8; 3] {
    let hue = (class as f64 * 0.618_033_988_749_895).fract() * 6.0;
    let value = if class % 2 == 0 { 255.0 } else { 190.0 };
    let part = |shift: f64| {
        let distance = ((hue + shift) % 6.0 - 3.0).abs() - 1.0;
        (distance.clamp(0.0, 1.0) * value) as u8
    };
    [part(0.0), part(4.0), part(2.0)]
}

struct Canvas<'a> {
    picture: &'a mut Picture,
    scale: usize,
}

impl Canvas<'_> {
    /// Fills what of a rectangle (`x1, y1, x2, y2`, the last exclusive) lies in the picture.
    fn fill(&mut self, [x1, y1, x2, y2]: [i64; 4], colour: [u8; 3]) {
        let (width, height) = (self.picture.width(), self.picture.height());
        let within = |value: i64, most: usize| value.clamp(0, most as i64) as usize;
        let [left, right] = [x1, x2].map(|x| within(x, width));
        let rgb = self.picture.rgb_mut();
        for y in within(y1, height)..within(y2, height) {
            if left < right {
                let row = &mut rgb[3 * (y * width + left)..3 * (y * width + right)];
                row.chunks_exact_mut(3)
                    .for_each(|pixel| pixel.copy_from_slice(&colour));
            }
        }
    }

    /// Mixes a mask's pixels with a colour, half and half.
    fn tint(&mut self, mask: &Rle, colour: [u8; 3]) {
        let (width, height) = (self.picture.width(), self.picture.height());
        assert_eq!(
            [mask.width() as usize, mask.height() as usize],
            [width, height],
            "a mask of the picture"
        );
        let rgb = self.picture.rgb_mut();
        let mut start = 0;
        for (i, &run) in mask.counts().iter().enumerate() {
            let end = start + run as usize;
            if i % 2 == 1 {
                // run lengths go down the columns
                for place in start..end {
                    let (x, y) = (place / height, place % height);
                    let pixel = &mut rgb[3 * (y * width + x)..][..3];
                    for (value, of) in pixel.iter_mut().zip(colour) {
                        *value = u8::midpoint(*value, of);
                    }
                }
            }
            start = end;
        }
    }

    /// A frame along the inside of a box; gives its pixels.
    fn frame(&mut self, corners: [f32; 4], colour: [u8; 3]) -> [i64; 4] {
        let line = 2 * self.scale as i64;
        // what lies far outside has no edge to be seen; conversion keeps it finite
        let [x1, y1, x2, y2] = corners.map(|value| value.round().clamp(-1e6, 1e6) as i64);
        let (x2, y2) = (x2.max(x1 + 1), y2.max(y1 + 1));
        self.fill([x1, y1, x2, (y1 + line).min(y2)], colour);
        self.fill([x1, (y2 - line).max(y1), x2, y2], colour);
        self.fill([x1, y1, (x1 + line).min(x2), y2], colour);
        self.fill([(x2 - line).max(x1), y1, x2, y2], colour);
        [x1, y1, x2, y2]
    }

    fn label(&mut self, text: &str, [x1, y1, ..]: [i64; 4], colour: [u8; 3]) {
        let scale = self.scale as i64;
        let [step, height] = [(WIDTH + 1) as i64 * scale, (HEIGHT + 2) as i64 * scale];
        let width = text.chars().count() as i64 * step + scale;
        if text.is_empty() {
            return;
        }
        let beyond = self.picture.width() as i64 - width;
        let left = x1.min(beyond).max(0);
        let top = if y1 >= height { y1 - height } else { y1.max(0) };
        self.fill([left, top, left + width, top + height], colour);
        let [r, g, b] = colour.map(u32::from);
        let dark = 299 * r + 587 * g + 114 * b < 128_000;
        let ink = if dark { [255; 3] } else { [0; 3] };
        for (i, of) in text.chars().enumerate() {
            let x = left + scale + i as i64 * step;
            for (row, bits) in letter(of).into_iter().enumerate() {
                let y = top + scale + row as i64 * scale;
                for column in 0..WIDTH {
                    if bits >> (WIDTH - 1 - column) & 1 == 1 {
                        let x = x + column as i64 * scale;
                        self.fill([x, y, x + scale, y + scale], ink);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(class: usize, score: f32, corners: [f32; 4]) -> Detected {
        Detected {
            class,
            score,
            corners,
            mask: None,
        }
    }

    #[test]
    fn a_mask_tints_its_own_pixels() {
        let mut picture = Picture::solid(40, 30, [100; 3]);
        let inside = |x: usize, y: usize| (10..20).contains(&x) && (8..21).contains(&y);
        let columns: Vec<u8> = (0..40 * 30)
            .map(|place| u8::from(inside(place / 30, place % 30)))
            .collect();
        let one = Detected {
            mask: Some(Rle::encode(&columns, 30, 40).unwrap()),
            ..found(0, 0.9, [4.0, 4.0, 36.0, 26.0])
        };
        draw(&mut picture, &[one], |_| String::new());
        for (x, y) in (6..34).flat_map(|x| (6..24).map(move |y| (x, y))) {
            let expected = if inside(x, y) {
                [177, 50, 50]
            } else {
                [100; 3]
            };
            assert_eq!(picture.pixel(x, y), Some(expected), "{x} {y}");
        }
    }

    #[test]
    fn a_frame_has_the_colour_of_its_class_and_a_label_above() {
        let mut picture = Picture::solid(100, 80, [9; 3]);
        draw(
            &mut picture,
            &[found(0, 0.9, [20.0, 30.0, 60.0, 70.0])],
            |_| "I".into(),
        );
        let red = Some([255, 0, 0]);
        for (x, y) in [(20, 30), (59, 69), (21, 50), (40, 68), (20, 21)] {
            assert_eq!(picture.pixel(x, y), red, "{x} {y}");
        }
        // inside, outside, and the stroke of the letter on dark red
        for (x, y) in [(22, 40), (60, 70), (19, 30), (50, 25)] {
            assert_eq!(picture.pixel(x, y), Some([9; 3]), "{x} {y}");
        }
        assert_eq!(picture.pixel(23, 25), Some([255; 3]));
    }

    #[test]
    fn boxes_that_reach_out_or_are_nothing_are_no_panic_and_the_surest_is_on_top() {
        let mut picture = Picture::solid(30, 20, [0; 3]);
        let all = [
            found(2, 0.9, [-50.0, -1e9, 90.0, 1e9]),
            found(1, 0.1, [5.0, 5.0, 5.0, 5.0]),
            found(3, 0.5, [1e9, 3.0, 1e9, 4.0]),
            found(0, 0.2, [0.0, 0.0, 30.0, 20.0]),
            found(4, 1.0, [0.0, 0.0, 30.0, 20.0]),
        ];
        draw(&mut picture, &all, |found| "w".repeat(found.class));
        assert_eq!(picture.pixel(29, 19), Some(colour_of(4)));
        let mut one = Picture::solid(1, 1, [0; 3]);
        draw(&mut one, &all, |_| "label".into());
        assert_ne!(colour_of(0), colour_of(1));
    }
}
