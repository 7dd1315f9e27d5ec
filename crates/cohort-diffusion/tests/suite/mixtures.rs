//! Sampling with the exact denoiser of a known law: what comes out must have that law.

use std::collections::BTreeMap;

use cohort_diffusion::{
    Class, Component, DiffusionError, Guidance, Mixture, NoiseSchedule, Plan, Prediction,
    SchedulerConfig, Step, TorchGenerator, sample,
};
use serde_json::{Value, json};

fn config(class: Class, settings: Value) -> SchedulerConfig {
    let mut all = json!({"clip_sample": false});
    for (name, value) in settings.as_object().unwrap() {
        all[name] = value.clone();
    }
    SchedulerConfig::read(&all.to_string(), "test", Some(class))
        .unwrap()
        .0
}

/// Two classes in the plane, of mean 0 and variance near 1 in both directions.
fn law() -> Mixture {
    let component = |weight, mean: [f64; 2], deviation, class| Component {
        weight,
        mean: mean.to_vec(),
        deviation,
        class,
    };
    Mixture::new(vec![
        component(0.5, [0.9, -0.3], 0.3, 0),
        component(0.2, [-0.6, 1.4], 0.2, 0),
        component(0.3, [-1.1, -0.433_333_333], 0.5, 1),
    ])
    .unwrap()
}

fn network(
    law: &Mixture,
    prediction: Prediction,
    class: Option<usize>,
) -> impl Fn(&Step, &[f32]) -> Result<Vec<f32>, DiffusionError> {
    move |step, inputs| {
        let answers = inputs
            .chunks(law.size())
            .map(|input| law.answer(input, step, prediction, class));
        Ok(answers.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

fn pictures(
    config: &SchedulerConfig,
    steps: usize,
    seeds: &[u64],
    law: &Mixture,
    class: Option<usize>,
) -> Vec<Vec<f32>> {
    let plan = Plan::new(config, steps).unwrap();
    sample(
        &plan,
        seeds,
        law.size(),
        network(law, config.prediction, class),
    )
    .unwrap()
}

/// Mean and variance in both directions and the share of class 0, each in standard errors from the law's.
fn deviations(law: &Mixture, found: &[Vec<f32>]) -> Vec<(String, f64)> {
    let n = found.len() as f64;
    let expect = |f: &dyn Fn(f64, f64) -> f64, i: usize| -> f64 {
        law.components()
            .iter()
            .map(|c| c.weight * f(c.mean[i], c.deviation))
            .sum()
    };
    let mut all = Vec::new();
    for i in 0..2 {
        let mean = expect(&|m, _| m, i);
        let variance = expect(&|m, s| m * m + s * s, i) - mean * mean;
        // the law's fourth central moment: its means are 0
        assert!(mean.abs() < 1e-6);
        let fourth = expect(&|m, s| m.powi(4) + 6.0 * m * m * s * s + 3.0 * s.powi(4), i);
        let sum: f64 = found.iter().map(|x| f64::from(x[i])).sum();
        let squares: f64 = found
            .iter()
            .map(|x| (f64::from(x[i]) - sum / n).powi(2))
            .sum();
        all.push((
            format!("mean {i}"),
            (sum / n - mean) / (variance / n).sqrt(),
        ));
        all.push((
            format!("variance {i}"),
            (squares / (n - 1.0) - variance) / ((fourth - variance * variance) / n).sqrt(),
        ));
    }
    let first = found
        .iter()
        .filter(|x| law.most_probable_class(x) == Ok(0))
        .count() as f64;
    all.push((
        "share of class 0".into(),
        (first / n - 0.7) / (0.7 * 0.3 / n).sqrt(),
    ));
    all
}

#[test]
fn every_scheduler_draws_the_law() {
    let law = law();
    let seeds: Vec<u64> = (0..1500).collect();
    let karras = json!({"use_karras_sigmas": true});
    let (v, x0) = (
        json!({"prediction_type": "v_prediction"}),
        json!({"prediction_type": "sample"}),
    );
    let none = json!({});
    let eta = |config: SchedulerConfig| config.with_eta(1.0).unwrap();
    for (name, config, steps) in [
        ("ddpm", config(Class::Ddpm, none.clone()), 1000),
        ("ddpm v", config(Class::Ddpm, v.clone()), 1000),
        ("ddim", config(Class::Ddim, none.clone()), 250),
        ("ddim x0", config(Class::Ddim, x0.clone()), 250),
        ("ddim eta 1", eta(config(Class::Ddim, none.clone())), 1000),
        (
            "ddim zero terminal",
            config(
                Class::Ddim,
                json!({"prediction_type": "v_prediction", "rescale_betas_zero_snr": true, "timestep_spacing": "trailing"}),
            ),
            250,
        ),
        ("euler", config(Class::Euler, none.clone()), 250),
        (
            "euler karras v",
            config(
                Class::Euler,
                json!({"prediction_type": "v_prediction", "use_karras_sigmas": true}),
            ),
            250,
        ),
        ("euler ancestral", config(Class::EulerAncestral, v), 1000),
        ("dpm++ 2m", config(Class::DpmSolver, none.clone()), 100),
        ("dpm++ 2m karras", config(Class::DpmSolver, karras), 40),
        (
            "dpm++ 2m sde karras",
            config(
                Class::DpmSolver,
                json!({"use_karras_sigmas": true, "algorithm_type": "sde-dpmsolver++"}),
            ),
            200,
        ),
        ("unipc", config(Class::UniPc, none), 100),
    ] {
        let found = pictures(&config, steps, &seeds, &law, None);
        let all = deviations(&law, &found);
        println!(
            "{name}: {}",
            all.iter()
                .map(|(what, d)| format!("{what} {d:+.2}"))
                .collect::<Vec<_>>()
                .join(", ")
        );
        for (what, deviation) in all {
            assert!(
                deviation.abs() < 3.0,
                "{name}: {what} is {deviation:.2} standard errors off"
            );
        }
    }
}

/// Of a single Gaussian the probability flow is known: a latent stays as many standard deviations from the centre as it was.
fn flow(latent: &[f32], from: f64, to: f64) -> Vec<f64> {
    let (centre, deviation) = (0.8, 0.6);
    let spread = |kept: f64| (kept * deviation * deviation + 1.0 - kept).sqrt();
    let scale = spread(to) / spread(from);
    latent
        .iter()
        .map(|&x| to.sqrt() * centre + scale * (f64::from(x) - from.sqrt() * centre))
        .collect()
}

fn single() -> Mixture {
    Mixture::new(vec![Component {
        weight: 1.0,
        mean: vec![0.8; 32],
        deviation: 0.6,
        class: 0,
    }])
    .unwrap()
}

#[test]
fn the_error_falls_with_the_number_of_steps() {
    let law = single();
    let to_nothing = json!({"timestep_spacing": "trailing"});
    // a last step to no noise at all is of first order in every solver: its length would hide the others' error
    let to_little = json!({"timestep_spacing": "trailing", "final_sigmas_type": "sigma_min"});
    let mut all: Vec<Vec<f64>> = Vec::new();
    for (class, settings) in [
        (Class::Ddim, &to_nothing),
        (Class::Euler, &to_nothing),
        (Class::DpmSolver, &to_little),
        (Class::UniPc, &to_little),
    ] {
        let config = config(class, settings.clone());
        let end = if *settings == to_little {
            NoiseSchedule::new(&config.betas)
                .unwrap()
                .alpha_bar(0)
                .unwrap()
        } else {
            1.0
        };
        let error = |steps: usize| {
            let found = pictures(&config, steps, &[11], &law, None).remove(0);
            let plan = Plan::new(&config, steps).unwrap();
            let sigma = plan.steps[0].sigma;
            // Euler's first latent is as large as the noise alone
            let first = (plan.initial_sigma * plan.steps[0].input_scale) as f32;
            let noise: Vec<f32> = TorchGenerator::new(11)
                .normal(32)
                .iter()
                .map(|e| e * first)
                .collect();
            let expected = flow(&noise, 1.0 / (sigma * sigma + 1.0), end);
            let squares = found
                .iter()
                .zip(&expected)
                .map(|(&f, e)| (f64::from(f) - e).powi(2));
            squares.sum::<f64>().sqrt()
        };
        all.push([25, 50, 100, 200].map(error).to_vec());
    }
    println!("{all:?}");
    // eight times the steps: an eighth of the error at first order, a sixty-fourth at second
    for (errors, least) in all.iter().zip([7.0, 7.0, 50.0, 50.0]) {
        assert!(
            errors.windows(2).all(|pair| pair[0] / pair[1] > 1.8),
            "{all:?}"
        );
        assert!(errors[0] / errors[3] > least, "{all:?}");
    }
    let first = all[0][3];
    assert!(
        all[2][3] < first / 4.0 && all[3][3] < first / 4.0,
        "{all:?}"
    );
}

/// A consistency function maps to the end of the flow at once; of a single Gaussian it is known.
#[test]
fn consistency_steps_draw_the_law_of_a_consistency_function() {
    let config = config(
        Class::Lcm,
        json!({"prediction_type": "sample", "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02}),
    );
    let plan = Plan::new(&config, 4).unwrap();
    let seeds: Vec<u64> = (0..400).collect();
    let found = sample::<DiffusionError>(&plan, &seeds, 32, |step, inputs| {
        let kept = 1.0 / (step.sigma * step.sigma + 1.0);
        Ok(flow(inputs, kept, 1.0)
            .into_iter()
            .map(|x| x as f32)
            .collect())
    });
    let values: Vec<f64> = found.unwrap().concat().into_iter().map(f64::from).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    assert!((mean - 0.8).abs() < 3.0 * 0.6 / n.sqrt(), "{mean}");
    assert!(
        (variance - 0.36).abs() < 3.0 * 0.36 * (2.0 / n).sqrt(),
        "{variance}"
    );
}

#[test]
fn a_picture_is_the_same_alone_in_any_batch_and_on_any_thread() {
    let law = law();
    let seeds: Vec<u64> = (0..13).map(|i| i * 7919 + 1).collect();
    for config in [
        config(Class::Ddim, json!({})),
        config(Class::EulerAncestral, json!({})),
        config(Class::UniPc, json!({})),
    ] {
        let alone: Vec<Vec<f32>> = seeds
            .iter()
            .map(|&seed| pictures(&config, 12, &[seed], &law, Some(0)).remove(0))
            .collect();
        for size in [1, 2, 5, 8, 13] {
            let together: Vec<_> = seeds
                .chunks(size)
                .flat_map(|some| pictures(&config, 12, some, &law, Some(0)))
                .collect();
            assert_eq!(together, alone);
        }
        for threads in [2, 3, 8] {
            let share = seeds.len().div_ceil(threads);
            let parallel: Vec<_> = std::thread::scope(|scope| {
                let parts: Vec<_> = seeds
                    .chunks(share)
                    .map(|some| scope.spawn(|| pictures(&config, 12, some, &law, Some(0))))
                    .collect();
                parts
                    .into_iter()
                    .flat_map(|part| part.join().unwrap())
                    .collect()
            });
            assert_eq!(parallel, alone);
        }
        assert_ne!(alone[0], alone[1]);
    }
}

#[test]
fn guidance_follows_the_class() {
    let law = law();
    let config = config(Class::Ddim, json!({}));
    let plan = Plan::new(&config, 30).unwrap();
    let seeds: Vec<u64> = (0..300).collect();
    let guided = |scale: f64| {
        let guidance = Guidance::new(scale, 0.0).unwrap();
        let (with, without) = (
            network(&law, config.prediction, Some(1)),
            network(&law, config.prediction, None),
        );
        sample::<DiffusionError>(&plan, &seeds, 2, |step, inputs| {
            guidance.answer(&without(step, inputs)?, &with(step, inputs)?)
        })
        .unwrap()
    };
    assert_eq!(guided(1.0), pictures(&config, 30, &seeds, &law, Some(1)));
    assert_eq!(guided(0.0), pictures(&config, 30, &seeds, &law, None));
    let shares: BTreeMap<_, _> = [0.0, 0.5, 1.0, 3.0]
        .map(|scale| {
            let of_class = guided(scale)
                .iter()
                .filter(|x| law.most_probable_class(x) == Ok(1))
                .count();
            ((scale * 10.0) as u32, of_class as f64 / 300.0)
        })
        .into();
    println!("{shares:?}");
    assert!(
        shares[&0] < 0.4
            && shares[&5] > shares[&0] + 0.1
            && shares[&10] > 0.97
            && shares[&30] > 0.97,
        "{shares:?}"
    );
}

#[test]
fn a_broken_network_is_told_with_the_picture_s_seed() {
    let plan = Plan::new(&config(Class::Ddim, json!({})), 5).unwrap();
    let broken = sample::<DiffusionError>(&plan, &[7, 8], 16, |step, inputs| {
        let mut answers = inputs.to_vec();
        if step.timestep < 500.0 {
            answers[20] = f32::NAN;
        }
        Ok(answers)
    });
    let message = broken.unwrap_err().to_string();
    for part in ["seed 8", "step 3 of 5", "timestep 400", "NaN", "value 4"] {
        assert!(message.contains(part), "{message}");
    }
    let short = sample::<DiffusionError>(&plan, &[7, 8], 16, |_, inputs| Ok(inputs[1..].to_vec()));
    assert!(
        short
            .unwrap_err()
            .to_string()
            .contains("expected 32 values, found 31")
    );
    let none =
        |seeds: &[u64]| sample::<DiffusionError>(&plan, seeds, 0, |_, inputs| Ok(inputs.to_vec()));
    assert!(none(&[]).is_err() && none(&[1]).is_err());
    assert!(
        sample::<DiffusionError>(&plan, &[], 4, |_, inputs| Ok(inputs.to_vec()))
            .unwrap()
            .is_empty()
    );
}
