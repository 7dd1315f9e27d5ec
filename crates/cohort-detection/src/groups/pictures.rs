//! AP by an attribute of the picture.

use std::collections::BTreeSet;

use cohort_eval::{FEWEST_SUBJECTS, IntervalSettings, Outcome, Stream};

use super::relabel::{Contrast, judge};
use super::{AttributeGroups, Group, GroupSettings, PictureGroups, Tested};
use crate::error::DetectionError;
use crate::evaluate::{ClassMatches, Matched, THRESHOLDS};
use crate::intervals::{Cut, Line, Units, average_precision, figure_interval};

/// Tests one attribute.
pub(super) fn by_attribute(
    matched: &Matched,
    units: &Units,
    given: &PictureGroups,
    settings: &GroupSettings,
    intervals: &IntervalSettings,
) -> Result<Tested, DetectionError> {
    let mut groups = Vec::with_capacity(given.names.len());
    for (number, name) in (0..).zip(&given.names) {
        groups.push(described(matched, units, given, (number, name), intervals)?);
    }
    let compared: Vec<u32> = (0..)
        .zip(&groups)
        .filter(|(_, group)| group.units >= FEWEST_SUBJECTS)
        .map(|(number, _)| number)
        .collect();
    let mut report = AttributeGroups {
        attribute: given.attribute.clone(),
        measure: "ap".into(),
        exchanged: String::new(),
        outcome: Outcome::NotTestable,
        p_value: None,
        p_holm: None,
        reason: None,
        groups,
    };
    let thin = report.groups.len() - compared.len();
    if compared.len() < 2 {
        let fewest = FEWEST_SUBJECTS;
        report.reason = Some(format!(
            "fewer than two groups with objects in {fewest} units"
        ));
        return Ok(Tested { report });
    }
    // labels of groups that are compared; other pictures take no part
    let place = |group: u32| {
        compared
            .binary_search(&group)
            .ok()
            .map(|place| place as u32)
    };
    let labels: Vec<Option<u32>> = given.of_picture.iter().map(|g| g.and_then(place)).collect();
    let exchange = Exchange::new(&labels, units);
    let gaps = |items: &[Option<u32>]| {
        let of_picture = exchange.of_pictures(items);
        contrasts(matched, units, &of_picture, compared.len() as u32)
    };
    let stream = Stream::new(settings.seed, &["detection groups", &given.attribute]);
    let (items, strata) = (&exchange.labels, &exchange.strata);
    let judged = judge(items, strata, settings.permutations, stream, gaps);
    report.exchanged = exchange.words.into();
    if judged.contrasts.iter().all(Option::is_none) {
        report.reason = Some("no class has objects in two groups".into());
        return Ok(Tested { report });
    }
    report.p_value = Some(judged.whole);
    report.reason = (thin > 0).then(|| {
        format!(
            "left out: {thin} of {} groups, with objects in fewer than {FEWEST_SUBJECTS} units",
            report.groups.len()
        )
    });
    for ((number, contrast), p) in compared.iter().zip(judged.contrasts).zip(judged.p_values) {
        let group = &mut report.groups[*number as usize];
        group.gap = contrast.map(|contrast| contrast.gap);
        group.p_value = contrast.map(|_| p);
    }
    Ok(Tested { report })
}

/// A group's own figures.
fn described(
    matched: &Matched,
    units: &Units,
    given: &PictureGroups,
    (number, name): (u32, &str),
    intervals: &IntervalSettings,
) -> Result<Group, DetectionError> {
    let mut kept: Vec<Option<u32>> = vec![None; matched.pictures];
    let mut names = std::collections::HashMap::new();
    let mut own = Units {
        of_picture: Vec::new(),
        count: 0,
    };
    for (picture, group) in given.of_picture.iter().enumerate() {
        if *group == Some(number) {
            kept[picture] = Some(own.of_picture.len() as u32);
            let next = names.len() as u32;
            let unit = *names.entry(units.of_picture[picture]).or_insert(next);
            own.of_picture.push(unit);
        }
    }
    own.count = names.len();
    let classes = restricted(&matched.classes, &kept);
    let held = classes.iter().flat_map(|class| &class.counted);
    let with_objects: BTreeSet<u32> = held.map(|(p, _)| own.of_picture[*p as usize]).collect();
    Ok(Group {
        group: name.into(),
        pictures: own.of_picture.len(),
        units: with_objects.len(),
        objects: classes.iter().map(|class| class.objects(0)).sum(),
        value: figure_interval(
            &classes,
            &own,
            0,
            &format!("{}={name}", given.attribute),
            intervals,
        )?,
        gap: None,
        p_value: None,
        p_holm: None,
        weak: false,
    })
}

/// The matches of some pictures, with their new numbers.
fn restricted(classes: &[ClassMatches], kept: &[Option<u32>]) -> Vec<ClassMatches> {
    let of = |class: &ClassMatches| ClassMatches {
        hits: class
            .hits
            .iter()
            .filter_map(|hit| {
                let picture = kept[hit.picture as usize]?;
                Some(crate::evaluate::Hit { picture, ..*hit })
            })
            .collect(),
        counted: class
            .counted
            .iter()
            .filter_map(|(picture, n)| Some((kept[*picture as usize]?, *n)))
            .collect(),
        truth: Vec::new(),
    };
    classes.iter().map(of).collect()
}

/// What is exchanged: whole units where each has one label, else pictures within their unit.
struct Exchange<'a> {
    units: &'a Units,
    /// Labels of the items.
    labels: Vec<Option<u32>>,
    strata: Vec<Vec<usize>>,
    /// Whether items are units.
    whole: bool,
    words: &'static str,
}

impl<'a> Exchange<'a> {
    fn new(labels: &[Option<u32>], units: &'a Units) -> Self {
        let mut of_unit: Vec<Option<u32>> = vec![None; units.count];
        let mut mixed = false;
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); units.count];
        for (picture, label) in labels.iter().enumerate() {
            let unit = units.of_picture[picture] as usize;
            let Some(label) = label else { continue };
            members[unit].push(picture);
            mixed |= of_unit[unit].is_some_and(|known| known != *label);
            of_unit[unit] = Some(*label);
        }
        if mixed {
            return Self {
                units,
                labels: labels.to_vec(),
                strata: members,
                whole: false,
                words: "labels of pictures within their unit",
            };
        }
        let known = (0..units.count).filter(|&unit| of_unit[unit].is_some());
        Self {
            units,
            strata: vec![known.collect()],
            labels: of_unit,
            whole: true,
            words: "labels of units",
        }
    }

    /// Labels of pictures from those of items. A picture without a label stays so where pictures are exchanged; where units are, all of a
    /// unit's pictures bear its label.
    fn of_pictures(&self, items: &[Option<u32>]) -> Vec<Option<u32>> {
        match self.whole {
            false => items.to_vec(),
            true => self
                .units
                .of_picture
                .iter()
                .map(|&unit| items[unit as usize])
                .collect(),
        }
    }
}

/// Every group against the rest: the mean over the classes that both hold of the difference in AP.
fn contrasts(
    matched: &Matched,
    units: &Units,
    labels: &[Option<u32>],
    groups: u32,
) -> Vec<Option<Contrast>> {
    let mut line = Line::default();
    let mut found: Vec<Option<Contrast>> = Vec::with_capacity(groups as usize);
    for group in 0..groups {
        // of two groups the second is the first's rest
        if group == 1 && groups == 2 {
            let mirrored = found[0].map(|first| Contrast {
                gap: -first.gap,
                statistic: -first.statistic,
            });
            found.push(mirrored);
            continue;
        }
        found.push(contrast(matched, units, labels, group, &mut line));
    }
    found
}

fn contrast(
    matched: &Matched,
    units: &Units,
    labels: &[Option<u32>],
    group: u32,
    line: &mut Line,
) -> Option<Contrast> {
    let side = |picture: u32| labels[picture as usize].map(|label| label == group);
    let mut influence = vec![0.0; units.count];
    let (mut gap, mut shared) = (0.0, 0_usize);
    for class in &matched.classes {
        let mut objects = [0.0; 2];
        for (picture, n) in &class.counted {
            if let Some(own) = side(*picture) {
                objects[usize::from(own)] += f64::from(n[0]);
            }
        }
        if objects[0] == 0.0 || objects[1] == 0.0 {
            continue;
        }
        shared += 1;
        for (own, sign) in [(true, 1.0), (false, -1.0)] {
            let objects = objects[usize::from(own)];
            let weight = |picture: u32| f64::from(u8::from(side(picture) == Some(own)));
            let mut by_object = 0.0;
            for threshold in 0..THRESHOLDS {
                let cut = Cut {
                    area: 0,
                    threshold,
                    objects,
                };
                let mut tell = |picture: u32, value: f64| {
                    influence[units.of_picture[picture as usize] as usize] += sign * value;
                };
                let (value, each) = average_precision(class, cut, line, weight, Some(&mut tell));
                gap += sign * value;
                by_object += each;
            }
            for (picture, n) in &class.counted {
                if side(*picture) == Some(own) {
                    let unit = units.of_picture[*picture as usize] as usize;
                    influence[unit] += sign * by_object * f64::from(n[0]);
                }
            }
        }
    }
    if shared == 0 {
        return None;
    }
    let of = (shared * THRESHOLDS) as f64;
    influence.iter_mut().for_each(|v| *v /= of);
    Some(Contrast::new(gap / of, &influence))
}
