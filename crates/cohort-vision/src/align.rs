//! Faces turned upright and brought to one size by their landmarks.

use crate::error::VisionError;
use crate::geometry::bilinear;
use crate::picture::Picture;
use crate::{crop, resize};

/// Where the eyes, the nose and the corners of the mouth lie in an aligned face, in shares of its side: the five points in
/// a square of 112 pixels that networks for faces (SphereFace, ArcFace, MobileFaceNet) are trained with.
const TEMPLATE: [[f64; 2]; 5] = [
    [38.2946 / 112.0, 51.6963 / 112.0],
    [73.5318 / 112.0, 51.5014 / 112.0],
    [56.0252 / 112.0, 71.7366 / 112.0],
    [41.5493 / 112.0, 92.3655 / 112.0],
    [70.7299 / 112.0, 92.2041 / 112.0],
];

/// A face as a square of `size` pixels, turned, shifted and scaled so that its landmarks (left eye, right eye, nose, left and
/// right corner of the mouth as the viewer sees them, in pixels) lie as near as can be, in least squares, to those of the
/// usual template. Black where the picture ends.
///
/// A picture that is made smaller is averaged on the way (as [`resize`] does), so that nothing is skipped.
///
/// # Errors
/// [`VisionError::Argument`] when the landmarks are not finite or all in one place, when nothing of the square lies within
/// the picture, or when `size` is 0 or above 16,384.
pub fn align_face(
    picture: &Picture,
    landmarks: &[[f32; 2]; 5],
    size: usize,
) -> Result<Picture, VisionError> {
    if size == 0 || size > 1 << 14 {
        return Err(VisionError::Argument {
            operation: "align a face",
            expected: "1 to 16,384 pixels".to_owned(),
            found: size.to_string(),
        });
    }
    let bad = || VisionError::Argument {
        operation: "align a face",
        expected: format!(
            "five landmarks within {} x {} pixels",
            picture.width(),
            picture.height()
        ),
        found: format!("{landmarks:?}"),
    };
    let [a, b, c, d] = to_picture(landmarks, size).ok_or_else(bad)?;
    // what the square covers, with a pixel more for what lies between two
    let shrink = a.hypot(b);
    let corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(|[x, y]| {
        let [x, y] = [x * size as f64, y * size as f64];
        [a * x - b * y + c, b * x + a * y + d]
    });
    let reach = |axis: usize, end: usize| {
        let along = corners.map(|corner| corner[axis]);
        let near = along.iter().copied().fold(f64::INFINITY, f64::min) - 1.0 - shrink;
        let far = along.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 1.0 + shrink;
        let [near, far] = [near.floor(), far.ceil()].map(|v| v.clamp(0.0, end as f64) as usize);
        (near < far).then_some([near, far])
    };
    let [left, right] = reach(0, picture.width()).ok_or_else(bad)?;
    let [top, bottom] = reach(1, picture.height()).ok_or_else(bad)?;
    let mut seen = crop(picture, [left, top, right, bottom])?;
    let mut scale = [1.0, 1.0];
    if shrink > 1.0 {
        let small = |n: usize| ((n as f64 / shrink).round() as usize).max(1);
        let (width, height) = (small(seen.width()), small(seen.height()));
        scale = [
            width as f64 / seen.width() as f64,
            height as f64 / seen.height() as f64,
        ];
        seen = resize(&seen, width, height)?;
    }
    let [sx, sy] = scale;
    let matrix = [
        a * sx,
        -b * sx,
        (c - left as f64) * sx,
        b * sy,
        a * sy,
        (d - top as f64) * sy,
    ];
    Ok(bilinear(&seen, [size, size], &matrix))
}

/// `[a, b, c, d]` of the map from a place `(x, y)` in the square to `(a x - b y + c, b x + a y + d)` in the picture: the
/// inverse of the one that takes the landmarks to the template with the least sum of squares (Umeyama 1991, without
/// reflection). None where there is none.
fn to_picture(landmarks: &[[f32; 2]; 5], size: usize) -> Option<[f64; 4]> {
    let from = landmarks.map(|point| point.map(f64::from));
    let to = TEMPLATE.map(|point| point.map(|share| share * size as f64));
    let middle = |points: &[[f64; 2]; 5]| {
        let sum = points
            .iter()
            .fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]]);
        sum.map(|v| v / 5.0)
    };
    let (of, onto) = (middle(&from), middle(&to));
    // with places as complex numbers: sum of conj(from) * to, and of |from|^2
    let (mut real, mut imaginary, mut squares) = (0.0, 0.0, 0.0);
    for (p, q) in from.iter().zip(&to) {
        let [x, y] = [p[0] - of[0], p[1] - of[1]];
        let [u, v] = [q[0] - onto[0], q[1] - onto[1]];
        real += x * u + y * v;
        imaginary += x * v - y * u;
        squares += x * x + y * y;
    }
    let product = real * real + imaginary * imaginary;
    let [a, b] = [real * squares / product, -imaginary * squares / product];
    let map = [
        a,
        b,
        of[0] - (a * onto[0] - b * onto[1]),
        of[1] - (b * onto[0] + a * onto[1]),
    ];
    map.iter().all(|v| v.is_finite()).then_some(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Landmarks of a face whose template lies in the picture turned by `angle`, scaled and shifted.
    fn placed(angle: f64, scale: f64, [x, y]: [f64; 2]) -> [[f32; 2]; 5] {
        let (sin, cos) = angle.sin_cos();
        TEMPLATE.map(|[u, v]| {
            [
                (scale * (cos * u - sin * v) + x) as f32,
                (scale * (sin * u + cos * v) + y) as f32,
            ]
        })
    }

    #[test]
    fn a_template_that_was_moved_is_brought_back() {
        // A wave that is smooth enough for what lies between pixels.
        let wave = |x: f64, y: f64| {
            let value = |phase: f64| 128.0 + 90.0 * (x * 0.11 + phase).sin() * (y * 0.07).cos();
            [value(0.0), value(1.0), value(2.0)]
        };
        let picture = Picture::from_fn(300, 260, |x, y| {
            wave(x as f64 + 0.5, y as f64 + 0.5).map(|v| v.round() as u8)
        });
        for (angle, scale, shift, most) in [
            (0.0, 64.0, [90.0, 80.0], 1.0),
            (0.6, 64.0, [140.0, 60.0], 1.5),
            (-2.0, 40.0, [120.0, 150.0], 1.5),
            // made smaller: averaged, so the wave's own curve counts
            (0.3, 110.0, [120.0, 60.0], 3.0),
        ] {
            let size = 64;
            let face = align_face(&picture, &placed(angle, scale, shift), size).unwrap();
            let (sin, cos) = f64::sin_cos(angle);
            let step = scale / size as f64;
            for y in 4..size - 4 {
                for x in 4..size - 4 {
                    let [u, v] = [x as f64 + 0.5, y as f64 + 0.5].map(|p| p * step);
                    let place = [cos * u - sin * v + shift[0], sin * u + cos * v + shift[1]];
                    let expected = wave(place[0], place[1]);
                    for (found, expected) in face.pixel(x, y).unwrap().into_iter().zip(expected) {
                        let off = (f64::from(found) + 0.5 - expected).abs();
                        assert!(off < most, "{angle} {x} {y}: {found} for {expected}");
                    }
                }
            }
        }
    }

    // scripts/golden_align.py: Umeyama's closed form by a singular value decomposition
    #[test]
    fn landmarks_that_fit_no_square_are_mapped_as_umeyama_says() {
        let landmarks = [
            [120.5, 80.25],
            [171.0, 92.0],
            [139.0, 118.5],
            [112.0, 139.0],
            [160.25, 151.75],
        ];
        let expected = [
            1.490_007_015_166_454_8,
            0.300_476_346_033_238_36,
            78.675_112_218_501_51,
            -7.667_202_435_013_577,
        ];
        for (found, expected) in to_picture(&landmarks, 112).unwrap().iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
        }
    }

    #[test]
    fn landmarks_that_are_none_are_errors() {
        let picture = Picture::solid(50, 40, [9; 3]);
        for landmarks in [
            [[f32::NAN; 2]; 5],
            [[f32::INFINITY, 1.0]; 5],
            [[7.0, 7.0]; 5],
            placed(0.0, 20.0, [500.0, 0.0]),
        ] {
            let found = align_face(&picture, &landmarks, 16);
            assert!(found.is_err(), "{landmarks:?}");
        }
        let good = placed(0.2, 20.0, [10.0, 5.0]);
        assert!(align_face(&picture, &good, 0).is_err());
        assert_eq!(align_face(&picture, &good, 1).unwrap().width(), 1);
        // a pixel, and a face that is mostly beyond the edge
        let edge = align_face(&picture, &placed(0.0, 30.0, [35.0, 25.0]), 16).unwrap();
        assert_eq!(edge.pixel(0, 0), Some([9; 3]));
        assert_eq!(edge.pixel(15, 15), Some([0; 3]));
        // far beyond the picture, which then is next to nothing
        for landmarks in [
            placed(0.0, 1e30, [0.0, 0.0]),
            [
                [0.0, f32::MAX],
                [f32::MAX, 0.0],
                [0.0; 2],
                [1.0; 2],
                [f32::MIN; 2],
            ],
        ] {
            let _ = align_face(&picture, &landmarks, 16);
        }
        assert!(
            align_face(
                &Picture::solid(1, 1, [9; 3]),
                &placed(0.0, 1.0, [0.0; 2]),
                8
            )
            .is_ok()
        );
    }
}
