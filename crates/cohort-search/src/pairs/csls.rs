//! How near each row's nearest of the other table are: the correction of cross-domain similarity local scaling.

use rayon::prelude::*;

use super::scores::{Scored, Side};
use crate::{Distance, Progress, SearchError, go_on};

/// Of each picture the mean cosine of its `k` nearest captions, and of each caption that of its `k` nearest pictures.
pub(super) fn hubs(
    pictures: &Side,
    captions: &Side,
    k: usize,
    progress: &Progress,
) -> Result<[Vec<f64>; 2], SearchError> {
    let of = |queries, gallery| Scored {
        distance: Distance::Cosine,
        queries,
        gallery,
        hubs: None,
    };
    Ok([
        means(&of(pictures, captions), k, progress)?,
        means(&of(captions, pictures), k, progress)?,
    ])
}

fn means(scored: &Scored, k: usize, progress: &Progress) -> Result<Vec<f64>, SearchError> {
    let (count, together) = (scored.queries.len(), scored.together());
    let wave = together * 4 * rayon::current_num_threads();
    let mut means = Vec::with_capacity(count);
    for from in (0..count).step_by(wave) {
        go_on(progress, "hubs", from, count)?;
        let to = (from + wave).min(count);
        let starts: Vec<usize> = (from..to).step_by(together).collect();
        let parts = starts.into_par_iter().map(|start| {
            let end = (start + together).min(to);
            let lines = scored.cosines(start..end);
            let lines = lines.chunks_exact(scored.gallery.len());
            let each = lines.enumerate();
            each.map(|(i, line)| mean_of_nearest(scored, start + i, line, k))
                .collect::<Vec<f64>>()
        });
        let parts: Vec<Vec<f64>> = parts.collect();
        means.extend(parts.into_iter().flatten());
    }
    Ok(means)
}

/// The mean of the `k` largest cosines of a query; what 32 bits cannot rule out is looked at in 64.
fn mean_of_nearest(scored: &Scored, query: usize, line: &[f32], k: usize) -> f64 {
    let mut sorted = line.to_vec();
    let (_, kth, _) = sorted.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
    let (least, doubt) = scored.nearly(query, 0, *kth);
    let near = line.iter().enumerate().filter(|(item, cosine)| {
        let (value, _) = scored.nearly(query, *item, **cosine);
        value >= least - 2.0 * doubt
    });
    let mut exact: Vec<f64> = near.map(|(item, _)| scored.exact(query, item)).collect();
    exact.sort_unstable_by(|a, b| b.total_cmp(a));
    exact.truncate(k);
    exact.iter().sum::<f64>() / k as f64
}
