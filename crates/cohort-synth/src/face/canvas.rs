//! A small rasteriser: every pixel knows where it lies on the face, and shapes are painted by their
//! signed distance, which gives soft edges one pixel wide at any size.

use image::RgbImage;

use crate::draw::Draw;

/// Red, green, blue in `[0, 1]`, as stored (no gamma is applied).
pub(crate) type Colour = [f32; 3];

/// A box on the face: left, top, right, bottom in face units.
pub(crate) type Bounds = [f32; 4];

/// How the face lies in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct View {
    /// Width and height in pixels.
    pub(crate) size: [u32; 2],
    /// Pixels a face unit; the face is about two units high.
    pub(crate) scale: f32,
    /// Centre of the face in pixels.
    pub(crate) centre: [f32; 2],
    /// Sine and cosine of the turn in the picture plane.
    pub(crate) roll: [f32; 2],
    /// Sine and cosine of the turn to the side.
    pub(crate) yaw: [f32; 2],
}

/// A picture in the making.
pub(crate) struct Canvas {
    view: View,
    pixels: Vec<Colour>,
    /// Face coordinates of each pixel: right and down.
    places: Vec<[f32; 2]>,
}

impl Canvas {
    pub(crate) fn new(view: View) -> Self {
        let [width, height] = view.size;
        let mut places = Vec::with_capacity((width * height) as usize);
        for y in 0..height {
            for x in 0..width {
                let (dx, dy) = (
                    x as f32 + 0.5 - view.centre[0],
                    y as f32 + 0.5 - view.centre[1],
                );
                let a = (dx * view.roll[1] + dy * view.roll[0]) / view.scale;
                let b = (dy * view.roll[1] - dx * view.roll[0]) / view.scale;
                // The face bulges towards the viewer, so its middle moves most when it turns.
                let bulge = (1.0 - a * a / 0.9 - b * b / 1.7).max(0.0);
                places.push([(a - 0.42 * bulge * view.yaw[0]) / view.yaw[1], b]);
            }
        }
        Canvas {
            view,
            pixels: vec![[0.0; 3]; places.len()],
            places,
        }
    }

    /// Width of a pixel in face units.
    pub(crate) fn pixel(&self) -> f32 {
        1.0 / self.view.scale
    }

    /// Applies `change` to each pixel in a box (and some beside it); it gets the face coordinates.
    pub(crate) fn each(&mut self, bounds: Bounds, mut change: impl FnMut(f32, f32, &mut Colour)) {
        let [x0, y0, x1, y1] = self.pixel_box(bounds);
        let width = self.view.size[0] as usize;
        for y in y0..y1 {
            let row = y * width + x0..y * width + x1;
            for (place, pixel) in self.places[row.clone()].iter().zip(&mut self.pixels[row]) {
                change(place[0], place[1], pixel);
            }
        }
    }

    /// Applies `change` to all pixels.
    pub(crate) fn all(&mut self, mut change: impl FnMut(f32, f32, &mut Colour)) {
        for (place, pixel) in self.places.iter().zip(&mut self.pixels) {
            change(place[0], place[1], pixel);
        }
    }

    /// Paints where `distance` (in face units) is negative.
    pub(crate) fn fill(
        &mut self,
        bounds: Bounds,
        colour: Colour,
        opacity: f32,
        distance: impl Fn(f32, f32) -> f32,
    ) {
        let pixel = self.pixel();
        self.each(bounds, |u, v, at| {
            *at = mix(*at, colour, opacity * cover(distance(u, v), pixel))
        });
    }

    /// Mixes a colour into a soft ellipse, fading from the centre to its rim.
    pub(crate) fn glow(
        &mut self,
        centre: [f32; 2],
        radii: [f32; 2],
        colour: Colour,
        strength: f32,
    ) {
        let [cu, cv] = centre;
        let [ru, rv] = radii;
        self.each([cu - ru, cv - rv, cu + ru, cv + rv], |u, v, at| {
            let (x, y) = ((u - cu) / ru, (v - cv) / rv);
            let left = 1.0 - x * x - y * y;
            if left > 0.0 {
                *at = mix(*at, colour, strength * left * left);
            }
        });
    }

    /// Darkens along a curve by the same absolute amount on any skin; negative `depth` lightens.
    pub(crate) fn crease(&mut self, curve: &Curve, width: f32, depth: f32) {
        let soft = width.max(self.pixel());
        self.each(curve.bounds(soft), |u, v, at| {
            let (distance, along) = curve.distance(u, v);
            let x = distance / soft;
            if x < 1.0 {
                // Fades towards its ends.
                let ends = (5.0 * along * (1.0 - along)).min(1.0);
                let fall = 1.0 - x * x;
                darken(at, depth * fall * fall * ends);
            }
        });
    }

    /// The pixels that may lie in a box of the face: half open, inside the picture.
    fn pixel_box(&self, [left, top, right, bottom]: Bounds) -> [usize; 4] {
        // The turn to the side narrows the face and moves its middle.
        let shift = 0.42 * self.view.yaw[0].abs() + 0.04;
        let (mut x0, mut y0, mut x1, mut y1) = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
        for a in [left - shift, right + shift] {
            for b in [top - 0.04, bottom + 0.04] {
                let x = self.view.centre[0]
                    + self.view.scale * (a * self.view.roll[1] - b * self.view.roll[0]);
                let y = self.view.centre[1]
                    + self.view.scale * (a * self.view.roll[0] + b * self.view.roll[1]);
                (x0, x1) = (x0.min(x), x1.max(x));
                (y0, y1) = (y0.min(y), y1.max(y));
            }
        }
        let [width, height] = self.view.size.map(|n| n as f32);
        // Float to integer conversion saturates, so a box outside the picture is empty.
        let x1 = (x1 + 1.0).clamp(0.0, width) as usize;
        let y1 = (y1 + 1.0).clamp(0.0, height) as usize;
        [
            (x0.clamp(0.0, width) as usize).min(x1),
            (y0.clamp(0.0, height) as usize).min(y1),
            x1,
            y1,
        ]
    }

    /// Mixes each pixel with the mean of its neighbourhood (binomial, 3 x 3), `passes` times.
    pub(crate) fn blur(&mut self, passes: u32, strength: f32) {
        let [width, height] = self.view.size.map(|n| n as usize);
        for _ in 0..passes {
            for (stride, length, lines, step) in
                [(1, width, height, width), (width, height, width, 1)]
            {
                for line in 0..lines {
                    let start = line * step;
                    let mut before = self.pixels[start];
                    for i in 0..length {
                        let here = self.pixels[start + i * stride];
                        let after = self.pixels[start + (i + 1).min(length - 1) * stride];
                        for c in 0..3 {
                            let mean = 0.25 * before[c] + 0.5 * here[c] + 0.25 * after[c];
                            self.pixels[start + i * stride][c] += strength * (mean - here[c]);
                        }
                        before = here;
                    }
                }
            }
        }
    }

    /// Exposure, colour cast and sensor noise, then eight bits a channel.
    pub(crate) fn develop(self, gains: Colour, noise: f32, draw: &mut Draw) -> RgbImage {
        let mut bytes = Vec::with_capacity(self.pixels.len() * 3);
        for pixel in &self.pixels {
            for c in 0..3 {
                // Four uniform bytes sum to nearly a normal number of standard deviation 148.
                let sum: u32 = draw.bits().to_le_bytes().into_iter().map(u32::from).sum();
                let grain = (sum as f32 - 510.0) / 148.0 * noise;
                bytes.push(((pixel[c] * gains[c] + grain) * 255.0 + 0.5).clamp(0.0, 255.0) as u8);
            }
        }
        let [width, height] = self.view.size;
        // The buffer has exactly the size of the picture, so the fallback is never taken.
        RgbImage::from_raw(width, height, bytes).unwrap_or_default()
    }
}

/// `a` where `t` is 0, `b` where it is 1.
pub(crate) fn mix(a: Colour, b: Colour, t: f32) -> Colour {
    [
        a[0] + t * (b[0] - a[0]),
        a[1] + t * (b[1] - a[1]),
        a[2] + t * (b[2] - a[2]),
    ]
}

/// A colour times a factor.
pub(crate) fn scaled(colour: Colour, factor: f32) -> Colour {
    colour.map(|c| c * factor)
}

/// Subtracts light, a little less red, but never more than 70 % of what is there.
pub(crate) fn darken(at: &mut Colour, depth: f32) {
    for (channel, part) in at.iter_mut().zip([0.88, 1.0, 1.0]) {
        *channel = (*channel - depth * part).max(0.3 * *channel);
    }
}

/// Part of a pixel inside a shape whose border is at `distance` (negative inside).
pub(crate) fn cover(distance: f32, pixel: f32) -> f32 {
    (0.5 - distance / pixel).clamp(0.0, 1.0)
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(crate) fn ramp(x: f32, low: f32, high: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Signed distance to an upright ellipse, exact on its rim.
pub(crate) fn ellipse(u: f32, v: f32, centre: [f32; 2], radii: [f32; 2]) -> f32 {
    let (x, y) = ((u - centre[0]) / radii[0], (v - centre[1]) / radii[1]);
    ((x * x + y * y).sqrt() - 1.0) * radii[0].min(radii[1])
}

/// A quadratic Bezier curve, flattened.
pub(crate) struct Curve {
    points: [[f32; 2]; 9],
}

impl Curve {
    /// From one end by a control point to the other.
    pub(crate) fn new(from: [f32; 2], control: [f32; 2], to: [f32; 2]) -> Self {
        let mut points = [[0.0; 2]; 9];
        for (i, point) in points.iter_mut().enumerate() {
            let t = i as f32 / 8.0;
            let (a, b, c) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
            *point = [0, 1].map(|k| a * from[k] + b * control[k] + c * to[k]);
        }
        Curve { points }
    }

    fn bounds(&self, margin: f32) -> Bounds {
        let fold = |k: usize, f: fn(f32, f32) -> f32, start| {
            self.points.iter().map(|point| point[k]).fold(start, f)
        };
        [
            fold(0, f32::min, f32::MAX) - margin,
            fold(1, f32::min, f32::MAX) - margin,
            fold(0, f32::max, f32::MIN) + margin,
            fold(1, f32::max, f32::MIN) + margin,
        ]
    }

    /// Distance from the curve and the place on it, 0 to 1.
    pub(crate) fn distance(&self, u: f32, v: f32) -> (f32, f32) {
        let (mut best, mut place) = (f32::MAX, 0.0);
        for (i, pair) in self.points.windows(2).enumerate() {
            let [p, q] = [pair[0], pair[1]];
            let (du, dv) = (q[0] - p[0], q[1] - p[1]);
            let length = (du * du + dv * dv).max(1e-9);
            let t = (((u - p[0]) * du + (v - p[1]) * dv) / length).clamp(0.0, 1.0);
            let (x, y) = (u - p[0] - t * du, v - p[1] - t * dv);
            let squared = x * x + y * y;
            if squared < best {
                best = squared;
                place = (i as f32 + t) / 8.0;
            }
        }
        (best.sqrt(), place)
    }
}

/// Smooth random texture in `[0, 1]`, repeated every 32 units.
pub(crate) struct Grain(Vec<f32>);

impl Grain {
    pub(crate) fn new(draw: &mut Draw) -> Self {
        let words = std::iter::repeat_with(|| draw.bits()).take(256);
        Grain(
            words
                .flat_map(u32::to_le_bytes)
                .map(|byte| f32::from(byte) / 255.0)
                .collect(),
        )
    }

    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let (fx, fy) = (x.floor(), y.floor());
        let (tx, ty) = (x - fx, y - fy);
        let (ix, iy) = (fx as i32, fy as i32);
        let corner = |dx: i32, dy: i32| {
            let index = ((iy + dy) & 31) * 32 + ((ix + dx) & 31);
            self.0[index as usize]
        };
        let top = corner(0, 0) + tx * (corner(1, 0) - corner(0, 0));
        let bottom = corner(0, 1) + tx * (corner(1, 1) - corner(0, 1));
        top + ty * (bottom - top)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Purpose;

    fn view(yaw: f32, roll: f32) -> View {
        View {
            size: [90, 100],
            scale: 36.0,
            centre: [45.0, 52.0],
            roll: [roll.sin(), roll.cos()],
            yaw: [yaw.sin(), yaw.cos()],
        }
    }

    #[test]
    fn a_disc_has_its_area_and_boxes_miss_nothing() {
        for (yaw, roll) in [(0.0, 0.0), (0.4, 0.2), (-0.5, -0.3)] {
            let disc = |u: f32, v: f32| ellipse(u, v, [0.2, -0.1], [0.5, 0.5]);
            let mut boxed = Canvas::new(view(yaw, roll));
            boxed.fill([-0.3, -0.6, 0.7, 0.4], [1.0; 3], 1.0, disc);
            let mut whole = Canvas::new(view(yaw, roll));
            whole.fill([-9.0, -9.0, 9.0, 9.0], [1.0; 3], 1.0, disc);
            assert_eq!(boxed.pixels, whole.pixels, "yaw {yaw}, roll {roll}");
            if yaw == 0.0 {
                let area: f32 = whole.pixels.iter().map(|p| p[0]).sum::<f32>() / (36.0 * 36.0);
                let exact = std::f32::consts::PI * 0.25;
                assert!((area / exact - 1.0).abs() < 0.01, "{area} vs {exact}");
            }
        }
    }

    #[test]
    fn curve_distance_on_a_straight_line() {
        let curve = Curve::new([0.0, 0.0], [0.5, 0.0], [1.0, 0.0]);
        for (point, distance, along) in [
            ([0.5, 0.25], 0.25, 0.5),
            ([-3.0, 4.0], 5.0, 0.0),
            ([1.0, -1.0], 1.0, 1.0),
        ] {
            let found = curve.distance(point[0], point[1]);
            assert!(
                (found.0 - distance).abs() < 1e-5 && (found.1 - along).abs() < 1e-5,
                "{found:?}"
            );
        }
    }

    #[test]
    fn blur_keeps_the_mean_of_a_constant_and_spreads_a_point() {
        let mut canvas = Canvas::new(view(0.0, 0.0));
        canvas.all(|_, _, at| *at = [0.5; 3]);
        canvas.blur(2, 1.0);
        assert!(canvas.pixels.iter().all(|p| (p[0] - 0.5).abs() < 1e-6));
        canvas.pixels[50 * 90 + 40] = [1.0; 3];
        canvas.blur(1, 1.0);
        let excess = |x: usize, y: usize| canvas.pixels[y * 90 + x][0] - 0.5;
        // The binomial kernel: quarter in the middle, sixteenth in the corners, of the extra half.
        assert!((excess(40, 50) - 0.125).abs() < 1e-6);
        assert!((excess(39, 49) - 0.5 / 16.0).abs() < 1e-6);
        assert_eq!(excess(42, 50), 0.0);
    }

    #[test]
    fn creases_darken_every_skin_alike() {
        for skin in [[0.9, 0.75, 0.65], [0.5, 0.36, 0.3]] {
            let mut at = skin;
            darken(&mut at, 0.1);
            assert!((skin[1] - at[1] - 0.1).abs() < 1e-6);
        }
        let mut black = [0.1; 3];
        darken(&mut black, 1.0);
        assert!(black[1] > 0.0);
    }

    #[test]
    fn grain_is_smooth_and_repeats() {
        let grain = Grain::new(&mut Draw::new(1, Purpose::FaceClip, 0));
        assert!((grain.at(3.0, 4.0) - grain.at(3.001, 4.001)).abs() < 0.01);
        assert!((grain.at(-1.5, 2.5) - grain.at(30.5, 34.5)).abs() < 1e-6);
    }
}
