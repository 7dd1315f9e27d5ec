//! Which prompt and which seed each missing picture is made from.

use crate::DiffusionError;
use crate::balance::{Topic, check_names};

/// A picture to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// `TOPIC_NUMBER`: pictures of two topics never have the same key, whatever their numbers.
    pub key: String,
    /// Its topic.
    pub topic: String,
    /// Its number within the topic, from 0.
    pub number: usize,
    /// Which of the topic's captions it is made from, from 0.
    pub caption: usize,
    /// The prompt: that caption.
    pub prompt: String,
    /// Seed of its noise, of 32 bits, as torch's generator reads no more.
    pub seed: u64,
}

/// Prompts for `counts[i]` pictures of each topic, from the topic's own captions in an order made by `seed`. Every caption is used once before any is
/// used again. A picture's prompt and seed depend on `seed`, its topic's name and captions and its number alone: other topics, or more
/// pictures, change nothing.
///
/// # Errors
/// Counts that are not one for each topic, names as in [`crate::shortfalls`], pictures of a topic without captions, an empty caption.
pub fn prompts(
    topics: &[Topic],
    counts: &[usize],
    seed: u64,
) -> Result<Vec<Prompt>, DiffusionError> {
    check_names(topics)?;
    DiffusionError::length("numbers of pictures", topics.len(), counts.len())?;
    let mut all = Vec::new();
    for (topic, &count) in topics.iter().zip(counts) {
        let captions = &topic.captions;
        if count > 0 && captions.is_empty() {
            let name = format!("captions of topic {}", topic.name);
            return Err(DiffusionError::setting(
                name,
                format!("one or more for {count} pictures"),
                "none",
            ));
        }
        if let Some(empty) = captions
            .iter()
            .position(|caption| caption.trim().is_empty())
        {
            let name = format!("caption {} of topic {}", empty + 1, topic.name);
            return Err(DiffusionError::setting(name, "words", "none"));
        }
        let mut random = Random::new(seed, &topic.name);
        let first_seed = random.next() as u32;
        let mut order: Vec<usize> = (0..captions.len()).collect();
        for number in 0..count {
            let place = number % captions.len();
            if place == 0 {
                random.shuffle(&mut order);
            }
            all.push(Prompt {
                key: format!("{}_{number}", topic.name),
                topic: topic.name.clone(),
                number,
                caption: order[place],
                prompt: captions[order[place]].clone(),
                seed: u64::from(first_seed.wrapping_add(number as u32)),
            });
        }
    }
    Ok(all)
}

/// SplitMix64 (Steele, Lea and Flood 2014), a stream for a seed and a name.
struct Random(u64);

impl Random {
    fn new(seed: u64, name: &str) -> Self {
        // FNV-1a over the name
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut mixed = Self(seed ^ hash.rotate_left(17));
        Self(mixed.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Fisher and Yates.
    fn shuffle(&mut self, items: &mut [usize]) {
        for i in (1..items.len()).rev() {
            let j = ((u128::from(self.next()) * (i as u128 + 1)) >> 64) as usize;
            items.swap(i, j);
        }
    }
}
