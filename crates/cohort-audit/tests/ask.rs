//! What is settled before and around an audit.

use std::path::PathBuf;

use cohort_audit::{About, Ask, AskError, ReadPredictions, SEED, Stated, StatedError, notes_of};
use cohort_eval::EvalError;
use cohort_tables::{ClassColumns, LabelColumn, LabelTable, Predictions};

/// Two rows a subject, three classes, one group.
fn tables(classes: [&str; 3]) -> (LabelTable, ReadPredictions) {
    let rows = 60;
    let names: Vec<String> = (0..rows).map(|i| format!("c{i}")).collect();
    let column = |name: &str, value: &dyn Fn(usize) -> String| LabelColumn {
        name: name.into(),
        values: (0..rows).map(value).collect(),
    };
    let labels = LabelTable {
        names: names.clone(),
        columns: vec![
            column("UserID", &|i| format!("u{}", i / 2)),
            column("AgeGroup", &|i| classes[i / 2 % 3].to_string()),
            column("Gender", &|i| ["f", "m"][i / 2 % 2].to_string()),
        ],
    };
    let table = Predictions {
        names,
        classes: classes.map(String::from).to_vec(),
        truth: Some((0..rows).map(|i| i / 2 % 3).collect()),
        predicted: (0..rows).map(|i| (i / 2 + i / 7) % 3).collect(),
        probabilities: None,
    };
    let columns = ClassColumns::default();
    (labels, ReadPredictions { table, columns })
}

fn quick(stated: Stated) -> Ask {
    Ask {
        stated,
        resamples: 100,
        permutations: 100,
        ..Ask::default()
    }
}

#[test]
fn classes_are_ordered_as_stated_else_by_their_numbers() {
    let words = ["ape", "cat", "owl"].map(String::from).to_vec();
    let cases = [
        (["1", "2", "3"], Stated::default(), Some(true)),
        (["ape", "cat", "owl"], Stated::default(), Some(false)),
        (
            ["1", "2", "3"],
            Stated {
                ordered: Some(false),
                ..Stated::default()
            },
            Some(false),
        ),
        (
            ["ape", "cat", "owl"],
            Stated {
                classes: words.clone(),
                ..Stated::default()
            },
            Some(false),
        ),
        (
            ["ape", "cat", "owl"],
            Stated {
                classes: words,
                ordered: Some(true),
                ..Stated::default()
            },
            Some(true),
        ),
        (
            ["ape", "cat", "owl"],
            Stated {
                ordered: Some(true),
                ..Stated::default()
            },
            None,
        ),
    ];
    for (classes, stated, expected) in cases {
        let (labels, predictions) = tables(classes);
        let plan = quick(stated.clone()).plan(&labels).unwrap();
        let found = plan.audit(&labels, &predictions, None);
        match (found, expected) {
            (Ok(found), Some(ordered)) => {
                assert_eq!(found.document.settings.ordered, ordered, "{stated:?}");
                let told = found.told.iter().any(|note| note.contains("no order"));
                assert_eq!(told, !ordered && stated.ordered.is_none(), "{stated:?}");
            }
            (Err(AskError::Stated(StatedError::Order { found })), None) => {
                assert_eq!(found, "ape, cat, owl");
            }
            (found, _) => panic!("{stated:?}: {found:?}"),
        }
    }
}

#[test]
fn what_is_stated_twice_or_nearly_right_is_refused() {
    let (labels, predictions) = tables(["1", "2", "3"]);
    for (classes, expected) in [
        (["1", "1.0"], "expected every class once, found \"1\" twice"),
        (["1", " "], "expected every class once, found \"\" empty"),
    ] {
        let stated = Stated {
            classes: classes.map(String::from).to_vec(),
            ..Stated::default()
        };
        let error = quick(stated).plan(&labels).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let target = |target: &str| Ask {
        target: Some(target.into()),
        ..quick(Stated::default())
    };
    match target("AgeGroop").plan(&labels).unwrap_err() {
        AskError::Target { near, .. } => assert_eq!(near, "AgeGroup"),
        other => panic!("{other}"),
    }
    // of another name altogether it is a name, for the predictions have their own truth
    assert!(target("Emotion").plan(&labels).is_ok());
    let schema = Stated {
        schema: Some(PathBuf::from("none.toml")),
        ..Stated::default()
    };
    let error = quick(schema).plan(&labels).unwrap_err().to_string();
    assert!(error.contains("none.toml"), "{error}");
    let group = Ask {
        groups: vec!["Hair".into()],
        ..quick(Stated::default())
    };
    let found = group.plan(&labels).unwrap();
    match found.audit(&labels, &predictions, None).unwrap_err() {
        AskError::Eval {
            about: About::First,
            error: EvalError::Column { name, .. },
        } => assert_eq!(name, "Hair"),
        other => panic!("{other}"),
    }
}

#[test]
fn a_second_model_is_compared_and_its_notes_bear_its_name() {
    let (labels, first) = tables(["1", "2", "3"]);
    let mut second = first.clone();
    second.table.predicted = second.table.predicted.iter().map(|c| c % 2).collect();
    let plan = quick(Stated::default()).plan(&labels).unwrap();
    assert_eq!(plan.classes(), None);
    let found = plan.audit(&labels, &first, Some(("other.csv", &second)));
    let found = found.unwrap();
    let comparison = found.document.comparison.as_ref().unwrap();
    assert_eq!(comparison.against, "other.csv");
    let note = "other.csv: 1 of the classes only in the ground truth: 3 (20 rows)";
    assert!(
        found.told.iter().any(|told| told == note),
        "{:?}",
        found.told
    );
    assert!(found.document.notes.iter().any(|told| told == note));
    second.table.names[0] = "d0".into();
    match plan.audit(&labels, &first, Some(("other.csv", &second))) {
        Ok(found) => assert_eq!(found.document.comparison.unwrap().only_there, 1),
        Err(AskError::Eval { about, .. }) => assert_eq!(about, About::Second),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_row_for_itself_is_called_what_rows_are_called() {
    let (labels, predictions) = tables(["1", "2", "3"]);
    let ask = Ask {
        subject: Some("VideoName".into()),
        ..quick(Stated::default())
    };
    let plan = ask.plan(&labels).unwrap();
    assert_eq!(plan.settings().nouns.unit, plan.settings().nouns.item);
    assert_eq!(plan.settings().seed, SEED);
    let found = plan.audit(&labels, &predictions, None).unwrap();
    assert_eq!(found.document.subjects, 60);
}

#[test]
fn classes_of_one_side_alone_are_told_where_nobody_stated_them() {
    let (_, ReadPredictions { mut table, columns }) = tables(["1", "2", "3"]);
    assert!(notes_of(&table, &columns, false).is_empty());
    table.predicted.fill(0);
    assert_eq!(notes_of(&table, &columns, false).len(), 1);
    assert!(notes_of(&table, &columns, true).is_empty());
}
