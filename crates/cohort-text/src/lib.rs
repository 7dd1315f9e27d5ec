//! Words in, vectors out: how a transcript becomes numbers.
//!
//! [`NgramSettings`] describes a hashed n-gram embedding, which needs no weights and no download:
//! words and their character n-grams are counted into a fixed number of buckets, and a network's first linear
//! layer learns a vector a bucket, as FastText does. [`FastText`] reads word vectors that fastText made and
//! [`WordVectors`] makes sentence vectors of them. [`Tokeniser`] gives the token ids that a pretrained BERT
//! takes, [`ClipTokeniser`] those of a CLIP.
//! Neither data sets nor networks are known here.

mod bert_text;
mod clean;
mod clip;
mod error;
mod fasttext;
mod log_odds;
mod ngrams;
mod tokeniser;
mod tokeniser_settings;

pub use clean::clean_transcript;
pub use clip::{ClipTokeniser, ClipTokens};
pub use error::TextError;
pub use fasttext::{FastText, WordVectors};
pub use log_odds::{Chance, Speaker, WordOdds, chance, log_odds, words_of};
pub use ngrams::NgramSettings;
pub use tokeniser::{Tokeniser, Tokens};
