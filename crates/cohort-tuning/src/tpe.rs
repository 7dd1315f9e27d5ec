//! The tree-structured Parzen estimator: what is likelier among good trials than among the others is tried next.

use crate::draw::Draw;
use crate::parzen::Parzen;
use crate::space::{Point, Space};

/// What became of a trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    /// It was trained to its end and has this merit; larger is better.
    Finished(f64),
    /// It was given up after so many steps, with this merit by then.
    Pruned {
        /// Steps that were done.
        steps: usize,
        /// The best merit until then.
        merit: f64,
    },
    /// It gave no number, as after a loss that overflowed.
    Failed,
    /// It is not known yet.
    Running,
}

/// A trial of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Where in the space.
    pub point: Point,
    /// What became of it.
    pub outcome: Outcome,
}

/// Points that are drawn from the good trials' density, of which the likeliest by the ratio is taken.
const CANDIDATES: usize = 24;
/// Share of the trials that count as good, and the most of them.
const GOOD_SHARE: f64 = 0.1;
const MOST_GOOD: usize = 25;

/// The next point. A trial that runs counts as one of those that are not good, so that trials at the same time differ.
pub(crate) fn suggest(space: &Space, trials: &[Trial], draw: &mut Draw) -> Point {
    let ranked = ranked(trials);
    let known = ranked.iter().filter(|trial| !is_running(trial)).count();
    let good = ((GOOD_SHARE * known as f64).ceil() as usize).min(MOST_GOOD);
    let (good, rest) = ranked.split_at(good);
    let parameters = space.parameters();
    let points = |of: &[&'_ Trial]| {
        of.iter()
            .map(|trial| trial.point.clone())
            .collect::<Vec<_>>()
    };
    let (good, rest) = (points(good), points(rest));
    let good = Parzen::new(parameters, good.iter().collect());
    let rest = Parzen::new(parameters, rest.iter().collect());
    let candidates = (0..CANDIDATES).map(|_| good.draw(draw));
    candidates
        .map(|point| (good.log_density(&point) - rest.log_density(&point), point))
        // the first of equals
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, point)| point)
        .expect("there are candidates")
}

fn is_running(trial: &Trial) -> bool {
    trial.outcome == Outcome::Running
}

/// Trials from the best to the worst: finished ones by merit, pruned ones by how far they came, running and failed ones.
fn ranked(trials: &[Trial]) -> Vec<&Trial> {
    let mut ranked: Vec<&Trial> = trials.iter().collect();
    let place = |trial: &Trial| match trial.outcome {
        Outcome::Finished(merit) => (0, 0, -merit),
        Outcome::Pruned { steps, merit } => (1, usize::MAX - steps, -merit),
        Outcome::Running => (2, 0, 0.0),
        Outcome::Failed => (3, 0, 0.0),
    };
    ranked.sort_by(|a, b| {
        let (a, b) = (place(a), place(b));
        (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2))
    });
    ranked
}
