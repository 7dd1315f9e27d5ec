//! Fits a fusion on the validation split: temperatures, penalties by folds, and a part for every subset.

use cohort_eval::{IntervalSettings, Metric, Sample, paired_difference, score};
use rayon::prelude::*;

use crate::align::Aligned;
use crate::calibrate::{TEMPERATURES, temperature};
use crate::design::{Design, class_weights, smoothed_prior};
use crate::model::{CrossValidated, Form, FusionModel, SubsetFusion, stack_row};
use crate::multinomial::{self, Deviation};
use crate::numeric::{argmax, softmax};
use crate::ordinal;
use crate::settings::{Fit, FusionRule, FusionSettings, StackingKind};
use crate::weights::{self, WeightFit, Weighted};
use crate::{FusionError, folds};

/// Penalties tried, strongest first, in units of the mean loss of a clip.
const PENALTIES: [f64; 6] = [10.0, 1.0, 0.1, 0.01, 0.001, 0.0001];
/// Exponents of the class weights tried.
const TILTS: [f64; 3] = [0.0, 0.5, 1.0];

/// The validation split with its subjects and folds.
pub(crate) struct Valid<'a> {
    pub aligned: &'a Aligned,
    pub truth: &'a [usize],
    /// Dense index of each clip's subject.
    pub subject: &'a [usize],
    pub fold: Vec<usize>,
    pub folds: usize,
}

impl<'a> Valid<'a> {
    pub fn new(
        aligned: &'a Aligned,
        truth: &'a [usize],
        subject_names: &[String],
        subject: &'a [usize],
        settings: &FusionSettings,
    ) -> Result<Self, FusionError> {
        if subject_names.len() < 2 {
            return Err(FusionError::table(
                "(all)",
                "valid",
                "at least 2 subjects to fit on",
                subject_names.len().to_string(),
            ));
        }
        let folds = settings.folds.min(subject_names.len());
        let fold = folds::by_subject(
            subject_names,
            subject,
            truth,
            aligned.classes,
            folds,
            settings.seed,
        );
        Ok(Self {
            aligned,
            truth,
            subject,
            fold,
            folds,
        })
    }
}

/// Settings and choices that one fit needs.
#[derive(Clone, Copy)]
struct Choice {
    weights: WeightFit,
    stacking: f64,
}

/// A fusion with nothing fitted: fixed rules without calibration.
pub(crate) fn fixed(
    names: &[String],
    classes: &[String],
    rule: &FusionRule,
    temperatures: Vec<f64>,
    prior: Vec<f64>,
) -> FusionModel {
    let parts = (1..1u32 << names.len())
        .map(|mask| SubsetFusion {
            modalities: names_of(names, mask),
            clips: 0,
            form: fixed_form(rule, mask, names.len(), classes.len()),
        })
        .collect();
    FusionModel {
        rule: rule.clone(),
        classes: classes.to_vec(),
        modalities: names.to_vec(),
        temperatures,
        prior,
        selection: None,
        parts,
    }
}

fn fixed_form(rule: &FusionRule, mask: u32, modalities: usize, classes: usize) -> Form {
    let members = (0..modalities).filter(|m| mask >> m & 1 == 1);
    match rule {
        FusionRule::MeanProbabilities => Form::MeanProbabilities,
        FusionRule::WeightedSumLogits { weights } => Form::Weighted {
            weights: members.map(|m| weights[m]).collect(),
            bias: vec![0.0; classes],
        },
        // Where the rule is fitted, this is what stands until the fit takes its place.
        FusionRule::SumLogits
        | FusionRule::ProductProbabilities
        | FusionRule::FittedWeights { .. }
        | FusionRule::Stacking { .. } => Form::Weighted {
            weights: members.map(|_| 1.0).collect(),
            bias: vec![0.0; classes],
        },
    }
}

fn names_of(names: &[String], mask: u32) -> Vec<String> {
    let members = names.iter().enumerate().filter(|(m, _)| mask >> m & 1 == 1);
    members.map(|(_, name)| name.clone()).collect()
}

/// Fits the fusion on the validation split.
///
/// `settings.rule`'s weights, when given, are in the order of `names`.
pub(crate) fn fit(
    names: &[String],
    classes: &[String],
    valid: &Valid,
    settings: &FusionSettings,
) -> FusionModel {
    let selection = settings
        .rule
        .fit()
        .map(|fit| select(names.len(), valid, settings, fit));
    let all: Vec<u32> = (1..1 << names.len()).collect();
    let mut model = fit_rows(names, classes, valid, settings, selection, &all, |_| true);
    model.selection = selection;
    model
}

/// Predictions of the validation split in which no clip is predicted by a fit that saw its subject.
pub(crate) fn cross_fit(
    names: &[String],
    classes: &[String],
    valid: &Valid,
    settings: &FusionSettings,
    selection: Option<CrossValidated>,
) -> Vec<f64> {
    let k = classes.len();
    let by_fold: Vec<Vec<(usize, Vec<f64>)>> = (0..valid.folds)
        .into_par_iter()
        .map(|fold| {
            let rows: Vec<usize> = (0..valid.truth.len())
                .filter(|&i| valid.fold[i] == fold)
                .collect();
            let mut masks: Vec<u32> = rows.iter().map(|&i| valid.aligned.present[i]).collect();
            masks.sort_unstable();
            masks.dedup();
            let model = fit_rows(names, classes, valid, settings, selection, &masks, |i| {
                valid.fold[i] != fold
            });
            rows.into_iter()
                .map(|i| {
                    let mut p = vec![0.0; k];
                    model.row(valid.aligned, i, valid.aligned.present[i], &mut p);
                    (i, p)
                })
                .collect()
        })
        .collect();
    let mut probabilities = vec![0.0; valid.truth.len() * k];
    for (i, p) in by_fold.into_iter().flatten() {
        probabilities[i * k..(i + 1) * k].copy_from_slice(&p);
    }
    probabilities
}

/// As [`cross_fit`] for every subset of the modalities, by mask from 1 on: the rows that have it all, in order, and their predictions
/// from it alone.
pub(crate) fn cross_fit_subsets(
    names: &[String],
    classes: &[String],
    valid: &Valid,
    settings: &FusionSettings,
    selection: Option<CrossValidated>,
) -> Vec<(Vec<usize>, Vec<f64>)> {
    let masks: Vec<u32> = (1..1 << names.len()).collect();
    let models: Vec<FusionModel> = (0..valid.folds)
        .into_par_iter()
        .map(|fold| {
            fit_rows(names, classes, valid, settings, selection, &masks, |i| {
                valid.fold[i] != fold
            })
        })
        .collect();
    let k = classes.len();
    let of_mask = |&mask: &u32| {
        let rows = (0..valid.truth.len()).filter(|&i| valid.aligned.present[i] & mask == mask);
        let rows: Vec<usize> = rows.collect();
        let mut probabilities = vec![0.0; rows.len() * k];
        for (&i, p) in rows.iter().zip(probabilities.chunks_exact_mut(k)) {
            models[valid.fold[i]].row(valid.aligned, i, mask, p);
        }
        (rows, probabilities)
    };
    masks.iter().map(of_mask).collect()
}

/// Fits on the rows for which `keep` holds; the parts of `masks` are fitted, others hold the fixed sum.
fn fit_rows(
    names: &[String],
    classes: &[String],
    valid: &Valid,
    settings: &FusionSettings,
    selection: Option<CrossValidated>,
    masks: &[u32],
    keep: impl Fn(usize) -> bool + Sync,
) -> FusionModel {
    let temperatures: Vec<f64> = (0..names.len())
        .map(|m| calibrated(valid, settings, m, &keep))
        .collect();
    let rows = || (0..valid.truth.len()).filter(|&i| keep(i));
    let mut counts = vec![0.0; classes.len()];
    rows().for_each(|i| counts[valid.truth[i]] += 1.0);
    let mut model = fixed(
        names,
        classes,
        &settings.rule,
        temperatures,
        smoothed_prior(&counts),
    );
    let Some(selection) = selection else {
        return model;
    };
    let choice = Choice {
        weights: weight_fit(settings, selection.weight_penalty, selection.tilt),
        stacking: selection.stacking_penalty.unwrap_or(0.0),
    };
    let forms: Vec<(usize, usize, Form)> = masks
        .par_iter()
        .map(|&mask| {
            let design = design(valid, mask, &model.temperatures, &keep);
            let form = fit_form(&settings.rule, &design, choice);
            (mask as usize - 1, design.rows(), form)
        })
        .collect();
    for (at, clips, form) in forms {
        model.parts[at].clips = clips;
        model.parts[at].form = form;
    }
    model
}

/// Temperature of modality `m` on the kept rows.
///
/// With class biases it is fitted beside an exponent of the class prior, which is then forgotten: a model that was trained
/// with inverse-frequency weights is wrong about the prior, and a temperature alone would flatten it for that.
fn calibrated(
    valid: &Valid,
    settings: &FusionSettings,
    m: usize,
    keep: &impl Fn(usize) -> bool,
) -> f64 {
    if !settings.calibrate {
        return 1.0;
    }
    let own = design(valid, 1 << m, &vec![1.0; m + 1], keep);
    if !settings.class_bias {
        return temperature(&own.x, own.classes, &own.truth);
    }
    // Under a strong penalty what is left free is the scale and the exponent.
    let fit = WeightFit {
        lambda: 1e3,
        tilt: 0.0,
        non_negative: true,
        class_bias: true,
    };
    let scale = weights::fit(&own, fit).weights[0];
    (1.0 / scale).clamp(TEMPERATURES.0, TEMPERATURES.1)
}

fn weight_fit(settings: &FusionSettings, lambda: f64, tilt: f64) -> WeightFit {
    WeightFit {
        lambda,
        tilt,
        non_negative: settings.non_negative,
        class_bias: settings.class_bias,
    }
}

/// The rows that have every modality of `mask`.
fn design(valid: &Valid, mask: u32, temperatures: &[f64], keep: &impl Fn(usize) -> bool) -> Design {
    let mut design = Design {
        modalities: mask.count_ones() as usize,
        classes: valid.aligned.classes,
        x: Vec::new(),
        truth: Vec::new(),
    };
    for i in (0..valid.truth.len()).filter(|&i| keep(i)) {
        if valid.aligned.present[i] & mask == mask {
            stack_row(valid.aligned, i, mask, temperatures, &mut design.x);
            design.truth.push(valid.truth[i]);
        }
    }
    design
}

fn fit_form(rule: &FusionRule, design: &Design, choice: Choice) -> Form {
    let tilt = choice.weights.tilt;
    match rule {
        FusionRule::Stacking {
            kind: StackingKind::Multinomial,
            ..
        } => {
            let base = weights::fit(design, choice.weights);
            let deviation = multinomial::fit(design, &base, choice.stacking, tilt, None);
            multinomial_form(&base, deviation, design.classes)
        }
        FusionRule::Stacking {
            kind: StackingKind::Ordinal,
            ..
        } => {
            let model = ordinal::fit(design, choice.stacking, tilt, None);
            Form::Ordinal {
                coefficients: model.coefficients,
                thresholds: model.thresholds,
            }
        }
        FusionRule::FittedWeights { .. } => weights::fit(design, choice.weights).into(),
        FusionRule::SumLogits
        | FusionRule::WeightedSumLogits { .. }
        | FusionRule::MeanProbabilities
        | FusionRule::ProductProbabilities => unreachable!("a fixed rule is not fitted"),
    }
}

/// The weighted sum and what stacking adds to it, as one matrix.
fn multinomial_form(base: &Weighted, deviation: Deviation, classes: usize) -> Form {
    let Deviation {
        mut matrix,
        mut bias,
    } = deviation;
    let width = base.weights.len() * classes;
    for c in 0..classes {
        for (m, weight) in base.weights.iter().enumerate() {
            matrix[c * width + m * classes + c] += weight;
        }
        bias[c] += base.bias[c];
    }
    Form::Multinomial { matrix, bias }
}

/// Chooses tilt and penalties by folds over the clips that have all modalities.
fn select(modalities: usize, valid: &Valid, settings: &FusionSettings, fit: Fit) -> CrossValidated {
    let full = (1u32 << modalities) - 1;
    let everyone = |_: usize| true;
    let temperatures: Vec<f64> = (0..modalities)
        .map(|m| calibrated(valid, settings, m, &everyone))
        .collect();
    let with_all = |i: usize| valid.aligned.present[i] & full == full;
    let rows: Vec<usize> = (0..valid.truth.len()).filter(|&i| with_all(i)).collect();
    let held = Held {
        design: design(valid, full, &temperatures, &everyone),
        fold: rows.iter().map(|&i| valid.fold[i]).collect(),
        folds: valid.folds,
        subject: rows.iter().map(|&i| valid.subject[i]).collect(),
    };
    let tilts: Vec<f64> = match fit.own_tilt() {
        None => vec![0.0],
        Some(_) => TILTS.to_vec(),
    };
    let tried: Vec<Tried> = tilts
        .par_iter()
        .map(|&tilt| held.best_weights(settings, tilt))
        .collect();
    let best = match (fit, fit.own_tilt()) {
        (Fit::Metric(metric), Some(own)) => held.best_tilt(&tried, metric, own, settings.ordered),
        _ => 0,
    };
    let chosen = &tried[best];
    let stacking_penalty = match settings.rule {
        FusionRule::Stacking { kind, .. } => {
            let base = weight_fit(settings, chosen.lambda, chosen.tilt);
            Some(held.best_stacking(kind, base))
        }
        _ => None,
    };
    CrossValidated {
        weight_penalty: chosen.lambda,
        stacking_penalty,
        tilt: chosen.tilt,
        folds: valid.folds,
        clips: rows.len(),
    }
}

/// Rows with folds to hold out.
struct Held {
    design: Design,
    fold: Vec<usize>,
    folds: usize,
    subject: Vec<usize>,
}

struct Tried {
    tilt: f64,
    lambda: f64,
    /// Held-out decision of each row.
    predicted: Vec<usize>,
}

impl Held {
    fn best_weights(&self, settings: &FusionSettings, tilt: f64) -> Tried {
        let settings = weight_fit(settings, 0.0, tilt);
        let (at, p) = self.best_penalty(tilt, |train| {
            let path = weights::fit_path(train, settings, &PENALTIES);
            path.into_iter().map(Form::from).collect()
        });
        let classes = self.design.classes;
        Tried {
            tilt,
            lambda: PENALTIES[at],
            predicted: p.chunks_exact(classes).map(argmax).collect(),
        }
    }

    fn best_stacking(&self, kind: StackingKind, base: WeightFit) -> f64 {
        let tilt = base.tilt;
        let (at, _) = self.best_penalty(tilt, |train| match kind {
            StackingKind::Multinomial => {
                let weights = weights::fit(train, base);
                let mut start: Option<Deviation> = None;
                PENALTIES
                    .iter()
                    .map(|&lambda| {
                        let found = multinomial::fit(train, &weights, lambda, tilt, start.as_ref());
                        start = Some(found.clone());
                        multinomial_form(&weights, found, train.classes)
                    })
                    .collect()
            }
            StackingKind::Ordinal => {
                let mut start = None;
                PENALTIES
                    .iter()
                    .map(|&lambda| {
                        let found = ordinal::fit(train, lambda, tilt, start.as_ref());
                        start = Some(found.clone());
                        Form::Ordinal {
                            coefficients: found.coefficients,
                            thresholds: found.thresholds,
                        }
                    })
                    .collect()
            }
        });
        PENALTIES[at]
    }

    /// Index of the penalty with the least held-out loss (class-weighted; the stronger of equals), and the held-out
    /// probabilities under it. `fit_path` gives a form for every penalty.
    fn best_penalty(
        &self,
        tilt: f64,
        fit_path: impl Fn(&Design) -> Vec<Form> + Sync,
    ) -> (usize, Vec<f64>) {
        let k = self.design.classes;
        let forms: Vec<Vec<Form>> = (0..self.folds)
            .into_par_iter()
            .map(|fold| fit_path(&self.design.filter(|i| self.fold[i] != fold)))
            .collect();
        let row_weight = class_weights(&self.design.counts(), tilt);
        let mut best = (0, f64::INFINITY, Vec::new());
        for (at, _) in PENALTIES.iter().enumerate() {
            let mut p = vec![0.0; self.design.rows() * k];
            let mut loss = 0.0;
            for (i, out) in p.chunks_exact_mut(k).enumerate() {
                forms[self.fold[i]][at].probabilities(self.design.row(i), out);
                let truth = self.design.truth[i];
                loss -= row_weight[truth] * out[truth].max(f64::MIN_POSITIVE).ln();
            }
            // A gain that rounding could make is none, so that equals keep the stronger penalty.
            if at == 0 || loss < best.1 * (1.0 - 1e-9) {
                best = (at, loss, p);
            }
        }
        (best.0, best.2)
    }

    /// Index of the tilt to use: the metric's own unless another is better by more than a standard error.
    fn best_tilt(&self, tried: &[Tried], metric: Metric, own: f64, ordered: bool) -> usize {
        let start = tried.iter().position(|t| t.tilt == own);
        let start = start.expect("the metric's own tilt is among those tried");
        let resamples = IntervalSettings {
            resamples: 100,
            ..IntervalSettings::default()
        };
        let build = |at: usize| {
            let sample = Sample::new(
                self.design.classes,
                &self.design.truth,
                &tried[at].predicted,
                &self.subject,
            );
            sample.map(|s| if ordered { s } else { s.unordered() })
        };
        let mut best = (start, 0.0);
        let Ok(home) = build(start) else { return start };
        if score(metric, &home).is_none() {
            return start;
        }
        for at in (0..tried.len()).filter(|&at| at != start) {
            let Ok(other) = build(at) else { continue };
            let Ok(difference) = paired_difference(metric, &other, &home, &resamples) else {
                continue;
            };
            let Some(estimate) = difference.estimate() else {
                continue;
            };
            let gain = if metric.higher_is_better() == Some(false) {
                -estimate.value
            } else {
                estimate.value
            };
            if gain > estimate.standard_error && gain > best.1 {
                best = (at, gain);
            }
        }
        best.0
    }
}

/// Probabilities of equal classes.
pub(crate) fn equal_prior(classes: usize) -> Vec<f64> {
    let mut prior = vec![0.0; classes];
    softmax(&mut prior);
    prior
}
