//! The demographic parity difference.

use super::Definition;

pub(super) const DEFINITION: Definition = Definition {
    name: "demographic_parity_difference",
    title: "Demographic parity difference",
    meaning: "How much more often the most favoured group is given the favourable class than the least favoured one. It asks nothing of the truth: groups whose base rates differ differ here under a perfect model too.",
    formula: "largest - smallest selection rate of the groups",
    source: "fairlearn.metrics.demographic_parity_difference(method=\"between_groups\")",
    range: (0.0, 1.0),
    equal: Some(0.0),
};
