//! Everything about a detector in one document (`cohort.detection/1`).

use cohort_eval::{Interval, IntervalSettings};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::control::{Control, control};
use crate::error::DetectionError;
use crate::errors::{ErrorCost, Errors};
use crate::evaluate::{
    FIGURES, LEVELS, MOST_DETECTIONS, Matched, curve, figures_of_class, match_all,
};
use crate::groups::{GroupSettings, Groups, PictureGroups, compare_groups};
use crate::intervals::{Units, figure_interval, figure_intervals, paired_intervals};
use crate::results::Results;
use crate::truth::{Shape, Truth};

/// Name and version of the document.
pub const DETECTION_SCHEMA: &str = "cohort.detection/1";

/// How a detector is evaluated. COCO's own constants (IoU thresholds, recall levels, sizes, 100 detections a picture and category) are
/// fixed: with others figures could not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DetectionSettings {
    /// What is matched.
    pub shape: Shape,
    /// Bootstrap resamples of units, 100 to 1,000,000 (default 1,000).
    pub resamples: usize,
    /// Level of intervals, at least 0.5 and below 1 (default 0.95).
    pub level: f64,
    /// Relabellings of each attribute, 100 to 100,000 (default 1,000).
    pub permutations: usize,
    /// Chance of any weak group where there is none (default 0.05).
    pub alpha: f64,
    /// Exchanges of pictures for the control, 0 to 1,000 (default 10).
    pub shuffles: usize,
    /// Seed of everything random (default 0).
    pub seed: u64,
}

impl Default for DetectionSettings {
    fn default() -> Self {
        Self {
            shape: Shape::Box,
            resamples: 1000,
            level: 0.95,
            permutations: 1000,
            alpha: 0.05,
            shuffles: 10,
            seed: 0,
        }
    }
}

impl DetectionSettings {
    fn intervals(&self) -> IntervalSettings {
        IntervalSettings {
            resamples: self.resamples,
            level: self.level,
            seed: self.seed,
        }
    }

    fn groups(&self) -> GroupSettings {
        GroupSettings {
            permutations: self.permutations,
            alpha: self.alpha,
            seed: self.seed,
        }
    }
}

/// What is evaluated.
#[derive(Debug, Clone, Copy)]
pub struct DetectionQuestion<'a> {
    /// Pictures and objects.
    pub truth: &'a Truth,
    /// Detections.
    pub results: &'a Results,
    /// What is not torn apart.
    pub units: &'a Units,
    /// Attributes of the pictures.
    pub attributes: &'a [PictureGroups],
    /// Another detector's detections of the same pictures.
    pub against: Option<&'a Results>,
}

/// A figure with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedFigure {
    /// `AP`, `AP50`, `AP75`, `APs`, `APm`, `APl`, `AR1`, `AR10`, `AR100`, `ARs`, `ARm` or `ARl`.
    pub name: String,
    /// As pycocotools has it, to the last digit; absent where there is no object of the kind.
    pub value: Option<f64>,
    /// Its interval by unit.
    pub interval: Interval,
}

/// One category.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CategoryFigures {
    /// The category's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Objects that count.
    pub objects: usize,
    /// Detections that are looked at.
    pub detections: usize,
    /// The twelve figures in COCO's order; absent ones where there is no object of the kind.
    pub figures: Vec<Option<f64>>,
    /// AP with its interval by unit.
    pub ap: Interval,
    /// Precision at recall 0, .01, ..., 1 and IoU .5; empty without objects.
    pub precision50: Vec<f64>,
}

/// Precision over all categories that have objects, by recall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrecisionByRecall {
    /// 0, .01, ..., 1.
    pub recall: Vec<f64>,
    /// At IoU .5.
    pub at50: Vec<f64>,
    /// At IoU .75.
    pub at75: Vec<f64>,
    /// Mean over the ten IoU thresholds.
    pub mean: Vec<f64>,
}

/// The difference to another detector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionDifference {
    /// The other's file.
    pub against: String,
    /// This detector's figures less the other's, with paired intervals by unit.
    pub figures: Vec<NamedFigure>,
}

/// How good a detector is (`cohort.detection/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionDocument {
    /// Name and version of this document.
    pub schema: String,
    /// File of the annotations.
    pub truth: String,
    /// File of the detections.
    pub results: String,
    /// How it was evaluated.
    pub settings: DetectionSettings,
    /// Pictures.
    pub pictures: usize,
    /// Objects that count.
    pub objects: usize,
    /// Regions of crowds, in which detections are neither right nor wrong.
    pub crowds: usize,
    /// Detections.
    pub detections: usize,
    /// Of these, detections beyond the 100 surest of their picture and category, which COCO's figures do not look at.
    pub beyond: usize,
    /// What is not torn apart: a column's name, `picture` or `sequence`.
    pub unit: String,
    /// Number of units.
    pub units: usize,
    /// What was odd but could be read.
    pub notes: Vec<String>,
    /// The twelve figures in COCO's order.
    pub figures: Vec<NamedFigure>,
    /// Every category.
    pub categories: Vec<CategoryFigures>,
    /// Precision by recall.
    pub precision: PrecisionByRecall,
    /// The same detections given to other pictures.
    pub control: Control,
    /// What is wrong with detections, and what AP50 would gain without it.
    pub errors: Vec<ErrorCost>,
    /// Objects by size, pictures by attribute.
    pub groups: Groups,
    /// The difference to another detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<DetectionDifference>,
}

/// Evaluates a detector; names of files and units are left empty. The same seed gives the same bytes whatever the number of threads.
///
/// # Errors
/// [`DetectionError`] for settings out of range, or units and attributes that do not fit the pictures.
pub fn evaluate_detections(
    question: &DetectionQuestion,
    settings: &DetectionSettings,
) -> Result<DetectionDocument, DetectionError> {
    let (truth, results, units) = (question.truth, question.results, question.units);
    units.check(truth.pictures.len())?;
    if settings.shuffles > 1000 {
        let found = settings.shuffles.to_string();
        return Err(DetectionError::input("shuffles", "0 to 1000", found));
    }
    let shape = settings.shape;
    let how = settings.intervals();
    let matched = match_all(truth, results, shape);
    let groups = compare_groups(
        truth,
        &matched,
        units,
        question.attributes,
        &settings.groups(),
        &how,
    )?;
    let intervals = figure_intervals(&matched.classes, units, "all", &how)?;
    let against = question.against.map(|other| {
        let other = match_all(truth, other, shape);
        let found = paired_intervals(&matched, &other, units, "against", &how)?;
        Ok::<_, DetectionError>(DetectionDifference {
            against: String::new(),
            figures: named(found.iter().map(Interval::value).collect(), found),
        })
    });
    let looked_at: usize = matched.classes.iter().map(|class| class.hits.len()).sum();
    let errors = Errors::new(truth, results, shape, &matched);
    Ok(DetectionDocument {
        schema: DETECTION_SCHEMA.into(),
        truth: String::new(),
        results: String::new(),
        settings: *settings,
        pictures: truth.pictures.len(),
        objects: truth.objects.iter().filter(|object| !object.crowd).count(),
        crowds: truth.objects.iter().filter(|object| object.crowd).count(),
        detections: results.detections.len(),
        beyond: results.detections.len() - looked_at,
        unit: String::new(),
        units: units.count,
        notes: truth.notes.iter().chain(&results.notes).cloned().collect(),
        figures: named(crate::evaluate::figures(&matched).0.to_vec(), intervals),
        categories: categories(truth, &matched, units, &how)?,
        precision: precision(&matched),
        control: control(truth, results, shape, settings.shuffles, settings.seed),
        errors: errors.costs(truth, &matched, units, &how)?,
        groups,
        against: against.transpose()?,
    })
}

fn named(values: Vec<Option<f64>>, intervals: Vec<Interval>) -> Vec<NamedFigure> {
    let figures = FIGURES.iter().zip(values).zip(intervals);
    figures
        .map(|((name, value), interval)| NamedFigure {
            name: (*name).into(),
            value,
            interval,
        })
        .collect()
}

fn categories(
    truth: &Truth,
    matched: &Matched,
    units: &Units,
    how: &IntervalSettings,
) -> Result<Vec<CategoryFigures>, DetectionError> {
    let of = truth.categories.par_iter().zip(&matched.classes);
    of.map(|(category, class)| {
        let name = format!("category {}", category.id);
        let of_class = std::slice::from_ref(class);
        Ok(CategoryFigures {
            id: category.id.to_string(),
            name: category.name.clone(),
            objects: class.objects(0),
            detections: class.hits.len(),
            figures: figures_of_class(class).0.to_vec(),
            ap: figure_interval(of_class, units, 0, &name, how)?,
            precision50: curve(class, 0).map_or(Vec::new(), |curve| curve.precision[0].to_vec()),
        })
    })
    .collect()
}

fn precision(matched: &Matched) -> PrecisionByRecall {
    let curves: Vec<_> = matched
        .classes
        .iter()
        .filter_map(|class| curve(class, 0))
        .collect();
    let mean = |thresholds: std::ops::Range<usize>| -> Vec<f64> {
        let of = |level: usize| {
            let values = curves
                .iter()
                .flat_map(|c| c.precision[thresholds.clone()].iter());
            values.map(|row| row[level]).sum::<f64>() / (curves.len() * thresholds.len()) as f64
        };
        match curves.is_empty() {
            true => Vec::new(),
            false => (0..LEVELS).map(of).collect(),
        }
    };
    PrecisionByRecall {
        recall: crate::evaluate::recall_levels().to_vec(),
        at50: mean(0..1),
        at75: mean(5..6),
        mean: mean(0..10),
    }
}

const _: () = assert!(MOST_DETECTIONS == 100, "the documentation says so");
