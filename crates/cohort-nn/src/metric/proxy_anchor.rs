//! The proxy-anchor loss.

use serde::{Deserialize, Serialize};

use super::loss::Part;
use super::space::{Closeness, log_sum_exp};
use crate::NnError;
use crate::checks::number;

/// Proxy-anchor loss (Kim et al. 2020): every class has a proxy that is learnt, and proxies are the anchors. With cosines s of
/// samples and proxies: the mean over the classes of the batch of ln(1 + sum over their samples of e^(-alpha (s - margin))), and
/// the mean over all classes of ln(1 + sum over the other samples of e^(alpha (s + margin))).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyAnchor {
    /// Margin of a cosine, at least 0. Default 0.1.
    pub margin: f64,
    /// Sharpness, above 0. Default 32.
    pub alpha: f64,
}

impl Default for ProxyAnchor {
    fn default() -> Self {
        Self {
            margin: 0.1,
            alpha: 32.0,
        }
    }
}

impl ProxyAnchor {
    pub(super) fn validate(&self) -> Result<(), NnError> {
        number("loss.margin", self.margin, |m| m >= 0.0, "at least 0")?;
        number("loss.alpha", self.alpha, |a| a > 0.0, "above 0")
    }

    /// `closeness` is of samples and proxies.
    pub(super) fn grade(&self, closeness: &Closeness, labels: &[usize]) -> Part {
        let classes = closeness.columns();
        let mut part = Part::new(closeness, classes);
        let present = (0..classes).filter(|c| labels.contains(c)).count();
        for class in 0..classes {
            for (own, sign, count) in [(true, -1.0, present), (false, 1.0, classes)] {
                let of_kind = (0..labels.len()).filter(|&i| (labels[i] == class) == own);
                let term = |i: usize| self.alpha * (sign * closeness.at(i, class) + self.margin);
                if of_kind.clone().next().is_none() {
                    continue;
                }
                let terms = std::iter::once(0.0).chain(of_kind.clone().map(term));
                let log_sum = log_sum_exp(terms);
                let share = 1.0 / count as f64;
                part.value += share * log_sum;
                for i in of_kind {
                    let weight = (term(i) - log_sum).exp();
                    part.add(i, class, share * self.alpha * sign * weight);
                }
            }
        }
        part.active = present;
        part
    }
}
