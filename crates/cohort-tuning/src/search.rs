//! A search: which point the next trial tries.

use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::space::{Point, Range, Space};
use crate::tpe::{self, Trial};

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every point with the same probability, whatever was found (Bergstra and Bengio 2012).
    Random,
    /// Tree-structured Parzen estimators, joint over the parameters (Bergstra et al. 2011, Falkner et al. 2018; default).
    #[default]
    Tpe,
}

impl std::str::FromStr for Method {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "random" => Ok(Self::Random),
            "tpe" => Ok(Self::Tpe),
            _ => Err("expected random or tpe".to_string()),
        }
    }
}

/// A search in a space.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What is searched.
    pub space: Space,
    /// How.
    pub method: Method,
    /// Seed of everything random.
    pub seed: u64,
}

/// Trials before TPE looks at what was found. They are spread evenly: of each parameter's range every tenth is met once.
const STARTUP: usize = 10;

impl Search {
    /// The point of trial `number`, counted from 0. `earlier` are trials 0 to `number - 1` in their order; those that run
    /// still are [`crate::Outcome::Running`].
    ///
    /// # Panics
    /// When there are not `number` earlier trials.
    pub fn suggest(&self, number: usize, earlier: &[Trial]) -> Point {
        assert_eq!(earlier.len(), number, "all earlier trials");
        let mut draw = Draw::new(self.seed, number as u64);
        let known = |trial: &&Trial| trial.outcome != tpe::Outcome::Running;
        match self.method {
            Method::Random => self.anywhere(&mut draw),
            Method::Tpe if number < STARTUP => self.spread(number, &mut draw),
            // as many trials at once as there are none to learn from
            Method::Tpe if earlier.iter().filter(known).count() == 0 => self.anywhere(&mut draw),
            Method::Tpe => tpe::suggest(&self.space, earlier, &mut draw),
        }
    }

    fn anywhere(&self, draw: &mut Draw) -> Point {
        let ranges = self.space.parameters().iter().map(|p| &p.range);
        Point(ranges.map(|range| place(range, draw.unit())).collect())
    }

    /// One of [`STARTUP`] points of a Latin hypercube (McKay et al. 1979).
    fn spread(&self, number: usize, draw: &mut Draw) -> Point {
        let mut order = Draw::new(self.seed, u64::MAX);
        let ranges = self.space.parameters().iter().map(|p| &p.range);
        let coordinates = ranges.map(|range| {
            let mut strata: Vec<usize> = (0..STARTUP).collect();
            order.shuffle(&mut strata);
            place(
                range,
                (strata[number] as f64 + draw.unit()) / STARTUP as f64,
            )
        });
        Point(coordinates.collect())
    }
}

/// The coordinate at a share of the range; of choices the one whose turn it is.
fn place(range: &Range, u: f64) -> f64 {
    match range {
        Range::Choice(values) => (u * values.len() as f64).floor(),
        numbers => numbers.at(u),
    }
}
