//! Named presets and every value behind them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::AudioError;
use crate::yin::PitchRange;

/// A named set of [`AcousticSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// What the reference system for First Impressions computed in its final version: fundamental
    /// frequency from the denoised signal between 10 and 450 Hz in frames of 4,096 samples, tempo
    /// with a prior around 10 beats a minute. For comparison with it.
    FirstImpressions,
    /// The same seven values where that was unsound: fundamental frequency from the raw signal, since
    /// a gate tears holes into voices, between 65 and 450 Hz in frames of an eighth of a second at
    /// 8 kHz; tempo with librosa's prior around 120.
    Speech,
    /// [`Speech`](Self::Speech) with the descriptors of [`ExtendedFeatures`](crate::ExtendedFeatures).
    SpeechExtended,
}

impl Preset {
    /// All presets, the main one first.
    pub const ALL: [Self; 3] = [Self::FirstImpressions, Self::Speech, Self::SpeechExtended];

    /// Its name on the command line and in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstImpressions => "first-impressions",
            Self::Speech => "speech",
            Self::SpeechExtended => "speech-extended",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Preset {
    type Err = AudioError;

    fn from_str(s: &str) -> Result<Self, AudioError> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == s)
            .ok_or_else(|| {
                let expected = Self::ALL.map(Self::name).join(", ");
                AudioError::setting("acoustic features", "preset", expected, s)
            })
    }
}

/// Everything that decides what [`acoustic_features`](crate::acoustic_features) computes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcousticSettings {
    /// Lowest fundamental frequency, hertz, above 0.
    pub fmin: f64,
    /// Highest fundamental frequency, hertz, above `fmin` and at most half the sample rate.
    pub fmax: f64,
    /// Samples of a pYIN frame, even. Doubled as often as it takes until `min_periods` periods of
    /// `fmin` fit, so that a high sample rate does not starve it.
    pub frame_length: usize,
    /// Samples between pYIN frames; doubled along with the frame. None: a quarter of the frame.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hop: Option<usize>,
    /// Periods of `fmin` that must fit into a frame, at least 1.
    pub min_periods: usize,
    /// Whether noise is reduced (non-stationary gate) before onsets and tempo.
    pub denoise: bool,
    /// Whether the fundamental frequency is taken from the raw signal even so.
    pub f0_from_raw: bool,
    /// Centre of the tempo prior, beats a minute, above 0.
    pub start_bpm: f64,
    /// Whether [`ExtendedFeatures`](crate::ExtendedFeatures) are computed.
    pub extended: bool,
}

impl AcousticSettings {
    /// The settings of a preset.
    pub fn preset(preset: Preset) -> Self {
        let first_impressions = Self {
            fmin: 10.0,
            fmax: 450.0,
            frame_length: 4096,
            hop: None,
            min_periods: 1,
            denoise: true,
            f0_from_raw: false,
            start_bpm: 10.0,
            extended: false,
        };
        let speech = Self {
            fmin: 65.0,
            frame_length: 1024,
            min_periods: 2,
            f0_from_raw: true,
            start_bpm: 120.0,
            ..first_impressions
        };
        match preset {
            Preset::FirstImpressions => first_impressions,
            Preset::Speech => speech,
            Preset::SpeechExtended => Self {
                extended: true,
                ..speech
            },
        }
    }

    /// Checks what does not depend on the sound.
    ///
    /// # Errors
    /// [`AudioError::Setting`] naming the first setting that is out of its range.
    pub fn validate(&self) -> Result<(), AudioError> {
        let wrong = |name, expected: &str, found: String| {
            Err(AudioError::setting(
                "acoustic features",
                name,
                expected,
                found,
            ))
        };
        if !(self.fmin > 0.0 && self.fmin < self.fmax && self.fmax.is_finite()) {
            let found = format!("{} and {}", self.fmin, self.fmax);
            return wrong("fmin and fmax", "0 < fmin < fmax", found);
        }
        if !(16..=1 << 20).contains(&self.frame_length) || self.frame_length % 2 != 0 {
            let found = self.frame_length.to_string();
            return wrong("frame_length", "an even number from 16 to 1048576", found);
        }
        if self
            .hop
            .is_some_and(|hop| !(1..=self.frame_length).contains(&hop))
        {
            let found = format!("{:?}", self.hop);
            return wrong("hop", "from 1 to the frame length", found);
        }
        if !(1..=100).contains(&self.min_periods) {
            return wrong("min_periods", "from 1 to 100", self.min_periods.to_string());
        }
        if !(self.start_bpm > 0.0 && self.start_bpm <= 1e4) {
            return wrong(
                "start_bpm",
                "above 0, at most 10000",
                self.start_bpm.to_string(),
            );
        }
        Ok(())
    }

    /// The pYIN frames for sounds of `sample_rate`.
    ///
    /// # Errors
    /// [`AudioError::Setting`] when the pitch range does not fit the sample rate.
    pub fn pitch_range(&self, sample_rate: u32) -> Result<PitchRange, AudioError> {
        self.validate()?;
        let mut range = PitchRange {
            fmin: self.fmin,
            fmax: self.fmax,
            frame_length: self.frame_length,
            hop: self.hop.unwrap_or(self.frame_length / 4),
        };
        let need = self.min_periods as f64 * f64::from(sample_rate) / self.fmin;
        while need >= (range.frame_length - 1) as f64 && range.frame_length < 1 << 22 {
            range.frame_length *= 2;
            range.hop *= 2;
        }
        range.check(sample_rate)?;
        Ok(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for preset in Preset::ALL {
            assert_eq!(preset.to_string().parse::<Preset>().unwrap(), preset);
            let json = serde_json::to_string(&preset).unwrap();
            assert_eq!(json, format!("\"{preset}\""));
        }
        let error = "loud".parse::<Preset>().unwrap_err().to_string();
        assert!(
            error.contains("first-impressions, speech, speech-extended"),
            "{error}"
        );
    }

    #[test]
    fn frames_grow_with_the_sample_rate() {
        let cases = [
            (Preset::FirstImpressions, 4_000, 4_096),
            (Preset::FirstImpressions, 8_000, 4_096),
            (Preset::FirstImpressions, 22_050, 4_096),
            (Preset::FirstImpressions, 44_100, 8_192),
            (Preset::FirstImpressions, 192_000, 32_768),
            (Preset::Speech, 8_000, 1_024),
            (Preset::Speech, 16_000, 1_024),
            (Preset::Speech, 44_100, 2_048),
        ];
        for (preset, rate, frame) in cases {
            let range = AcousticSettings::preset(preset).pitch_range(rate).unwrap();
            assert_eq!(
                (range.frame_length, range.hop),
                (frame, frame / 4),
                "{preset} {rate}"
            );
        }
    }

    #[test]
    fn settings_survive_a_round_trip_and_refuse_nonsense() {
        for preset in Preset::ALL {
            let settings = AcousticSettings::preset(preset);
            settings.validate().unwrap();
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(
                serde_json::from_str::<AcousticSettings>(&json).unwrap(),
                settings
            );
        }
        let good = AcousticSettings::preset(Preset::Speech);
        let cases = [
            AcousticSettings {
                fmin: f64::NAN,
                ..good
            },
            AcousticSettings {
                fmin: 500.0,
                ..good
            },
            AcousticSettings {
                frame_length: 1_023,
                ..good
            },
            AcousticSettings {
                frame_length: 0,
                ..good
            },
            AcousticSettings {
                hop: Some(0),
                ..good
            },
            AcousticSettings {
                min_periods: 0,
                ..good
            },
            AcousticSettings {
                start_bpm: -1.0,
                ..good
            },
        ];
        for settings in cases {
            assert!(settings.validate().is_err(), "{settings:?}");
        }
        assert!(
            AcousticSettings {
                fmax: 3_000.0,
                ..good
            }
            .pitch_range(4_000)
            .is_err()
        );
    }
}
