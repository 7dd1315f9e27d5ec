//! Clips, subjects, splits and label tables: readers, statistics and the split guard.
//!
//! A [`Dataset`] is a folder with one label table a split and, below it, the media of each clip. What the
//! columns mean is a [`Schema`], which is data: First Impressions v3 is built in, any other set brings a
//! `cohort.toml`. [`Dataset::open`] is strict, since a wrong label would pass silently into every model.

mod augment;
mod check;
mod dataset;
mod error;
mod files;
mod finding;
pub mod folder;
mod label_file;
mod layout;
mod media;
mod pairs;
mod pickle;
mod proposal;
mod readers;
mod schema;
mod schema_file;
mod statistics;
mod transcript;
mod transcript_file;
mod video_frames;
mod words;

pub use augment::{AugmentSettings, Augmented, RecipeEntry, augment, read_recipes};
pub use check::{CheckReport, CheckSettings, CheckedSplit, check, check_with};
pub use dataset::{Clip, Dataset, Split};
pub use error::DataError;
pub use finding::{Finding, Kind, Severity};
pub use layout::{Layout, Part};
pub use media::{Media, MediaKind, MediaSource};
pub use pairs::{
    Joined, Oddity, OddityKind, PairCaption, PairPicture, Pairs, PairsOptions, read_pairs,
};
pub use proposal::{Proposal, propose};
pub use readers::{
    Box2d, Caption, Category, MadeSplits, Objects, ObjectsCounts, OpenOptions, SplitObjects,
};
pub use schema::{Attribute, Level, Schema};
pub use schema_file::SCHEMA_FILE;
pub use statistics::{
    AttributeCounts, LevelCount, STATS_SCHEMA, Section, Statistics, Table, Unit, WithoutLevel,
    statistics,
};
pub use video_frames::VIDEO_FRAMES;
pub use words::{GroupWords, Words, WordsSettings, words};
