//! One picture on its way from noise: what the network sees, and the next latent from what it answers.

use crate::DiffusionError;
use crate::plan::Plan;
use crate::step::{Coefficients, Step};

/// A run over a plan. It holds the latent, and as many earlier predictions as the plan adds up.
#[derive(Debug, Clone)]
pub struct Run<'a> {
    plan: &'a Plan,
    latent: Vec<f32>,
    taken: usize,
    /// The latent before the last step, where a correction wants it.
    before: Vec<f32>,
    /// Predicted pictures of earlier steps, the newest first.
    past: Vec<Vec<f32>>,
}

impl<'a> Run<'a> {
    /// Starts from standard normal noise, as many values as the latent has, in any layout.
    ///
    /// # Errors
    /// No values, or one that is not finite.
    pub fn new(plan: &'a Plan, noise: &[f32]) -> Result<Self, DiffusionError> {
        if noise.is_empty() {
            return Err(DiffusionError::setting(
                "noise",
                "one value or more",
                "none",
            ));
        }
        let first = plan.initial_sigma as f32;
        let run = Self {
            plan,
            latent: noise.iter().map(|e| e * first).collect(),
            taken: 0,
            before: Vec::new(),
            past: Vec::new(),
        };
        run.finite("the first noise", &run.latent)?;
        Ok(run)
    }

    /// The step to take; none when the run is at its end.
    pub fn step(&self) -> Option<&'a Step> {
        self.plan.steps.get(self.taken)
    }

    /// What the network sees in this step; at the end the latent itself.
    pub fn input(&self) -> Vec<f32> {
        let scale = self.step().map_or(1.0, |step| step.input_scale) as f32;
        self.latent.iter().map(|x| x * scale).collect()
    }

    /// The latent as it is.
    pub fn latent(&self) -> &[f32] {
        &self.latent
    }

    /// The latent, when no more is wanted of the run.
    pub fn into_latent(self) -> Vec<f32> {
        self.latent
    }

    /// Takes a step with the network's answer and, where [`Step::draws`] says so, fresh standard normal noise.
    ///
    /// # Errors
    /// A run at its end, another number of values than the latent has, noise that is missing or not asked for, values that are not
    /// finite: the error names the step. The run is then as it was.
    pub fn advance(&mut self, output: &[f32], noise: Option<&[f32]>) -> Result<(), DiffusionError> {
        let step = self
            .step()
            .ok_or(DiffusionError::Finished(self.plan.steps.len()))?;
        DiffusionError::length("the network's answer", self.latent.len(), output.len())?;
        match (step.draws, noise) {
            (true, Some(noise)) => DiffusionError::length("noise", self.latent.len(), noise.len())?,
            (false, None) => {}
            (draws, _) => {
                let (expected, found) = if draws {
                    ("fresh noise", "none")
                } else {
                    ("none", "noise")
                };
                let name = format!("noise of step {}", self.taken + 1);
                return Err(DiffusionError::setting(name, expected, found));
            }
        }
        self.finite("the network's answer", output)?;
        if let Some(noise) = noise {
            self.finite("noise", noise)?;
        }
        let [of_latent, of_output] = step.prediction;
        let predict = |(&x, &o)| (of_latent * f64::from(x) + of_output * f64::from(o)) as f32;
        let mut picture: Vec<f32> = self.latent.iter().zip(output).map(predict).collect();
        self.plan.bound.apply(&mut picture);
        let corrected = step
            .correction
            .map(|w| self.sum(&w, &self.before, &[], &picture, None));
        let from = corrected.as_ref().unwrap_or(&self.latent);
        let next = self.sum(&step.update, from, output, &picture, noise);
        self.finite("the latent", &next)?;

        if self.plan.corrects {
            self.before = corrected.unwrap_or_else(|| std::mem::take(&mut self.latent));
        }
        self.latent = next;
        self.past.insert(0, picture);
        self.past.truncate(self.plan.memory);
        self.taken += 1;
        Ok(())
    }

    /// The sum of one step, in double precision and always in the same order.
    fn sum(
        &self,
        w: &Coefficients,
        latent: &[f32],
        output: &[f32],
        picture: &[f32],
        noise: Option<&[f32]>,
    ) -> Vec<f32> {
        let past: Vec<(f64, &[f32])> = w
            .past
            .iter()
            .zip(&self.past)
            .map(|(&weight, p)| (weight, p.as_slice()))
            .collect();
        let value = |i: usize| {
            let mut sum = w.latent * f64::from(latent[i]) + w.picture * f64::from(picture[i]);
            if w.output != 0.0 {
                sum += w.output * f64::from(output[i]);
            }
            for (weight, picture) in &past {
                sum += weight * f64::from(picture[i]);
            }
            if let Some(noise) = noise {
                sum += w.noise * f64::from(noise[i]);
            }
            sum as f32
        };
        (0..latent.len()).map(value).collect()
    }

    fn finite(&self, what: &'static str, values: &[f32]) -> Result<(), DiffusionError> {
        match values.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(index) => Err(DiffusionError::NotFinite {
                step: self.taken + 1,
                steps: self.plan.steps.len(),
                timestep: self.step().map_or(0.0, |step| step.timestep),
                what,
                found: values[index],
                index,
            }),
        }
    }
}
