//! The page of the metrics, `docs/metrics.md`, is made from the metrics; `COHORT_BOOK=write` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use cohort_eval::{Metric, SelectionMeasure};

/// Classes and span that ranges are asked for; no other number of the page can be taken for them.
const CLASSES: usize = 1_000;
const SPAN: f64 = 12_345.0;

/// An end of a range in words.
fn end(value: f64) -> String {
    let steps = CLASSES as f64 - 1.0;
    let sign = if value < 0.0 { "-" } else { "" };
    match value.abs() {
        v if v == steps => format!("{sign}(K - 1)"),
        v if v == SPAN => format!("{sign}span"),
        v if v.is_infinite() => "no bound".into(),
        v if v.fract() == 0.0 => format!("{sign}{v:.0}"),
        v => format!("{sign}{v:.3}"),
    }
}

fn page() -> String {
    let mut page = String::from(
        "# Every metric\n\n\
         <!-- Made from the metrics by `cargo xtask book`; edits are lost. -->\n\n\
         K is the number of classes. t and p are the places of the true and the predicted class among the ordered classes, from 0. \
         \"Span\" is the largest less the smallest midpoint. What is marked *ordered* is left out where classes have no order, \
         *probabilities* where a model states none, *midpoints* where the classes have none. Intervals count subjects, not rows \
         (`crates/cohort-eval/docs/statistics.md` has the methods and their measured coverage).\n\n\
         | metric | name in JSON | better | range | needs |\n|---|---|---|---|---|\n",
    );
    for metric in Metric::ALL {
        let better = match metric.higher_is_better() {
            Some(true) => "more",
            Some(false) => "less",
            None => "0",
        };
        let needs = [
            (metric.needs_order(), "ordered"),
            (metric.needs_probabilities(), "probabilities"),
            (metric.needs_midpoints(), "midpoints"),
        ];
        let needs: Vec<&str> = needs
            .into_iter()
            .filter(|(does, _)| *does)
            .map(|(_, what)| what)
            .collect();
        let (low, high) = metric.range(CLASSES, SPAN);
        let _ = writeln!(
            page,
            "| {} | `{}` | {better} | {} to {} | {} |",
            metric.title(),
            metric.name(),
            end(low),
            end(high),
            needs.join(", ")
        );
    }
    for metric in Metric::ALL {
        let (_, meaning) = metric.glossary(false);
        let _ = write!(
            page,
            "\n## {}\n\n{meaning}\n\n- Formula: {}\n- Source: {}\n",
            metric.title(),
            metric.formula(),
            metric.source()
        );
    }
    page += "\n## Where a favourable class is named\n\n\
        `cohort audit --favourable CLASS` adds these. They ask nothing of the truth, so the base rate of every group stands \
        beside its selection rate. Groups of fewer than 5 subjects are shown and not compared. Intervals of the difference and the ratio \
        hold for all pairs of groups at once, and what chance gives is measured by relabelling subjects.\n\n\
        | measure | name in JSON | range | where groups are alike |\n|---|---|---|---|\n";
    for measure in SelectionMeasure::ALL {
        let (low, high) = measure.range();
        let equal = measure.equal().map_or("-".into(), end);
        let _ = writeln!(
            page,
            "| {} | `{}` | {} to {} | {equal} |",
            measure.title(),
            measure.name(),
            end(low),
            end(high)
        );
    }
    for measure in SelectionMeasure::ALL {
        let _ = write!(
            page,
            "\n### {}\n\n{}\n\n- Formula: {}\n- Source: {}\n",
            measure.title(),
            measure.meaning(),
            measure.formula(),
            measure.source()
        );
    }
    page
}

#[test]
fn the_page_of_the_metrics_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    if std::env::var_os("COHORT_BOOK").is_some_and(|what| what == "write") {
        std::fs::write(&path, page()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page(),
        "docs/metrics.md is stale; COHORT_BOOK=write writes it"
    );
}
