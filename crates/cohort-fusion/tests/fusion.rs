//! Fusion from the outside: invariances, missing modalities, small splits, and that it helps.
#![allow(clippy::unwrap_used)]

mod common;

use cohort_eval::{IntervalSettings, Metric, Sample, SetRule, paired_difference};
use cohort_fusion::{
    Fit, FusionModel, FusionRule, FusionSettings, ModelPredictions, StackingKind, Subjects, fuse,
    fusion_sets,
};
use cohort_tables::Predictions;
use common::{CLASSES, Draws, balanced_study, rows, study};

fn rules() -> Vec<FusionRule> {
    let balanced = Fit::Metric(Metric::BalancedAccuracy);
    vec![
        FusionRule::SumLogits,
        FusionRule::WeightedSumLogits {
            weights: vec![1.2, 0.8, 0.8],
        },
        FusionRule::MeanProbabilities,
        FusionRule::ProductProbabilities,
        FusionRule::FittedWeights {
            fit: Fit::Likelihood,
        },
        FusionRule::FittedWeights { fit: balanced },
        FusionRule::Stacking {
            kind: StackingKind::Multinomial,
            fit: balanced,
        },
        FusionRule::Stacking {
            kind: StackingKind::Ordinal,
            fit: Fit::Likelihood,
        },
    ]
}

fn with(rule: &FusionRule) -> FusionSettings {
    FusionSettings {
        rule: rule.clone(),
        ..FusionSettings::default()
    }
}

#[test]
fn order_of_rows_and_modalities_and_number_of_threads_change_no_bit() {
    let plain = study(60, 40, 1).modalities;
    let mut draws = Draws::new(9);
    let mut shuffled = |table: &Predictions| {
        let mut order: Vec<usize> = (0..table.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, (draws.uniform() * (i + 1) as f64) as usize);
        }
        rows(table, &order)
    };
    let mixed: Vec<ModelPredictions> = [2, 0, 1]
        .map(|m: usize| ModelPredictions {
            name: plain[m].name.clone(),
            valid: shuffled(&plain[m].valid),
            test: shuffled(&plain[m].test),
        })
        .into();
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    for rule in rules() {
        let a = fuse(&plain, &with(&rule)).unwrap();
        let reordered = match &rule {
            FusionRule::WeightedSumLogits { weights: w } => FusionRule::WeightedSumLogits {
                weights: vec![w[2], w[0], w[1]],
            },
            other => other.clone(),
        };
        let b = one.install(|| fuse(&mixed, &with(&reordered))).unwrap();
        assert_eq!(a.test, b.test, "{rule:?}");
        assert_eq!(a.valid, b.valid, "{rule:?}");
        let json = |record| serde_json::to_string(record).unwrap();
        assert_eq!(json(&a.record), json(&b.record), "{rule:?}");
    }
}

#[test]
fn the_test_split_is_never_fitted_on() {
    let plain = study(50, 40, 2).modalities;
    let mut other = plain.clone();
    for modality in &mut other {
        // Another truth and other clips in test.
        modality
            .test
            .truth
            .as_mut()
            .unwrap()
            .iter_mut()
            .for_each(|t| *t = (*t + 3) % CLASSES);
        let half: Vec<usize> = (0..modality.test.len() / 2).collect();
        modality.test = rows(&modality.test, &half);
    }
    for rule in rules() {
        let (a, b) = (
            fuse(&plain, &with(&rule)).unwrap(),
            fuse(&other, &with(&rule)).unwrap(),
        );
        assert_eq!(a.record.model, b.record.model, "{rule:?}");
        assert_eq!(a.valid, b.valid, "{rule:?}");
    }
}

/// The validation clips of a study under other names, as its test split: answers for them are those of the final fit on clips that
/// it was fitted on.
fn fitted_on_its_own(seed: u64) -> Vec<ModelPredictions> {
    let mut modalities = study(60, 5, seed).modalities;
    for modality in &mut modalities {
        modality.test = modality.valid.clone();
        for name in &mut modality.test.names {
            *name = name.replacen('v', "w", 1);
        }
    }
    modalities
}

#[test]
fn no_clip_is_predicted_by_a_fit_that_saw_its_subject() {
    // what a fit says of clips that it saw is better than what it says of others; a leak would make the two the same
    let nll = |table: &Predictions| {
        let truth = table.truth.as_ref().unwrap();
        let rows = truth.iter().enumerate();
        let sum: f64 = rows.map(|(row, &t)| -table.row(row).unwrap()[t].ln()).sum();
        sum / truth.len() as f64
    };
    for rule in rules() {
        let (mut seen, mut unseen) = (0.0, 0.0);
        for seed in 0..4 {
            let fused = fuse(&fitted_on_its_own(seed), &with(&rule)).unwrap();
            seen += nll(&fused.test) / 4.0;
            unseen += nll(&fused.valid) / 4.0;
        }
        // every rule fits at least a temperature a modality
        assert!(unseen > seen + 0.001, "{rule:?}: {unseen} {seen}");
    }
}

#[test]
fn sums_products_and_means_are_what_they_say() {
    let modalities = study(30, 30, 3).modalities;
    let plain = |rule: FusionRule| {
        let settings = FusionSettings {
            calibrate: false,
            ..with(&rule)
        };
        fuse(&modalities, &settings).unwrap().test
    };
    let sum = plain(FusionRule::SumLogits);
    let product = plain(FusionRule::ProductProbabilities);
    let mean = plain(FusionRule::MeanProbabilities);
    let weighted = plain(FusionRule::WeightedSumLogits {
        weights: vec![1.2, 0.8, 0.0],
    });
    assert_eq!(sum.probabilities, product.probabilities);
    // The made-up tables are sorted by clip id already.
    let p: Vec<&[f64]> = modalities.iter().map(|m| m.test.row(5).unwrap()).collect();
    let normalised = |values: Vec<f64>| -> Vec<f64> {
        let total: f64 = values.iter().sum();
        values.iter().map(|v| v / total).collect()
    };
    // Below the floor of 1e-9 a probability counts as the floor.
    let f = |p: f64| p.max(1e-9);
    let by_hand = [
        (
            "product",
            &product,
            (0..CLASSES)
                .map(|k| f(p[0][k]) * f(p[1][k]) * f(p[2][k]))
                .collect(),
        ),
        (
            "mean",
            &mean,
            (0..CLASSES).map(|k| p[0][k] + p[1][k] + p[2][k]).collect(),
        ),
        (
            "weighted",
            &weighted,
            (0..CLASSES)
                .map(|k| f(p[0][k]).powf(1.2) * f(p[1][k]).powf(0.8))
                .collect(),
        ),
    ];
    for (name, found, expected) in by_hand {
        let expected = normalised(expected);
        for (a, b) in found.row(5).unwrap().iter().zip(expected) {
            assert!((a - b).abs() < 1e-7, "{name}: {a} {b}");
        }
    }
}

#[test]
fn missing_modalities_are_left_out_and_a_clip_in_none_cannot_be() {
    let plain = study(60, 40, 4).modalities;
    for rule in rules() {
        let full = fuse(&plain, &with(&rule)).unwrap();
        let model = &full.record.model;
        // Audio is gone for the first ten test clips, and text for the next ten.
        let mut holes = plain.clone();
        let without = |gone: std::ops::Range<usize>, n: usize| -> Vec<usize> {
            (0..n).filter(|i| !gone.contains(i)).collect()
        };
        holes[1].test = rows(&plain[1].test, &without(0..10, plain[1].test.len()));
        holes[2].test = rows(&plain[2].test, &without(10..20, plain[2].test.len()));
        let found = fuse(&holes, &with(&rule)).unwrap();
        assert_eq!(found.record.test.missing["audio"], 10);
        assert_eq!(found.test.names, full.test.names);
        let image = ("image", &plain[0].test);
        let no_audio = model.apply(&[image, ("text", &plain[2].test)]).unwrap();
        let no_text = model.apply(&[("audio", &plain[1].test), image]).unwrap();
        for i in 0..found.test.len() {
            let expected = match i {
                0..10 => no_audio.row(i),
                10..20 => no_text.row(i),
                _ => full.test.row(i),
            };
            assert_eq!(found.test.row(i), expected, "{rule:?} clip {i}");
        }
    }
}

#[test]
fn a_saved_model_predicts_the_same_and_refuses_strangers() {
    let modalities = study(50, 30, 5).modalities;
    for rule in rules() {
        let fused = fuse(&modalities, &with(&rule)).unwrap();
        let json = serde_json::to_string(&fused.record).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["schema"], "cohort.fusion/1");
        let model: FusionModel = serde_json::from_value(value["model"].clone()).unwrap();
        let tables: Vec<(&str, &Predictions)> = modalities
            .iter()
            .map(|m| (m.name.as_str(), &m.test))
            .collect();
        let again = model.apply(&tables).unwrap();
        assert_eq!(again.predicted, fused.test.predicted);
        for (a, b) in again
            .probabilities
            .unwrap()
            .iter()
            .zip(fused.test.probabilities.unwrap())
        {
            assert!((a - b).abs() < 1e-12, "{rule:?}");
        }
        let stranger = model
            .apply(&[("smell", &modalities[0].test)])
            .unwrap_err()
            .to_string();
        assert_eq!(
            stranger,
            "modalities: expected each of audio, image, text at most once, found smell"
        );
    }
}

#[test]
fn tiny_validation_splits_do_not_blow_up() {
    for subjects in [2, 3, 6] {
        let modalities = study(subjects, 40, 6).modalities;
        for rule in rules() {
            let fused = fuse(&modalities, &with(&rule)).unwrap();
            let p = fused.test.probabilities.unwrap();
            assert!(
                p.iter().all(|p| p.is_finite() && (0.0..=1.0).contains(p)),
                "{rule:?}"
            );
            if let Some(weights) = fused.record.model.weights() {
                assert!(
                    weights.iter().all(|w| w.abs() < 10.0),
                    "{subjects} {rule:?} {weights:?}"
                );
            }
        }
    }
    let error = fuse(&study(1, 5, 7).modalities, &FusionSettings::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected at least 2 subjects to fit on, found 1"),
        "{error}"
    );
    let mut none = study(5, 5, 7).modalities;
    none.iter_mut()
        .for_each(|m| m.valid = Predictions::default());
    let error = fuse(&none, &FusionSettings::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("validation predictions to fit or calibrate on"),
        "{error}"
    );
    let fixed = FusionSettings {
        calibrate: false,
        ..with(&FusionRule::SumLogits)
    };
    assert_eq!(
        fuse(&none, &fixed).unwrap().test.len(),
        none[0].test.len(),
        "nothing is fitted"
    );
}

#[test]
fn subjects_of_the_label_table_must_cover_every_clip() {
    let mut made = study(20, 10, 8);
    made.labels.names.truncate(12);
    made.labels
        .columns
        .iter_mut()
        .for_each(|c| c.values.truncate(12));
    let subjects = Subjects::from_labels(&made.labels, "UserID").unwrap();
    let settings = FusionSettings {
        subjects,
        ..FusionSettings::default()
    };
    let error = fuse(&made.modalities, &settings).unwrap_err().to_string();
    assert!(
        error.starts_with("valid predictions: expected every clip in the label tables"),
        "{error}"
    );
}

/// Planted readings: the voice adds to the face, the words hardly. Of each seed, the fitted fusion must beat the best
/// single model, chosen on the validation split, in the macro metrics.
#[test]
fn fitted_fusion_beats_the_best_single_model_in_macro_metrics() {
    for seed in 0..3 {
        let made = balanced_study(200, 800, 100 + seed);
        let fused = fuse(&made.modalities, &FusionSettings::default()).unwrap();
        // Readings are independent given the class and too sure by the factor 2, so that each modality's logits should count
        // half. Only weight over temperature can be told from the data: the two are fitted one after the other, and what the
        // first errs the second takes back.
        for (t, w) in fused
            .record
            .model
            .temperatures
            .iter()
            .zip(fused.record.model.weights().unwrap())
        {
            assert!(
                (1.6..2.5).contains(t) && (0.4..0.6).contains(&(w / t)),
                "{:?}",
                fused.record.model
            );
        }
        let (_, subject) = subject_index(&fused.test);
        let truth = fused.test.truth.as_ref().unwrap();
        let sample = |table: &Predictions| -> (Vec<usize>, Vec<f64>) {
            (
                table.predicted.clone(),
                table.probabilities.clone().unwrap(),
            )
        };
        let (a, b) = (sample(&fused.test), sample(&made.modalities[0].test));
        let a = Sample::new(CLASSES, truth, &a.0, &subject).unwrap();
        let b = Sample::new(CLASSES, truth, &b.0, &subject).unwrap();
        let settings = IntervalSettings {
            resamples: 200,
            ..IntervalSettings::default()
        };
        let gain = paired_difference(Metric::MacroMae, &a, &b, &settings).unwrap();
        assert!(gain.estimate().unwrap().high < 0.0, "seed {seed}: {gain:?}");
        for metric in [Metric::BalancedAccuracy, Metric::QuadraticKappa] {
            let gain = paired_difference(metric, &a, &b, &settings).unwrap();
            assert!(
                gain.estimate().unwrap().low > 0.0,
                "seed {seed} {metric:?}: {gain:?}"
            );
        }
    }
}

fn subject_index(table: &Predictions) -> (usize, Vec<usize>) {
    let subjects: Vec<&str> = table.names.iter().map(|n| &n[..5]).collect();
    let mut names = subjects.clone();
    names.dedup();
    (
        names.len(),
        subjects
            .iter()
            .map(|s| names.iter().position(|n| n == s).unwrap())
            .collect(),
    )
}

/// What the fit is for decides: fitted for the likelihood, the prior comes back and accuracy and likelihood gain;
/// fitted for balanced accuracy, the rare classes are kept.
#[test]
fn the_fit_follows_its_aim() {
    let made = study(600, 600, 200);
    let scores = |fit| {
        let fused = fuse(&made.modalities, &with(&FusionRule::FittedWeights { fit })).unwrap();
        let scores = fused.record.test.scores.last().unwrap().metrics.clone();
        (
            scores["accuracy"],
            scores["balanced_accuracy"],
            scores["nll"],
        )
    };
    let likelihood = scores(Fit::Likelihood);
    let balanced = scores(Fit::Metric(Metric::BalancedAccuracy));
    assert!(
        likelihood.0 > balanced.0 && likelihood.2 < balanced.2,
        "{likelihood:?} {balanced:?}"
    );
    assert!(balanced.1 > likelihood.1, "{likelihood:?} {balanced:?}");
}

#[test]
fn sets_rest_on_the_cross_fitted_validation_split_of_every_subset() {
    let all = study(80, 40, 5).modalities;
    for rule in rules() {
        let settings = with(&rule);
        let sets = fusion_sets(&all, &settings).unwrap();
        assert_eq!(sets.parts.len(), 7);
        // all modalities: what the fusion itself says of its validation split
        let of = |modalities: &[ModelPredictions]| {
            let rule = match &settings.rule {
                FusionRule::WeightedSumLogits { weights } => FusionRule::WeightedSumLogits {
                    weights: weights[..modalities.len()].to_vec(),
                },
                rule => rule.clone(),
            };
            let valid = fuse(
                modalities,
                &FusionSettings {
                    rule,
                    ..settings.clone()
                },
            )
            .unwrap()
            .valid;
            let (_, subject) = subject_index(&valid);
            let p = valid.probabilities.clone().unwrap();
            SetRule::fit(&p, valid.truth.as_ref().unwrap(), &subject, true, 0.9)
        };
        let found = sets.rule(&["text", "image", "audio"], 0.9).unwrap();
        assert_eq!(*found, of(&all), "{rule:?}");
        assert_eq!(found.clips, all[0].valid.len());
        assert!(sets.rule(&["image"], 0.905).is_none() && sets.rule(&["smell"], 0.9).is_none());
    }
    // one modality alone under a fixed rule without calibration: its own probabilities
    let settings = FusionSettings {
        calibrate: false,
        ..with(&FusionRule::MeanProbabilities)
    };
    let sets = fusion_sets(&all, &settings).unwrap();
    let valid = &all[0].valid;
    let p = valid.probabilities.clone().unwrap();
    let (_, subject) = subject_index(valid);
    let own = SetRule::fit(&p, valid.truth.as_ref().unwrap(), &subject, true, 0.8);
    let found = sets.rule(&[&all[0].name], 0.8).unwrap();
    assert!((found.threshold.unwrap() - own.threshold.unwrap()).abs() < 1e-9);
}

/// The promise: a clip of a subject of whom nothing was known, weighing every subject alike.
#[test]
fn sets_cover_clips_of_new_subjects() {
    let (mut covered, mut count, mut size) = (0.0, 0.0, 0.0);
    for seed in 0..16 {
        let all = study(60, 100, 100 + seed).modalities;
        let settings = FusionSettings::default();
        let rule = *fusion_sets(&all, &settings)
            .unwrap()
            .rule(&["audio", "image", "text"], 0.8)
            .unwrap();
        let test = fuse(&all, &settings).unwrap().test;
        let (subjects, subject) = subject_index(&test);
        let mut clips = vec![0.0; subjects];
        subject.iter().for_each(|&s| clips[s] += 1.0);
        for (row, &truth) in test.truth.as_ref().unwrap().iter().enumerate() {
            let set = rule.set(test.row(row).unwrap());
            let weight = 1.0 / clips[subject[row]];
            covered += weight * f64::from(u8::from(set.contains(&truth)));
            size += weight * set.len() as f64;
            count += weight;
        }
    }
    // a new subject is covered with .8 to .8 + 1/61; three standard errors of 16 splits of 60 and 100 subjects are .05
    let share = covered / count;
    assert!(share > 0.8 - 0.05 && share < 0.95, "{share}");
    assert!(size / count < 4.0, "{}", size / count);
}
