//! Losses of two towers against torch's autograd (`scripts/pair_losses.py`), and what holds whatever the batch.

use std::collections::BTreeMap;

use cohort_nn::metric::{GradedPairs, PairLoss};
use serde::Deserialize;

#[derive(Deserialize)]
struct Batch {
    width: usize,
    pictures: Vec<f32>,
    captions: Vec<f32>,
    picture_of: Vec<usize>,
}

#[derive(Deserialize)]
struct Case {
    batch: String,
    loss: PairLoss,
    scale: [f64; 2],
    value: f64,
    pictures: Vec<f64>,
    captions: Vec<f64>,
    by_scale: [f64; 2],
}

#[derive(Deserialize)]
struct Goldens {
    batches: BTreeMap<String, Batch>,
    cases: Vec<Case>,
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-10 * (1.0 + expected.abs())
}

#[test]
fn values_and_gradients_equal_torch() {
    let goldens: Goldens = serde_json::from_str(include_str!("pairs.json")).unwrap();
    assert!(goldens.cases.len() > 60);
    for case in &goldens.cases {
        let batch = &goldens.batches[&case.batch];
        let GradedPairs {
            value,
            pictures,
            captions,
            scale,
            ..
        } = case
            .loss
            .grade(
                &batch.pictures,
                &batch.captions,
                batch.width,
                &batch.picture_of,
                case.scale,
            )
            .unwrap();
        let name = format!("{}, {:?}, {:?}", case.batch, case.loss, case.scale);
        assert!(near(value, case.value), "{name}: {value} {}", case.value);
        for (what, found, expected) in [
            ("pictures", &pictures[..], &case.pictures[..]),
            ("captions", &captions[..], &case.captions[..]),
            ("scale", &scale[..], &case.by_scale[..]),
        ] {
            assert_eq!(found.len(), expected.len(), "{name} {what}");
            for (found, expected) in found.iter().zip(expected) {
                assert!(near(*found, *expected), "{name} {what}: {found} {expected}");
            }
        }
    }
}

#[test]
fn hard_batches_give_finite_gradients() {
    let losses = PairLoss::NAMES.map(|name| PairLoss::by_name(name).unwrap());
    for loss in losses {
        for (pictures, captions, picture_of) in [
            (vec![1.0; 6], vec![1.0; 6], vec![0, 1, 2]),
            (vec![0.0; 6], vec![0.0; 8], vec![0, 1, 2, 1]),
            (vec![3.0, 4.0], vec![], vec![]),
            (vec![], vec![], vec![]),
            (vec![1e30, -1e30, 1e-30, 0.0], vec![1e30; 4], vec![1, 1]),
        ] {
            for scale in [[0.0, 0.0], [300.0, -10.0], [-300.0, 1e3]] {
                let graded = loss
                    .grade(&pictures, &captions, 2, &picture_of, scale)
                    .unwrap();
                let all = graded.pictures.iter().chain(&graded.captions);
                let finite = all.chain(&graded.scale).all(|g| g.is_finite());
                let scaled = matches!(loss, PairLoss::Sigmoid(_)) && scale[0] > 100.0;
                assert!(
                    scaled || (finite && graded.value.is_finite()),
                    "{loss:?} {graded:?}"
                );
            }
        }
        assert!(loss.grade(&[1.0; 4], &[1.0; 2], 2, &[2], [0.0; 2]).is_err());
        assert!(loss.grade(&[1.0; 3], &[1.0; 2], 2, &[0], [0.0; 2]).is_err());
    }
}

#[test]
fn the_shifted_triplet_costs_its_margin_where_all_vectors_are_equal() {
    let loss = PairLoss::by_name("shifted-triplet").unwrap();
    let graded = loss
        .grade(&[0.3; 12], &[0.3; 12], 3, &[0, 1, 2, 3], [0.0; 2])
        .unwrap();
    assert!((graded.value - 0.5).abs() < 1e-12, "{}", graded.value);
}
