//! The most probable path of a pitch tracker's hidden Markov model.
//!
//! There are `n` pitch bins, each voiced or unvoiced: states 0..n and n..2n. A step changes the bin
//! by at most `reach`, with probability proportional to a triangle, and the voicing with a fixed
//! small probability. The plain algorithm looks at all (2n)^2 pairs in each step. Here:
//!
//! - The logarithm of the triangle is concave, so for two sources k < l the better one changes
//!   once, from k to l, as the target moves up. An upper envelope of all sources is built with a
//!   stack and a search for where two of them meet: O(n log n) a step at worst, and for all
//!   unvoiced targets at once.
//! - Of the voiced states only those with a pitch candidate are kept. All others have probability
//!   zero (for librosa: the smallest normal number), and the unvoiced state of the same bin is a
//!   better one to be in; except where the unvoiced probability is zero too, and there all are kept.
//! - Which source won is stored in runs of equal or of consecutive ones.
//!
//! States, probabilities and ties are those of librosa 0.11 `sequence.viterbi` as `pyin` calls it.

/// What librosa adds to a probability before taking the logarithm.
const EPSILON: f64 = f64::MIN_POSITIVE;

/// Most pitch bins that fit the stored runs.
pub(crate) const MAX_BINS: usize = 1 << 14;

/// Voiced targets up to which looking at all their sources is cheaper than an envelope.
const FEW_TARGETS: usize = 12;

/// The model.
pub(crate) struct Model {
    bins: usize,
    /// `ln` of the triangle at distances 0 to reach.
    triangle: Vec<f64>,
    /// The same from reach down to 0 and up again.
    both_sides: Vec<f64>,
    /// `ln` of the sum of the triangle around each bin, cut off at the ends.
    norm: Vec<f64>,
    stay: f64,
    switch: f64,
    far: f64,
}

/// One frame's evidence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evidence {
    /// Pitch candidates: bin and probability above 0; each bin once.
    pub voiced: Vec<(usize, f64)>,
    /// Probability of each unvoiced state.
    pub unvoiced: f64,
}

/// Runs of targets: first target, its source state, and whether sources advance with targets.
type Runs = Vec<(u16, u16, bool)>;

/// The path so far: values of the last frame, and for each frame where they came from.
pub(crate) struct Tracker {
    model: Model,
    voiced: Vec<f64>,
    unvoiced: Vec<f64>,
    /// Voiced bins with a finite value.
    active: Vec<usize>,
    history: Vec<Step>,
    // Scratch.
    merged: [Vec<f64>; 2],
    from_voiced: [Vec<bool>; 2],
    envelope: Vec<(usize, usize)>,
    scores: Vec<f64>,
    next: Vec<f64>,
}

struct Step {
    voiced: Vec<(u16, u16)>,
    unvoiced: Runs,
}

impl Model {
    /// `bins` from 1 to [`MAX_BINS`]; a step changes the bin by at most `reach`; `switch` is the
    /// probability that voicing changes.
    pub(crate) fn new(bins: usize, reach: usize, switch: f64) -> Self {
        // The triangle ends at zero one bin beyond `reach`; no distance is longer than the bins.
        let end = (reach + 1) as f64;
        let weight = |d: usize| 1.0 - d as f64 / end;
        let reach = reach.min(bins - 1);
        let mut sums = vec![0.0; reach + 1];
        for d in 1..=reach {
            sums[d] = sums[d - 1] + weight(d);
        }
        let norm = (0..bins)
            .map(|i| (1.0 + sums[i.min(reach)] + sums[(bins - 1 - i).min(reach)]).ln())
            .collect();
        let triangle: Vec<f64> = (0..=reach).map(|d| weight(d).ln()).collect();
        Self {
            bins,
            both_sides: triangle[1..]
                .iter()
                .rev()
                .chain(&triangle)
                .copied()
                .collect(),
            triangle,
            norm,
            stay: (1.0 - switch).ln(),
            switch: switch.ln(),
            far: EPSILON.ln(),
        }
    }

    /// The source that serves `target`, by looking at all of them; of equal ones the lowest. `scores`
    /// is scratch.
    fn source(&self, sources: &[f64], target: usize, scores: &mut Vec<f64>) -> usize {
        let reach = self.triangle.len() - 1;
        let first = target.saturating_sub(reach);
        let weights = &self.both_sides[first + reach - target..];
        scores.clear();
        scores.extend(sources[first..].iter().zip(weights).map(|(s, w)| s + w));
        let best = crate::fast::largest(scores);
        first + scores.iter().position(|s| *s == best).unwrap_or(0)
    }

    /// Builds the upper envelope over targets of `sources[k] + triangle(|target - k|)`: pairs of a
    /// source and the first target that it serves. Of equal sources the lower one serves.
    fn envelope(&self, sources: &[f64], stack: &mut Vec<(usize, usize)>) {
        let n = self.bins;
        let reach = self.triangle.len() - 1;
        let value = |k: usize, j: usize| sources[k] + self.triangle[k.abs_diff(j)];
        stack.clear();
        for k in 0..n {
            let mut start = 0;
            while let Some(&(top, from)) = stack.last() {
                // k serves nothing below its own reach, and everything beyond the reach of `top`.
                let end = top + reach;
                if from + reach >= k && (from > end || value(k, from) > value(top, from)) {
                    stack.pop();
                    start = from;
                    continue;
                }
                let low = (from + 1).max(k.saturating_sub(reach));
                let high = end.min(n - 1);
                let better = |j: usize| value(k, j) > value(top, j);
                start = if low > high || better(low) {
                    // The second is the most common: neighbours serve themselves.
                    low
                } else if !better(high) {
                    // Not better anywhere in the reach of `top`.
                    high + 1
                } else {
                    // The first target at which k is better lies after `low` and is `high` at the latest.
                    // Mostly it is near: steps that double lead beyond it, halving leads back.
                    let (mut low, mut high, mut step) = (low + 1, high, 1);
                    while low + step < high {
                        if better(low + step) {
                            high = low + step;
                            break;
                        }
                        low += step + 1;
                        step *= 2;
                    }
                    while low < high {
                        let middle = (low + high) / 2;
                        if better(middle) {
                            high = middle;
                        } else {
                            low = middle + 1;
                        }
                    }
                    low
                };
                break;
            }
            if start < n {
                stack.push((k, start));
            }
        }
    }
}

impl Tracker {
    pub(crate) fn new(model: Model) -> Self {
        let n = model.bins;
        Self {
            voiced: vec![f64::NEG_INFINITY; n],
            unvoiced: vec![0.0; n],
            active: Vec::new(),
            history: Vec::new(),
            merged: [vec![0.0; n], vec![0.0; n]],
            from_voiced: [vec![false; n], vec![false; n]],
            envelope: Vec::new(),
            scores: Vec::new(),
            next: vec![0.0; n],
            model,
        }
    }

    /// Takes in the evidence of the next frame.
    pub(crate) fn push(&mut self, evidence: &Evidence) {
        let n = self.model.bins;
        let log_unvoiced = (evidence.unvoiced + EPSILON).ln();
        // Where being unvoiced is as improbable as a pitch without evidence, all states compete.
        let everything = evidence.unvoiced <= 0.0;
        let mut targets: Vec<(usize, f64)> = evidence
            .voiced
            .iter()
            .map(|&(bin, p)| (bin, (p + EPSILON).ln()))
            .collect();
        targets.sort_unstable_by_key(|target| target.0);
        if everything {
            let mut all = vec![self.model.far; n];
            targets.iter().for_each(|&(bin, p)| all[bin] = p);
            targets = all.into_iter().enumerate().collect();
        }
        if self.history.is_empty() {
            let initial = (1.0 / (2.0 * n as f64) + EPSILON).ln();
            self.unvoiced.fill(log_unvoiced + initial);
            for &(bin, p) in &targets {
                self.voiced[bin] = p + initial;
            }
            self.active = targets.iter().map(|target| target.0).collect();
            self.history.push(Step {
                voiced: Vec::new(),
                unvoiced: Vec::new(),
            });
            return;
        }
        let best = self.best();
        let far = best.1 + self.model.far;
        self.merge();
        let mut step = Step {
            voiced: Vec::with_capacity(targets.len()),
            unvoiced: Vec::new(),
        };

        // Unvoiced targets, all of them.
        self.model.envelope(&self.merged[1], &mut self.envelope);
        let reach = self.model.triangle.len() - 1;
        let ends = self.envelope.iter().skip(1).map(|e| e.1).chain([n]);
        for (&(source, from), end) in self.envelope.iter().zip(ends) {
            // A source serves what lies in its reach.
            let weights = &self.model.both_sides[from + reach - source..];
            let base = self.merged[1][source];
            let mut lowest = f64::INFINITY;
            for (slot, weight) in self.next[from..end].iter_mut().zip(weights) {
                let value = base + weight;
                lowest = lowest.min(value);
                *slot = log_unvoiced + value;
            }
            let state = if self.from_voiced[1][source] {
                source
            } else {
                n + source
            };
            if lowest >= far {
                // From the third on they only make the run longer.
                (from..end.min(from + 2)).for_each(|j| push_run(&mut step.unvoiced, j, state));
                continue;
            }
            for j in from..end {
                let far_is_better = far > base + weights[j - from];
                if far_is_better {
                    self.next[j] = log_unvoiced + far;
                }
                let state = if far_is_better { best.0 } else { state };
                push_run(&mut step.unvoiced, j, state);
            }
        }
        // Voiced targets, those with evidence: of few, each looks at all sources in its reach.
        let few = targets.len() <= FEW_TARGETS;
        if !few {
            self.model.envelope(&self.merged[0], &mut self.envelope);
        }
        let mut runs = self.envelope.iter().peekable();
        let mut source = 0;
        let mut values = Vec::with_capacity(targets.len());
        for &(j, p) in &targets {
            if few {
                source = self.model.source(&self.merged[0], j, &mut self.scores);
            }
            while !few
                && let Some(&&(k, from)) = runs.peek()
                && from <= j
            {
                source = k;
                runs.next();
            }
            let mut value = self.value(0, source, j);
            let mut state = if self.from_voiced[0][source] {
                source
            } else {
                n + source
            };
            if far > value {
                (state, value) = (best.0, far);
            }
            step.voiced.push((j as u16, state as u16));
            values.push(p + value);
        }
        for &bin in &self.active {
            self.voiced[bin] = f64::NEG_INFINITY;
        }
        self.active.clear();
        for (&(bin, _), value) in targets.iter().zip(values) {
            self.voiced[bin] = value;
            self.active.push(bin);
        }
        std::mem::swap(&mut self.unvoiced, &mut self.next);
        self.history.push(step);
    }

    fn value(&self, layer: usize, source: usize, target: usize) -> f64 {
        match self.model.triangle.get(source.abs_diff(target)) {
            Some(weight) => self.merged[layer][source] + weight,
            None => f64::NEG_INFINITY,
        }
    }

    /// For voiced (0) and unvoiced (1) targets the better of the two states of each source bin.
    fn merge(&mut self) {
        let Model {
            norm, stay, switch, ..
        } = &self.model;
        let [to_voiced, to_unvoiced] = &mut self.merged;
        for ((slot, value), norm) in to_voiced.iter_mut().zip(&self.unvoiced).zip(norm) {
            *slot = value + (switch - norm);
        }
        for ((slot, value), norm) in to_unvoiced.iter_mut().zip(&self.unvoiced).zip(norm) {
            *slot = value + (stay - norm);
        }
        for from in &mut self.from_voiced {
            from.fill(false);
        }
        for &k in &self.active {
            for (layer, log) in [(0, stay), (1, switch)] {
                let value = self.voiced[k] + (log - norm[k]);
                // Of equal ones the voiced, which has the lower state number.
                if value >= self.merged[layer][k] {
                    self.merged[layer][k] = value;
                    self.from_voiced[layer][k] = true;
                }
            }
        }
    }

    /// The first of the most probable states, and its value.
    fn best(&self) -> (usize, f64) {
        let mut best = (0, f64::NEG_INFINITY);
        for &bin in &self.active {
            if self.voiced[bin] > best.1 {
                best = (bin, self.voiced[bin]);
            }
        }
        let top = crate::fast::largest(&self.unvoiced);
        if top > best.1
            && let Some(bin) = self.unvoiced.iter().position(|value| *value == top)
        {
            best = (self.model.bins + bin, top);
        }
        best
    }

    /// The most probable path: for each frame the voiced bin, or None.
    pub(crate) fn path(&self) -> Vec<Option<usize>> {
        let n = self.model.bins;
        self.states()
            .into_iter()
            .map(|state| (state < n).then_some(state))
            .collect()
    }

    /// The states of the most probable path.
    fn states(&self) -> Vec<usize> {
        let n = self.model.bins;
        let mut path = vec![0; self.history.len()];
        let mut state = self.best().0;
        for (slot, step) in path.iter_mut().zip(&self.history).rev() {
            *slot = state;
            state = if state < n {
                let at = step.voiced.partition_point(|v| usize::from(v.0) < state);
                step.voiced.get(at).map_or(state, |v| usize::from(v.1))
            } else {
                let target = state - n;
                let at = step
                    .unvoiced
                    .partition_point(|run| usize::from(run.0) <= target);
                match at.checked_sub(1).and_then(|at| step.unvoiced.get(at)) {
                    Some(&(first, source, true)) => {
                        usize::from(source) + target - usize::from(first)
                    }
                    Some(&(_, source, false)) => usize::from(source),
                    None => state,
                }
            };
        }
        path
    }
}

/// Adds the next target to the runs: same source, or the next one, or a new run.
fn push_run(runs: &mut Runs, target: usize, state: usize) {
    if let Some((first, source, advancing)) = runs.last_mut() {
        let length = target - usize::from(*first);
        let source = usize::from(*source);
        if length == 1 && state == source + 1 {
            *advancing = true;
            return;
        }
        if state == if *advancing { source + length } else { source } {
            return;
        }
    }
    runs.push((target as u16, state as u16, false));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The algorithm as librosa writes it, over all pairs of states.
    struct Plain {
        start: Vec<f64>,
        transition: Vec<Vec<f64>>,
        evidence: Vec<Vec<f64>>,
    }

    impl Plain {
        fn new(bins: usize, reach: usize, switch: f64, evidence: &[Evidence]) -> Self {
            let tiny = f64::MIN_POSITIVE;
            let mut transition = vec![vec![0.0; 2 * bins]; 2 * bins];
            for (i, row) in transition.iter_mut().enumerate() {
                let weight = |j: usize| {
                    (1.0 - (i % bins).abs_diff(j % bins) as f64 / (reach + 1) as f64).max(0.0)
                };
                let sum: f64 = (0..bins).map(weight).sum();
                for (j, slot) in row.iter_mut().enumerate() {
                    let voicing = if (i < bins) == (j < bins) {
                        1.0 - switch
                    } else {
                        switch
                    };
                    *slot = (voicing * weight(j) / sum + tiny).ln();
                }
            }
            let log = |e: &Evidence| -> Vec<f64> {
                let mut p = vec![0.0; bins];
                e.voiced.iter().for_each(|&(bin, value)| p[bin] = value);
                p.resize(2 * bins, e.unvoiced);
                p.iter().map(|p| (p + tiny).ln()).collect()
            };
            let start = vec![(1.0 / (2 * bins) as f64 + tiny).ln(); 2 * bins];
            Self {
                start,
                transition,
                evidence: evidence.iter().map(log).collect(),
            }
        }

        fn states(&self) -> Vec<usize> {
            let first_best = |values: &mut dyn Iterator<Item = f64>| {
                let mut best = (0, f64::NEG_INFINITY);
                for (i, v) in values.enumerate() {
                    if v > best.1 {
                        best = (i, v);
                    }
                }
                best
            };
            let n = self.start.len();
            let mut value: Vec<f64> = self.evidence[0]
                .iter()
                .zip(&self.start)
                .map(|(a, b)| a + b)
                .collect();
            let mut pointers = Vec::new();
            for p in &self.evidence[1..] {
                let (mut next, mut from) = (vec![0.0; n], vec![0; n]);
                for j in 0..n {
                    let best = first_best(&mut (0..n).map(|k| value[k] + self.transition[k][j]));
                    (from[j], next[j]) = (best.0, p[j] + best.1);
                }
                pointers.push(from);
                value = next;
            }
            let mut state = first_best(&mut value.iter().copied()).0;
            let mut path = vec![state];
            for from in pointers.iter().rev() {
                state = from[state];
                path.push(state);
            }
            path.reverse();
            path
        }

        fn score(&self, path: &[usize]) -> f64 {
            let steps = path.windows(2).map(|w| self.transition[w[0]][w[1]]);
            let seen = path.iter().zip(&self.evidence).map(|(s, e)| e[*s]);
            self.start[path[0]] + steps.sum::<f64>() + seen.sum::<f64>()
        }
    }

    #[test]
    fn equals_the_plain_algorithm_on_random_evidence() {
        let mut state = 11_u64;
        let mut random = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        for case in 0..600 {
            let bins = 2 + random() % 40;
            let reach = random() % (bins + 5);
            let certain = random() % 3 == 0;
            let evidence: Vec<Evidence> = (0..3 + random() % 12)
                .map(|_| {
                    let mut e = Evidence::default();
                    let mut left = 1.0;
                    for _ in 0..random() % 4 {
                        let bin = random() % bins;
                        if e.voiced.iter().all(|v| v.0 != bin) {
                            // Irregular values, so that no two paths are equal.
                            let p =
                                left * (0.1 + 0.8 * (random() % 1_000_003) as f64 / 1_000_003.0);
                            left -= p;
                            e.voiced.push((bin, p));
                        }
                    }
                    // Now and then a frame is certainly voiced.
                    if certain && !e.voiced.is_empty() && random() % 2 == 0 {
                        left = 0.0;
                    }
                    e.unvoiced = left / bins as f64;
                    e
                })
                .collect();
            let plain = Plain::new(bins, reach, 0.01, &evidence);
            let mut tracker = Tracker::new(Model::new(bins, reach, 0.01));
            evidence.iter().for_each(|e| tracker.push(e));
            let (fast, slow) = (tracker.states(), plain.states());
            // Where a probability of zero must be paid for, it can often be paid in one frame or
            // another at the same price, and rounding decides; the price must be the same.
            let difference = plain.score(&fast) - plain.score(&slow);
            assert!(difference.abs() < 1e-8, "case {case}: {difference}");
            if !certain {
                // Unvoiced paths at mirrored bins are equally probable.
                let voiced = |path: Vec<usize>| -> Vec<Option<usize>> {
                    path.into_iter().map(|s| (s < bins).then_some(s)).collect()
                };
                assert_eq!(
                    voiced(fast),
                    voiced(slow),
                    "case {case}: {bins} bins, reach {reach}"
                );
            }
        }
    }

    #[test]
    fn envelope_equals_the_maximum() {
        let mut state = 5_u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / 16_777_216.0
        };
        for (bins, reach) in [(1, 0), (5, 0), (40, 3), (40, 17), (100, 99), (64, 64)] {
            for scale in [0.001, 0.1, 3.0, 50.0] {
                let model = Model::new(bins, reach, 0.01);
                let sources: Vec<f64> = (0..bins).map(|_| -scale * random()).collect();
                let mut stack = Vec::new();
                model.envelope(&sources, &mut stack);
                for j in 0..bins {
                    let k = stack.iter().rfind(|s| s.1 <= j).unwrap().0;
                    let served = sources[k] + model.triangle.get(k.abs_diff(j)).unwrap();
                    let best = (0..bins)
                        .filter_map(|k| Some(sources[k] + model.triangle.get(k.abs_diff(j))?))
                        .fold(f64::NEG_INFINITY, f64::max);
                    assert_eq!(served, best, "{bins} {reach} {scale}: target {j}");
                    let source = model.source(&sources, j, &mut Vec::new());
                    assert_eq!(source, k, "{bins} {reach} {scale}: target {j}");
                }
            }
        }
    }

    #[test]
    fn runs_give_back_what_was_pushed() {
        let states = [7, 7, 8, 9, 9, 9, 3, 4, 5, 6, 6, 1];
        let mut runs = Runs::new();
        states
            .iter()
            .enumerate()
            .for_each(|(j, s)| push_run(&mut runs, j, *s));
        for (j, state) in states.iter().enumerate() {
            let run = runs[runs.partition_point(|r| usize::from(r.0) <= j) - 1];
            let found = usize::from(run.1) + if run.2 { j - usize::from(run.0) } else { 0 };
            assert_eq!(found, *state, "{j} {runs:?}");
        }
        assert!(runs.len() < states.len());
    }
}
