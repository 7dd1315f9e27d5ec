//! Names of media files: the one list of endings in the program.

/// Endings of pictures (lower case, no dot), the most wanted first.
pub const IMAGE_EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "jpe", "jfif", "png", "webp"];

/// Endings of sounds, and of videos whose sound is taken, the most wanted first: uncompressed, lossless, then what loses.
pub const AUDIO_EXTENSIONS: [&str; 28] = [
    "wav", "wave", "flac", "aiff", "aif", "aifc", "caf", "w64", "rf64", "bwf", "au", "snd", "sph",
    "nist", "mp3", "ogg", "m4a", "oga", "opus", "mp4", "m4b", "aac", "mp2", "mka", "webm", "mkv",
    "mov", "3gp",
];

/// Endings of videos, the most wanted first. Those that [`AUDIO_EXTENSIONS`] has too give their sound where no other file does.
pub const VIDEO_EXTENSIONS: [&str; 5] = ["mp4", "mov", "webm", "mkv", "avi"];

/// Endings of transcripts, the most wanted first.
pub const TRANSCRIPT_EXTENSIONS: [&str; 2] = ["pkl", "txt"];

/// Endings of media that are not read, but known as such in a `VideoName`.
const OTHER_EXTENSIONS: [&str; 21] = [
    "m4v", "mpg", "mpeg", "wmv", "flv", "mts", "m2ts", "wma", "amr", "gif", "bmp", "tif", "tiff",
    "heic", "heif", "avif", "jxl", "jp2", "srt", "vtt", "ogv",
];

/// Every list of endings; a video's may be among the sounds' too.
const LISTS: [&[&str]; 5] = [
    &IMAGE_EXTENSIONS,
    &AUDIO_EXTENSIONS,
    &VIDEO_EXTENSIONS,
    &TRANSCRIPT_EXTENSIONS,
    &OTHER_EXTENSIONS,
];

/// Whether a name ends like a media file, in any case.
pub(crate) fn is_media_extension(extension: &str) -> bool {
    LISTS
        .into_iter()
        .flatten()
        .any(|known| known.eq_ignore_ascii_case(extension))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_ending_is_in_one_list_once_and_lower_case() {
        let mut seen = BTreeSet::new();
        for (list, extension) in LISTS
            .into_iter()
            .flat_map(|list| list.iter().map(move |extension| (list, *extension)))
        {
            let sound_of_a_video =
                list == VIDEO_EXTENSIONS && AUDIO_EXTENSIONS.contains(&extension);
            assert!(seen.insert(extension) != sound_of_a_video, "{extension}");
            assert_eq!(extension, extension.to_ascii_lowercase());
            assert!(is_media_extension(&extension.to_ascii_uppercase()));
        }
        assert!(!is_media_extension("csv") && !is_media_extension("000"));
    }
}
