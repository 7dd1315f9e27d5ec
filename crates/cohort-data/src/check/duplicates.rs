//! Findings between clips: the same or nearly the same picture, the same sound.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::content::{Content, ImagePrint, correlation};
use super::row::Row;
use super::settings::CheckSettings;
use crate::finding::{Finding, Kind};

pub(super) fn check(
    rows: &[Row<'_>],
    contents: &[Content],
    settings: &CheckSettings,
    findings: &mut Vec<Finding>,
) {
    let images: Vec<Option<&[u8; 32]>> = contents
        .iter()
        .map(|content| content.image.as_ref().map(|print| &print.digest))
        .collect();
    let kinds = (Kind::IdenticalImageAcrossSplits, Kind::IdenticalImage);
    identical(rows, &images, kinds, "the same pixels as", findings);
    let sounds: Vec<Option<&[u8; 32]>> = contents
        .iter()
        .map(|content| content.audio.as_ref())
        .collect();
    let kinds = (Kind::IdenticalAudioAcrossSplits, Kind::IdenticalAudio);
    identical(rows, &sounds, kinds, "the same samples as", findings);
    similar(rows, contents, settings, findings);
}

/// One finding for each row whose digest an earlier row has: across splits when any earlier one is in another
/// split, else within the split. Rows of one clip are passed over: the clip itself is the finding there.
fn identical(
    rows: &[Row<'_>],
    digests: &[Option<&[u8; 32]>],
    (across, within): (Kind, Kind),
    words: &str,
    findings: &mut Vec<Finding>,
) {
    // The first row of each split with a digest is enough to compare with.
    let mut seen: BTreeMap<&[u8; 32], Vec<&Row<'_>>> = BTreeMap::new();
    for (row, digest) in rows.iter().zip(digests) {
        let Some(digest) = digest else { continue };
        let earlier = seen.entry(*digest).or_default();
        let others = || earlier.iter().filter(|other| other.id != row.id);
        let found = others()
            .find(|other| other.split != row.split)
            .map(|other| (across, other))
            .or_else(|| others().next().map(|other| (within, other)));
        if let Some((kind, other)) = found {
            let message = format!("{words} {}", other.place());
            findings.push(Finding {
                other: Some(other.place()),
                ..row.finding(kind, message)
            });
        }
        if earlier.iter().all(|other| other.split != row.split) {
            earlier.push(row);
        }
    }
}

/// For each row, the most similar picture of an earlier split, if one is similar enough.
///
/// Every pair across splits is compared: 28 million XORs and bit counts for 10,000 clips, which is less than
/// the decoding of a few dozen pictures; the correlation is worked out for the few pairs that remain.
fn similar(
    rows: &[Row<'_>],
    contents: &[Content],
    settings: &CheckSettings,
    findings: &mut Vec<Finding>,
) {
    let prints: Vec<(&Row<'_>, &ImagePrint)> = rows
        .iter()
        .zip(contents)
        .filter_map(|(row, content)| Some((row, content.image.as_ref()?)))
        .collect();
    let hashes: Vec<u64> = prints.iter().map(|(_, print)| print.hash).collect();
    let nearest: Vec<Option<(u32, f64, usize)>> = prints
        .par_iter()
        .map(|(row, print)| {
            // Rows come split by split, so earlier splits are a prefix.
            let earlier = prints.partition_point(|(other, _)| other.split < row.split);
            let near = hashes
                .iter()
                .take(earlier)
                .enumerate()
                .filter_map(|(i, &hash)| {
                    let distance = (hash ^ print.hash).count_ones();
                    (distance <= settings.image_distance).then_some((distance, i))
                });
            let mut best: Option<(u32, f64, usize)> = None;
            for (distance, i) in near {
                let Some((other, theirs)) = prints.get(i) else {
                    continue;
                };
                if other.id == row.id || theirs.digest == print.digest {
                    continue;
                }
                let alike = correlation(&print.grey, &theirs.grey);
                if alike >= settings.image_correlation && best.is_none_or(|best| alike > best.1) {
                    best = Some((distance, alike, i));
                }
            }
            best
        })
        .collect();
    for ((row, _), best) in prints.iter().zip(nearest) {
        let Some((distance, alike, other)) =
            best.and_then(|(distance, alike, i)| Some((distance, alike, prints.get(i)?.0)))
        else {
            continue;
        };
        let message = format!(
            "nearly the same picture as {} ({distance} of 64 bits differ, correlation {alike:.3})",
            other.place()
        );
        let other = Some(other.place());
        let kind = Kind::SimilarImageAcrossSplits;
        findings.push(Finding {
            other,
            ..row.finding(kind, message)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlation_of_a_picture_with_itself_its_negative_and_another() {
        let a: Vec<i8> = (0..64).map(|i| (i % 8 - 4) as i8 * 20).collect();
        let minus: Vec<i8> = a.iter().map(|v| -v).collect();
        let across: Vec<i8> = (0..64).map(|i| (i / 8 - 4) as i8 * 20).collect();
        assert!((correlation(&a, &a) - 1.0).abs() < 1e-12);
        assert!((correlation(&a, &minus) + 1.0).abs() < 1e-12);
        // Both have mean -10: (-10 * -10) / mean square.
        assert!((correlation(&a, &across) - 100.0 / 2200.0).abs() < 1e-12);
    }
}
