//! Puts the tables of several modalities side by side, by clip id.

use std::collections::BTreeMap;

use cohort_tables::{Predictions, clip_id};

use crate::FusionError;
use crate::numeric::log_probabilities;

/// Most modalities that are fused at once: every non-empty subset gets parameters of its own, 255 of 8.
pub const MOST_MODALITIES: usize = 8;

/// What one model says of the clips of two splits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelPredictions {
    /// Name, e.g. `image`; unique.
    pub name: String,
    /// Predictions of the validation split, on which everything is fitted. May be empty when nothing is fitted.
    pub valid: Predictions,
    /// Predictions of the test split, which nothing is fitted on.
    pub test: Predictions,
}

/// One split of all modalities, a row a clip, sorted by clip id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aligned {
    /// `VideoName` as first found.
    pub names: Vec<String>,
    pub classes: usize,
    /// Class of each clip, when any table has it.
    pub truth: Option<Vec<usize>>,
    /// A modality: normalised log probabilities, row-major rows x classes; zeros where the modality is missing.
    pub logits: Vec<Vec<f64>>,
    /// A clip: bit `m` is set where modality `m` is there.
    pub present: Vec<u32>,
}

impl Aligned {
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Log probabilities of modality `m` for `row`.
    pub fn row(&self, m: usize, row: usize) -> &[f64] {
        &self.logits[m][row * self.classes..(row + 1) * self.classes]
    }

    /// Ground truth, or the error that `split` has none.
    pub fn truth(&self, split: &'static str) -> Result<&[usize], FusionError> {
        self.truth.as_deref().ok_or_else(|| {
            FusionError::table(
                "(all)",
                split,
                "ground truth in at least one modality's table",
                "no ground truth",
            )
        })
    }
}

/// Aligns the tables by clip id. A clip may lack some modalities.
///
/// # Errors
/// Tables without probabilities or with other classes, a clip twice in one table, truths that contradict each other.
pub(crate) fn align(
    split: &'static str,
    classes: &[String],
    tables: &[(&str, &Predictions)],
) -> Result<Aligned, FusionError> {
    let k = classes.len();
    // Clip id -> row in each table.
    let mut rows: BTreeMap<&str, Vec<Option<usize>>> = BTreeMap::new();
    for (m, (name, table)) in tables.iter().enumerate() {
        check_table(name, split, classes, table)?;
        let mut twice = Vec::new();
        for (row, video) in table.names.iter().enumerate() {
            let entry = rows
                .entry(clip_id(video))
                .or_insert_with(|| vec![None; tables.len()]);
            if entry[m].replace(row).is_some() {
                twice.push(clip_id(video));
            }
        }
        if !twice.is_empty() {
            let expected = format!("every clip once in the table of {name}, and twice none");
            return Err(FusionError::clips(split, expected, &twice));
        }
    }
    let n = rows.len();
    let mut aligned = Aligned {
        names: Vec::with_capacity(n),
        classes: k,
        truth: None,
        logits: vec![vec![0.0; n * k]; tables.len()],
        present: vec![0; n],
    };
    let mut truths: Vec<Option<usize>> = vec![None; n];
    let mut contradicted = Vec::new();
    for (i, (clip, found)) in rows.iter().enumerate() {
        for (m, &row) in found.iter().enumerate() {
            let (Some(row), table) = (row, tables[m].1) else {
                continue;
            };
            if aligned.present[i] == 0 {
                aligned.names.push(table.names[row].clone());
            }
            aligned.present[i] |= 1 << m;
            if let Some(probabilities) = table.row(row) {
                log_probabilities(probabilities, &mut aligned.logits[m][i * k..(i + 1) * k]);
            }
            if let Some(truth) = &table.truth {
                match truths[i] {
                    None => truths[i] = Some(truth[row]),
                    Some(before) if before != truth[row] => contradicted.push(*clip),
                    Some(_) => {}
                }
            }
        }
    }
    if !contradicted.is_empty() {
        contradicted.dedup();
        let expected = "the same ground truth in all modalities, and two for none";
        return Err(FusionError::clips(split, expected, &contradicted));
    }
    if truths.iter().any(Option::is_some) {
        let known: Option<Vec<usize>> = truths.iter().copied().collect();
        let Some(known) = known else {
            let without: Vec<&str> = rows
                .keys()
                .zip(&truths)
                .filter(|(_, t)| t.is_none())
                .map(|(c, _)| *c)
                .collect();
            let expected = "ground truth for every clip or for none, and missing for some";
            return Err(FusionError::clips(split, expected, &without));
        };
        aligned.truth = Some(known);
    }
    Ok(aligned)
}

fn check_table(
    name: &str,
    split: &'static str,
    classes: &[String],
    table: &Predictions,
) -> Result<(), FusionError> {
    if table.is_empty() {
        return Ok(());
    }
    if table.classes != classes {
        return Err(FusionError::table(
            name,
            split,
            format!("the classes {} as in the other tables", classes.join(" ")),
            table.classes.join(" "),
        ));
    }
    if table.probabilities.is_none() {
        return Err(FusionError::table(
            name,
            split,
            "probabilities of every class (p1..pK or a probabilities list)",
            "decisions only",
        ));
    }
    Ok(())
}

/// The classes that the tables share: those of the first table that has rows.
pub(crate) fn shared_classes(modalities: &[ModelPredictions]) -> Result<Vec<String>, FusionError> {
    let first = modalities
        .iter()
        .flat_map(|m| [&m.valid, &m.test])
        .find(|table| !table.is_empty() && !table.classes.is_empty());
    match first {
        Some(table) => Ok(table.classes.clone()),
        None => Err(FusionError::Modalities {
            expected: "at least one table with rows".into(),
            found: "empty tables only".into(),
        }),
    }
}

/// Positions of the modalities in the order of their names: the order that everything is computed in, so that the
/// order of the arguments cannot change a bit of the result.
///
/// # Errors
/// No modality, more than [`MOST_MODALITIES`], an empty name, a name twice.
pub(crate) fn name_order(names: &[&str]) -> Result<Vec<usize>, FusionError> {
    let wrong = |expected: String, found: String| FusionError::Modalities { expected, found };
    if names.is_empty() || names.len() > MOST_MODALITIES {
        return Err(wrong(
            format!("1 to {MOST_MODALITIES}"),
            names.len().to_string(),
        ));
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&m| names[m]);
    if names.iter().any(|name| name.is_empty()) {
        return Err(wrong("a name for each".into(), "an empty name".into()));
    }
    if let Some(pair) = order
        .windows(2)
        .find(|pair| names[pair[0]] == names[pair[1]])
    {
        return Err(wrong(
            "every name once".into(),
            format!("{} twice", names[pair[0]]),
        ));
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str], truth: Option<&[usize]>, p: &[f64]) -> Predictions {
        Predictions {
            names: names.iter().map(|s| s.to_string()).collect(),
            classes: vec!["1".into(), "2".into()],
            truth: truth.map(<[usize]>::to_vec),
            predicted: vec![0; names.len()],
            probabilities: Some(p.iter().flat_map(|&p| [p, 1.0 - p]).collect()),
        }
    }

    fn run(tables: &[(&str, &Predictions)]) -> Result<Aligned, String> {
        align("test", &["1".to_string(), "2".into()], tables).map_err(|e| e.to_string())
    }

    #[test]
    fn clips_join_by_id_and_may_lack_modalities() {
        let a = table(&["b.mp4", "a.mp4"], Some(&[1, 0]), &[0.25, 0.75]);
        let b = table(&["c.wav", "a.wav"], Some(&[1, 0]), &[0.5, 0.1]);
        let aligned = run(&[("a", &a), ("b", &b)]).unwrap();
        assert_eq!(aligned.names, ["a.mp4", "b.mp4", "c.wav"]);
        assert_eq!(aligned.present, [0b11, 0b01, 0b10]);
        assert_eq!(aligned.truth, Some(vec![0, 1, 1]));
        assert!((aligned.row(0, 1)[0] - 0.25f64.ln()).abs() < 1e-12);
        assert_eq!(aligned.row(1, 1), [0.0, 0.0], "missing");
    }

    #[test]
    fn tables_that_do_not_fit_are_named() {
        let good = table(&["a", "b"], Some(&[0, 1]), &[0.5, 0.5]);
        let mut other_classes = good.clone();
        other_classes.classes[1] = "9".into();
        let mut no_probabilities = good.clone();
        no_probabilities.probabilities = None;
        let contradicting = table(&["b", "a"], Some(&[1, 1]), &[0.5, 0.5]);
        let doubled = table(&["a.mp4", "a.wav"], None, &[0.5, 0.5]);
        let partly = table(&["z"], None, &[0.5]);
        let cases = [
            (
                "classes",
                other_classes,
                "modality x, test predictions: expected the classes 1 2 as in the other tables, found 1 9",
            ),
            (
                "probabilities",
                no_probabilities,
                "modality x, test predictions: expected probabilities of every class (p1..pK or a probabilities list), found decisions only",
            ),
            (
                "truth",
                contradicting,
                "test predictions: expected the same ground truth in all modalities, and two for none, found 1: a",
            ),
            (
                "twice",
                doubled,
                "test predictions: expected every clip once in the table of x, and twice none, found 1: a",
            ),
            (
                "no truth",
                partly,
                "test predictions: expected ground truth for every clip or for none, and missing for some, found 1: z",
            ),
        ];
        for (name, bad, expected) in cases {
            assert_eq!(
                run(&[("good", &good), ("x", &bad)]).unwrap_err(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn names_are_checked_and_ordered() {
        assert_eq!(name_order(&["image", "audio", "text"]).unwrap(), [1, 0, 2]);
        let many: Vec<String> = (0..9).map(|i| i.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (names, expected) in [
            (&[][..], "modalities: expected 1 to 8, found 0"),
            (&many[..], "modalities: expected 1 to 8, found 9"),
            (
                &["a", "b", "a"][..],
                "modalities: expected every name once, found a twice",
            ),
            (
                &["a", ""][..],
                "modalities: expected a name for each, found an empty name",
            ),
        ] {
            assert_eq!(name_order(names).unwrap_err().to_string(), expected);
        }
    }
}
