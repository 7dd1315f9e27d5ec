//! What cannot be sampled is refused, and the message says where and why.

use crate::common::{network, values};
use cohort_diffusion::{Class, Plan, Run, SchedulerConfig};
use serde_json::{Value, json};

fn read(settings: &Value, class: Option<Class>) -> Result<SchedulerConfig, String> {
    let read = SchedulerConfig::read(&settings.to_string(), "scheduler_config.json", class);
    read.map(|(config, _)| config)
        .map_err(|error| error.to_string())
}

fn refused(settings: Value, class: Class, steps: usize) -> String {
    match read(&settings, Some(class)) {
        Ok(config) => Plan::new(&config, steps).unwrap_err().to_string(),
        Err(message) => message,
    }
}

#[track_caller]
fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn numbers_of_steps() {
    for class in Class::ALL {
        says(
            &refused(json!({}), class, 0),
            &["steps", "1 to 1000", "found 0"],
        );
        says(&refused(json!({}), class, 1001), &["steps", "found 1001"]);
        says(&refused(json!({}), class, usize::MAX), &["steps"]);
    }
    says(
        &refused(json!({}), Class::Lcm, 51),
        &["1 to 50", "original_inference_steps"],
    );
    let offset = json!({"steps_offset": 1});
    says(
        &refused(offset, Class::Ddim, 1000),
        &["step 1 of 1000", "0 to 999", "steps_offset", "found 1000"],
    );
    for class in [Class::DpmSolver, Class::UniPc] {
        says(
            &refused(json!({}), class, 1000),
            &["steps", "the noise falls in every step"],
        );
    }
}

#[test]
fn classes_and_fields() {
    let pndm = json!({"_class_name": "PNDMScheduler", "beta_end": 0.012});
    says(
        &read(&pndm, None).unwrap_err(),
        &["PNDMScheduler", "not supported", "DDIMScheduler", "UniPC"],
    );
    assert!(read(&pndm, Some(Class::Ddim)).is_ok());
    says(
        &read(&json!({}), None).unwrap_err(),
        &["scheduler_config.json", "_class_name"],
    );
    says(
        &read(&json!([1]), None).unwrap_err(),
        &["a JSON object", "[1]"],
    );
    for (class, name, value) in [
        (Class::Ddpm, "variance_type", json!("learned_range")),
        (Class::Ddpm, "beta_schedule", json!("sigmoid")),
        (Class::Ddim, "prediction_type", json!("flow_prediction")),
        (Class::Ddim, "steps_offset", json!(-1)),
        (Class::Ddim, "steps_offset", json!(1e300)),
        (Class::Ddim, "num_train_timesteps", json!(1)),
        (Class::Ddim, "clip_sample", json!("yes")),
        (Class::Ddim, "clip_sample_range", json!(-1.5)),
        (Class::Ddim, "timestep_spacing", json!("karras")),
        (Class::Euler, "use_exponential_sigmas", json!(true)),
        (Class::Euler, "use_beta_sigmas", json!(true)),
        (Class::Euler, "interpolation_type", json!("log_linear")),
        (Class::Euler, "timestep_type", json!("continuous")),
        (Class::Euler, "sigma_max", json!(80.0)),
        (Class::Euler, "trained_betas", json!({"a": 1})),
        (Class::DpmSolver, "algorithm_type", json!("dpmsolver")),
        (Class::DpmSolver, "solver_order", json!(3)),
        (Class::DpmSolver, "use_lu_lambdas", json!(true)),
        (Class::DpmSolver, "use_flow_sigmas", json!(true)),
        (Class::Lcm, "timestep_scaling", json!(-2)),
        (Class::UniPc, "predict_x0", json!(false)),
        (Class::UniPc, "disable_corrector", json!([0])),
    ] {
        let mut settings = json!({});
        settings[name] = value.clone();
        let found = value.to_string();
        says(
            &read(&settings, Some(class)).unwrap_err(),
            &[name, "scheduler_config.json", &found[..3.min(found.len())]],
        );
    }
    let sample = json!({"prediction_type": "sample"});
    says(
        &read(&sample, Some(Class::EulerAncestral)).unwrap_err(),
        &["Euler ancestral", "sample"],
    );
}

#[test]
fn values_of_settings() {
    says(
        &refused(json!({"beta_start": 0.0}), Class::Ddim, 5),
        &["beta_start", "above 0"],
    );
    says(
        &refused(json!({"beta_end": 7}), Class::Euler, 5),
        &["beta_end", "below 1", "7"],
    );
    says(
        &refused(json!({"trained_betas": [0.1, 0.2]}), Class::Euler, 5),
        &["trained_betas", "1000", "2"],
    );
    says(
        &refused(json!({"lambda_min_clipped": 1e6}), Class::DpmSolver, 5),
        &["lambda_min_clipped"],
    );
    let blind = json!({"rescale_betas_zero_snr": true, "timestep_spacing": "trailing", "clip_sample": false});
    for class in [Class::Ddpm, Class::Ddim] {
        says(
            &refused(blind.clone(), class, 5),
            &["prediction_type", "nothing but noise", "999", "epsilon"],
        );
    }
    let endless = json!({"lower_order_final": false});
    says(
        &refused(endless, Class::UniPc, 5),
        &["step 5 of 5", "finite"],
    );
    let ddim = read(&json!({}), Some(Class::Ddim)).unwrap();
    for eta in [-0.1, 1.5, f64::NAN] {
        says(
            &ddim.clone().with_eta(eta).unwrap_err().to_string(),
            &["eta", "0 to 1"],
        );
    }
    let euler = read(&json!({}), Some(Class::Euler)).unwrap();
    says(
        &euler.with_eta(0.5).unwrap_err().to_string(),
        &["eta", "Euler"],
    );
}

#[test]
fn values_of_networks() {
    let config = read(&json!({"clip_sample": false}), Some(Class::Ddpm)).unwrap();
    let plan = Plan::new(&config, 4).unwrap();
    let noise = values("latent", 24);
    let mut run = Run::new(&plan, &noise).unwrap();
    let output = network(&run.input(), 750.0);
    run.advance(&output, Some(&values("noise.1", 24))).unwrap();
    let before = run.clone();

    let mut broken = output.clone();
    broken[5] = f32::NAN;
    let message = run.advance(&broken, Some(&noise)).unwrap_err().to_string();
    says(
        &message,
        &[
            "step 2 of 4",
            "timestep 500",
            "the network's answer",
            "NaN",
            "value 5",
        ],
    );
    broken[5] = f32::INFINITY;
    says(
        &run.advance(&broken, Some(&noise)).unwrap_err().to_string(),
        &["inf"],
    );
    broken[5] = f32::MAX;
    says(
        &run.advance(&broken, Some(&noise)).unwrap_err().to_string(),
        &["step 2 of 4", "the latent"],
    );
    says(
        &run.advance(&output[..7], Some(&noise))
            .unwrap_err()
            .to_string(),
        &["expected 24", "found 7"],
    );
    says(
        &run.advance(&output, Some(&noise[..3]))
            .unwrap_err()
            .to_string(),
        &["noise", "found 3"],
    );
    says(
        &run.advance(&output, None).unwrap_err().to_string(),
        &["noise of step 2", "none"],
    );
    // nothing of a refused step remains
    assert_eq!(run.latent(), before.latent());

    for _ in 1..3 {
        run.advance(&output, Some(&noise)).unwrap();
    }
    // the last step, to no noise at all, draws none
    says(
        &run.advance(&output, Some(&noise)).unwrap_err().to_string(),
        &["noise of step 4"],
    );
    run.advance(&output, None).unwrap();
    assert!(run.step().is_none());
    says(
        &run.advance(&output, None).unwrap_err().to_string(),
        &["4 steps", "end"],
    );
    assert!(Run::new(&plan, &[]).is_err());
    assert!(Run::new(&plan, &[f32::NAN]).is_err());
}

/// Whatever a file says: a plan of finite weights, or an error.
#[test]
fn no_setting_makes_a_panic() {
    let names = "num_train_timesteps beta_start beta_end beta_schedule trained_betas rescale_betas_zero_snr prediction_type \
        timestep_spacing steps_offset clip_sample clip_sample_range thresholding dynamic_thresholding_ratio sample_max_value \
        set_alpha_to_one variance_type use_karras_sigmas final_sigmas_type solver_order solver_type algorithm_type \
        lower_order_final euler_at_final lambda_min_clipped original_inference_steps timestep_scaling predict_x0 disable_corrector";
    let values = "0 1 2 3 -1 49 999 100000 0.5 0.9999999 1e-9 1e-320 1e308 -1e308 null true false \"x\" [] [0.5] {} \"-Infinity\" \"trailing\" \
        \"linspace\" \"sample\" \"squaredcos_cap_v2\" \"sde-dpmsolver++\" \"bh1\" \"heun\" \"sigma_min\"";
    let values: Vec<Value> = values
        .split_whitespace()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    let (mut planned, mut refused) = (0, 0);
    for class in Class::ALL {
        for name in names.split_whitespace() {
            for value in &values {
                let mut settings = json!({"use_karras_sigmas": true});
                settings[name] = value.clone();
                let Ok(config) = read(&settings, Some(class)) else {
                    refused += 1;
                    continue;
                };
                for steps in [1, 2, 16, 999] {
                    match Plan::new(&config, steps) {
                        Ok(plan) => {
                            planned += 1;
                            let finite = |step: &cohort_diffusion::Step| {
                                step.update.latent.is_finite() && step.timestep >= 0.0
                            };
                            assert!(!plan.steps.is_empty() && plan.steps.iter().all(finite));
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
        }
    }
    println!("{planned} planned, {refused} refused");
    assert!(planned > 1000 && refused > 1000);
    says(
        &refused_schedule(json!({"beta_start": 0.99, "beta_end": 0.99})),
        &["beta_start", "leave some of it", "0 in the last"],
    );
    says(
        &refused_schedule(json!({"beta_start": 1e-12, "beta_end": 1e-12})),
        &["beta_start", "change the picture"],
    );
}

fn refused_schedule(settings: Value) -> String {
    refused(settings, Class::Euler, 5)
}
