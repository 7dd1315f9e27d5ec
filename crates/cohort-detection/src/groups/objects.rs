//! How often objects are found, by their size.

use std::collections::BTreeSet;

use cohort_eval::{FEWEST_SUBJECTS, IntervalSettings, Outcome, Stream, mean_intervals};

use super::relabel::{Contrast, judge};
use super::{AttributeGroups, Group, GroupSettings, Tested};
use crate::error::DetectionError;
use crate::evaluate::{Area, Matched, THRESHOLDS};
use crate::intervals::Units;
use crate::truth::Truth;

/// An object that counts.
struct Seen {
    unit: usize,
    picture: u32,
    class: usize,
    size: u32,
    /// Share of the IoU thresholds at which it was found.
    found: f64,
}

/// The sizes that are compared.
const SIZES: [Area; 3] = [Area::Small, Area::Medium, Area::Large];

fn seen(truth: &Truth, matched: &Matched, units: &Units) -> Vec<Seen> {
    let mut all = Vec::new();
    for (class, of) in matched.classes.iter().enumerate() {
        for hit in &of.truth {
            let object = &truth.objects[hit.object as usize];
            let size = SIZES.iter().position(|size| !size.excludes(object.area));
            if object.crowd {
                continue;
            }
            all.push(Seen {
                unit: units.of_picture[hit.picture as usize] as usize,
                picture: hit.picture,
                class,
                size: size.unwrap_or(SIZES.len() - 1) as u32,
                found: f64::from(hit.found.count_ones()) / THRESHOLDS as f64,
            });
        }
    }
    all
}

/// Tests whether objects of one size are found less often than others of their class.
pub(super) fn by_size(
    truth: &Truth,
    matched: &Matched,
    units: &Units,
    settings: &GroupSettings,
    intervals: &IntervalSettings,
) -> Result<Tested, DetectionError> {
    let seen = seen(truth, matched, units);
    let mut groups = Vec::with_capacity(SIZES.len());
    for (size, area) in (0..).zip(SIZES) {
        groups.push(described(&seen, size, area, intervals)?);
    }
    let compared: Vec<u32> = (0..)
        .zip(&groups)
        .filter(|(_, group): &(u32, &Group)| group.units >= FEWEST_SUBJECTS)
        .map(|(size, _)| size)
        .collect();
    let mut report = AttributeGroups {
        attribute: "size".into(),
        measure: "found".into(),
        exchanged: String::new(),
        outcome: Outcome::NotTestable,
        p_value: None,
        p_holm: None,
        reason: None,
        groups,
    };
    if compared.len() < 2 {
        let fewest = FEWEST_SUBJECTS;
        report.reason = Some(format!(
            "fewer than two sizes with objects in {fewest} units"
        ));
        return Ok(Tested { report });
    }
    let place = |size: u32| compared.binary_search(&size).ok().map(|place| place as u32);
    let labels: Vec<Option<u32>> = seen.iter().map(|object| place(object.size)).collect();
    let residuals = residuals(&seen, &labels, matched.classes.len());
    let mut strata: Vec<Vec<usize>> = vec![Vec::new(); units.count];
    for (item, object) in seen.iter().enumerate() {
        if labels[item].is_some() {
            strata[object.unit].push(item);
        }
    }
    let gaps = |labels: &[Option<u32>]| -> Vec<Option<Contrast>> {
        let groups = 0..compared.len() as u32;
        groups
            .map(|group| contrast(&seen, &residuals, labels, group, units.count))
            .collect()
    };
    let stream = Stream::new(settings.seed, &["detection sizes"]);
    let judged = judge(&labels, &strata, settings.permutations, stream, gaps);
    report.exchanged = "sizes of objects within their unit, at the mean of their class".into();
    report.p_value = Some(judged.whole);
    for ((size, contrast), p) in compared.iter().zip(judged.contrasts).zip(judged.p_values) {
        let group = &mut report.groups[*size as usize];
        group.gap = contrast.map(|contrast| contrast.gap);
        group.p_value = contrast.map(|_| p);
    }
    Ok(Tested { report })
}

fn described(
    seen: &[Seen],
    size: u32,
    area: Area,
    intervals: &IntervalSettings,
) -> Result<Group, DetectionError> {
    let own = || seen.iter().filter(|object| object.size == size);
    let unit: Vec<usize> = own().map(|object| object.unit).collect();
    let found: Vec<f64> = own().map(|object| object.found).collect();
    let pictures: BTreeSet<u32> = own().map(|object| object.picture).collect();
    let objects = found.len();
    let names = ["detection size", area.name()];
    let mut value = mean_intervals(&[found], &unit, (0.0, 1.0), &names, intervals)?;
    Ok(Group {
        group: area.name().into(),
        pictures: pictures.len(),
        units: unit.iter().collect::<BTreeSet<_>>().len(),
        objects,
        value: value.remove(0),
        gap: None,
        p_value: None,
        p_holm: None,
        weak: false,
    })
}

/// What is found of each object less the mean of its class, among objects that are compared.
fn residuals(seen: &[Seen], labels: &[Option<u32>], classes: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); classes];
    for (object, _) in seen.iter().zip(labels).filter(|(_, label)| label.is_some()) {
        sums[object.class].0 += object.found;
        sums[object.class].1 += 1.0;
    }
    let of = |object: &Seen| {
        let (sum, n) = sums[object.class];
        object.found - if n > 0.0 { sum / n } else { 0.0 }
    };
    seen.iter().map(of).collect()
}

fn contrast(
    seen: &[Seen],
    residuals: &[f64],
    labels: &[Option<u32>],
    group: u32,
    units: usize,
) -> Option<Contrast> {
    let mut sums = [(0.0, 0.0); 2];
    for (residual, label) in residuals.iter().zip(labels) {
        if let Some(label) = label {
            let side = &mut sums[usize::from(*label == group)];
            side.0 += residual;
            side.1 += 1.0;
        }
    }
    if sums.iter().any(|(_, n)| *n == 0.0) {
        return None;
    }
    let means = sums.map(|(sum, n)| sum / n);
    let mut influence = vec![0.0; units];
    for ((object, residual), label) in seen.iter().zip(residuals).zip(labels) {
        if let Some(label) = label {
            let own = usize::from(*label == group);
            let sign = if own == 1 { 1.0 } else { -1.0 };
            influence[object.unit] += sign * (residual - means[own]) / sums[own].1;
        }
    }
    Some(Contrast::new(means[1] - means[0], &influence))
}
