//! What difference and ratio of selection rates chance alone gives: subjects are relabelled at random.

use serde::{Deserialize, Serialize};

use crate::attribute::Attribute;
use crate::bootstrap::quantile;
use crate::measure::Measure;
use crate::permute::{Column, Labelled, Relabelling};
use crate::random::Stream;
use crate::tally::Tally;
use crate::{AuditSettings, Metric};

/// Difference and ratio under random relabelling of subjects: what a model that looks at no group would show, with groups of
/// these sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ByChance {
    /// Mean difference.
    pub difference_mean: f64,
    /// 95th percentile of the difference.
    pub difference_p95: f64,
    /// Share of relabellings with a difference at least as large (the observed one counted in).
    pub p_value: f64,
    /// Mean ratio; absent where nobody is given the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_mean: Option<f64>,
    /// 5th percentile of the ratio; likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_p5: Option<f64>,
}

/// `tally` counts a row as right where it is given the class; `of_subject` is each subject's group, `compared` the groups.
pub(super) fn by_chance(
    tally: &Tally,
    attribute: &Attribute,
    of_subject: &[usize],
    compared: &[usize],
    settings: &AuditSettings,
) -> ByChance {
    let group: Vec<Option<usize>> = of_subject
        .iter()
        .map(|group| compared.binary_search(group).ok())
        .collect();
    let given = (tally.linear(Metric::Accuracy)).expect("accuracy is a mean over rows");
    let entries = given.iter().zip(&tally.size).enumerate();
    let column = Column {
        entries: entries
            .map(|(subject, (&given, &rows))| (subject, given, rows))
            .collect(),
        compared: vec![true; compared.len()],
    };
    let relabelling = Relabelling {
        tally,
        metrics: &[Metric::Accuracy],
        group: &group,
        groups: compared.len(),
        stratum: &vec![0; of_subject.len()],
        sums: vec![Some(column)],
        contrasts: Vec::new(),
    };
    let gap = |labelled: &Labelled| -> [f64; 2] {
        let values = labelled.values.first().map_or(&[][..], Vec::as_slice);
        [Measure::MaxMin, Measure::RatioShortfall]
            .map(|measure| measure.of(Metric::Accuracy, values, f64::NAN))
    };
    let [observed, _] = gap(&relabelling.observed());
    let stream = Stream::new(settings.seed, &["selection", &attribute.name]);
    let null = relabelling.relabelled(settings.permutations, stream, |_, labelled| gap(&labelled));
    let mut differences: Vec<f64> = null.iter().map(|gap| gap[0]).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let mut ratios: Vec<f64> = null.iter().map(|gap| 1.0 - gap[1]).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let somebody = given.iter().any(|given| *given > 0.0);
    ByChance {
        difference_mean: mean(&differences),
        difference_p95: quantile(&differences, 0.95),
        p_value: crate::disparity::exceedance(&differences, observed),
        ratio_mean: somebody.then(|| mean(&ratios)),
        ratio_p5: somebody.then(|| quantile(&ratios, 0.05)),
    }
}
