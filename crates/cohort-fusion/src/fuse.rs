//! Late fusion of prediction tables, and its record.

use std::collections::BTreeMap;

use cohort_eval::{Metric, Sample, scores};
use cohort_tables::{IdMatches, Predictions};
use serde::{Deserialize, Serialize};

use crate::FusionError;
use crate::align::{Aligned, ModelPredictions, align, name_order, shared_classes};
use crate::fit::{self, Valid, equal_prior};
use crate::model::FusionModel;
use crate::settings::{FusionRule, FusionSettings};

/// Version of the record.
pub const FUSION_SCHEMA: &str = "cohort.fusion/1";

/// Metrics that a record gives for each modality and the fusion.
pub const FUSION_METRICS: [Metric; 6] = [
    Metric::Accuracy,
    Metric::BalancedAccuracy,
    Metric::QuadraticKappa,
    Metric::MacroMae,
    Metric::Nll,
    Metric::Ece,
];

/// The outcome of a fusion.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    /// Fused predictions of the validation split, sorted by clip id. Where anything was fitted, each clip is predicted
    /// by a fit that has not seen its subject.
    pub valid: Predictions,
    /// Fused predictions of the test split, sorted by clip id.
    pub test: Predictions,
    /// What was done; JSON `cohort.fusion/1`. Its `model` applies to new clips.
    pub record: FusionRecord,
}

/// What a fusion did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FusionRecord {
    /// `cohort.fusion/1`.
    pub schema: String,
    /// The rule in words.
    pub rule: String,
    /// Whether each modality was calibrated by a temperature.
    pub calibrated: bool,
    /// How subjects were found.
    pub subjects: String,
    /// Seed of the folds.
    pub seed: u64,
    /// The fitted fusion.
    pub model: FusionModel,
    /// The validation split.
    pub valid: SplitRecord,
    /// The test split.
    pub test: SplitRecord,
    /// Clips that were joined although the tables do not write their ids alike; absent where there are none.
    #[serde(default, skip_serializing_if = "IdMatches::is_empty")]
    pub ids: IdMatches,
    /// What a reader should know of how the tables were read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One split of a fusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitRecord {
    /// Clips that at least one modality speaks of.
    pub clips: usize,
    /// Their subjects.
    pub subjects: usize,
    /// Clips that each modality lacks.
    pub missing: BTreeMap<String, usize>,
    /// Whether the fused predictions come from fits that had not seen the clip's subject.
    pub cross_fitted: bool,
    /// Metrics of each modality and of the fusion on the clips that all modalities have; empty without ground truth.
    pub scores: Vec<ModelScores>,
}

/// Metrics of one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelScores {
    /// The modality, or `fused`.
    pub model: String,
    /// Value of each metric of [`FUSION_METRICS`] by name; absent where it is not defined.
    pub metrics: BTreeMap<String, f64>,
}

/// Fuses modalities: fits on the validation split what the rule asks for, and applies it to both.
///
/// Clips are joined by clip id; one that lacks some modalities is fused from those it has, with parameters fitted for
/// that subset. Neither the order of the rows nor that of the modalities changes the result. The test split is
/// never fitted on.
///
/// # Errors
/// [`FusionError`]: settings out of range, names that repeat, tables without probabilities or with other classes, clips
/// that repeat, contradicting or missing truth, clips without subject, fewer than 2 validation subjects to fit on.
pub fn fuse(
    modalities: &[ModelPredictions],
    settings: &FusionSettings,
) -> Result<Fused, FusionError> {
    let prepared = Prepared::new(modalities, settings)?;
    let (model, valid) = prepared.fit()?;
    let (test, _) = model.predict(&prepared.test, u32::MAX);
    let settings = &prepared.settings;
    let record = FusionRecord {
        schema: FUSION_SCHEMA.to_string(),
        rule: settings.rule.describe(),
        calibrated: settings.calibrate,
        subjects: settings.subjects.describe(),
        seed: settings.seed,
        valid: prepared.split_record("valid", &valid)?,
        test: prepared.split_record("test", &test)?,
        model,
        ids: IdMatches::default(),
        notes: Vec::new(),
    };
    Ok(Fused {
        valid,
        test,
        record,
    })
}

/// Checked, aligned input of a fusion or an ablation.
pub(crate) struct Prepared {
    /// Names in order.
    pub names: Vec<String>,
    pub classes: Vec<String>,
    /// With given weights in the order of the names.
    pub settings: FusionSettings,
    pub valid: Aligned,
    pub test: Aligned,
}

impl Prepared {
    pub fn new(
        modalities: &[ModelPredictions],
        settings: &FusionSettings,
    ) -> Result<Self, FusionError> {
        let names: Vec<&str> = modalities.iter().map(|m| m.name.as_str()).collect();
        let order = name_order(&names)?;
        settings.check(names.len())?;
        let classes = shared_classes(modalities)?;
        let mut settings = settings.clone();
        if let FusionRule::WeightedSumLogits { weights } = &mut settings.rule {
            *weights = order.iter().map(|&m| weights[m]).collect();
        }
        let tables = |split: fn(&ModelPredictions) -> &Predictions| -> Vec<(&str, &Predictions)> {
            order
                .iter()
                .map(|&m| (names[m], split(&modalities[m])))
                .collect()
        };
        Ok(Self {
            valid: align("valid", &classes, &tables(|m| &m.valid))?,
            test: align("test", &classes, &tables(|m| &m.test))?,
            names: order.iter().map(|&m| names[m].to_string()).collect(),
            classes,
            settings,
        })
    }

    /// Whether anything is fitted on the validation split.
    pub fn needs_valid(&self) -> bool {
        self.settings.rule.fit().is_some() || self.settings.calibrate
    }

    /// The model, and its predictions of the validation split.
    pub fn fit(&self) -> Result<(FusionModel, Predictions), FusionError> {
        if !self.needs_valid() {
            let rule = &self.settings.rule;
            let temperatures = vec![1.0; self.names.len()];
            let prior = self.valid_prior();
            let model = fit::fixed(&self.names, &self.classes, rule, temperatures, prior);
            let valid = model.predict(&self.valid, u32::MAX).0;
            return Ok((model, valid));
        }
        if self.valid.len() == 0 {
            return Err(FusionError::table(
                "(all)",
                "valid",
                "validation predictions to fit or calibrate on",
                "none",
            ));
        }
        let truth = self.valid.truth("valid")?;
        let (subjects, subject) = self.settings.subjects.index("valid", &self.valid.names)?;
        let valid = Valid::new(&self.valid, truth, &subjects, &subject, &self.settings)?;
        let model = fit::fit(&self.names, &self.classes, &valid, &self.settings);
        let probabilities = fit::cross_fit(
            &self.names,
            &self.classes,
            &valid,
            &self.settings,
            model.selection,
        );
        let predictions = model.assemble(&self.valid, probabilities);
        Ok((model, predictions))
    }

    fn valid_prior(&self) -> Vec<f64> {
        match &self.valid.truth {
            None => equal_prior(self.classes.len()),
            Some(truth) => {
                let mut counts = vec![0.0; self.classes.len()];
                truth.iter().for_each(|&class| counts[class] += 1.0);
                crate::design::smoothed_prior(&counts)
            }
        }
    }

    fn split_record(
        &self,
        split: &'static str,
        fused: &Predictions,
    ) -> Result<SplitRecord, FusionError> {
        let aligned = if split == "valid" {
            &self.valid
        } else {
            &self.test
        };
        let (subjects, subject) = self.settings.subjects.index(split, &aligned.names)?;
        let missing = self.names.iter().enumerate().map(|(m, name)| {
            (
                name.clone(),
                aligned
                    .present
                    .iter()
                    .filter(|mask| *mask >> m & 1 == 0)
                    .count(),
            )
        });
        Ok(SplitRecord {
            clips: aligned.len(),
            subjects: subjects.len(),
            missing: missing.collect(),
            cross_fitted: split == "valid" && self.needs_valid(),
            scores: self.scores(aligned, fused, &subject)?,
        })
    }

    /// Metrics of each modality as it came and of the fusion, on the clips that all modalities have.
    fn scores(
        &self,
        aligned: &Aligned,
        fused: &Predictions,
        subject: &[usize],
    ) -> Result<Vec<ModelScores>, FusionError> {
        let (Some(truth), k) = (&aligned.truth, self.classes.len()) else {
            return Ok(Vec::new());
        };
        let full = (1u32 << self.names.len()) - 1;
        let rows: Vec<usize> = (0..aligned.len())
            .filter(|&i| aligned.present[i] == full)
            .collect();
        let pick = |values: &[usize]| -> Vec<usize> { rows.iter().map(|&i| values[i]).collect() };
        let (truth, subject) = (pick(truth), pick(subject));
        let mut all = Vec::new();
        for m in 0..=self.names.len() {
            let mut p = Vec::with_capacity(rows.len() * k);
            for &i in &rows {
                match self.names.get(m) {
                    Some(_) => p.extend(aligned.row(m, i).iter().map(|z| z.exp())),
                    None => {
                        let row = fused.row(i);
                        p.extend_from_slice(row.expect("a fusion gives probabilities"));
                    }
                }
            }
            let predicted: Vec<usize> = p.chunks_exact(k).map(crate::numeric::argmax).collect();
            let mut sample =
                Sample::new(k, &truth, &predicted, &subject)?.with_probabilities(&p)?;
            if !self.settings.ordered {
                sample = sample.unordered();
            }
            let values = scores(&FUSION_METRICS, &sample);
            let named = FUSION_METRICS.iter().zip(values);
            all.push(ModelScores {
                model: self
                    .names
                    .get(m)
                    .map_or("fused", String::as_str)
                    .to_string(),
                metrics: named
                    .filter_map(|(metric, value)| Some((metric.name().to_string(), value?)))
                    .collect(),
            });
        }
        Ok(all)
    }
}
