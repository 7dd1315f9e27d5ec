//! The samples that a decoder hands over: averaged over the channels as they come, and bounded.

use std::path::Path;

use crate::AudioError;

/// Most samples of one channel that are decoded: two hours at 48 kHz (1.4 GB). A few hundred kilobytes of
/// a lossless format can hold days of silence, so the length of the file is no bound.
pub const MAX_SAMPLES: u64 = 2 * 3_600 * 48_000;

/// One channel, growing.
pub(super) struct Mono {
    pub(super) samples: Vec<f32>,
}

impl Mono {
    /// With room for what the file says it holds, when that is known.
    ///
    /// # Errors
    /// When that is over [`MAX_SAMPLES`].
    pub(super) fn new(name: &Path, stated: Option<u64>, rate: u32) -> Result<Self, AudioError> {
        let stated = stated.unwrap_or(0);
        if stated > MAX_SAMPLES {
            return Err(too_long(name, stated, rate));
        }
        Ok(Self {
            samples: Vec::new(),
        })
    }

    /// Makes room for `more` samples.
    ///
    /// # Errors
    /// When that would be more than [`MAX_SAMPLES`].
    pub(super) fn room(&mut self, name: &Path, more: usize, rate: u32) -> Result<(), AudioError> {
        let needed = self.samples.len() + more;
        if needed as u64 > MAX_SAMPLES {
            return Err(too_long(name, needed as u64, rate));
        }
        if needed > self.samples.capacity() {
            // Half as much again, so that at the bound two and a half times as much is held at most.
            let target = (self.samples.capacity() / 2 * 3).clamp(needed, MAX_SAMPLES as usize);
            self.samples.reserve_exact(target - self.samples.len());
        }
        Ok(())
    }

    /// Appends the mean over the channels of interleaved samples.
    pub(super) fn push(
        &mut self,
        name: &Path,
        interleaved: &[f32],
        channels: usize,
        rate: u32,
    ) -> Result<(), AudioError> {
        self.room(name, interleaved.len() / channels, rate)?;
        let scale = 1.0 / channels as f32;
        self.samples.extend(
            interleaved
                .chunks_exact(channels)
                .map(|c| c.iter().sum::<f32>() * scale),
        );
        Ok(())
    }
}

fn too_long(name: &Path, found: u64, rate: u32) -> AudioError {
    let minutes = |samples: u64| samples as f64 / f64::from(rate.max(1)) / 60.0;
    AudioError::decode(
        name,
        format!(
            "at most {MAX_SAMPLES} samples a channel ({:.0} minutes at {rate} Hz); cut it into parts",
            minutes(MAX_SAMPLES)
        ),
        format!("{found} or more ({:.0} minutes)", minutes(found)),
    )
}
