//! ArcFace.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::loss::Part;
use super::space::{Closeness, log_sum_exp};
use crate::NnError;
use crate::checks::number;

/// Least sine by which the slope of a margin is divided: a sample that lies on its proxy has a finite gradient.
const LEAST_SINE: f64 = 1e-6;

/// ArcFace (Deng et al. 2019): cross-entropy over scaled cosines of samples and proxies, where a margin is added to the angle between a
/// sample and its own proxy; beyond 180 degrees less the margin the cosine less margin times sin(margin). Mean over samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArcFace {
    /// Margin in degrees, 0 to 180. Default 28.6.
    pub margin: f64,
    /// What cosines are multiplied by, above 0. Default 64.
    pub scale: f64,
}

impl Default for ArcFace {
    fn default() -> Self {
        Self {
            margin: 28.6,
            scale: 64.0,
        }
    }
}

impl ArcFace {
    pub(super) fn validate(&self) -> Result<(), NnError> {
        let degrees = |m: f64| (0.0..=180.0).contains(&m);
        number("loss.margin", self.margin, degrees, "0 to 180 degrees")?;
        number("loss.scale", self.scale, |s| s > 0.0, "above 0")
    }

    /// `closeness` is of samples and proxies.
    pub(super) fn grade(&self, closeness: &Closeness, labels: &[usize]) -> Part {
        let mut part = Part::new(closeness, labels.len());
        let share = 1.0 / labels.len().max(1) as f64;
        for (i, &label) in labels.iter().enumerate() {
            let (own, slope) = self.with_margin(closeness.at(i, label));
            let logit = |c: usize| {
                let cosine = if c == label { own } else { closeness.at(i, c) };
                self.scale * cosine
            };
            let classes = 0..closeness.columns();
            let log_sum = log_sum_exp(classes.clone().map(logit));
            let loss = log_sum - logit(label);
            part.value += share * loss;
            part.active += usize::from(loss > 0.0);
            for c in classes {
                let p = (logit(c) - log_sum).exp();
                let gradient = share * self.scale;
                match c == label {
                    true => part.add(i, c, gradient * (p - 1.0) * slope),
                    false => part.add(i, c, gradient * p),
                }
            }
        }
        part
    }

    /// The cosine with the margin in it, and its derivative by the cosine.
    fn with_margin(&self, cosine: f64) -> (f64, f64) {
        let margin = self.margin.to_radians();
        let angle = cosine.clamp(-1.0, 1.0).acos();
        match angle <= PI - margin {
            true => {
                let slope = (angle + margin).sin() / angle.sin().max(LEAST_SINE);
                ((angle + margin).cos(), slope)
            }
            false => (angle.cos() - margin * margin.sin(), 1.0),
        }
    }
}
