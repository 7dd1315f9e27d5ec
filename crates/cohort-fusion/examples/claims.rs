//! What fusion must hold on the embedded corpus, from the folders of finished demos:
//! `cohort demo --seed S --out demo-S` for some seeds, then
//! `cargo run -p cohort-fusion --example claims -- demo-1 demo-2 ...`.
//!
//! For each demo: whether the Shapley shares rank the modalities as `truth.json` says; late fusion less the best
//! single model (the best on the test split, the hardest to beat); the joint model less late fusion of the same modalities,
//! fitted for just these, and less the full late fusion with the same one missing. Then the means over the demos with 95 % intervals (Student's t over seeds).
#![allow(missing_docs)]

use std::error::Error;
use std::path::Path;

use cohort_fusion::{Ablation, AblationRow, Family};
use serde_json::Value;

/// Metrics with the sign that makes larger better.
const METRICS: [(&str, f64); 4] = [
    ("balanced_accuracy", 1.0),
    ("quadratic_kappa", 1.0),
    ("macro_mae", -1.0),
    ("nll", -1.0),
];

/// Quantiles 0.975 of Student's t for 1 to 9 degrees of freedom.
const T: [f64; 9] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
];

type Gain = (f64, f64, f64);

fn main() -> Result<(), Box<dyn Error>> {
    // Name of a comparison and metric -> gain in every demo.
    let mut gains: Vec<(String, Vec<f64>)> = Vec::new();
    let (mut demos, mut ranked) = (0, 0);
    for folder in std::env::args().skip(1) {
        let folder = Path::new(&folder);
        let truth: Value = read(&folder.join("corpus/truth.json"))?;
        let ablation: Ablation = serde_json::from_value(read(&folder.join("run/ablation.json"))?)?;
        let mut expected: Vec<(u64, &str)> = Vec::new();
        for modality in truth["modalities"].as_array().into_iter().flatten() {
            let rank = modality["rank"].as_u64().ok_or("no rank")?;
            expected.push((rank, modality["modality"].as_str().ok_or("no modality")?));
        }
        expected.sort_unstable();
        let expected: Vec<&str> = expected.iter().map(|(_, name)| *name).collect();
        println!("{}, seed {}", folder.display(), truth["seed"]);
        let mut all = true;
        for shares in ablation.shares.iter().filter(|s| s.attribute.is_none()) {
            if !METRICS.iter().any(|(name, _)| *name == shares.metric) {
                continue;
            }
            let mut parts: Vec<_> = shares.parts.iter().collect();
            parts.sort_by(|a, b| b.value.total_cmp(&a.value));
            let found: Vec<&str> = parts.iter().map(|p| p.modality.as_str()).collect();
            if shares.family == "late" {
                all &= found == expected;
            }
            let verdict = if found == expected {
                "as planted"
            } else {
                "NOT as planted"
            };
            let values: Vec<String> = parts
                .iter()
                .map(|p| format!("{} {:+.3}", p.modality, p.value))
                .collect();
            println!(
                "  shares, {}, {}: {} ({verdict})",
                shares.family,
                shares.metric,
                values.join(", ")
            );
        }
        demos += 1;
        ranked += usize::from(all);
        for (metric, sign) in METRICS {
            let singles = ablation.rows.iter().filter(|r| r.family == Family::Single);
            let hardest = singles
                .filter_map(|row| Some((&row.name, difference(row, metric, -sign, To::Full)?)))
                .min_by(|a, b| a.1.0.total_cmp(&b.1.0));
            if let Some((name, gain)) = hardest {
                let label = format!("fitted fusion over best single, {metric}");
                show(&mut gains, &label, &format!(" ({name})"), gain);
            }
        }
        const LATE: [(To, &str); 2] = [
            (To::Late, "late"),
            (To::LateUnchanged, "late as fitted with all"),
        ];
        let joint = || ablation.rows.iter().filter(|r| r.family == Family::Joint);
        for row in joint() {
            for ((metric, sign), (to, what)) in METRICS.iter().flat_map(|m| LATE.map(|l| (*m, l))) {
                if let Some(gain) = difference(row, metric, sign, to) {
                    let label = format!("{} over {what}, {metric}", row.name);
                    show(&mut gains, &label, "", gain);
                }
            }
        }
        // the mean over the modality that is missing; no interval within a demo
        for ((metric, sign), (to, what)) in METRICS.iter().flat_map(|m| LATE.map(|l| (*m, l))) {
            let one_less = joint().filter(|r| r.modalities.len() + 1 == ablation.modalities.len());
            let found: Vec<f64> = one_less
                .filter_map(|row| Some(difference(row, metric, sign, to)?.0))
                .collect();
            if !found.is_empty() {
                let mean = found.iter().sum::<f64>() / found.len() as f64;
                let label = format!("joint over {what}, one modality missing, {metric}");
                println!("  {label}: {mean:+.3}");
                add(&mut gains, &label, mean);
            }
        }
    }
    println!(
        "\nlate shares rank the modalities as planted in all metrics: {ranked} of {demos} demos"
    );
    println!("mean gains over the demos:");
    for (label, values) in gains {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        match T.get(values.len().wrapping_sub(2)) {
            Some(t) => {
                let half = t * (variance / n).sqrt();
                println!(
                    "  {label}: {mean:+.4} [{:+.4}, {:+.4}]",
                    mean - half,
                    mean + half
                );
            }
            None => println!("  {label}: {mean:+.4}"),
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

/// What a row is compared with.
#[derive(Clone, Copy)]
enum To {
    /// Late fusion of all modalities.
    Full,
    /// Late fusion of the same modalities, fitted for these.
    Late,
    /// Late fusion fitted for all modalities, with the same one missing.
    LateUnchanged,
}

/// Difference in a metric; times `sign`.
fn difference(row: &AblationRow, metric: &str, sign: f64, to: To) -> Option<Gain> {
    let figure = row.figures.iter().find(|f| f.metric == metric)?;
    let interval = match to {
        To::Full => &figure.to_full,
        To::Late => &figure.to_late,
        To::LateUnchanged => &figure.to_late_unchanged,
    };
    let e = interval.as_ref()?.estimate()?;
    let (a, b) = (sign * e.low, sign * e.high);
    Some((sign * e.value, a.min(b), a.max(b)))
}

fn show(gains: &mut Vec<(String, Vec<f64>)>, label: &str, note: &str, (value, low, high): Gain) {
    let verdict = match (low > 0.0, high < 0.0) {
        (true, _) => "better",
        (_, true) => "WORSE",
        _ => "cannot be told",
    };
    println!("  {label}{note}: {value:+.3} [{low:+.3}, {high:+.3}] {verdict}");
    add(gains, label, value);
}

fn add(gains: &mut Vec<(String, Vec<f64>)>, label: &str, value: f64) {
    match gains.iter_mut().find(|(known, _)| known == label) {
        Some((_, values)) => values.push(value),
        None => gains.push((label.to_string(), vec![value])),
    }
}
