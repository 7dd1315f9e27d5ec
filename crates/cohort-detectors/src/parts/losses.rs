//! Losses of boxes.

/// Huber's loss of a difference, divided by `beta`: half its square over `beta` below it, else its size less half of `beta`; with a
/// `beta` of 0 its size (Girshick 2015; torch's `smooth_l1_loss`). torchvision's R-CNNs have 1/9, detectron2's 0.
pub fn smooth_l1(difference: f32, beta: f32) -> f32 {
    let size = difference.abs();
    match size < beta {
        true => 0.5 * size * size / beta,
        false => size - 0.5 * beta,
    }
}

/// The derivative of [`smooth_l1`] by the difference; 0 at 0.
pub fn smooth_l1_gradient(difference: f32, beta: f32) -> f32 {
    if difference.abs() < beta {
        difference / beta
    } else if difference == 0.0 {
        0.0
    } else {
        1.0_f32.copysign(difference)
    }
}
