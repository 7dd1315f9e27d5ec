//! torch's generator on a CPU.

use cohort_diffusion::TorchGenerator;
use serde_json::Value;

use crate::common::{generation, numbers};

#[track_caller]
fn near(found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f64::from(*f) - e).abs() <= tolerance, "{f} {e}");
    }
}

#[test]
fn seeds_mean_what_they_mean_to_the_reference() {
    let Some(folder) = generation() else { return };
    let text = std::fs::read_to_string(folder.join("schedulers.json")).unwrap();
    let doc: Value = serde_json::from_str(&text).unwrap();
    for (seed, expected) in doc["torch_generator"].as_object().unwrap() {
        let new = || TorchGenerator::new(seed.parse().unwrap());
        let normal = new().normal(256);
        near(&normal[..20], &numbers(&expected["first20"]), 2e-6);
        near(&normal[252..], &numbers(&expected["last4"]), 2e-6);
        let sum: f64 = normal.iter().map(|&x| f64::from(x)).sum();
        assert!((sum - expected["sum"].as_f64().unwrap()).abs() < 1e-5);
        near(&new().normal(9), &numbers(&expected["small_9"]), 2e-6);
        let mut twice = new();
        twice.normal(20);
        near(
            &twice.normal(20),
            &numbers(&expected["two_draws_of_20_second"]),
            2e-6,
        );
        // exact but for the reading of decimal digits
        near(&new().uniform(8), &numbers(&expected["uniform_8"]), 1e-12);
        // rounded to half, so that they are either equal or a whole unit apart
        near(
            &new().normal_half(20),
            &numbers(&expected["half_20"]),
            1e-12,
        );
    }
}

#[test]
fn draws_of_any_length_follow_one_another_as_in_torch() {
    let rows: Value = serde_json::from_str(include_str!("../data/torch_noise.json")).unwrap();
    let check = |found: &[f32], expected: &Value| {
        let shown = found.len().min(20);
        near(&found[..shown], &numbers(&expected["first"]), 2e-6);
        near(
            &found[found.len() - shown..],
            &numbers(&expected["last"]),
            2e-6,
        );
        let sum: f64 = found.iter().map(|&x| f64::from(x)).sum();
        let expected = expected["sum"].as_f64().unwrap();
        assert!(
            (sum - expected).abs() < 2e-7 * found.len() as f64,
            "{sum} {expected}"
        );
    };
    for row in rows.as_array().unwrap() {
        let mut generator = TorchGenerator::new(row["seed"].as_u64().unwrap());
        let length = |draw: &Value| draw[0].as_u64().unwrap() as usize;
        if let Some(draws) = row["normal"].as_array() {
            for draw in draws {
                check(&generator.normal(length(draw)), &draw[1]);
            }
        } else {
            let draws = &row["mixed"];
            check(&generator.normal(length(&draws[0])), &draws[0][1]);
            check(&generator.uniform(length(&draws[1])), &draws[1][1]);
            check(&generator.normal(length(&draws[2])), &draws[2][1]);
        }
    }
}

#[test]
fn halves_are_the_single_draws_rounded_where_groups_are_whole() {
    let single = TorchGenerator::new(3).normal(64);
    let half = TorchGenerator::new(3).normal_half(64);
    for (s, h) in single.iter().zip(&half) {
        assert!(
            (s - h).abs() <= s.abs() * 2.0_f32.powi(-11) + 2.0_f32.powi(-25),
            "{s} {h}"
        );
    }
    assert_eq!(TorchGenerator::new(3).normal_half(5).len(), 5);
}
