//! Who is in the corpus: subjects with a latent apparent age, labels as annotators would give
//! them, splits and clips.
//!
//! Shares follow the real First Impressions v3 tables. Label groups have quotas, so ages are
//! drawn by rejection: draw an age and its annotators, keep both when the label is the one
//! wanted. Within a group the pairs (age, label) are therefore those of the unrestricted process.

use std::collections::BTreeSet;

use crate::draw::{Draw, Purpose};
use crate::schema::{Ethnicity, GROUP_EDGES, GROUPS, Gender, Split, group_of};
use crate::settings::SynthSettings;

/// Clips of the real set by group, gender (male, female) and ethnicity (code 1, 2, 3).
const REAL_CELLS: [[[u32; 3]; 2]; GROUPS] = [
    [[0, 6, 1], [0, 8, 4]],
    [[9, 156, 4], [6, 72, 7]],
    [[23, 966, 43], [49, 919, 69]],
    [[55, 1823, 173], [134, 2378, 390]],
    [[10, 925, 101], [50, 929, 244]],
    [[0, 179, 14], [0, 149, 19]],
    [[0, 51, 5], [0, 29, 0]],
];
/// Subjects of the real set with 1 to 6 clips.
const REAL_CLIPS_PER_SUBJECT: [f64; 6] = [721.0, 533.0, 464.0, 398.0, 435.0, 509.0];
const MOST_CLIPS: usize = REAL_CLIPS_PER_SUBJECT.len();
/// Relative error (standard deviation of the logarithm) of one annotator's guess of an age.
pub(crate) const ANNOTATOR_SD: f64 = 0.06;
/// Annotators a subject: one to this many, equally likely; their guesses are averaged.
pub(crate) const MOST_ANNOTATORS: usize = 3;

/// One person.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    /// Eleven characters of `[A-Za-z0-9_-]`.
    pub(crate) id: String,
    pub(crate) split: Split,
    /// Label: index of the age group, code - 1.
    pub(crate) group: usize,
    pub(crate) gender: Gender,
    pub(crate) ethnicity: Ethnicity,
    /// Latent apparent age in years, which no model gets to see.
    pub(crate) age: f64,
    /// Ordinals of the clips in their source video, ascending.
    pub(crate) ordinals: Vec<usize>,
}

/// Fewest subjects of an age group in train, valid and test.
pub(crate) fn floors(clips: usize) -> [usize; 3] {
    // what the rarest groups are raised to, the largest pays: little in a small corpus, whose parts shall keep the shares
    let floor = (clips / 300).saturating_sub(2).clamp(1, 8);
    [2 * floor, floor, floor]
}

/// Share of each age group in the real set.
pub(crate) fn real_shares() -> [f64; GROUPS] {
    let clips = REAL_CELLS.map(|cells| cells.iter().flatten().sum::<u32>() as f64);
    let total: f64 = clips.iter().sum();
    clips.map(|count| count / total)
}

/// All subjects, in the order of their draws.
pub(crate) fn populate(settings: &SynthSettings) -> Vec<Subject> {
    let mut draw = Draw::new(settings.seed, Purpose::Population, 0);
    let quotas = quotas(settings.clips);
    let mut ids = BTreeSet::new();
    let mut subjects = Vec::new();
    for (group, quota) in quotas.iter().enumerate() {
        let cells = systematic_cells(group, *quota, &mut draw);
        let splits = spread_splits(*quota, floors(settings.clips), &mut draw);
        for ((gender, ethnicity), split) in cells.into_iter().zip(splits) {
            let age = draw_age(group, &mut draw);
            let id = draw_id(subjects.is_empty(), &mut ids, &mut draw);
            subjects.push(Subject {
                id,
                split,
                group,
                gender,
                ethnicity,
                age,
                ordinals: Vec::new(),
            });
        }
    }
    deal_clips(&mut subjects, settings.clips, &mut draw);
    subjects
}

/// Subjects of each age group: the real shares by largest remainder, raised to the floors, which
/// the largest groups pay for.
fn quotas(clips: usize) -> [usize; GROUPS] {
    let mean: f64 = REAL_CLIPS_PER_SUBJECT
        .iter()
        .zip(1..)
        .map(|(n, k)| n * f64::from(k))
        .sum::<f64>()
        / REAL_CLIPS_PER_SUBJECT.iter().sum::<f64>();
    let floor: usize = floors(clips).iter().sum();
    let wanted = ((clips as f64 / mean).round() as usize).max(floor * GROUPS);
    let exact = real_shares().map(|share| share * wanted as f64);
    let mut quotas = exact.map(|x| x as usize);
    let mut by_remainder: Vec<usize> = (0..GROUPS).collect();
    by_remainder.sort_by(|a, b| exact[*b].fract().total_cmp(&exact[*a].fract()));
    let missing = wanted - quotas.iter().sum::<usize>();
    for group in by_remainder.into_iter().take(missing) {
        quotas[group] += 1;
    }
    for quota in &mut quotas {
        *quota = (*quota).max(floor);
    }
    while quotas.iter().sum::<usize>() > wanted {
        if let Some(largest) = quotas.iter_mut().max() {
            *largest -= 1;
        }
    }
    quotas
}

/// Train, valid and test share of a quota: 60/20/20 with the floors kept.
fn split_parts(quota: usize, floors: [usize; 3]) -> [usize; 3] {
    let fifth = (quota as f64 / 5.0).round() as usize;
    let (valid, test) = (fifth.max(floors[1]), fifth.max(floors[2]));
    [quota.saturating_sub(valid + test), valid, test]
}

/// Splits of a group's subjects, spread evenly over their order (gender, then ethnicity), so that
/// each part has its share of every gender.
fn spread_splits(quota: usize, floors: [usize; 3], draw: &mut Draw) -> Vec<Split> {
    let parts = split_parts(quota, floors);
    let mut given = [0usize; 3];
    let offset = draw.unit();
    (0..quota)
        .map(|place| {
            // The part that is furthest behind its share by now.
            let behind = |split: &Split| {
                let part = *split as usize;
                parts[part] as f64 * (place as f64 + 1.0 + offset) / quota as f64
                    - given[part] as f64
            };
            let open = Split::ALL
                .into_iter()
                .filter(|split| given[*split as usize] < parts[*split as usize]);
            let next = open
                .max_by(|a, b| behind(a).total_cmp(&behind(b)))
                .unwrap_or(Split::Train);
            given[next as usize] += 1;
            next
        })
        .collect()
}

/// Gender and ethnicity of the subjects of one group: systematic sampling from the real cells,
/// which keeps the shares of even a small corpus close to the real ones.
fn systematic_cells(group: usize, quota: usize, draw: &mut Draw) -> Vec<(Gender, Ethnicity)> {
    const GENDERS: [Gender; 2] = [Gender::Male, Gender::Female];
    const ETHNICITIES: [Ethnicity; 3] = [
        Ethnicity::Asian,
        Ethnicity::Caucasian,
        Ethnicity::AfricanAmerican,
    ];
    let cells = REAL_CELLS[group];
    let total: u32 = cells.iter().flatten().sum();
    let step = f64::from(total) / quota as f64;
    let start = draw.unit();
    let mut people = Vec::with_capacity(quota);
    let mut upper = 0.0;
    for (gender, row) in GENDERS.iter().zip(cells) {
        for (ethnicity, count) in ETHNICITIES.iter().zip(row) {
            upper += f64::from(count);
            while people.len() < quota && (people.len() as f64 + start) * step < upper {
                people.push((*gender, *ethnicity));
            }
        }
    }
    people
}

/// People a year of age in the population before quotas, any unit; piecewise linear.
pub(crate) fn age_density(age: f64) -> f64 {
    const KNOTS: [(f64, f64); 11] = [
        (6.0, 0.5),
        (8.0, 1.8),
        (10.0, 2.7),
        (13.0, 10.0),
        (16.0, 51.0),
        (21.5, 345.0),
        (28.5, 660.0),
        (39.0, 150.0),
        (53.0, 22.0),
        (68.0, 5.0),
        (85.0, 1.0),
    ];
    let mut density = 0.0;
    for pair in KNOTS.windows(2) {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        if (x0..=x1).contains(&age) {
            density = y0 + (y1 - y0) * (age - x0) / (x1 - x0);
        }
    }
    density
}

/// A latent age whose averaged annotations fall into `group`.
fn draw_age(group: usize, draw: &mut Draw) -> f64 {
    // Beyond a quarter (four standard deviations of one annotator) no age gets this label.
    let low = if group == 0 {
        7.0
    } else {
        (GROUP_EDGES[group - 1] * 0.78).max(7.0)
    };
    let high = if group == GROUPS - 1 {
        82.0
    } else {
        (GROUP_EDGES[group] * 1.28).min(82.0)
    };
    let peak = (0..=64)
        .map(|i| age_density(low + (high - low) * f64::from(i) / 64.0))
        .fold(0.0, f64::max);
    loop {
        let age = draw.range(low, high);
        if draw.unit() * peak > age_density(age) {
            continue;
        }
        let annotators = 1 + draw.below(MOST_ANNOTATORS);
        let error = ANNOTATOR_SD / libm::sqrt(annotators as f64) * draw.normal();
        if group_of(age * libm::exp(error)) == group {
            return age;
        }
    }
}

/// A fresh id like YouTube's; unique even where the file system ignores case. The first one starts
/// with `-`, as some real ones do, so that every corpus holds the case that trips argument parsers.
fn draw_id(dash: bool, taken: &mut BTreeSet<String>, draw: &mut Draw) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    loop {
        let mut id: String = (0..11)
            .map(|_| char::from(ALPHABET[draw.below(64)]))
            .collect();
        if dash {
            id.replace_range(..1, "-");
        }
        if taken.insert(id.to_ascii_lowercase()) {
            return id;
        }
    }
}

/// Gives each subject one to six clips so that they sum to `clips`. Numbers of clips are spread over
/// groups, splits and genders by a golden-ratio sequence, so that none gets the long runs.
fn deal_clips(subjects: &mut [Subject], clips: usize, draw: &mut Draw) {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let mut order: Vec<usize> = (0..subjects.len()).collect();
    order.sort_by_key(|i| {
        (
            subjects[*i].group,
            subjects[*i].split,
            subjects[*i].gender as u8,
            *i,
        )
    });
    let all: f64 = REAL_CLIPS_PER_SUBJECT.iter().sum();
    let mut counts = vec![1; subjects.len()];
    let mut quantile = draw.unit();
    for subject in order {
        let mut left = quantile * all;
        for share in &REAL_CLIPS_PER_SUBJECT[..MOST_CLIPS - 1] {
            left -= share;
            counts[subject] += usize::from(left >= 0.0);
        }
        quantile = (quantile + GOLDEN).fract();
    }
    let mut total: usize = counts.iter().sum();
    while total != clips {
        let one = draw.below(counts.len());
        if total < clips && counts[one] < MOST_CLIPS {
            counts[one] += 1;
            total += 1;
        } else if total > clips && counts[one] > 1 {
            counts[one] -= 1;
            total -= 1;
        }
    }
    for (subject, count) in subjects.iter_mut().zip(counts) {
        let mut ordinals: Vec<usize> = (0..MOST_CLIPS).collect();
        draw.shuffle(&mut ordinals);
        ordinals.truncate(count);
        ordinals.sort_unstable();
        subject.ordinals = ordinals;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(subjects: &[Subject], wanted: impl Fn(&Subject) -> bool) -> f64 {
        let clips = |subject: &Subject| subject.ordinals.len() as f64;
        subjects
            .iter()
            .filter(|s| wanted(s))
            .map(clips)
            .sum::<f64>()
            / subjects.iter().map(clips).sum::<f64>()
    }

    #[test]
    fn clips_sum_up_and_every_group_is_in_every_split() {
        for clips in [60, 61, 150, 900, 1_600, 10_000] {
            let subjects = populate(&SynthSettings { clips, seed: 3 });
            assert_eq!(
                subjects.iter().map(|s| s.ordinals.len()).sum::<usize>(),
                clips
            );
            assert!(subjects.iter().all(|s| (1..=6).contains(&s.ordinals.len())));
            for (split, floor) in Split::ALL.into_iter().zip(floors(clips)) {
                for group in 0..GROUPS {
                    let n = subjects
                        .iter()
                        .filter(|s| s.split == split && s.group == group)
                        .count();
                    assert!(
                        n >= floor,
                        "{clips} clips, {split:?}, group {group}: {n} < {floor}"
                    );
                }
            }
        }
    }

    #[test]
    fn imbalance_is_the_real_one() {
        let subjects = populate(&SynthSettings {
            clips: 10_000,
            seed: 5,
        });
        // Clips vary by subject, so allow three standard errors of a cluster sample of this size.
        let lifted = floors(10_000).iter().sum::<usize>() as f64 / subjects.len() as f64;
        for (group, real) in real_shares().iter().enumerate() {
            let found = share(&subjects, |s| s.group == group);
            // a group below the floor is lifted to it, and no further
            let real = &real.max(lifted);
            let tolerance = 3.0 * (real * (1.0 - real) / 3_060.0 * 0.4).sqrt() + 0.002;
            assert!(
                (found - real).abs() < tolerance,
                "group {group}: {found} vs {real}"
            );
        }
        for (what, found, real) in [
            (
                "female",
                share(&subjects, |s| s.gender == Gender::Female),
                0.5456,
            ),
            (
                "Caucasian",
                share(&subjects, |s| s.ethnicity == Ethnicity::Caucasian),
                0.859,
            ),
            (
                "Asian",
                share(&subjects, |s| s.ethnicity == Ethnicity::Asian),
                0.0336,
            ),
            ("train", share(&subjects, |s| s.split == Split::Train), 0.6),
        ] {
            assert!((found - real).abs() < 0.02, "{what}: {found} vs {real}");
        }
    }

    #[test]
    fn small_test_parts_keep_the_shares() {
        for seed in 0..8 {
            let subjects = populate(&SynthSettings { clips: 1_600, seed });
            let test: Vec<Subject> = subjects
                .into_iter()
                .filter(|s| s.split == Split::Test)
                .collect();
            let female = share(&test, |s| s.gender == Gender::Female);
            assert!((female - 0.54).abs() < 0.05, "seed {seed}: {female}");
            let majority = share(&test, |s| s.group == 3);
            assert!((majority - 0.48).abs() < 0.05, "seed {seed}: {majority}");
            assert!(share(&test, |s| s.ethnicity == Ethnicity::AfricanAmerican) > 0.05);
        }
    }

    #[test]
    fn real_cells_are_the_published_ones() {
        let clips: u32 = REAL_CELLS.iter().flatten().flatten().sum();
        let female: u32 = REAL_CELLS.iter().flat_map(|cells| cells[1]).sum();
        assert_eq!((clips, female), (10_000, 5_456));
        let groups = REAL_CELLS.map(|cells| cells.iter().flatten().sum::<u32>());
        assert_eq!(groups, [19, 254, 2_069, 4_953, 2_259, 361, 85]);
    }

    #[test]
    fn ids_look_like_the_real_ones() {
        let subjects = populate(&SynthSettings {
            clips: 2_000,
            seed: 9,
        });
        let ids: BTreeSet<String> = subjects.iter().map(|s| s.id.to_ascii_lowercase()).collect();
        assert_eq!(ids.len(), subjects.len());
        assert!(subjects[0].id.starts_with('-'));
        for id in subjects.iter().map(|s| &s.id) {
            assert_eq!(id.len(), 11);
            assert!(
                id.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                "{id}"
            );
        }
    }

    #[test]
    fn labels_agree_with_ages_as_far_as_annotators_do() {
        let subjects = populate(&SynthSettings {
            clips: 10_000,
            seed: 11,
        });
        let n = subjects.len() as f64;
        let right = subjects
            .iter()
            .filter(|s| group_of(s.age) == s.group)
            .count() as f64
            / n;
        // Groups are 0.3 wide and averaged guesses err by 0.035 to 0.06: between 80 and 95 % agree.
        assert!((0.8..0.95).contains(&right), "{right}");
        assert!(subjects.iter().all(|s| (7.0..=82.0).contains(&s.age)));
    }
}
