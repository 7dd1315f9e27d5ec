//! The font of rasterised pictures, and which letters it has.

use skrifa::{FontRef, MetadataProvider};

/// Roboto 2.138, cut down to Latin and Greek by `scripts/make_fonts.py` (Apache-2.0, `fonts/LICENSE-Roboto.txt`): regular, medium.
pub(crate) const FONTS: [&[u8]; 2] = [
    include_bytes!("../fonts/Roboto-Regular-subset.ttf"),
    include_bytes!("../fonts/Roboto-Medium-subset.ttf"),
];

/// Whether every letter of a text has a shape.
pub(crate) fn is_drawable(text: &str) -> bool {
    drawable(text) == text
}

/// The text with `?` for letters without a shape.
pub(crate) fn drawable(text: &str) -> String {
    let fonts = FONTS.map(FontRef::new);
    let has = |c: char| {
        let mut fonts = fonts.iter().flatten();
        fonts.all(|font| font.charmap().map(c).is_some())
    };
    text.chars().map(|c| if has(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_without_a_shape_are_question_marks() {
        assert_eq!(drawable("Ärger Ω \u{2212}1.5"), "Ärger Ω \u{2212}1.5");
        assert_eq!(drawable("年a\u{1f600}\u{7}"), "?a??");
        assert!(is_drawable("a/b_c.jpg") && !is_drawable("語"));
    }
}
