//! Words in, vectors out: how a transcript becomes numbers.
//!
//! [`NgramSettings`] describes a hashed n-gram embedding, which needs no weights and no download:
//! words and their character n-grams are counted into a fixed number of buckets, and a network's first linear
//! layer learns a vector a bucket, as FastText does. Neither data sets nor networks are known here.

mod clean;
mod ngrams;

pub use clean::clean_transcript;
pub use ngrams::{NgramSettings, TextError};
