//! How sure figures are: pictures, or larger units that are not torn apart, are resampled; the matching is done once.
//!
//! A resample is a weight for each unit. Average precision under weights is exactly that of the data set in which a unit stands as
//! often as its weight says. Standard errors are from its influence function (see `docs/detection.md` in this crate).

mod average;
mod weighing;

use cohort_eval::{Interval, IntervalSettings, Weighted, weighted_intervals};

use crate::error::DetectionError;
use crate::evaluate::{Area, ClassMatches, Matched};

use weighing::{Difference, Weighing};

pub(crate) use average::{Cut, Line, average_precision};

/// The unit of each picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    /// Number of the unit of each picture, below `count`.
    pub of_picture: Vec<u32>,
    /// Number of units.
    pub count: usize,
}

impl Units {
    /// Every picture is a unit of its own.
    pub fn pictures(count: usize) -> Self {
        Self {
            of_picture: (0..count as u32).collect(),
            count,
        }
    }

    /// Units by name, numbered in the order in which they first occur.
    pub fn named<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut known = std::collections::HashMap::new();
        let of_picture: Vec<u32> = names
            .map(|name| {
                let next = known.len() as u32;
                *known.entry(name).or_insert(next)
            })
            .collect();
        Self {
            count: known.len(),
            of_picture,
        }
    }

    pub(crate) fn check(&self, pictures: usize) -> Result<(), DetectionError> {
        let fits = self
            .of_picture
            .iter()
            .all(|&unit| (unit as usize) < self.count);
        if self.of_picture.len() == pictures && fits {
            return Ok(());
        }
        Err(DetectionError::input(
            "units",
            format!(
                "a number below {} for each of {pictures} pictures",
                self.count
            ),
            format!("{} numbers", self.of_picture.len()),
        ))
    }
}

/// For each figure, the objects of every unit that has any.
fn sizes(classes: &[ClassMatches], units: &Units) -> Vec<Vec<f64>> {
    let by_area: Vec<Vec<f64>> = (0..Area::EVERY.len())
        .map(|area| {
            let mut of = vec![0.0; units.count];
            for (picture, counted) in classes.iter().flat_map(|class| &class.counted) {
                of[units.of_picture[*picture as usize] as usize] += f64::from(counted[area]);
            }
            of.retain(|size| *size > 0.0);
            of
        })
        .collect();
    let areas = crate::evaluate::PARTS.map(|(area, _)| area);
    areas.iter().map(|&area| by_area[area].clone()).collect()
}

/// Intervals of the twelve figures over some categories: all of a data set, or one. By unit, as [`cohort_eval::intervals`] makes them.
///
/// # Errors
/// [`DetectionError`] for units that do not fit the pictures, or settings out of range.
pub fn figure_intervals(
    classes: &[ClassMatches],
    units: &Units,
    name: &str,
    settings: &IntervalSettings,
) -> Result<Vec<Interval>, DetectionError> {
    let sizes = sizes(classes, units);
    let given = Weighted {
        range: (0.0, 1.0),
        rows: classes.iter().map(|class| class.objects(0)).sum(),
        sizes: &sizes,
        names: &["detection", name],
    };
    Ok(weighted_intervals(
        || Weighing::new(classes, units),
        &given,
        settings,
    )?)
}

/// Intervals of the differences `a - b` of the twelve figures between two detectors on the same pictures.
///
/// # Errors
/// [`DetectionError`] where the two were not matched with the same objects, for units that do not fit, or settings out of range.
pub fn paired_intervals(
    a: &Matched,
    b: &Matched,
    units: &Units,
    name: &str,
    settings: &IntervalSettings,
) -> Result<Vec<Interval>, DetectionError> {
    let alike = a
        .classes
        .iter()
        .zip(&b.classes)
        .all(|(a, b)| a.counted == b.counted);
    if a.pictures != b.pictures || a.classes.len() != b.classes.len() || !alike {
        return Err(DetectionError::input(
            "two detectors",
            "matches with the same objects",
            "others",
        ));
    }
    units.check(a.pictures)?;
    let sizes = sizes(&a.classes, units);
    let given = Weighted {
        range: (-1.0, 1.0),
        rows: a.classes.iter().map(|class| class.objects(0)).sum(),
        sizes: &sizes,
        names: &["detection difference", name],
    };
    let make = || {
        Difference::new(
            Weighing::new(&a.classes, units),
            Weighing::new(&b.classes, units),
        )
    };
    Ok(weighted_intervals(make, &given, settings)?)
}

/// The intervals of one figure alone (its number in [`crate::evaluate::FIGURES`]).
pub(crate) fn figure_interval(
    classes: &[ClassMatches],
    units: &Units,
    figure: usize,
    name: &str,
    settings: &IntervalSettings,
) -> Result<Interval, DetectionError> {
    let sizes = sizes(classes, units);
    let given = Weighted {
        range: (0.0, 1.0),
        rows: classes.iter().map(|class| class.objects(0)).sum(),
        sizes: &sizes,
        names: &["detection", name],
    };
    let wanted = only(figure);
    let found = weighted_intervals(|| Weighing::of(classes, units, wanted), &given, settings)?;
    Ok(found.into_iter().nth(figure).expect("there are twelve"))
}

/// The difference of one figure between two lists of categories, whose objects may differ.
pub(crate) fn difference_interval(
    (a, b): (&[ClassMatches], &[ClassMatches]),
    units: &Units,
    figure: usize,
    name: &str,
    settings: &IntervalSettings,
) -> Result<Interval, DetectionError> {
    let sizes = sizes(b, units);
    let given = Weighted {
        range: (-1.0, 1.0),
        rows: b.iter().map(|class| class.objects(0)).sum(),
        sizes: &sizes,
        names: &["detection difference", name],
    };
    let wanted = only(figure);
    let make = || {
        let of = |classes| Weighing::of(classes, units, wanted);
        Difference::new(of(a), of(b))
    };
    let found = weighted_intervals(make, &given, settings)?;
    Ok(found.into_iter().nth(figure).expect("there are twelve"))
}

fn only(figure: usize) -> [bool; 12] {
    std::array::from_fn(|i| i == figure)
}
