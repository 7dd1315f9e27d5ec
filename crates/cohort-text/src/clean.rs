//! Transcripts as the transcription service left them, made ready for a tokeniser.

/// A transcript without the transcriber's notes.
///
/// The First Impressions transcripts carry marks in square brackets, such as `[inaudible 00:00:07]`, that nobody
/// said; they are taken out, and runs of white space become one space. An opening bracket that is never closed is
/// kept as text.
pub fn clean_transcript(transcript: &str) -> String {
    let mut said = String::with_capacity(transcript.len());
    let mut rest = transcript;
    while let Some(open) = rest.find('[') {
        let Some(close) = rest[open..].find(']') else {
            break;
        };
        said.push_str(&rest[..open]);
        said.push(' ');
        rest = &rest[open + close + 1..];
    }
    said.push_str(rest);
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::clean_transcript;

    #[test]
    fn takes_out_notes_and_folds_white_space() {
        let cases = [
            ("a [inaudible 00:00:07]. b", "a . b"),
            ("[x][y]  a\n\tb ", "a b"),
            ("a [never closed", "a [never closed"),
            ("é[ü]è", "é è"),
            ("", ""),
        ];
        for (transcript, expected) in cases {
            assert_eq!(clean_transcript(transcript), expected);
        }
    }
}
