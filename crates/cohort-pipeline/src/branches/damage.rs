//! How media are made worse, step by step.

use cohort_audio::Sound;
use cohort_train::derive_seed;
use cohort_vision::Picture;
use rayon::prelude::*;

use super::decoded::{Content, DecodedMedia};
use crate::modality::Modality;

/// One way in which clips are made worse, and how far.
#[derive(Debug, Clone, Copy)]
pub struct Damage {
    /// Name in tables and charts.
    pub name: &'static str,
    /// What it is done to.
    pub modality: Modality,
    /// Unit of the severity.
    pub unit: &'static str,
    /// Severities, the first of which does nothing (or next to it).
    pub severities: &'static [f64],
    pub(crate) change: Change,
}

/// What is done to one medium, by its severity and a seed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Picture(fn(&Picture, f64) -> Picture),
    Sound(fn(&Sound, f64, u64) -> Sound),
    Text(fn(&str, f64, u64) -> String),
}

impl DecodedMedia {
    /// The media made worse, each by draws of its own from `seed`.
    ///
    /// # Panics
    /// A damage of another modality.
    pub(crate) fn damaged(&self, damage: &Damage, severity: f64, seed: u64) -> Self {
        let draw = |clip: &str| derive_seed(seed, &format!("degrade {} {clip}", damage.name), &[]);
        let content = match (&self.content, damage.change) {
            (Content::Pictures(pictures), Change::Picture(change)) => {
                let pictures = pictures.par_iter();
                Content::Pictures(pictures.map(|p| change(p, severity)).collect())
            }
            (Content::Sounds(sounds), Change::Sound(change)) => {
                let sounds = sounds.par_iter().zip(&self.clips);
                let worse = sounds.map(|(sound, clip)| change(sound, severity, draw(clip)));
                Content::Sounds(worse.collect())
            }
            (Content::Texts(texts), Change::Text(change)) => {
                let texts = texts.iter().zip(&self.clips);
                let worse = texts.map(|(text, clip)| change(text, severity, draw(clip)));
                Content::Texts(worse.collect())
            }
            _ => panic!("{} is done to {} alone", damage.name, damage.modality),
        };
        Self {
            clips: self.clips.clone(),
            content,
        }
    }
}

/// A uniform number in [0, 1), the `i`-th of a seed.
pub(crate) fn uniform(seed: u64, i: u64) -> f64 {
    (derive_seed(seed, "uniform", &[i]) >> 11) as f64 / (1u64 << 53) as f64
}
