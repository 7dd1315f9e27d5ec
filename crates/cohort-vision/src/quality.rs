//! How well a picture shows what is in it.

use crate::Picture;

/// Variance of the 4-neighbour Laplacian of the luma (0 to 255), the usual measure of focus: about 0 for a surface of one colour or a
/// heavily blurred picture, hundreds and more for a sharp one. It grows with detail and with noise and depends on the size in pixels,
/// so compare pictures of one size. 0 where a side is below 3 pixels. Source: Pech-Pacheco et al. (2000).
pub fn sharpness(picture: &Picture) -> f64 {
    let (width, height) = (picture.width(), picture.height());
    if width < 3 || height < 3 {
        return 0.0;
    }
    let luma = picture.luma();
    let at = |x: usize, y: usize| i64::from(luma[y * width + x]);
    let (mut sum, mut squares) = (0i64, 0i64);
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let around = at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1);
            let value = around - 4 * at(x, y);
            sum += value;
            squares += value * value;
        }
    }
    let count = ((width - 2) * (height - 2)) as f64;
    let mean = sum as f64 / count;
    (squares as f64 / count - mean * mean).max(0.0)
}

/// Mean luma, from 0 (black) to 1 (white).
pub fn brightness(picture: &Picture) -> f64 {
    let luma = picture.luma();
    let sum: u64 = luma.iter().map(|value| u64::from(*value)).sum();
    sum as f64 / (255.0 * luma.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharpness_is_the_variance_of_the_laplacian() {
        assert_eq!(sharpness(&Picture::solid(9, 9, [80; 3])), 0.0);
        assert_eq!(sharpness(&Picture::solid(2, 9, [80; 3])), 0.0);
        // one white pixel amid black of 5 x 5: -1020 once, 255 four times, 0 four times of nine
        let mut rgb = vec![0; 75];
        rgb[36..39].copy_from_slice(&[255; 3]);
        let point = Picture::new(5, 5, rgb).unwrap();
        let (sum, squares) = (0.0, 1020.0f64.powi(2) + 4.0 * 255.0f64.powi(2));
        let expected = squares / 9.0 - (sum / 9.0f64).powi(2);
        assert!((sharpness(&point) - expected).abs() < 1e-9);
        // a slope has no Laplacian
        let slope: Vec<u8> = (0..48).map(|i| (10 * (i / 3 % 4)) as u8).collect();
        assert_eq!(sharpness(&Picture::new(4, 4, slope).unwrap()), 0.0);
    }

    #[test]
    fn brightness_is_the_mean() {
        assert_eq!(brightness(&Picture::solid(3, 2, [255; 3])), 1.0);
        let half = Picture::new(2, 1, vec![0, 0, 0, 255, 255, 255]).unwrap();
        assert_eq!(brightness(&half), 0.5);
    }
}
