//! Losses, miners and memory of metric learning against pytorch-metric-learning in float64
//! (`scripts/metric_losses.py` made the values).

use std::collections::BTreeMap;

use cohort_nn::burn::tensor::{Device, Tensor, TensorData};
use cohort_nn::metric::{
    Classes, CrossBatchMemory, MetricLoss, Miner, Proxies, Space, Tuples, attach,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    batches: BTreeMap<String, Batch>,
    steps: Vec<Batch>,
    losses: Vec<Graded>,
    mined: Vec<Graded>,
    proxies: Vec<Graded>,
    miners: Vec<Mined>,
    memory: Vec<Remembered>,
}

#[derive(Deserialize)]
struct Batch {
    width: usize,
    rows: Vec<f32>,
    labels: Vec<usize>,
}

#[derive(Deserialize)]
struct Graded {
    batch: String,
    loss: MetricLoss,
    miner: Option<Miner>,
    #[serde(default)]
    proxies: Vec<f32>,
    value: f64,
    gradient: Vec<f64>,
    #[serde(default)]
    of_proxies: Vec<f64>,
}

#[derive(Deserialize)]
struct Mined {
    batch: String,
    normalise: bool,
    squared: bool,
    miner: Miner,
    tuples: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct Remembered {
    loss: MetricLoss,
    miner: Option<Miner>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    value: f64,
    gradient: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("metric.json")).unwrap()
}

/// Equal to ten digits, or ten places where a value is small.
fn close(ours: f64, theirs: f64, what: &str) {
    let tolerance = 1e-10 * theirs.abs().max(1.0);
    assert!(
        (ours - theirs).abs() <= tolerance,
        "{what}: {ours} {theirs}"
    );
}

fn all_close(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.iter().zip(theirs) {
        close(*ours, *theirs, what);
    }
}

#[test]
fn losses_and_their_gradients_are_the_librarys() {
    let golden = golden();
    assert_eq!((golden.losses.len(), golden.mined.len()), (224, 107));
    for case in golden.losses.iter().chain(&golden.mined) {
        let batch = &golden.batches[&case.batch];
        let what = format!("{} {:?} {:?}", case.batch, case.loss, case.miner);
        let found = case
            .loss
            .grade(&batch.rows, batch.width, &batch.labels, case.miner.as_ref());
        let found = found.unwrap();
        // the library leaves out a single positive with a single negative pair
        close(found.value, case.value, &what);
        all_close(&found.gradient, &case.gradient, &what);
        assert!(found.active <= found.tuples, "{what}");
    }
}

#[test]
fn losses_with_proxies_are_the_librarys() {
    let golden = golden();
    assert_eq!(golden.proxies.len(), 32);
    for case in &golden.proxies {
        let batch = &golden.batches[&case.batch];
        let what = format!("{} {:?}", case.batch, case.loss);
        let found = (case.loss)
            .grade_with_proxies(&batch.rows, batch.width, &batch.labels, &case.proxies)
            .unwrap();
        close(found.value, case.value, &what);
        all_close(&found.gradient, &case.gradient, &what);
        all_close(&found.proxies.unwrap(), &case.of_proxies, &what);
    }
}

#[test]
fn miners_find_what_the_librarys_find() {
    let golden = golden();
    assert_eq!(golden.miners.len(), 432);
    for case in &golden.miners {
        let batch = &golden.batches[&case.batch];
        let what = format!(
            "{} {:?} {} {}",
            case.batch, case.miner, case.normalise, case.squared
        );
        let space = Space::distance(case.normalise, case.squared);
        let itself: Vec<usize> = (0..batch.labels.len()).collect();
        let classes = Classes {
            anchors: &batch.labels,
            others: &batch.labels,
            itself: &itself,
        };
        case.miner.validate().unwrap();
        let distances = space.compare(&batch.rows, &batch.rows, batch.width);
        let column = |tuples: &[[usize; 2]], at: usize| tuples.iter().map(|t| t[at]).collect();
        let found: Vec<Vec<usize>> = match case.miner.mine(&distances, &classes) {
            Tuples::Pairs { positive, negative } => vec![
                column(&positive, 0),
                column(&positive, 1),
                column(&negative, 0),
                column(&negative, 1),
            ],
            Tuples::Triplets(triplets) => (0..3)
                .map(|at| triplets.iter().map(|t| t[at]).collect())
                .collect(),
        };
        assert_eq!(found, case.tuples, "{what}");
    }
}

#[test]
fn a_memory_is_the_librarys() {
    let golden = golden();
    assert_eq!(golden.memory.len(), 20);
    for case in &golden.memory {
        let mut memory = CrossBatchMemory::new(10, 3).unwrap();
        for (at, (batch, step)) in golden.steps.iter().zip(&case.steps).enumerate() {
            let what = format!("step {at} {:?} {:?}", case.loss, case.miner);
            memory.add(&batch.rows, &batch.labels).unwrap();
            let miner = case.miner.as_ref();
            let found =
                (case.loss).grade_with_memory(&batch.rows, 3, &batch.labels, miner, &memory);
            let found = found.unwrap();
            close(found.value, step.value, &what);
            all_close(&found.gradient, &step.gradient, &what);
        }
    }
}

/// Every loss, on rows that are equal, zero, alone or all of one class.
#[test]
fn gradients_are_finite_whatever_the_batch() {
    let width = 3;
    let twin = [0.5, -1.0, 2.0];
    let zero = [0.0; 3];
    let batches: [(Vec<[f32; 3]>, Vec<usize>); 5] = [
        (vec![twin; 4], vec![0, 0, 1, 1]),
        (vec![zero, zero, twin, twin], vec![0, 0, 1, 0]),
        (vec![twin], vec![1]),
        (vec![], vec![]),
        (
            vec![twin, [1e18; 3], [-1e18; 3], [1e-30; 3]],
            vec![0, 1, 0, 1],
        ),
    ];
    for name in MetricLoss::NAMES {
        let loss = MetricLoss::by_name(name).unwrap();
        loss.validate().unwrap();
        assert_eq!(loss.name(), name);
        for (rows, labels) in &batches {
            let rows: Vec<f32> = rows.concat();
            let mut found = Vec::new();
            if loss.has_proxies() {
                let proxies = [twin, [2.0, 0.0, 0.0], zero].concat();
                found.push(
                    loss.grade_with_proxies(&rows, width, labels, &proxies)
                        .unwrap(),
                );
                assert!(loss.grade(&rows, width, labels, None).is_err());
            } else {
                found.push(loss.grade(&rows, width, labels, None).unwrap());
                for miner in Miner::NAMES {
                    let miner = Miner::by_name(miner).unwrap();
                    found.push(loss.grade(&rows, width, labels, Some(&miner)).unwrap());
                }
                assert!(
                    loss.grade_with_proxies(&rows, width, labels, &twin)
                        .is_err()
                );
            }
            for found in found {
                let all = found.gradient.iter().chain(found.proxies.iter().flatten());
                assert!(found.value.is_finite(), "{name} {labels:?}");
                assert!(all.clone().all(|g| g.is_finite()), "{name} {labels:?}");
            }
        }
        assert!(loss.grade(&[1.0; 5], 3, &[0, 1], None).is_err());
    }
}

#[test]
fn an_easy_triplet_costs_nothing_and_a_hard_one_its_margin() {
    let loss = r#"{"kind":"triplet","margin":0.5,"normalise":false}"#;
    let loss: MetricLoss = serde_json::from_str(loss).unwrap();
    let at = |negative: f32| {
        let found = loss.grade(&[0.0, 1.0, negative], 1, &[0, 0, 1], None);
        found.unwrap()
    };
    // of 0: 1 - 5, of 1: 1 - 4
    assert_eq!((at(5.0).value, at(5.0).active), (0.0, 0));
    assert!(at(5.0).gradient.iter().all(|g| *g == 0.0));
    // of 0: 1 - 1.25 + 0.5, of 1: 1 - 0.25 + 0.5
    assert_eq!((at(1.25).value, at(1.25).active), ((0.25 + 1.25) / 2.0, 2));
    for bad in [
        r#"{"kind":"triplet","margin":-1}"#,
        r#"{"kind":"nt-xent","temperature":0}"#,
        r#"{"kind":"arc-face","margin":200}"#,
    ] {
        let error = serde_json::from_str::<MetricLoss>(bad).unwrap().validate();
        assert!(error.unwrap_err().to_string().contains("loss."), "{bad}");
    }
    assert!(serde_json::from_str::<MetricLoss>(r#"{"kind":"triplet","margins":1}"#).is_err());
}

#[test]
fn a_gradient_flows_back_as_it_is() {
    let device = Device::flex().autodiff();
    let rows = Tensor::<2>::from_data(
        TensorData::new(vec![1.0_f32, -2.0, 0.5, 3.0], [2, 2]),
        &device,
    );
    let rows = rows.require_grad();
    let value = attach(rows.clone() * 2.0, &[1.0, -0.5, 0.25, 4.0]);
    let gradient = rows.grad(&value.backward()).unwrap().into_data();
    assert_eq!(
        gradient.iter::<f32>().collect::<Vec<_>>(),
        [2.0, -1.0, 0.5, 8.0]
    );
    let proxies = Proxies::new(400, 50, 3, &device).unwrap();
    let values: Vec<f32> = proxies.vectors().into_data().iter().collect();
    let square = values.iter().map(|v| f64::from(v * v)).sum::<f64>() / values.len() as f64;
    assert!(
        (square * 200.0 - 1.0).abs() < 0.05,
        "variance 2 / classes, found {square}"
    );
}
