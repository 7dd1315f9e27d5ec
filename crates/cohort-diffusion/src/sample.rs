//! Pictures from seeds, several at a time: each has a generator of its own, so that it is the same in any company.

use crate::DiffusionError;
use crate::generator::TorchGenerator;
use crate::plan::Plan;
use crate::run::Run;
use crate::step::Step;

/// Takes every seed's picture through the plan: `size` values each, first noise and all later noise from a generator of that seed.
/// `network` answers a step for all pictures at once: it is given their inputs one after another, `seeds.len() * size` values, and answers
/// as many. A picture is a function of its seed, plan and size, as far as the network answers each for itself.
///
/// # Errors
/// No values in a picture; those of the network; an answer of another length; values that are not finite, with the seed of the picture.
pub fn sample<E: From<DiffusionError>>(
    plan: &Plan,
    seeds: &[u64],
    size: usize,
    mut network: impl FnMut(&Step, &[f32]) -> Result<Vec<f32>, E>,
) -> Result<Vec<Vec<f32>>, E> {
    if size == 0 {
        return Err(DiffusionError::setting("size of a picture", "1 value or more", 0).into());
    }
    let of = |seed: u64| {
        move |cause: DiffusionError| DiffusionError::Picture {
            seed,
            cause: Box::new(cause),
        }
    };
    let mut runs = Vec::with_capacity(seeds.len());
    for &seed in seeds {
        let mut generator = TorchGenerator::new(seed);
        let run = Run::new(plan, &generator.normal(size)).map_err(of(seed))?;
        runs.push((seed, generator, run));
    }
    for step in &plan.steps {
        let inputs: Vec<f32> = runs.iter().flat_map(|(_, _, run)| run.input()).collect();
        let answers = network(step, &inputs)?;
        DiffusionError::length("the network's answers", inputs.len(), answers.len())?;
        for ((seed, generator, run), answer) in runs.iter_mut().zip(answers.chunks_exact(size)) {
            let noise = step.draws.then(|| generator.normal(size));
            run.advance(answer, noise.as_deref()).map_err(of(*seed))?;
        }
    }
    Ok(runs
        .into_iter()
        .map(|(_, _, run)| run.into_latent())
        .collect())
}
