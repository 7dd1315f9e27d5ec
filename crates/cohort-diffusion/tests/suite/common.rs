//! What the tests share: numbers made of a name, a stand-in for the network, and where the reference values lie.

#[path = "../../../cohort-weights/tests/support/filled.rs"]
mod made;

use std::path::PathBuf;

use cohort_diffusion::{Plan, Run};
use serde_json::Value;

pub use made::inputs as values;

/// A fixed smooth function of latent and timestep.
pub fn network(input: &[f32], timestep: f64) -> Vec<f32> {
    let at = |&x: &f32| 0.6 * x + 0.4 * (3.0 * x + 0.01 * timestep as f32).sin();
    input.iter().map(at).collect()
}

/// Takes all steps with the stand-in and the named noise; answers every input and every latent.
pub fn trajectory(plan: &Plan, count: usize) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let mut run = Run::new(plan, &values("latent", count)).unwrap();
    let (mut inputs, mut latents, mut drawn) = (Vec::new(), Vec::new(), 0);
    while let Some(step) = run.step() {
        let input = run.input();
        let noise = step.draws.then(|| {
            drawn += 1;
            values(&format!("noise.{drawn}"), count)
        });
        run.advance(&network(&input, step.timestep), noise.as_deref())
            .unwrap();
        inputs.push(input);
        latents.push(run.latent().to_vec());
    }
    (inputs, latents)
}

/// Largest difference over the largest expected magnitude.
pub fn relative(found: &[f32], expected: &[f64]) -> f64 {
    assert!(found.len() >= expected.len() && !expected.is_empty());
    // a maximum passes over what is no number
    assert!(found.iter().all(|x| x.is_finite()), "{found:?}");
    let largest = expected.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    let difference = found
        .iter()
        .zip(expected)
        .map(|(&f, e)| (f64::from(f) - e).abs());
    difference.fold(0.0, f64::max) / largest
}

/// The folder of reference values: `COHORT_SHARED`, or `shared` beside the repository.
pub fn generation() -> Option<PathBuf> {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data/model-reference/generation");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.display());
    None
}

/// A JSON list of numbers.
pub fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}
