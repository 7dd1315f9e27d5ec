//! Boxes by their corners, in single precision as the networks' libraries compute them.

/// A box `x1, y1, x2, y2` in pixels, right and below not included: its width is `x2 - x1`.
pub type Corners = [f32; 4];

/// Area in square pixels; negative where one side is.
pub fn area([x1, y1, x2, y2]: Corners) -> f32 {
    (x2 - x1) * (y2 - y1)
}

/// Intersection over union, `[0, 1]`; 0 where nothing is shared.
pub fn iou(a: Corners, b: Corners) -> f32 {
    let shared = shared(a, b);
    match shared > 0.0 {
        true => shared / (area(a) + area(b) - shared),
        false => 0.0,
    }
}

/// Area of what two boxes share.
pub(super) fn shared(a: Corners, b: Corners) -> f32 {
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    width * height
}

/// The box cut to a picture of `[height, width]`. A coordinate that is NaN stays one.
pub fn clip(of: Corners, [height, width]: [usize; 2]) -> Corners {
    let ends = [width as f32, height as f32];
    std::array::from_fn(|i| {
        let end = ends[i % 2];
        match of[i] {
            value if value < 0.0 => 0.0,
            value if value > end => end,
            value => value,
        }
    })
}

/// Whether both sides are at least `least` pixels long.
pub fn has_sides([x1, y1, x2, y2]: Corners, least: f32) -> bool {
    x2 - x1 >= least && y2 - y1 >= least
}
