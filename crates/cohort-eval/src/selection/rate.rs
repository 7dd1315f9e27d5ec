//! The selection rate.

use super::Definition;

pub(super) const DEFINITION: Definition = Definition {
    name: "selection_rate",
    title: "Selection rate",
    meaning: "Share of the clips that the model gives the favourable class, right or wrong.",
    formula: "rows given the favourable class / rows",
    source: "fairlearn.metrics.selection_rate",
    range: (0.0, 1.0),
    equal: None,
};
