//! Words in, vectors out: how a transcript becomes numbers.
//!
//! [`NgramSettings`] describes a hashed n-gram embedding, which needs no weights and no download:
//! words and their character n-grams are counted into a fixed number of buckets, and a network's first linear
//! layer learns a vector a bucket, as FastText does. [`FastText`] reads word vectors that fastText made and
//! [`WordVectors`] makes sentence vectors of them. [`Tokeniser`] gives the token ids that a pretrained BERT
//! takes, [`ClipTokeniser`] those of a CLIP.
//! [`class_words`] names topics by their words, [`WordSubset`] finds the texts that speak of a thing.
//! Neither data sets nor networks are known here.

mod bert_text;
mod class_words;
mod clean;
mod clip;
mod error;
mod fasttext;
mod letters;
mod log_odds;
mod ngrams;
mod subset;
mod tokeniser;
mod tokeniser_settings;

pub use class_words::{ClassWord, ClassWordSettings, class_words, english_stop_words, topic_name};
pub use clean::clean_transcript;
pub use clip::{ClipTokeniser, ClipTokens};
pub use error::TextError;
pub use fasttext::{FastText, WordVectors};
pub use log_odds::{Chance, Speaker, WordOdds, chance, log_odds, words_of};
pub use ngrams::NgramSettings;
pub use subset::WordSubset;
pub use tokeniser::{Tokeniser, Tokens};
