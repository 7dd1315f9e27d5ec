//! The embedded corpus of Cohort: short clips of invented people, made by code from a seed, in the
//! layout of First Impressions v3.
//!
//! Faces are drawn from parameters, voices come from a glottal source and formant filters,
//! transcripts from a grammar. All three are made from how old a person looks, sounds and reads, so
//! it is known what a model can find in them; [`Truth`] says it, and one group is put at a
//! disadvantage on purpose for an audit to find. No picture, recording or text of anybody is used.
//!
//! ```no_run
//! use cohort_synth::{SynthSettings, synthesise};
//!
//! let settings = SynthSettings { clips: 300, seed: 7 };
//! let truth = synthesise("corpus".as_ref(), &settings, &|done, all| eprintln!("{done}/{all}"))?;
//! assert_eq!(truth.clips, 300);
//! # Ok::<(), cohort_synth::SynthError>(())
//! ```

mod ceiling;
mod corpus;
mod cue;
mod draw;
mod error;
mod face;
mod population;
mod schema;
mod settings;
mod truth;
mod voice;
mod words;
mod write;

pub use corpus::synthesise;
pub use error::SynthError;
pub use settings::{MAX_CLIPS, MIN_CLIPS, SynthSettings};
pub use truth::{
    CeilingTruth, Disadvantage, Floors, Group, LabelNoise, ModalityTruth, SplitTruth, Splits, Truth,
};
