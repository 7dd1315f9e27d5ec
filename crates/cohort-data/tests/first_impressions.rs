//! The real label tables give the published counts. Skipped, with a word, where the data is absent.

use std::path::PathBuf;

use cohort_data::{Dataset, Statistics, statistics};
use serde_json::Value;

fn real() -> Option<(Dataset, Statistics)> {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let root = shared.join("data/first-impressions");
    if !root.is_dir() {
        println!("skipped: {} is absent", root.display());
        return None;
    }
    let dataset = Dataset::open(&root, None).unwrap();
    let counted = statistics(&dataset);
    Some((dataset, counted))
}

/// Clips of every age group, in order, of the cells that `keys` choose.
fn row(pooled: &Value, keys: &[(&str, &str)]) -> Vec<u64> {
    let table = pooled["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|table| {
            table["rows"]
                .as_array()
                .unwrap()
                .iter()
                .eq(keys.iter().map(|(key, _)| *key))
        })
        .unwrap();
    assert_eq!(table["column"], "AgeGroup");
    let cells = table["cells"].as_array().unwrap().iter();
    cells
        .filter(|cell| keys.iter().all(|(key, value)| cell[*key] == *value))
        .map(|cell| cell["clips"].as_u64().unwrap())
        .collect()
}

#[test]
fn published_counts_come_out() {
    let Some((dataset, counted)) = real() else {
        return;
    };
    let json = serde_json::to_value(&counted).unwrap();
    assert_eq!(json["schema"], "cohort.stats/1");
    for (split, clips, subjects) in [
        ("train", 6006, 1836),
        ("valid", 2019, 612),
        ("test", 1975, 612),
    ] {
        assert_eq!(json["splits"][split]["clips"], clips, "{split}");
        assert_eq!(json["splits"][split]["subjects"], subjects, "{split}");
    }
    let pooled = &json["pooled"];
    assert_eq!(
        (&pooled["clips"], &pooled["subjects"]),
        (&10000.into(), &3060.into())
    );
    assert_eq!(pooled["contradicting_subjects"]["AgeGroup"], 8);
    assert_eq!(pooled["contradicting_subjects"]["Gender"], 0);

    let frequencies = |attribute: &str| -> Vec<u64> {
        let levels = pooled["counts"][attribute].as_array().unwrap().iter();
        levels
            .map(|level| level["clips"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(
        frequencies("AgeGroup"),
        [19, 254, 2069, 4953, 2259, 361, 85]
    );
    assert_eq!(frequencies("Gender"), [4544, 5456]);

    let eth = "Ethnicity";
    assert_eq!(
        row(pooled, &[(eth, "Caucasian")]),
        [14, 228, 1885, 4201, 1854, 328, 80]
    );
    assert_eq!(
        row(pooled, &[(eth, "African-American")]),
        [5, 11, 112, 563, 345, 33, 5]
    );
    assert_eq!(row(pooled, &[(eth, "Asian")]), [0, 15, 72, 189, 60, 0, 0]);
    let by_both = [
        ("Female", "Caucasian", [8, 72, 919, 2378, 929, 149, 29]),
        ("Female", "African-American", [4, 7, 69, 390, 244, 19, 0]),
        ("Female", "Asian", [0, 6, 49, 134, 50, 0, 0]),
        ("Male", "Caucasian", [6, 156, 966, 1823, 925, 179, 51]),
        ("Male", "African-American", [1, 4, 43, 173, 101, 14, 5]),
        ("Male", "Asian", [0, 9, 23, 55, 10, 0, 0]),
    ];
    for (gender, ethnicity, expected) in by_both {
        let found = row(pooled, &[("Gender", gender), (eth, ethnicity)]);
        assert_eq!(found, expected, "{gender} {ethnicity}");
    }
    assert_eq!(dataset.len(), 10000);
}

#[test]
fn published_differences_to_the_largest_come_out() {
    let Some((_, counted)) = real() else { return };
    let text = counted.to_text();
    let block = text.split("AgeGroup by Ethnicity, clips\n").nth(1).unwrap();
    let lines: Vec<String> = block
        .lines()
        .take(5)
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines[1..],
        [
            "all 19 254 2069 4953 2259 361 85",
            "Asian 0 none 15 -93% 72 -96% 189 -96% 60 -97% 0 none 0 none",
            "Caucasian 14 max 228 max 1885 max 4201 max 1854 max 328 max 80 max",
            "African-American 5 -64% 11 -95% 112 -94% 563 -87% 345 -81% 33 -90% 5 -94%",
        ]
    );
    assert!(text.lines().all(|line| line.chars().count() <= 120));
    let view = &counted.pooled.without_majority[0];
    assert_eq!(
        (view.attribute.as_str(), view.left_out.as_str()),
        ("Ethnicity", "Caucasian")
    );
    assert_eq!(view.clips, 1410);
}

/// Every difference of the published table by gender and ethnicity: to the largest ethnicity of the same gender, in whole per
/// cent, from the published counts.
#[test]
fn published_differences_within_a_gender_come_out() {
    let Some((_, counted)) = real() else { return };
    let published = [
        ("Male", "Asian", [-100, -94, -98, -97, -99, -100, -100]),
        ("Male", "Caucasian", [0, 0, 0, 0, 0, 0, 0]),
        (
            "Male",
            "African-American",
            [-83, -97, -96, -91, -89, -92, -90],
        ),
        ("Female", "Asian", [-100, -92, -95, -94, -95, -100, -100]),
        ("Female", "Caucasian", [0, 0, 0, 0, 0, 0, 0]),
        (
            "Female",
            "African-American",
            [-50, -90, -92, -84, -74, -87, -100],
        ),
    ];
    let both = counted
        .pooled
        .tables
        .iter()
        .find(|t| t.rows.len() == 2)
        .unwrap();
    for (gender, ethnicity, expected) in published {
        let row = both
            .row_levels
            .iter()
            .position(|l| *l == [gender, ethnicity])
            .unwrap();
        let found: Vec<i32> = (0..7)
            .map(|age| {
                both.relative_within(0, cohort_data::Unit::Clips, row, age)
                    .unwrap()
            })
            .map(|relative| (100.0 * relative).round() as i32)
            .collect();
        assert_eq!(found, expected, "{gender} {ethnicity}");
    }
    let json = serde_json::to_value(&counted).unwrap();
    let tables = json["pooled"]["tables"].as_array().unwrap();
    let cells = tables
        .iter()
        .find(|t| t["rows"].as_array().unwrap().len() == 2)
        .unwrap();
    let cell = &cells["cells"][0];
    assert_eq!(cell["relative_to_max_of_same"]["Gender"], -1.0, "{cell}");
    assert!(
        counted
            .to_text()
            .contains("Gender x Ethnicity, against the largest of the same Gender, clips\n")
    );
}

/// Counted again in the plainest way, from the rows of the CSV files.
#[test]
fn subjects_agree_with_a_plain_recount_in_every_cell() {
    let Some((dataset, counted)) = real() else {
        return;
    };
    let mut rows = Vec::new();
    for split in &dataset.splits {
        let path = dataset
            .root
            .join(format!("{}_set_age_labels.csv", split.name));
        let text = std::fs::read_to_string(path).unwrap();
        for line in text.lines().skip(1) {
            let fields: Vec<String> = line.split(',').map(String::from).collect();
            rows.push((split.name.clone(), fields));
        }
    }
    // Columns: VideoName, UserID, AgeGroup, Gender, Ethnicity.
    let genders = ["Male", "Female"];
    let ethnicities = ["Asian", "Caucasian", "African-American"];
    let sections = counted
        .splits
        .iter()
        .map(|(name, section)| (Some(name), section));
    for (split, section) in sections.chain([(None, &counted.pooled)]) {
        let table = section
            .tables
            .iter()
            .find(|table| table.rows.len() == 2)
            .unwrap();
        for (i, levels) in table.row_levels.iter().enumerate() {
            for age in 0..7 {
                let mut users: Vec<&str> = rows
                    .iter()
                    .filter(|(name, row)| {
                        let code = |i: usize| row[i].parse::<usize>().unwrap() - 1;
                        split.is_none_or(|split| split == name)
                            && code(2) == age
                            && genders[code(3)] == levels[0]
                            && ethnicities[code(4)] == levels[1]
                    })
                    .map(|(_, row)| row[1].as_str())
                    .collect();
                let cell = i * 7 + age;
                assert_eq!(table.clips[cell], users.len(), "{split:?} {levels:?} {age}");
                users.sort_unstable();
                users.dedup();
                assert_eq!(
                    table.subjects[cell],
                    users.len(),
                    "{split:?} {levels:?} {age}"
                );
            }
        }
    }
}

#[test]
fn transcripts_come_from_the_table_of_the_root() {
    let Some((dataset, _)) = real() else { return };
    let clips = || dataset.splits.iter().flat_map(|split| &split.clips);
    assert!(clips().all(|clip| clip.words().is_some() && clip.picture().is_none()));
    let empty = clips()
        .filter(|clip| clip.read_transcript().unwrap().is_empty())
        .count();
    assert_eq!(empty, 11);
    let clip = clips().find(|clip| clip.id == "-Ar9TbjDgux.000").unwrap();
    assert!(
        clip.read_transcript()
            .unwrap()
            .starts_with("So I'm going to take a bite")
    );
}
