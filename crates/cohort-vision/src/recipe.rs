//! Fixed changes of a picture, as data sets are enlarged by: Keras's affine map, a flip, a brightness.

use crate::colour::brightness;
use crate::geometry::flip_horizontal;
use crate::picture::Picture;

/// One fixed change. The numbers mean what they mean to Keras's `ImageDataGenerator.apply_transform`, and come in its order: the
/// affine map, the flip, the brightness.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Name, which files that are made of it begin with.
    pub name: String,
    /// Degrees about the centre, clockwise as the picture is seen when positive (Keras's `theta`). Default 0.
    pub rotation: f64,
    /// Rows and columns in pixels that the picture moves up and to the left when positive (Keras's `tx` and `ty`). Default 0, 0.
    pub shift: [f64; 2],
    /// Share of the picture's height and width that is seen: below 1 it grows (Keras's `zx` and `zy`). Above 0. Default 1.
    pub zoom: f64,
    /// Whether it is mirrored left and right. Default no.
    pub flip: bool,
    /// Factor of every channel, as Pillow's `ImageEnhance.Brightness`, which Keras calls. At least 0. Default 1.
    pub brightness: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            name: String::new(),
            rotation: 0.0,
            shift: [0.0; 2],
            zoom: 1.0,
            flip: false,
            brightness: 1.0,
        }
    }
}

impl Recipe {
    /// The built-in recipes `mod1`, `mod2` and `mod3`: the three copies by which a small set of scenes was enlarged twofold to
    /// fourfold. Shifts are pixels, so that theirs of a tenth is next to none; that is how they were made.
    pub fn built_in() -> [Self; 3] {
        let recipe = |name: &str, rotation, shift: f64, zoom, flip, brightness| Self {
            name: name.to_string(),
            rotation,
            shift: [shift; 2],
            zoom,
            flip,
            brightness,
        };
        [
            recipe("mod1", 15.0, 0.0, 0.9, true, 0.9),
            recipe("mod2", -15.0, 0.1, 0.95, true, 1.05),
            recipe("mod3", 25.0, -0.1, 0.95, false, 1.1),
        ]
    }

    /// What is wrong with it: what was expected, and what was found.
    ///
    /// # Errors
    /// A number that is not finite or out of its range, or a name that is no beginning of a file name.
    pub fn validate(&self) -> Result<(), (String, String)> {
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let name = &self.name;
        if name.is_empty() || name.len() > 40 || !name.chars().all(letter) {
            let expected = "a recipe's name of 1 to 40 letters, digits, - and _".to_string();
            return Err((expected, format!("{name:?}")));
        }
        let [up, left] = self.shift;
        let pixels = -1e6..=1e6;
        for (what, value, fits) in [
            (
                "rotation from -360 to 360 degrees",
                self.rotation,
                (-360.0..=360.0).contains(&self.rotation),
            ),
            ("shift in pixels", up, pixels.contains(&up)),
            ("shift in pixels", left, pixels.contains(&left)),
            (
                "zoom from 0.01 to 100",
                self.zoom,
                (0.01..=100.0).contains(&self.zoom),
            ),
            (
                "brightness from 0 to 100",
                self.brightness,
                (0.0..=100.0).contains(&self.brightness),
            ),
        ] {
            if !fits {
                return Err((format!("in recipe {name} a {what}"), value.to_string()));
            }
        }
        Ok(())
    }

    /// The changed picture, of the same size.
    #[must_use]
    pub fn apply(&self, picture: &Picture) -> Picture {
        let mut picture = keras_affine(picture, self.rotation, self.shift, self.zoom);
        if self.flip {
            picture = flip_horizontal(&picture);
        }
        if self.brightness != 1.0 {
            picture = brightness(picture, self.brightness);
        }
        picture
    }
}

/// Keras's `apply_affine_transform` of all channels with `fill_mode="nearest"`, `order=1` and no shear, rounded to 8 bits.
///
/// In rows and columns from the picture's centre at `(h / 2 - 0.5, w / 2 - 0.5)`, a pixel at `p` of the result is the source's
/// value at `R (Z p + shift)`, with `R` the turn by `rotation` and `Z` the scaling by `zoom`: between pixels linear in both
/// directions, beyond the edge the value on it (`scipy.ndimage.affine_transform` with `mode="nearest"`).
fn keras_affine(picture: &Picture, rotation: f64, shift: [f64; 2], zoom: f64) -> Picture {
    if rotation == 0.0 && shift == [0.0; 2] && zoom == 1.0 {
        return picture.clone();
    }
    let (width, height) = (picture.width(), picture.height());
    let (sin, cos) = rotation.to_radians().sin_cos();
    let centre = [height as f64 / 2.0 - 0.5, width as f64 / 2.0 - 0.5];
    // rotation * shift * zoom, as one matrix and its offset
    let matrix = [[cos * zoom, -sin * zoom], [sin * zoom, cos * zoom]];
    let moved = [
        cos * shift[0] - sin * shift[1],
        sin * shift[0] + cos * shift[1],
    ];
    let offset: [f64; 2] = std::array::from_fn(|axis| {
        let [a, b] = matrix[axis];
        moved[axis] + centre[axis] - a * centre[0] - b * centre[1]
    });
    Picture::from_fn(width, height, |x, y| {
        let (x, y) = (x as f64, y as f64);
        let [row, column]: [f64; 2] =
            std::array::from_fn(|axis| matrix[axis][0] * y + matrix[axis][1] * x + offset[axis]);
        let (top, bottom, down) = neighbours(row, height);
        let (left, right, across) = neighbours(column, width);
        let at = |x, y| picture.pixel(x, y).unwrap_or_default();
        let corners = [
            at(left, top),
            at(right, top),
            at(left, bottom),
            at(right, bottom),
        ];
        std::array::from_fn(|channel| {
            let [a, b, c, d] = corners.map(|pixel| f64::from(pixel[channel]));
            let upper = a + (b - a) * across;
            let lower = c + (d - c) * across;
            (upper + (lower - upper) * down).round().clamp(0.0, 255.0) as u8
        })
    })
}

/// The two pixels that a coordinate lies between and how far it is from the first; beyond the edge the pixel on it.
fn neighbours(at: f64, size: usize) -> (usize, usize, f64) {
    let last = size.saturating_sub(1);
    let at = at.clamp(0.0, last as f64);
    let first = at.floor() as usize;
    (first, (first + 1).min(last), at - first as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern() -> Picture {
        Picture::from_fn(9, 7, |x, y| {
            [
                (x * 25) as u8,
                (y * 40) as u8,
                ((x * 7 + y * 13) % 11 * 23) as u8,
            ]
        })
    }

    fn only(change: impl FnOnce(&mut Recipe)) -> Picture {
        let mut recipe = Recipe::default();
        change(&mut recipe);
        recipe.apply(&pattern())
    }

    #[test]
    fn nothing_changes_nothing_and_two_flips_are_none() {
        assert_eq!(only(|_| ()), pattern());
        let flip = Recipe {
            flip: true,
            ..Recipe::default()
        };
        assert_eq!(flip.apply(&flip.apply(&pattern())), pattern());
        assert_eq!(only(|r| r.flip = true).pixel(8, 3), pattern().pixel(0, 3));
    }

    /// Worked by hand: whole pixels, edges repeated.
    #[test]
    fn a_shift_moves_up_and_left_and_repeats_the_edge() {
        let moved = only(|r| r.shift = [2.0, 3.0]);
        for (x, y) in [(0, 0), (5, 4), (6, 4), (8, 6), (0, 6)] {
            let from = pattern().pixel((x + 3).min(8), (y + 2).min(6));
            assert_eq!(moved.pixel(x, y), from, "{x} {y}");
        }
        let back = only(|r| r.shift = [-2.0, -3.0]);
        assert_eq!(back.pixel(4, 4), pattern().pixel(1, 2));
        assert_eq!(back.pixel(1, 1), pattern().pixel(0, 0));
    }

    #[test]
    fn a_quarter_turn_goes_clockwise_about_the_centre() {
        let turned = only(|r| r.rotation = 90.0);
        // centre (4, 3) of (x, y): what was two above it is two to the right
        assert_eq!(turned.pixel(4, 3), pattern().pixel(4, 3));
        assert_eq!(turned.pixel(6, 3), pattern().pixel(4, 1));
        assert_eq!(turned.pixel(4, 5), pattern().pixel(6, 3));
    }

    /// The first channel is 25 x, so that its value says from where a pixel comes.
    #[test]
    fn zoom_takes_its_share_about_the_centre() {
        let zoomed = only(|r| r.zoom = 0.5);
        for x in 0..9 {
            let from = 4.0 + (f64::from(x) - 4.0) * 0.5;
            let found = zoomed.pixel(x as usize, 3).unwrap()[0];
            assert_eq!(found, (25.0 * from).round() as u8, "{x}");
        }
    }

    #[test]
    fn brightness_is_a_factor_that_saturates() {
        let bright = only(|r| r.brightness = 1.5);
        assert_eq!(bright.pixel(4, 0).unwrap()[0], 150);
        assert_eq!(bright.pixel(8, 6).unwrap()[..2], [255, 255]);
        assert_eq!(only(|r| r.brightness = 0.0), Picture::solid(9, 7, [0; 3]));
    }

    /// `scripts/make_keras_affine.py` wrote these with SciPy and Pillow by Keras's own formulas.
    #[test]
    fn recipes_give_what_keras_formulas_give() {
        let golden = include_str!("../tests/golden/keras_affine.txt");
        let mut lines = golden.lines().filter(|line| !line.starts_with('#'));
        for recipe in Recipe::built_in() {
            assert_eq!(lines.next(), Some(recipe.name.as_str()));
            let expected: Vec<u8> = lines
                .next()
                .unwrap()
                .split(' ')
                .map(|number| number.parse().unwrap())
                .collect();
            let found = recipe.apply(&Picture::from_fn(12, 10, |x, y| {
                [
                    (x * 37 + y * 11) as u8,
                    (x * x * 3 + y * 29) as u8,
                    ((x + 2) * (y + 5) * 9) as u8,
                ]
            }));
            assert_eq!(found.rgb(), expected, "{}", recipe.name);
        }
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn bad_recipes_say_what_is_wrong() {
        for (change, expected) in [
            (
                Recipe {
                    zoom: 0.0,
                    ..Recipe::default()
                },
                "zoom from 0.01",
            ),
            (
                Recipe {
                    rotation: f64::NAN,
                    ..Recipe::default()
                },
                "rotation from",
            ),
            (
                Recipe {
                    shift: [0.0, f64::INFINITY],
                    ..Recipe::default()
                },
                "shift in",
            ),
            (
                Recipe {
                    brightness: -1.0,
                    ..Recipe::default()
                },
                "brightness from",
            ),
        ] {
            let named = Recipe {
                name: "mine".into(),
                ..change
            };
            let (found, _) = named.validate().unwrap_err();
            assert!(found.contains(expected), "{found}");
        }
        for name in ["", "a/b", "..", "a b"] {
            let recipe = Recipe {
                name: name.into(),
                ..Recipe::default()
            };
            assert!(recipe.validate().is_err(), "{name}");
        }
        assert!(
            Recipe::built_in()
                .iter()
                .all(|recipe| recipe.validate().is_ok())
        );
    }
}
