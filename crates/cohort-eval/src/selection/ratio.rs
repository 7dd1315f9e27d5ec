//! The demographic parity ratio.

use super::Definition;

pub(super) const DEFINITION: Definition = Definition {
    name: "demographic_parity_ratio",
    title: "Demographic parity ratio",
    meaning: "The selection rate of the least favoured group over that of the most favoured one. Below four fifths (0.8) it counts as evidence of adverse impact in the guidelines of the United States' Equal Employment Opportunity Commission; the rule is a rule of thumb, and the interval says whether the data can tell.",
    formula: "smallest / largest selection rate of the groups",
    source: "fairlearn.metrics.demographic_parity_ratio(method=\"between_groups\"); four fifths: 29 CFR 1607.4 D (1978)",
    range: (0.0, 1.0),
    equal: Some(1.0),
};
