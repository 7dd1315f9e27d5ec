//! What is read where the length that a header states is not the length that is there.

use std::path::Path;

use crate::Sound;

use crate::AudioError;

/// What is said of a sound whose length its container could state and does not.
pub(super) fn nowhere_stated(sound: &Sound) -> String {
    format!(
        "its length is nowhere stated: {:.3} s are read, and whether that is all of it cannot be known",
        sound.samples.len() as f64 / f64::from(sound.sample_rate)
    )
}

/// How many bytes of samples are read: `claimed` by the header (None where it leaves the length open),
/// `present` from byte `start` to the end of the file, in blocks of `block` bytes.
///
/// A claim that is too long by no more than the header is read with a warning: such writers count the
/// whole file, or all but its first eight bytes.
///
/// # Errors
/// When more than that is missing: the file is cut short.
pub(super) fn settle(
    name: &Path,
    claimed: Option<u64>,
    present: u64,
    start: u64,
    block: usize,
    warnings: &mut Vec<String>,
) -> Result<u64, AudioError> {
    let length = match claimed {
        Some(claimed) if claimed > present => {
            if claimed - present > start {
                return Err(AudioError::decode(
                    name,
                    format!("{claimed} bytes of samples"),
                    format!("{present}: the file is cut short"),
                ));
            }
            warnings.push(format!(
                "the header states {claimed} bytes of samples, {present} are there; they are read"
            ));
            present
        }
        Some(claimed) => claimed,
        None => present,
    };
    let rest = length % block as u64;
    if rest != 0 {
        warnings.push(format!(
            "{length} bytes of samples are no whole number of blocks of {block} bytes; \
             the last {rest} are left out"
        ));
    }
    Ok(length - rest)
}
