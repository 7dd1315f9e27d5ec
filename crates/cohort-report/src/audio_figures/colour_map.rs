//! A perceptually uniform colour map, readable in grey and for colour-blind readers.

use std::sync::OnceLock;

/// Magma of matplotlib 3.11 (CC0), 256 colours as hexadecimal RGB (`scripts/make_colour_map.py`).
const MAGMA: &str = include_str!("magma.txt");

/// Colour of a share in `[0, 1]`; values outside are clamped, a value that is not a number is the darkest.
pub(super) fn magma(share: f32) -> [u8; 3] {
    static TABLE: OnceLock<Vec<[u8; 3]>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        MAGMA
            .split_ascii_whitespace()
            .filter_map(|hex| u32::from_str_radix(hex, 16).ok())
            .map(|v| [(v >> 16) as u8, (v >> 8) as u8, v as u8])
            .collect()
    });
    let share = if share.is_finite() {
        share.clamp(0.0, 1.0)
    } else {
        0.0
    };
    let index = (share * 255.0).round() as usize;
    table.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_whole_and_grows_lighter() {
        assert_eq!(MAGMA.split_ascii_whitespace().count(), 256);
        assert_eq!(magma(0.0), [0x00, 0x00, 0x04]);
        assert_eq!(magma(1.0), [0xfc, 0xfd, 0xbf]);
        assert_eq!(magma(f32::NAN), magma(0.0));
        let light = |c: [u8; 3]| {
            0.2126 * f64::from(c[0]) + 0.7152 * f64::from(c[1]) + 0.0722 * f64::from(c[2])
        };
        let steps: Vec<f64> = (0..=16).map(|i| light(magma(i as f32 / 16.0))).collect();
        assert!(steps.windows(2).all(|w| w[1] > w[0]), "{steps:?}");
    }
}
