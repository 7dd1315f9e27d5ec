//! Words made worse: some are dropped.

use super::super::damage::{Change, Damage, uniform};
use crate::modality::Modality;

/// In this order in tables and charts.
pub(crate) const DAMAGES: [Damage; 1] = [Damage {
    name: "dropped words",
    modality: Modality::Text,
    unit: "share of the words dropped",
    severities: &[0.0, 0.25, 0.5, 0.75, 0.95],
    change: Change::Text(drop_words),
}];

/// The text without each word with probability `share`, drawn from `seed`: a word that is dropped stays dropped at
/// every larger share.
fn drop_words(text: &str, share: f64, seed: u64) -> String {
    let words = text.split_whitespace().enumerate();
    let kept = words.filter(|(i, _)| uniform(seed, *i as u64) >= share);
    kept.map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_shares_are_what_they_say() {
        let text = (0..4000)
            .map(|i| i.to_string())
            .collect::<Vec<_>>()
            .join(" ");
        let words = |share| -> Vec<String> {
            let left = drop_words(&text, share, 3);
            left.split_whitespace().map(str::to_string).collect()
        };
        assert_eq!(words(0.0).len(), 4000);
        assert!(words(1.0).is_empty());
        let (half, most) = (words(0.5), words(0.9));
        assert!((half.len() as f64 / 4000.0 - 0.5).abs() < 0.03);
        assert!(most.iter().all(|word| half.contains(word)), "nested");
    }
}
