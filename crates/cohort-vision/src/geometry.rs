//! Flips, turns and affine maps, pixel for pixel as Pillow makes them.

use std::ops::Range;

use crate::picture::Picture;
use crate::wide;

/// How a value between pixels is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Interpolation {
    /// The pixel that the point lies in: torchvision's default for augmentation.
    #[default]
    Nearest,
    /// Between the four nearest pixels.
    Bilinear,
}

/// Mirrors left and right.
#[must_use]
pub fn flip_horizontal(picture: &Picture) -> Picture {
    let mut rgb = vec![0; picture.rgb().len()];
    let stride = picture.width() * 3;
    let rows = picture.rgb().chunks_exact(stride);
    for (out, row) in rgb.chunks_exact_mut(stride).zip(rows) {
        let pixels = row.as_chunks::<3>().0.iter().rev();
        for (out, pixel) in out.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
            *out = *pixel;
        }
    }
    picture.with_rgb(rgb)
}

/// Mirrors top and bottom.
#[must_use]
pub fn flip_vertical(picture: &Picture) -> Picture {
    let rows = picture.rgb().rchunks_exact(picture.width() * 3);
    picture.with_rgb(rows.flatten().copied().collect())
}

/// Half a turn.
#[must_use]
pub fn rotate_180(picture: &Picture) -> Picture {
    let pixels = picture.rgb().rchunks_exact(3);
    picture.with_rgb(pixels.flatten().copied().collect())
}

/// A quarter turn counter-clockwise, as Pillow's `ROTATE_90`.
#[must_use]
pub fn rotate_90(picture: &Picture) -> Picture {
    let w = picture.width();
    Picture::from_fn(picture.height(), w, |x, y| {
        picture.pixel(w - 1 - y, x).unwrap_or_default()
    })
}

/// A quarter turn clockwise, as Pillow's `ROTATE_270`.
#[must_use]
pub fn rotate_270(picture: &Picture) -> Picture {
    let h = picture.height();
    Picture::from_fn(h, picture.width(), |x, y| {
        picture.pixel(y, h - 1 - x).unwrap_or_default()
    })
}

/// Turns about the centre by `degrees`, counter-clockwise when positive; the size stays and
/// what comes from outside is black. Equal to Pillow's `Image.rotate(degrees, fillcolor=(0, 0, 0))`.
/// A number that is not finite leaves the picture as it is.
#[must_use]
pub fn rotate(picture: &Picture, degrees: f64, interpolation: Interpolation) -> Picture {
    if !degrees.is_finite() {
        return picture.clone();
    }
    let (w, h) = (picture.width(), picture.height());
    let degrees = degrees.rem_euclid(360.0);
    if degrees == 0.0 {
        return picture.clone();
    }
    if degrees == 180.0 {
        return rotate_180(picture);
    }
    if w == h && degrees == 90.0 {
        return rotate_90(picture);
    }
    if w == h && degrees == 270.0 {
        return rotate_270(picture);
    }
    let (sin, cos) = (-degrees.to_radians()).sin_cos();
    let (sin, cos) = (round_15(sin), round_15(cos));
    let (cx, cy) = (w as f64 / 2.0, h as f64 / 2.0);
    let matrix = [
        cos,
        sin,
        cos * -cx + sin * -cy + 0.0 + cx,
        -sin,
        cos,
        -sin * -cx + cos * -cy + 0.0 + cy,
    ];
    transform_affine(picture, &matrix, interpolation)
}

/// Python's `round(x, 15)`, which Pillow applies so that cos 90 degrees is 0.
fn round_15(x: f64) -> f64 {
    format!("{x:.15}").parse().unwrap_or(x)
}

/// A turn, shift, scaling and shear, in torchvision's terms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Degrees, clockwise when positive.
    pub angle: f64,
    /// Pixels to the right and down.
    pub translate: [f64; 2],
    /// 1 keeps the size; must not be 0.
    pub scale: f64,
    /// Degrees along x and along y.
    pub shear: [f64; 2],
    /// The fixed point in pixels; `None` is the centre of the picture.
    pub centre: Option<[f64; 2]>,
}

impl Default for Affine {
    /// The identity about the centre.
    fn default() -> Self {
        Self {
            angle: 0.0,
            translate: [0.0; 2],
            scale: 1.0,
            shear: [0.0; 2],
            centre: None,
        }
    }
}

/// Maps a picture as torchvision's `functional.affine` maps a PIL image: same size, black
/// where nothing comes from. A matrix that is not finite (scale 0, shear 90 degrees) gives a
/// black picture.
#[must_use]
pub fn affine(picture: &Picture, map: &Affine, interpolation: Interpolation) -> Picture {
    let [cx, cy] = map
        .centre
        .unwrap_or([picture.width() as f64 * 0.5, picture.height() as f64 * 0.5]);
    let [tx, ty] = map.translate;
    let rot = map.angle.to_radians();
    let (sx, sy) = (map.shear[0].to_radians(), map.shear[1].to_radians());
    let a = (rot - sy).cos() / sy.cos();
    let b = -(rot - sy).cos() * sx.tan() / sy.cos() - rot.sin();
    let c = (rot - sy).sin() / sy.cos();
    let d = -(rot - sy).sin() * sx.tan() / sy.cos() + rot.cos();
    // From a place in the result to its place in the source.
    let [m0, m1, m3, m4] = [d, -b, -c, a].map(|v| v / map.scale);
    let matrix = [
        m0,
        m1,
        0.0 + (m0 * (-cx - tx) + m1 * (-cy - ty)) + cx,
        m3,
        m4,
        0.0 + (m3 * (-cx - tx) + m4 * (-cy - ty)) + cy,
    ];
    transform_affine(picture, &matrix, interpolation)
}

/// Pillow's `Image.transform(size, AFFINE, matrix)`: the result's pixel `(x, y)` is the
/// source's value at `(m0 (x + .5) + m1 (y + .5) + m2, m3 (x + .5) + m4 (y + .5) + m5)`, black
/// outside. Nearest takes the three ways of `Geometry.c` (tables for a pure scaling, 16.16
/// fixed point, floating point beyond 32,768 pixels), since they differ at pixel borders.
#[must_use]
pub fn transform_affine(
    picture: &Picture,
    matrix: &[f64; 6],
    interpolation: Interpolation,
) -> Picture {
    if !matrix.iter().all(|v| v.is_finite()) {
        return Picture::solid(picture.width(), picture.height(), [0; 3]);
    }
    match interpolation {
        Interpolation::Bilinear => bilinear(picture, [picture.width(), picture.height()], matrix),
        Interpolation::Nearest if matrix[1] == 0.0 && matrix[3] == 0.0 => {
            scale_only(picture, matrix)
        }
        Interpolation::Nearest if fits_fixed_point(picture, matrix) => fixed_point(picture, matrix),
        Interpolation::Nearest => floating_point(picture, matrix),
    }
}

/// The pixel index of a coordinate, `None` outside `0..size`.
#[inline]
fn index(v: f64, size: usize) -> Option<usize> {
    (v >= 0.0 && v < size as f64).then_some(v as usize)
}

fn scale_only(picture: &Picture, m: &[f64; 6]) -> Picture {
    let (w, h) = (picture.width(), picture.height());
    let mut xo = m[2] + m[0] * 0.5;
    let columns: Vec<Option<usize>> = (0..w)
        .map(|_| {
            let at = index(xo, w);
            xo += m[0];
            at
        })
        .collect();
    let from = columns.iter().position(Option::is_some).unwrap_or(w);
    let seen: Vec<usize> = columns[from..].iter().map_while(|&x| x).collect();
    // A shift by whole pixels, which rows are copied for.
    let shifted = seen.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    let mut rgb = vec![0; picture.rgb().len()];
    let mut yo = m[5] + m[4] * 0.5;
    for out in rgb.chunks_exact_mut(w * 3) {
        let row = index(yo, h).and_then(|y| picture.rgb().get(y * w * 3..(y + 1) * w * 3));
        if let (Some(row), Some(&first)) = (row, seen.first()) {
            let out = &mut out[from * 3..(from + seen.len()) * 3];
            if shifted {
                out.copy_from_slice(&row[first * 3..(first + seen.len()) * 3]);
            } else {
                let pixels = row.as_chunks::<3>().0;
                for (pixel, &x) in out.as_chunks_mut::<3>().0.iter_mut().zip(&seen) {
                    *pixel = pixels[x];
                }
            }
        }
        yo += m[4];
    }
    picture.with_rgb(rgb)
}

fn fits_fixed_point(picture: &Picture, m: &[f64; 6]) -> bool {
    let (w, h) = (picture.width() as f64, picture.height() as f64);
    [(0.0, 0.0), (w, h), (0.0, h), (w, 0.0)]
        .iter()
        .all(|(x, y)| {
            (x * m[0] + y * m[1] + m[2]).abs() < 32768.0
                && (x * m[3] + y * m[4] + m[5]).abs() < 32768.0
        })
}

fn fixed_point(picture: &Picture, m: &[f64; 6]) -> Picture {
    let (w, h) = (picture.width(), picture.height());
    let fix = |v: f64| (v * 65536.0 + 0.5).floor() as i32;
    let (a0, a1, a3, a4) = (fix(m[0]), fix(m[1]), fix(m[3]), fix(m[4]));
    let mut row_x = fix(m[2] + m[0] * 0.5 + m[1] * 0.5);
    let mut row_y = fix(m[5] + m[3] * 0.5 + m[4] * 0.5);
    let source = picture.rgb().as_chunks::<3>().0;
    let mut rgb = vec![0; picture.rgb().len()];
    for out in rgb.as_chunks_mut::<3>().0.chunks_exact_mut(w) {
        let inside = steps_inside(row_x, a0, w, w);
        let also = steps_inside(row_y, a3, h, w);
        let (from, to) = (inside.start.max(also.start), inside.end.min(also.end));
        if from < to {
            let start = |first: i32, step: i32| first.wrapping_add(step.wrapping_mul(from as i32));
            let (mut xx, mut yy) = (start(row_x, a0), start(row_y, a3));
            let out = &mut out[from..to];
            let at = |xx: i32, yy: i32| (yy >> 16) as usize * w + (xx >> 16) as usize;
            if (a0, a3) == (1 << 16, 0) {
                // A shift of the row.
                let first = at(xx, yy);
                out.copy_from_slice(&source[first..first + out.len()]);
            } else {
                let done =
                    wide::gather(picture.rgb(), w, [xx, yy], [a0, a3], out.as_flattened_mut());
                xx = xx.wrapping_add(a0.wrapping_mul(done as i32));
                yy = yy.wrapping_add(a3.wrapping_mul(done as i32));
                for pixel in &mut out[done..] {
                    *pixel = source[at(xx, yy)];
                    xx = xx.wrapping_add(a0);
                    yy = yy.wrapping_add(a3);
                }
            }
        }
        row_x = row_x.wrapping_add(a1);
        row_y = row_y.wrapping_add(a4);
    }
    picture.with_rgb(rgb)
}

/// The steps from 0 to `steps` (excluded) at which `first + i * step` lies within `size` pixels, in 16.16 fixed point. They
/// are neighbours, since a line meets an interval once.
fn steps_inside(first: i32, step: i32, size: usize, steps: usize) -> Range<usize> {
    // Beyond 32,767 pixels the sum of 32 bits wraps to a negative one, which lies outside.
    let (first, step) = (i64::from(first), i64::from(step));
    let last = (size.min(1 << 15) as i64) * (1 << 16) - 1;
    let (from, to) = match step {
        0 if (0..=last).contains(&first) => (0, steps as i64),
        0 => (0, 0),
        // ceil((0 - first) / step) to floor((last - first) / step)
        1.. => (-first.div_euclid(step), (last - first).div_euclid(step) + 1),
        _ => (
            -(last - first).div_euclid(-step),
            first.div_euclid(-step) + 1,
        ),
    };
    let cut = |i: i64| i.clamp(0, steps as i64) as usize;
    cut(from)..cut(to)
}

fn floating_point(picture: &Picture, m: &[f64; 6]) -> Picture {
    let (w, h) = (picture.width(), picture.height());
    let mut xo = m[2] + m[1] * 0.5 + m[0] * 0.5;
    let mut yo = m[5] + m[4] * 0.5 + m[3] * 0.5;
    let mut rgb = vec![0; picture.rgb().len()];
    for out in rgb.chunks_exact_mut(w * 3) {
        let (mut xx, mut yy) = (xo, yo);
        for pixel in out.chunks_exact_mut(3) {
            let from = index(xx, w)
                .zip(index(yy, h))
                .and_then(|(x, y)| picture.pixel(x, y));
            if let Some(from) = from {
                pixel.copy_from_slice(&from);
            }
            xx += m[0];
            yy += m[3];
        }
        xo += m[1];
        yo += m[4];
    }
    picture.with_rgb(rgb)
}

/// The bilinear map into a picture of another width and height.
pub(crate) fn bilinear(picture: &Picture, [width, height]: [usize; 2], m: &[f64; 6]) -> Picture {
    let (w, h) = (picture.width(), picture.height());
    let at = |x: i64, y: i64| {
        let x = x.clamp(0, w as i64 - 1) as usize;
        let y = y.clamp(0, h as i64 - 1) as usize;
        picture.pixel(x, y).unwrap_or_default()
    };
    Picture::from_fn(width, height, |x, y| {
        let (xc, yc) = (x as f64 + 0.5, y as f64 + 0.5);
        let xin = m[0] * xc + m[1] * yc + m[2];
        let yin = m[3] * xc + m[4] * yc + m[5];
        if index(xin, w).is_none() || index(yin, h).is_none() {
            return [0; 3];
        }
        let (xin, yin) = (xin - 0.5, yin - 0.5);
        let (x0, y0) = (xin.floor(), yin.floor());
        let (dx, dy) = (xin - x0, yin - y0);
        let (x0, y0) = (x0 as i64, y0 as i64);
        let (top_left, top_right) = (at(x0, y0), at(x0 + 1, y0));
        let (low_left, low_right) = (at(x0, y0 + 1), at(x0 + 1, y0 + 1));
        std::array::from_fn(|c| {
            let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
            let top = mix(top_left[c].into(), top_right[c].into(), dx);
            let low = mix(low_left[c].into(), low_right[c].into(), dx);
            mix(top, low, dy) as u8
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_and_flips_undo_each_other() {
        let p = Picture::from_fn(5, 3, |x, y| [x as u8, y as u8, 9]);
        assert_eq!(rotate_90(&rotate_270(&p)), p);
        assert_eq!(rotate_90(&rotate_90(&p)), rotate_180(&p));
        assert_eq!(flip_horizontal(&flip_vertical(&p)), rotate_180(&p));
        // The top right corner goes to the top left.
        assert_eq!(rotate_90(&p).pixel(0, 0), p.pixel(4, 0));
    }

    #[test]
    fn steps_inside_are_those_that_a_walk_finds() {
        let mut dice = crate::random::Dice::new(4);
        let mut whole = |most: usize| dice.below(2 * most + 1) as i32 - most as i32;
        for _ in 0..3000 {
            let (size, steps) = (1 + whole(9).unsigned_abs() as usize, 12);
            let (first, step) = (
                whole(12 << 16),
                whole(3 << 16) / [1, 40, 9_000][(whole(1) + 1) as usize],
            );
            let inside = |i: &usize| {
                let at = (first + *i as i32 * step) >> 16;
                at >= 0 && at < size as i32
            };
            let walked: Vec<usize> = (0..steps).filter(inside).collect();
            let found: Vec<usize> = steps_inside(first, step, size, steps).collect();
            assert_eq!(found, walked, "{first} {step} {size}");
        }
        assert_eq!(steps_inside(5 << 16, 0, 6, 9), 0..9);
        assert_eq!(steps_inside(6 << 16, 0, 6, 9), 0..0);
    }

    #[test]
    fn maps_that_are_not_numbers_do_not_panic() {
        let p = Picture::solid(5, 3, [200; 3]);
        assert_eq!(rotate(&p, f64::NAN, Interpolation::Nearest), p);
        let collapsed = Affine {
            scale: 0.0,
            ..Affine::default()
        };
        for mode in [Interpolation::Nearest, Interpolation::Bilinear] {
            assert_eq!(affine(&p, &collapsed, mode), Picture::solid(5, 3, [0; 3]));
            let far = [1e300, -1e300, 1e300, 1e300, 1e300, 1e300];
            assert_eq!(transform_affine(&p, &far, mode).width(), 5);
        }
    }

    #[test]
    fn beyond_the_fixed_point_range_pixels_still_move_whole() {
        // 40,000 pixels wide: the floating-point way. A shear by one pixel a row.
        let p = Picture::from_fn(40_000, 3, |x, _| [(x % 251) as u8; 3]);
        let moved = transform_affine(&p, &[1.0, 1.0, -0.5, 0.0, 1.0, 0.0], Interpolation::Nearest);
        for (x, y) in [(0, 0), (100, 1), (39_000, 2)] {
            assert_eq!(moved.pixel(x, y), p.pixel(x + y, y), "{x}, {y}");
        }
    }
}
