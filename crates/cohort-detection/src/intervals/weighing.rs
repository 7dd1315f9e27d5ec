//! The twelve figures under weights of units, with their influence functions.

use cohort_eval::Resampled;

use super::Units;
use super::average::{Cut, Line, average_precision};
use crate::evaluate::{Area, ClassMatches, FIGURES, LIMITS, PARTS, Part, THRESHOLDS};

const COUNT: usize = FIGURES.len();

/// The figures over some categories.
pub(crate) struct Weighing<'a> {
    classes: &'a [ClassMatches],
    units: &'a Units,
    line: Line,
    values: Vec<f64>,
    errors: Vec<f64>,
    /// Figure-major: derivative of each figure by the weight of each unit.
    influence: Vec<f64>,
    /// The same of one category at one threshold.
    own: Vec<f64>,
    /// Figures that are wanted; the others are not computed, and not numbers.
    wanted: [bool; COUNT],
}

impl<'a> Weighing<'a> {
    /// All figures.
    pub(crate) fn new(classes: &'a [ClassMatches], units: &'a Units) -> Self {
        Self::of(classes, units, [true; COUNT])
    }

    pub(crate) fn of(classes: &'a [ClassMatches], units: &'a Units, wanted: [bool; COUNT]) -> Self {
        Self {
            wanted,
            classes,
            units,
            line: Line::default(),
            values: vec![f64::NAN; COUNT],
            errors: vec![f64::NAN; COUNT],
            influence: vec![0.0; COUNT * units.count],
            own: vec![0.0; units.count],
        }
    }

    fn unit(&self, picture: u32) -> usize {
        self.units.of_picture[picture as usize] as usize
    }

    /// Values, and with `with_influence` the influences.
    fn weigh(&mut self, weights: &[f64], with_influence: bool) {
        self.values.fill(0.0);
        self.influence.fill(0.0);
        let mut present = [0.0; 4];
        let asked = |area: usize| (0..COUNT).any(|f| self.wanted[f] && PARTS[f].0 == area);
        let asked: [bool; 4] = std::array::from_fn(asked);
        for class in self.classes {
            for (area, present) in present.iter_mut().enumerate().filter(|(a, _)| asked[*a]) {
                let counted = class.counted.iter();
                let objects: f64 = counted
                    .map(|(picture, n)| f64::from(n[area]) * weights[self.unit(*picture)])
                    .sum();
                if objects > 0.0 {
                    *present += 1.0;
                    self.weigh_class(class, area, objects, weights, with_influence);
                }
            }
        }
        for (figure, (area, part)) in PARTS.into_iter().enumerate() {
            let of = present[area]
                * match part {
                    Part::Precision(Some(_)) => 1.0,
                    _ => THRESHOLDS as f64,
                };
            // without objects: not defined
            self.values[figure] = match self.wanted[figure] {
                true => self.values[figure] / of,
                false => f64::NAN,
            };
            let row = figure * self.units.count..(figure + 1) * self.units.count;
            self.influence[row].iter_mut().for_each(|v| *v /= of);
        }
    }

    fn weigh_class(
        &mut self,
        class: &ClassMatches,
        area: usize,
        objects: f64,
        weights: &[f64],
        with_influence: bool,
    ) {
        for threshold in 0..THRESHOLDS {
            let cut = Cut {
                area,
                threshold,
                objects,
            };
            let units = self.units;
            let unit = |picture: u32| units.of_picture[picture as usize] as usize;
            let weight = |picture: u32| weights[unit(picture)];
            let read_here = |figure: usize| {
                let (of, part) = PARTS[figure];
                let at = match part {
                    Part::Precision(only) => only.is_none_or(|only| only == threshold),
                    Part::Recall(_) => false,
                };
                of == area && at
            };
            let figures: Vec<usize> = (0..COUNT)
                .filter(|&figure| self.wanted[figure] && read_here(figure))
                .collect();
            if !figures.is_empty() {
                self.own.fill(0.0);
                let own = &mut self.own;
                let mut tell = |picture: u32, value: f64| own[unit(picture)] += value;
                let tell: Option<&mut dyn FnMut(u32, f64)> = match with_influence {
                    true => Some(&mut tell),
                    false => None,
                };
                let (value, by_object) =
                    average_precision(class, cut, &mut self.line, weight, tell);
                if with_influence {
                    self.add_objects(class, area, by_object);
                }
                for figure in figures {
                    self.add(figure, value, with_influence);
                }
            }
            self.weigh_recall(class, cut, weights, with_influence);
        }
    }

    /// What a unit's own objects add.
    fn add_objects(&mut self, class: &ClassMatches, area: usize, by_object: f64) {
        for (picture, n) in &class.counted {
            let unit = self.unit(*picture);
            self.own[unit] += by_object * f64::from(n[area]);
        }
    }

    fn add(&mut self, figure: usize, value: f64, with_influence: bool) {
        self.values[figure] += value;
        if with_influence {
            let row = &mut self.influence[figure * self.units.count..];
            row.iter_mut()
                .zip(&self.own)
                .for_each(|(sum, own)| *sum += own);
        }
    }

    fn weigh_recall(
        &mut self,
        class: &ClassMatches,
        cut: Cut,
        weights: &[f64],
        with_influence: bool,
    ) {
        let bit = 1_u16 << cut.threshold;
        for (figure, (of, part)) in PARTS.into_iter().enumerate() {
            let Part::Recall(limit) = part else { continue };
            if of != cut.area || !self.wanted[figure] {
                continue;
            }
            self.own.fill(0.0);
            let mut right = 0.0;
            for hit in &class.hits {
                let counts = hit.found[of] & bit != 0 && hit.ignored[of] & bit == 0;
                if counts && hit.rank < LIMITS[limit] {
                    let unit = self.units.of_picture[hit.picture as usize] as usize;
                    right += weights[unit];
                    self.own[unit] += 1.0 / cut.objects;
                }
            }
            let recall = right / cut.objects;
            if with_influence {
                self.add_objects(class, of, -recall / cut.objects);
            }
            self.add(figure, recall, with_influence);
        }
    }
}

/// Cluster-robust standard errors from influences.
fn errors_of(influence: &[f64], units: usize, weights: &[f64], errors: &mut [f64]) {
    let drawn: f64 = weights.iter().sum();
    for (error, row) in errors.iter_mut().zip(influence.chunks_exact(units.max(1))) {
        let squares: f64 = row.iter().zip(weights).map(|(d, w)| w * d * d).sum();
        *error = match drawn > 1.0 {
            true => (squares * drawn / (drawn - 1.0)).sqrt(),
            false => f64::NAN,
        };
    }
}

impl Resampled for Weighing<'_> {
    fn units(&self) -> usize {
        self.units.count
    }

    fn values_and_errors(&mut self, weights: &[f64], with_errors: bool) -> (&[f64], &[f64]) {
        self.weigh(weights, with_errors);
        if with_errors {
            errors_of(&self.influence, self.units.count, weights, &mut self.errors);
        }
        (&self.values, &self.errors)
    }
}

/// Figures of one detector less those of another.
pub(crate) struct Difference<'a> {
    a: Weighing<'a>,
    b: Weighing<'a>,
}

impl<'a> Difference<'a> {
    pub(crate) fn new(a: Weighing<'a>, b: Weighing<'a>) -> Self {
        Self { a, b }
    }
}

impl Resampled for Difference<'_> {
    fn units(&self) -> usize {
        self.a.units.count
    }

    fn values_and_errors(&mut self, weights: &[f64], with_errors: bool) -> (&[f64], &[f64]) {
        self.a.weigh(weights, with_errors);
        self.b.weigh(weights, with_errors);
        let less = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a -= b);
        less(&mut self.a.values, &self.b.values);
        if with_errors {
            less(&mut self.a.influence, &self.b.influence);
            let units = self.a.units.count;
            errors_of(&self.a.influence, units, weights, &mut self.a.errors);
        }
        (&self.a.values, &self.a.errors)
    }
}

const _: () = assert!(Area::EVERY.len() == 4, "an entry of every hit each");
