//! Hashed n-gram vectors.

use serde::{Deserialize, Serialize};

use crate::TextError;

/// A hashed bag of words, word pairs and character n-grams.
///
/// Each feature's bucket and sign come from its 64-bit FNV-1a hash (feature hashing with signs, Weinberger et al. 2009,
/// so that collisions cancel in expectation); features are those of FastText (Bojanowski et al. 2017, Joulin et al. 2017):
/// the word, its character n-grams between boundary marks `<` and `>`, and pairs of neighbouring words. Counts are dampened
/// as `ln(1 + count)`, and the vector has Euclidean length 1 (0 for an empty transcript).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NgramSettings {
    /// Length of the vector, 16 to 1,048,576; default 2048.
    pub buckets: usize,
    /// Longest run of words counted, 1 to 5; default 2.
    pub words: usize,
    /// Shortest character n-gram, 1 to 8; default 3.
    pub chars_min: usize,
    /// Longest character n-gram, at least `chars_min` and at most 8; 0 counts none. Default 5.
    pub chars_max: usize,
}

impl Default for NgramSettings {
    fn default() -> Self {
        Self {
            buckets: 2048,
            words: 2,
            chars_min: 3,
            chars_max: 5,
        }
    }
}

impl NgramSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`TextError::Setting`] for the first setting that is out of its range.
    pub fn validate(&self) -> Result<(), TextError> {
        let checks = [
            (
                "buckets",
                self.buckets,
                "16 to 1048576",
                (16..=1 << 20).contains(&self.buckets),
            ),
            ("words", self.words, "1 to 5", (1..=5).contains(&self.words)),
            (
                "chars_min",
                self.chars_min,
                "1 to 8",
                (1..=8).contains(&self.chars_min),
            ),
            (
                "chars_max",
                self.chars_max,
                "0, or chars_min to 8",
                self.chars_max == 0 || (self.chars_min..=8).contains(&self.chars_max),
            ),
        ];
        for (name, found, expected, holds) in checks {
            if !holds {
                return Err(TextError::Setting {
                    name,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }

    /// The vector of a text, `buckets` long: lower case, split at everything that is neither letter, digit nor apostrophe.
    pub fn embed(&self, text: &str) -> Vec<f32> {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower
            .split(|c: char| !(c.is_alphanumeric() || c == '\''))
            .map(|word| word.trim_matches('\''))
            .filter(|word| !word.is_empty())
            .collect();
        let mut hashes = Vec::new();
        for run in 1..=self.words {
            for window in words.windows(run) {
                let mut hash = Fnv::new(run as u8);
                for word in window {
                    hash.write(word.as_bytes());
                    hash.write(b" ");
                }
                hashes.push(hash.0);
            }
        }
        if self.chars_max > 0 {
            let mut marked = Vec::new();
            for word in &words {
                marked.clear();
                marked.push('<');
                marked.extend(word.chars());
                marked.push('>');
                for n in self.chars_min..=self.chars_max {
                    for gram in marked.windows(n) {
                        let mut hash = Fnv::new(b'c');
                        gram.iter()
                            .for_each(|&c| hash.write(&(c as u32).to_le_bytes()));
                        hashes.push(hash.0);
                    }
                }
            }
        }
        hashes.sort_unstable();
        let mut vector = vec![0.0f64; self.buckets];
        for same in hashes.chunk_by(|a, b| a == b) {
            let hash = same[0];
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            // the multiplication spreads FNV's weaker low bits over all buckets
            let mixed = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20;
            vector[(mixed % self.buckets as u64) as usize] += sign * (same.len() as f64).ln_1p();
        }
        let norm = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
        let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        vector.iter().map(|v| (v * scale) as f32).collect()
    }
}

/// 64-bit FNV-1a.
struct Fnv(u64);

impl Fnv {
    fn new(kind: u8) -> Self {
        let mut hash = Self(0xcbf2_9ce4_8422_2325);
        hash.write(&[kind]);
        hash
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn fnv_matches_its_published_values() {
        // test vectors of the FNV page (Noll): FNV-1a 64 of "a" and "foobar"
        for (text, expected) in [
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
            hash.write(text.as_bytes());
            assert_eq!(hash.0, expected, "{text}");
        }
    }

    #[test]
    fn vectors_have_length_one_and_ignore_case_and_punctuation() {
        let settings = NgramSettings::default();
        let a = settings.embed("My grand-children, they're LOVELY!");
        let b = settings.embed("my grand children they're lovely");
        assert_eq!(a, b);
        assert!((cosine(&a, &a) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn counts_are_those_of_a_plain_count_when_nothing_collides() {
        // one word thrice: word count 3, pair count 2; no character n-grams
        let settings = NgramSettings {
            buckets: 1 << 20,
            words: 2,
            chars_max: 0,
            ..Default::default()
        };
        let mut values: Vec<f32> = settings
            .embed("so so so")
            .into_iter()
            .filter(|v| *v != 0.0)
            .map(f32::abs)
            .collect();
        values.sort_by(f32::total_cmp);
        let (one, two) = (4f32.ln(), 3f32.ln());
        let norm = (one * one + two * two).sqrt();
        assert_eq!(values.len(), 2);
        assert!((values[0] - two / norm).abs() < 1e-6 && (values[1] - one / norm).abs() < 1e-6);
    }

    #[test]
    fn a_misspelt_word_stays_near_through_its_character_n_grams() {
        let settings = NgramSettings {
            words: 1,
            ..Default::default()
        };
        let word = settings.embed("grandchildren");
        let near = cosine(&word, &settings.embed("grandchilden"));
        let far = cosine(&word, &settings.embed("homework"));
        assert!(near > 0.5 && far < 0.2, "near {near} far {far}");
    }

    #[test]
    fn buckets_and_signs_are_spread_evenly() {
        // 20,000 distinct words into 64 buckets: chi-squared on 63 degrees of freedom, 0.1 % point 103.4
        let settings = NgramSettings {
            buckets: 64,
            words: 1,
            chars_max: 0,
            ..Default::default()
        };
        let (mut counts, mut positive) = ([0f64; 64], 0f64);
        for i in 0..20_000 {
            let vector = settings.embed(&format!("word{i}"));
            let bucket = vector.iter().position(|v| *v != 0.0).unwrap();
            counts[bucket] += 1.0;
            positive += f64::from(u8::from(vector[bucket] > 0.0));
        }
        let expected = 20_000.0 / 64.0;
        let chi2: f64 = counts
            .iter()
            .map(|c| (c - expected).powi(2) / expected)
            .sum();
        assert!(chi2 < 103.4, "chi2 {chi2}");
        assert!(
            (positive - 10_000.0).abs() < 3.3 * 70.7,
            "positive {positive}"
        );
    }

    #[test]
    fn empty_text_is_the_zero_vector() {
        for text in ["", "   ", "...", "'"] {
            assert!(
                NgramSettings::default()
                    .embed(text)
                    .iter()
                    .all(|v| *v == 0.0),
                "{text:?}"
            );
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let bad = NgramSettings {
            chars_max: 2,
            ..Default::default()
        };
        assert_eq!(
            bad.validate().unwrap_err().to_string(),
            "n-gram setting chars_max: expected 0, or chars_min to 8, found 2"
        );
        assert!(NgramSettings::default().validate().is_ok());
    }
}
