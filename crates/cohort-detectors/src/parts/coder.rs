//! What a network says of a box relative to another.

use super::boxes::Corners;

/// Most that a side's logarithm may grow by: ln(1000 / 16), in torchvision and detectron2 alike.
pub const MOST_LOG_SCALE: f32 = 4.135_166_6;

/// Centres as shares of the other box's sides, sides as logarithms of quotients, each times its weight
/// (torchvision's `BoxCoder`, detectron2's `Box2BoxTransform`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxCoder {
    /// Weights of x, y, width and height: ones for proposals, 10, 10, 5, 5 for detections.
    pub weights: [f32; 4],
    /// What logarithms of sides are cut to from above when they are decoded: [`MOST_LOG_SCALE`].
    pub most: f32,
}

impl BoxCoder {
    /// With [`MOST_LOG_SCALE`].
    pub fn new(weights: [f32; 4]) -> Self {
        Self {
            weights,
            most: MOST_LOG_SCALE,
        }
    }

    /// `truth` relative to `anchor`. A side of no length gives what division by zero or its logarithm gives.
    pub fn encode(&self, truth: Corners, anchor: Corners) -> [f32; 4] {
        let ([width, height], [x, y]) = sides(anchor);
        let ([truth_width, truth_height], [truth_x, truth_y]) = sides(truth);
        let [wx, wy, ww, wh] = self.weights;
        [
            wx * (truth_x - x) / width,
            wy * (truth_y - y) / height,
            ww * (truth_width / width).ln(),
            wh * (truth_height / height).ln(),
        ]
    }

    /// The box that `deltas` say relative to `anchor`. What is NaN stays it.
    pub fn decode(&self, deltas: [f32; 4], anchor: Corners) -> Corners {
        let ([width, height], [x, y]) = sides(anchor);
        let [dx, dy, dw, dh]: [f32; 4] = std::array::from_fn(|i| deltas[i] / self.weights[i]);
        let cut = |v: f32| if v > self.most { self.most } else { v };
        let (x, y) = (dx * width + x, dy * height + y);
        let half_width = 0.5 * (cut(dw).exp() * width);
        let half_height = 0.5 * (cut(dh).exp() * height);
        [
            x - half_width,
            y - half_height,
            x + half_width,
            y + half_height,
        ]
    }
}

/// Width and height, and the centre.
fn sides([x1, y1, x2, y2]: Corners) -> ([f32; 2], [f32; 2]) {
    let [width, height] = [x2 - x1, y2 - y1];
    ([width, height], [x1 + 0.5 * width, y1 + 0.5 * height])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_is_the_inverse_up_to_the_largest_side() {
        assert_eq!(MOST_LOG_SCALE, (1000.0_f64 / 16.0).ln() as f32);
        let coder = BoxCoder::new([10.0, 10.0, 5.0, 5.0]);
        let anchor = [4.0, 2.0, 20.0, 10.0];
        let truth = [0.0, 3.0, 64.0, 5.0];
        let back = coder.decode(coder.encode(truth, anchor), anchor);
        let off = back.iter().zip(truth).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f32::max) < 1e-5, "{back:?}");
        // 16 wide, cut to 62.5 times as much
        let wide = coder.decode([0.0, 0.0, 1e9, 0.0], anchor);
        assert!((wide[2] - wide[0] - 1000.0).abs() < 1e-3, "{wide:?}");
        assert!(coder.decode([0.0, 0.0, f32::NAN, 0.0], anchor)[0].is_nan());
    }
}
