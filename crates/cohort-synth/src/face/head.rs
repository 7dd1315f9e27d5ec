//! The outline of the head.

use super::params::FaceParams;

const TOP: f32 = -1.08;
const CHIN: f32 = 1.0;
/// Height at which the head is widest.
const TEMPLE: f32 = -0.12;
const ROWS: usize = 160;

/// Half-widths by height, with the lean of the outline, which turns them into distances.
pub(crate) struct Head {
    rows: Vec<(f32, f32)>,
}

impl Head {
    pub(crate) fn new(face: &FaceParams) -> Self {
        let half_width = |row: usize| {
            let v = TOP + (CHIN - TOP) * row as f32 / (ROWS - 1) as f32;
            if v < TEMPLE {
                let t = (TEMPLE - v) / (TEMPLE - TOP);
                face.width * root(1.0 - t * t)
            } else {
                let t = (v - TEMPLE) / (CHIN - TEMPLE);
                let round = libm::powf(t, face.jaw);
                face.width * (1.0 - face.taper * t) * root(1.0 - round)
            }
        };
        let step = (CHIN - TOP) / (ROWS - 1) as f32;
        let widths: Vec<f32> = (0..ROWS).map(half_width).collect();
        let rows = (0..ROWS)
            .map(|row| {
                let (a, b) = (row.saturating_sub(1), (row + 1).min(ROWS - 1));
                let slope = (widths[b] - widths[a]) / (step * (b - a) as f32);
                (widths[row], 1.0 / (1.0 + slope * slope).sqrt())
            })
            .collect();
        Head { rows }
    }

    /// Half of the head's width at a height; 0 above and below the head.
    pub(crate) fn half_width(&self, v: f32) -> f32 {
        self.row(v).map_or(0.0, |row| row.0)
    }

    /// Signed distance to the outline, negative inside.
    pub(crate) fn distance(&self, u: f32, v: f32) -> f32 {
        match self.row(v) {
            Some((width, lean)) => (u.abs() - width) * lean,
            None if v < TOP => (u * u + (v - TOP) * (v - TOP)).sqrt(),
            None => (u * u + (v - CHIN) * (v - CHIN)).sqrt(),
        }
    }

    /// The same for a head enlarged about the temples by `volume` of its size.
    pub(crate) fn hair_distance(&self, u: f32, v: f32, volume: f32) -> f32 {
        let size = 1.0 + volume;
        size * self.distance(u / size, TEMPLE + (v - TEMPLE) / size)
    }

    /// Part of the light that a point of the skin gets, by an egg-shaped surface.
    pub(crate) fn shade(&self, u: f32, v: f32, light: [f32; 3], ambient: f32) -> f32 {
        let x = (u / (self.half_width(v) + 0.08)).clamp(-1.0, 1.0);
        let y = ((v + 0.05) / 1.25).clamp(-1.0, 1.0);
        let (nx, ny) = (0.92 * x * x.abs(), 0.75 * y);
        let nz = (1.0 - nx * nx - ny * ny).max(0.04).sqrt();
        let lit = (nx * light[0] + ny * light[1] + nz * light[2]).max(0.0);
        ambient + (1.08 - ambient) * lit
    }

    fn row(&self, v: f32) -> Option<(f32, f32)> {
        let at = (v - TOP) / (CHIN - TOP) * (ROWS - 1) as f32;
        if !(0.0..=(ROWS - 1) as f32).contains(&at) {
            return None;
        }
        let below = (at as usize).min(ROWS - 2);
        let t = at - below as f32;
        let (a, b) = (self.rows[below], self.rows[below + 1]);
        Some((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)))
    }
}

fn root(x: f32) -> f32 {
    x.max(0.0).sqrt()
}
