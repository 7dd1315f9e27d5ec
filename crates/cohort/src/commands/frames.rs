//! Which frames of a video are looked at, as arguments.

use anyhow::ensure;
use clap::Args;
use cohort_pipeline::FrameSettings;

/// Frames of videos.
#[derive(Debug, Args)]
pub(super) struct FrameArguments {
    /// Frames of a video are looked at so many seconds apart
    #[arg(long, value_name = "SECONDS", default_value_t = FrameSettings::default().every, allow_negative_numbers = true)]
    every: f64,
    /// Frames of a video that are looked at, at most; of a long one they lie further apart
    #[arg(long, value_name = "N", default_value_t = FrameSettings::default().most)]
    frames: usize,
}

impl FrameArguments {
    pub(super) fn settings(&self) -> anyhow::Result<FrameSettings> {
        ensure!(
            self.every.is_finite() && self.every >= 0.0,
            "--every: expected a number of seconds, found {}",
            self.every
        );
        ensure!(self.frames > 0, "--frames: expected at least 1, found 0");
        Ok(FrameSettings {
            every: self.every,
            most: self.frames,
            ..FrameSettings::default()
        })
    }
}
