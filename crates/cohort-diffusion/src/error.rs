//! What can be wrong with settings, files and the values of a network.

/// Settings, files or values that nothing can be made of. Every message names the place, what was expected and what was found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DiffusionError {
    /// A setting is outside its range, or does not go with another.
    #[error("setting {name}: expected {expected}, found {found}")]
    Setting {
        /// Name of the setting.
        name: String,
        /// Its range.
        expected: String,
        /// The value given.
        found: String,
    },
    /// A configuration, a checkpoint or a class that is known and not computed here.
    #[error("{what}: not supported; {reason}")]
    Unsupported {
        /// What was met.
        what: String,
        /// Why it is refused, and what is taken instead.
        reason: String,
    },
    /// A file that is not what it should be.
    #[error("{file}: expected {expected}, found {found}")]
    File {
        /// The file.
        file: String,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Values of another number than the latent has.
    #[error("{what}: expected {expected} values, found {found}")]
    Length {
        /// Whose values.
        what: String,
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A value is infinite or not a number.
    #[error(
        "step {step} of {steps} (timestep {timestep}): {what}: expected finite numbers, found {found} at value {index}"
    )]
    NotFinite {
        /// 1-based step.
        step: usize,
        /// Steps of the plan.
        steps: usize,
        /// What the network was told of the time.
        timestep: f64,
        /// Whose value.
        what: &'static str,
        /// The value.
        found: f32,
        /// 0-based place in the picture's values.
        index: usize,
    },
    /// What is wrong with one of several pictures.
    #[error("picture of seed {seed}: {cause}")]
    Picture {
        /// Its seed.
        seed: u64,
        /// What is wrong.
        cause: Box<DiffusionError>,
    },
    /// A run was asked for more than its plan holds.
    #[error("a plan of {0} steps is at its end")]
    Finished(usize),
}

impl DiffusionError {
    pub(crate) fn setting(
        name: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Setting {
            name: name.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }

    pub(crate) fn unsupported(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unsupported {
            what: what.into(),
            reason: reason.into(),
        }
    }

    pub(crate) fn length(what: &str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found {
            Ok(())
        } else {
            Err(Self::Length {
                what: what.into(),
                expected,
                found,
            })
        }
    }
}
