//! Clip ids.

/// File name endings that a `VideoName` may carry and a clip id does not.
const MEDIA_EXTENSIONS: [&str; 17] = [
    "mp4", "avi", "mov", "mkv", "webm", "wav", "mp3", "flac", "ogg", "m4a", "jpg", "jpeg", "png",
    "webp", "txt", "pkl", "aac",
];

/// The clip id of a `VideoName`: the name without a known media extension.
///
/// Other dots stay, since they are part of the id: `abc.000.mp4` and `abc.000` are both clip `abc.000`.
pub fn clip_id(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && MEDIA_EXTENSIONS
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(extension)) =>
        {
            stem
        }
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
            ("", ""),
        ];
        for (name, expected) in cases {
            assert_eq!(clip_id(name), expected, "{name}");
        }
    }
}
