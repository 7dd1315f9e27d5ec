//! How often a weak group is named where there is none, and a planted one found: `cargo run --release --example false_alarms`.

use cohort_detection::evaluate::match_all;
use cohort_detection::groups::{GroupSettings, Groups, compare_groups};
use cohort_detection::planted::{Weakness, planted};
use cohort_detection::{Shape, Units};
use cohort_eval::{IntervalSettings, Outcome};
use rayon::prelude::*;

fn groups(pictures: usize, weakness: Weakness, seed: u64) -> Groups {
    let world = planted(pictures, weakness, seed);
    let matched = match_all(&world.truth, &world.results, Shape::Box);
    let settings = GroupSettings {
        // with 399, five labellings of 400 are exactly the level of four attributes
        permutations: 399,
        seed,
        ..GroupSettings::default()
    };
    let intervals = IntervalSettings {
        resamples: 100,
        ..IntervalSettings::default()
    };
    let units = Units::pictures(pictures);
    let found = compare_groups(
        &world.truth,
        &matched,
        &units,
        &world.attributes,
        &settings,
        &intervals,
    );
    found.expect("the world fits its own pictures")
}

fn main() {
    let worlds = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(1000);
    println!(
        "worlds, pictures, planted, share with anything shown, share with the planted group named"
    );
    for (weakness, planted_group, pictures, worlds) in [
        (Weakness::None, None, 120, worlds),
        (
            Weakness::SmallObjects,
            Some(("size", "small")),
            240,
            worlds / 5,
        ),
        (
            Weakness::DarkPictures,
            Some(("light", "dark")),
            240,
            worlds / 5,
        ),
        (
            Weakness::OneSequence,
            Some(("sequence", "3")),
            240,
            worlds / 5,
        ),
    ] {
        let found: Vec<(bool, bool)> = (0..worlds)
            .into_par_iter()
            .map(|seed| {
                let groups = groups(pictures, weakness, 10_000 + seed);
                let named = groups.attributes.iter().any(|attribute| {
                    let mut weak = attribute.groups.iter().filter(|group| group.weak);
                    weak.any(|group| {
                        planted_group == Some((attribute.attribute.as_str(), group.group.as_str()))
                    })
                });
                (groups.outcome == Outcome::Shown, named)
            })
            .collect();
        let share = |of: fn(&(bool, bool)) -> bool| {
            found.iter().filter(|row| of(row)).count() as f64 / worlds as f64
        };
        println!(
            "{worlds}, {pictures}, {weakness:?}, {:.4}, {:.4}",
            share(|r| r.0),
            share(|r| r.1)
        );
    }
}
