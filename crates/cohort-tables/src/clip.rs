//! Clip ids.

use crate::media::is_media_extension;

/// The clip id of a `VideoName`: the name without a known media extension.
///
/// Other dots stay, since they are part of the id: `abc.000.mp4` and `abc.000` are both clip `abc.000`.
pub fn clip_id(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && is_media_extension(extension) => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::clip_id;

    #[test]
    fn strips_only_known_media_extensions() {
        let cases = [
            ("abc.000.mp4", "abc.000"),
            ("abc.000", "abc.000"),
            ("-9Uee9Y2UZo.000.MP4", "-9Uee9Y2UZo.000"),
            (".mp4", ".mp4"),
            ("a.b.c", "a.b.c"),
            ("a.oga", "a"),
            ("a.OPUS", "a"),
            ("a.b.Jpeg", "a.b"),
            ("", ""),
        ];
        for (name, expected) in cases {
            assert_eq!(clip_id(name), expected, "{name}");
        }
    }
}
