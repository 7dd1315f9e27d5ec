//! What a single file does not say: what its network predicts, and with which scheduler it was published.

use serde_json::{Value, json};

use super::family::SingleFile;

/// A published kind of model. Kinds of one family have the same tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Stable Diffusion 1.x.
    Sd1,
    /// Stable Diffusion 2.x for 512 pixels, which predicts noise.
    Sd2Base,
    /// Stable Diffusion 2.x for 768 pixels, which predicts velocity.
    Sd2Velocity,
    /// The turbo form of 2.1: one to four steps, no guidance.
    SdTurbo,
    /// Stable Diffusion XL base.
    Xl,
    /// The turbo form of XL: one to four steps, no guidance.
    XlTurbo,
}

/// An answer that was not in the file: to be said aloud, and to be asked for where it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// What is assumed.
    pub kind: Kind,
    /// What else it could be; empty when there is nothing to ask.
    pub others: Vec<Kind>,
    /// One sentence: what is not in the file, what is assumed and why.
    pub reason: String,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::Sd1,
        Self::Sd2Base,
        Self::Sd2Velocity,
        Self::SdTurbo,
        Self::Xl,
        Self::XlTurbo,
    ];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sd1 => "sd1",
            Self::Sd2Base => "sd2-base",
            Self::Sd2Velocity => "sd2-v",
            Self::SdTurbo => "sd-turbo",
            Self::Xl => "xl",
            Self::XlTurbo => "xl-turbo",
        }
    }

    /// Its family.
    pub fn family(self) -> SingleFile {
        match self {
            Self::Sd1 => SingleFile::Sd1,
            Self::Sd2Base | Self::Sd2Velocity | Self::SdTurbo => SingleFile::Sd2,
            Self::Xl | Self::XlTurbo => SingleFile::Xl,
        }
    }

    /// The scheduler it is used with unless another is asked for, as a `scheduler_config.json`. The values are the published ones; 1.x and 2.x
    /// base were published with PNDM, in whose place DDIM stands, with the same timesteps.
    pub fn scheduler(self) -> Value {
        let class = match self {
            Self::Sd1 | Self::Sd2Base | Self::Sd2Velocity => "DDIMScheduler",
            Self::SdTurbo | Self::Xl => "EulerDiscreteScheduler",
            Self::XlTurbo => "EulerAncestralDiscreteScheduler",
        };
        let prediction = if self == Self::Sd2Velocity {
            "v_prediction"
        } else {
            "epsilon"
        };
        let spacing = match self {
            Self::SdTurbo | Self::XlTurbo => "trailing",
            _ => "leading",
        };
        json!({
            "_class_name": class,
            "num_train_timesteps": 1000,
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "prediction_type": prediction,
            "timestep_spacing": spacing,
            "steps_offset": 1,
            "set_alpha_to_one": false,
            "clip_sample": false,
        })
    }

    /// The kind of a file of a family, guessed from the file's name: its tensors do not tell kinds apart.
    pub fn assume(family: SingleFile, file_name: &str) -> Assumption {
        let name = file_name.to_lowercase();
        let turbo = name.contains("turbo");
        let large = ["768", "-v.", "_v.", "vpred", "v-pred", "v_pred"]
            .iter()
            .any(|mark| name.contains(mark));
        let (kind, why) = match family {
            SingleFile::Sd1 => (Self::Sd1, "all published models of the family are alike"),
            SingleFile::Sd2 if turbo => (Self::SdTurbo, "the file's name says turbo"),
            SingleFile::Sd2 if large => (Self::Sd2Velocity, "the file's name says 768 or v"),
            SingleFile::Sd2 if name.contains("512") || name.contains("base") => {
                (Self::Sd2Base, "the file's name says 512 or base")
            }
            SingleFile::Sd2 => (
                Self::Sd2Velocity,
                "the file's name does not say, and 2.1 itself is of this kind",
            ),
            SingleFile::Xl if turbo => (Self::XlTurbo, "the file's name says turbo"),
            SingleFile::Xl => (Self::Xl, "the file's name does not say turbo"),
        };
        let others: Vec<Self> = Self::ALL
            .into_iter()
            .filter(|k| k.family() == family && *k != kind)
            .collect();
        let names: Vec<_> = others.iter().map(|k| k.name()).collect();
        let ask = if names.is_empty() {
            String::new()
        } else {
            format!("; it could also be {}", names.join(" or "))
        };
        let reason = format!(
            "{file_name} holds no scheduler and does not say what its network predicts: taken as {} because {why}{ask}",
            kind.name()
        );
        Assumption {
            kind,
            others,
            reason,
        }
    }
}
