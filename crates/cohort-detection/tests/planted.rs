//! A planted weakness is found, and none is found where none is.

use cohort_detection::evaluate::match_all;
use cohort_detection::groups::{GroupSettings, Groups, compare_groups};
use cohort_detection::planted::{Planted, Weakness, planted};
use cohort_detection::{Shape, Units};
use cohort_eval::{IntervalSettings, Outcome};

const PICTURES: usize = 240;

fn groups(world: &Planted, units: &Units, seed: u64, permutations: usize) -> Groups {
    let matched = match_all(&world.truth, &world.results, Shape::Box);
    let settings = GroupSettings {
        permutations,
        seed,
        ..GroupSettings::default()
    };
    let intervals = IntervalSettings {
        resamples: 100,
        ..IntervalSettings::default()
    };
    compare_groups(
        &world.truth,
        &matched,
        units,
        &world.attributes,
        &settings,
        &intervals,
    )
    .unwrap()
}

/// Groups that are named, as `attribute=group`.
fn named(groups: &Groups) -> Vec<String> {
    let all = groups.attributes.iter();
    let weak = all.flat_map(|attribute| {
        let of = attribute.groups.iter().filter(|group| group.weak);
        of.map(|group| format!("{}={}", attribute.attribute, group.group))
    });
    weak.collect()
}

#[test]
fn a_planted_weakness_is_found_in_19_of_20_worlds() {
    for (weakness, expected) in [
        (Weakness::SmallObjects, "size=small"),
        (Weakness::DarkPictures, "light=dark"),
        (Weakness::OneSequence, "sequence=3"),
    ] {
        let found = (0..20).filter(|&seed| {
            let world = planted(PICTURES, weakness, seed);
            let groups = groups(&world, &Units::pictures(PICTURES), seed, 200);
            named(&groups).iter().any(|name| name == expected)
        });
        let found = found.count();
        assert!(found >= 19, "{weakness:?}: {found} of 20");
    }
}

#[test]
fn nothing_is_found_where_nothing_is_planted_more_often_than_the_level_says() {
    let worlds = 40;
    let alarms = (0..worlds).filter(|&seed| {
        let world = planted(PICTURES / 2, Weakness::None, 1000 + seed);
        let groups = groups(&world, &Units::pictures(PICTURES / 2), seed, 199);
        groups.outcome == Outcome::Shown
    });
    // at 5 % seven or more have a chance of .003
    let alarms = alarms.count();
    assert!(alarms < 7, "{alarms} of {worlds}");
}

#[test]
fn attributes_of_units_and_within_units_are_exchanged_as_they_must() {
    let world = planted(PICTURES, Weakness::DarkPictures, 5);
    // six pictures in a row are a unit: light changes within it, the sequence does not
    let units = Units {
        of_picture: (0..PICTURES as u32).map(|picture| picture / 6).collect(),
        count: PICTURES / 6,
    };
    let found = groups(&world, &units, 1, 199);
    let of = |name: &str| {
        found
            .attributes
            .iter()
            .find(|a| a.attribute == name)
            .unwrap()
    };
    assert_eq!(
        of("light").exchanged,
        "labels of pictures within their unit"
    );
    assert_eq!(of("sequence").exchanged, "labels of units");
    assert!(
        named(&found).contains(&"light=dark".to_string()),
        "{found:?}"
    );
    assert_eq!(found, groups(&world, &units, 1, 199));
    // each sequence one unit: nothing can be said of it
    let units = Units {
        of_picture: (0..PICTURES as u32)
            .map(|picture| picture * 8 / PICTURES as u32)
            .collect(),
        count: 8,
    };
    let found = groups(&world, &units, 1, 199);
    let sequence = found
        .attributes
        .iter()
        .find(|a| a.attribute == "sequence")
        .unwrap();
    assert_eq!(sequence.outcome, Outcome::NotTestable);
    assert!(sequence.reason.is_some() && sequence.p_value.is_none());
}
