//! From classes to words: pictures as the words of the classes that a network sees in them.

use crate::SearchError;

/// Scores of pictures for some classes, and what stands for the classes.
#[derive(Debug, Clone, Copy)]
pub struct LabelScores<'a> {
    /// `[pictures, classes]`, row by row: probabilities, or any scores of at least 0.
    pub scores: &'a [f32],
    /// Vectors of the classes' names, in the order of the scores.
    pub names: &'a [f32],
    /// Classes of a picture that count, the highest first; at least 1.
    pub top: usize,
}

/// Vectors of pictures in the space of words: the mean of the vectors of the names of their `top` classes, weighted by their scores.
/// Names count by their directions, and so do the means of several networks, whose sum is taken. A picture of which every score is 0
/// gets zeros.
///
/// `dim` is the length of a name's vector.
///
/// # Errors
/// [`SearchError`] for lengths that do not fit, no class, scores below 0 or values that are not finite.
pub fn label_bridge(all: &[LabelScores], dim: usize) -> Result<Vec<f32>, SearchError> {
    let mut sums: Vec<f64> = Vec::new();
    for (number, one) in all.iter().enumerate() {
        let classes = one.names.len() / dim.max(1);
        if dim == 0 || classes == 0 || one.names.len() != classes * dim {
            let found = format!("{} values", one.names.len());
            return Err(SearchError::input(
                "names",
                format!("a vector of {dim} values for each class"),
                found,
            ));
        }
        if one.scores.len() % classes != 0 {
            return Err(SearchError::input(
                "scores",
                format!("{classes} for each picture, as there are names"),
                format!("{} in all", one.scores.len()),
            ));
        }
        if one.top == 0 {
            return Err(SearchError::setting("top", "at least 1", 0));
        }
        let bad = |v: &&f32| !v.is_finite() || **v < 0.0;
        if let Some(bad) = one.scores.iter().find(bad) {
            return Err(SearchError::input(
                "scores",
                "finite numbers of at least 0",
                bad.to_string(),
            ));
        }
        if let Some(bad) = one.names.iter().find(|v| !v.is_finite()) {
            return Err(SearchError::input(
                "names",
                "finite numbers",
                bad.to_string(),
            ));
        }
        let names: Vec<Vec<f64>> = one.names.chunks_exact(dim).map(unit).collect();
        let pictures = one.scores.len() / classes;
        if number == 0 {
            sums = vec![0.0; pictures * dim];
        } else if sums.len() != pictures * dim {
            return Err(SearchError::input(
                "scores",
                format!("{} pictures as in the first table", sums.len() / dim),
                pictures.to_string(),
            ));
        }
        for (scores, sum) in one
            .scores
            .chunks_exact(classes)
            .zip(sums.chunks_exact_mut(dim))
        {
            let mut order: Vec<usize> = (0..classes).collect();
            order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
            let mut own = vec![0.0; dim];
            for &class in order.iter().take(one.top) {
                let weight = f64::from(scores[class]);
                for (own, name) in own.iter_mut().zip(&names[class]) {
                    *own += weight * name;
                }
            }
            let length = own.iter().map(|v| v * v).sum::<f64>().sqrt();
            if length > 0.0 {
                for (sum, own) in sum.iter_mut().zip(own) {
                    *sum += own / length;
                }
            }
        }
    }
    Ok(sums.into_iter().map(|v| v as f32).collect())
}

fn unit(row: &[f32]) -> Vec<f64> {
    let row: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
    let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
    match length > 0.0 {
        true => row.iter().map(|v| v / length).collect(),
        false => row,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_become_the_names_of_their_classes() {
        // three classes along the axes, the second twice as long
        let names = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0];
        let scores = [0.6, 0.3, 0.1, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        let of = |top| {
            let one = LabelScores {
                scores: &scores,
                names: &names,
                top,
            };
            label_bridge(&[one], 3).unwrap()
        };
        let near = |a: &[f32], b: [f64; 3]| {
            assert!(
                a.iter()
                    .zip(b)
                    .all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6),
                "{a:?}"
            );
        };
        near(&of(1)[..3], [1.0, 0.0, 0.0]);
        let length = 0.45_f64.sqrt();
        near(&of(2)[..3], [0.6 / length, 0.3 / length, 0.0]);
        near(&of(2)[3..6], [0.0; 3]);
        near(&of(2)[6..], [0.0, 1.0, 0.0]);
        // a second network with one class
        let other = LabelScores {
            scores: &[0.5, 0.5, 0.0],
            names: &[0.0, 0.0, 3.0],
            top: 5,
        };
        let one = LabelScores {
            scores: &scores,
            names: &names,
            top: 1,
        };
        let both = label_bridge(&[one, other], 3).unwrap();
        near(&both[..3], [1.0, 0.0, 1.0]);
        near(&both[6..], [0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let names = [1.0, 0.0, 0.0, 1.0];
        for (scores, top, told) in [
            (vec![0.1; 3], 1, "2 for each picture"),
            (vec![0.1; 2], 0, "top"),
            (vec![-0.1, 0.2], 1, "at least 0"),
            (vec![f32::NAN, 0.2], 1, "at least 0"),
        ] {
            let one = LabelScores {
                scores: &scores,
                names: &names,
                top,
            };
            let error = label_bridge(&[one], 2).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
