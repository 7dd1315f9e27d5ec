//! Runs of every scheduler against those of diffusers.

use std::io::Read;

use crate::common::{generation, network, numbers, relative, trajectory, values};
use cohort_diffusion::{Class, DiffusionError, Plan, SchedulerConfig, sample};
use serde_json::{Map, Value, json};

const TOLERANCE: f64 = 2e-5;

fn merged(parts: &[&Value]) -> Value {
    let fields = parts
        .iter()
        .flat_map(|part| part.as_object().unwrap().clone());
    Value::Object(fields.collect::<Map<_, _>>())
}

fn plan(class: &str, settings: &Value, call: &Value, steps: usize) -> Result<Plan, DiffusionError> {
    let class = Class::named(class).unwrap();
    let (config, _) = SchedulerConfig::read(&settings.to_string(), "test", Some(class))?;
    Plan::new(
        &config.with_eta(call["eta"].as_f64().unwrap_or(0.0))?,
        steps,
    )
}

/// The reference's own runs, under the published settings: timesteps, sigmas, inputs, every latent.
#[test]
fn runs_under_published_settings_are_the_reference_s() {
    let Some(folder) = generation() else { return };
    let text = std::fs::read_to_string(folder.join("schedulers.json")).unwrap();
    let doc: Value = serde_json::from_str(&text).unwrap();
    assert!(relative(&values("latent", 24), &numbers(&doc["latent"])) < 1e-7);
    let runs = doc["runs"].as_array().unwrap();
    let mut worst = 0.0_f64;
    for run in runs {
        let settings = merged(&[
            &doc["configs"][run["config"].as_str().unwrap()],
            &run["overrides"],
        ]);
        let steps = run["steps"].as_u64().unwrap() as usize;
        let name = format!("{} {} {steps}", run["config"], run["scheduler"]);
        let plan = plan(
            run["class"].as_str().unwrap(),
            &settings,
            &run["call"],
            steps,
        )
        .unwrap();
        let times: Vec<f64> = plan.steps.iter().map(|step| step.timestep).collect();
        let expected = numbers(&run["timesteps"]);
        assert_eq!(times.len(), expected.len(), "{name}");
        for (t, e) in times.iter().zip(&expected) {
            assert!((t - e).abs() < 2e-3, "{name}: {t} {e}");
        }
        assert_eq!(
            plan.draws() as u64,
            run["draws"].as_u64().unwrap(),
            "{name}"
        );
        let initial = run["init_noise_sigma"].as_f64().unwrap();
        assert!((plan.initial_sigma / initial - 1.0).abs() < 1e-6, "{name}");
        if let Some(sigmas) = run.get("sigmas") {
            for (step, sigma) in plan.steps.iter().zip(numbers(sigmas)) {
                assert!(
                    (step.sigma / sigma - 1.0).abs() < 1e-5,
                    "{name}: {} {sigma}",
                    step.sigma
                );
            }
        }
        let (inputs, latents) = trajectory(&plan, 24);
        for (i, (input, latent)) in inputs.iter().zip(&latents).enumerate() {
            let of_input = relative(&input[..3], &numbers(&run["model_input_first3"][i]));
            let of_latent = relative(latent, &numbers(&run["trajectory"][i]));
            assert!(
                of_input < TOLERANCE && of_latent < TOLERANCE,
                "{name} step {i}: {of_input:e} {of_latent:e}"
            );
            worst = worst.max(of_latent);
        }
    }
    println!("{} runs, worst relative difference {worst:e}", runs.len());
    assert!(runs.len() >= 50);
}

/// Settings drawn at random, from one step to 250: those that the library cannot run are refused here.
#[test]
fn runs_under_other_settings_are_the_library_s() {
    let mut text = String::new();
    let file = include_bytes!("../data/scheduler_runs.json.gz").as_slice();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    // null reads as the default, minus infinity
    let runs: Value = serde_json::from_str(&text.replace("-Infinity", "null")).unwrap();
    let (mut worst, mut refused, mut compared, mut wrong) = (0.0_f64, 0, 0, Vec::new());
    for run in runs.as_array().unwrap() {
        let steps = run["steps"].as_u64().unwrap() as usize;
        let name = format!("{} {} {} {steps}", run["class"], run["config"], run["call"]);
        let planned = plan(
            run["class"].as_str().unwrap(),
            &run["config"],
            &run["call"],
            steps,
        );
        let at_no_signal = planned
            .as_ref()
            .is_err_and(|error| error.to_string().contains("nothing but noise is left"));
        if at_no_signal {
            // the library divides by zero there, and cuts the infinities to the range of pictures where it clips
            assert!(
                run["config"]["rescale_betas_zero_snr"] == true
                    && run["config"]["prediction_type"] == "epsilon"
            );
            refused += 1;
            continue;
        }
        if run.get("fails").is_some() {
            // two of the library's failures are those of its rounding: UniPC's bh1 multiplies infinity by zero in a last step that has
            // no quotients, Euler ancestral takes a root of a small difference that is below zero; both have a limit
            let has_limit = run["config"]["solver_type"] == "bh1"
                || run["class"] == "EulerAncestralDiscreteScheduler";
            match planned {
                Ok(plan) if has_limit => assert!(
                    trajectory(&plan, 24)
                        .1
                        .iter()
                        .flatten()
                        .all(|x| x.is_finite())
                ),
                Ok(_) => wrong.push(format!("{name}: the library fails")),
                Err(_) => refused += 1,
            }
            continue;
        }
        let plan = match planned {
            Ok(plan) => plan,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        compared += 1;
        let at = numbers(&run["at"]);
        let shown = at.iter().map(|&i| &plan.steps[i as usize]);
        let times_differ = shown
            .clone()
            .zip(numbers(&run["timesteps"]))
            .any(|(step, t)| !close(step.timestep - t, 2e-3));
        let sigmas_differ = run.get("sigmas").is_some_and(|sigmas| {
            shown
                .zip(numbers(sigmas))
                .any(|(step, sigma)| !close(step.sigma / sigma - 1.0, 1e-5))
        });
        let draws = run["draws"].as_u64().unwrap() as usize;
        let initial = plan.initial_sigma / run["initial"].as_f64().unwrap() - 1.0;
        let (_, latents) = trajectory(&plan, 24);
        let difference = relative(latents.last().unwrap(), &numbers(&run["last"]));
        worst = worst.max(difference);
        if times_differ
            || sigmas_differ
            || draws != plan.draws()
            || !close(initial, 1e-6)
            || difference > TOLERANCE
        {
            wrong.push(format!("{name}: {difference:e}, timesteps {times_differ}, sigmas {sigmas_differ}, draws {draws}"));
        }
    }
    println!("{compared} runs, worst relative difference {worst:e}, {refused} refused");
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 400);
}

/// Whether a difference is small; what is no number is not.
fn close(difference: f64, tolerance: f64) -> bool {
    difference.abs() <= tolerance
}

/// The first latent and all later noise from one generator: a seed gives the library's picture.
#[test]
fn a_seed_gives_the_library_s_picture() {
    let runs: Value = serde_json::from_str(include_str!("../data/seeded_runs.json")).unwrap();
    for run in runs.as_array().unwrap() {
        let steps = run["steps"].as_u64().unwrap() as usize;
        let class = run["class"].as_str().unwrap();
        let plan = plan(class, &run["config"], &run["call"], steps).unwrap();
        let last = numbers(&run["last"]);
        let seed = run["seed"].as_u64().unwrap();
        // whatever is made beside it, and wherever it stands
        for (seeds, place) in [([seed, 5], 0), ([5, seed], 1)] {
            let pictures = sample::<DiffusionError>(&plan, &seeds, last.len(), |step, inputs| {
                Ok(network(inputs, step.timestep))
            });
            let difference = relative(&pictures.unwrap()[place], &last);
            assert!(
                difference < TOLERANCE,
                "{class} {}: {difference:e}",
                last.len()
            );
        }
    }
}

#[test]
fn noise_and_targets_of_training_are_the_reference_s() {
    let Some(folder) = generation() else { return };
    let text = std::fs::read_to_string(folder.join("schedulers.json")).unwrap();
    let doc: Value = serde_json::from_str(&text).unwrap();
    let settings = &doc["configs"]["sd21base"];
    let (config, _) =
        SchedulerConfig::read(&settings.to_string(), "test", Some(Class::Ddpm)).unwrap();
    let schedule = cohort_diffusion::NoiseSchedule::new(&config.betas).unwrap();
    let (x, e) = (values("latent", 24), values("noise.1", 24));
    for (t, expected) in doc["training"].as_object().unwrap() {
        let t = t.parse().unwrap();
        let noisy = schedule.add_noise(&x, &e, t).unwrap();
        let velocity = schedule.velocity(&x, &e, t).unwrap();
        assert!(relative(&noisy, &numbers(&expected["add_noise"])) < 1e-6);
        assert!(relative(&velocity, &numbers(&expected["velocity"])) < 1e-6);
    }
    for (t, expected) in doc["runs"][0]["alphas_cumprod"].as_object().unwrap() {
        let kept = schedule.alpha_bar(t.parse().unwrap()).unwrap();
        assert_eq!(kept as f32, expected.as_f64().unwrap() as f32);
    }
}

#[test]
fn a_file_s_class_decides_the_defaults() {
    let text = json!({"_class_name": "DDIMScheduler", "steps_offset": 1, "set_alpha_to_one": false, "clip_sample": false,
        "skip_prk_steps": true, "_diffusers_version": "0.8.0"});
    let times = |class| {
        let (config, ignored) = SchedulerConfig::read(&text.to_string(), "f", class).unwrap();
        let plan = Plan::new(&config, 5).unwrap();
        (
            plan.title.clone(),
            plan.steps
                .iter()
                .map(|step| step.timestep)
                .collect::<Vec<_>>(),
            ignored,
        )
    };
    let (title, steps, ignored) = times(None);
    assert_eq!(
        (title.as_str(), steps),
        ("DDIM", vec![801.0, 601.0, 401.0, 201.0, 1.0])
    );
    assert_eq!(ignored, ["skip_prk_steps"]);
    let (title, steps, _) = times(Some(Class::Euler));
    assert_eq!(
        (title.as_str(), steps),
        ("Euler", vec![999.0, 749.25, 499.5, 249.75, 0.0])
    );
    let (title, steps, ignored) = times(Some(Class::DpmSolver));
    assert_eq!(
        (title.as_str(), steps),
        ("DPM-Solver++ 2M", vec![999.0, 799.0, 599.0, 400.0, 200.0])
    );
    assert_eq!(
        ignored,
        ["set_alpha_to_one", "clip_sample", "skip_prk_steps"]
    );
}
