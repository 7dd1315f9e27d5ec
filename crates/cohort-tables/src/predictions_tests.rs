//! Predictions as people write them: what is read, what is put right, what is refused.

use std::path::Path;

use crate::{ClassColumns, Predictions, ReadOptions};

fn parse(content: &str, classes: Option<&[String]>) -> Result<Predictions, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    std::fs::write(&path, content).unwrap();
    let read =
        Predictions::read_with(&path, classes, &ReadOptions::default()).map(|(read, _)| read.table);
    read.map_err(|error| {
        error
            .to_string()
            .replace(&folder.path().display().to_string(), "DIR")
    })
}

#[test]
fn what_rounding_put_beyond_0_and_1_is_put_back() {
    let table = parse(
        "VideoName,prediction,p1,p2\na.mp4,1,1.0000004,-0.0000004\nb.mp4,2,0.25,0.75\n",
        None,
    );
    let p = table.unwrap().probabilities.unwrap();
    assert_eq!(p, [1.0, 0.0, 0.25, 0.75]);
    let beyond = parse("VideoName,prediction,p1,p2\na.mp4,1,1.001,-0.001\n", None);
    assert!(beyond.unwrap_err().contains("a probability in [0, 1]"));
}

#[test]
fn reads_the_list_form_and_the_column_form_alike() {
    let list = parse(
        "VideoName,ground_truth,prediction,probabilities\na.mp4,1,3,\"[0.25, 0.25, 0.5]\"\nb.mp4,3,1,[.5, .25, .25]\nc.mp4,3,1,[.5 .25 .25]\n",
        None,
    )
    .unwrap();
    let columns = parse(
        "VideoName,ground_truth,prediction,p1,p2,p3\na.mp4,1,3,0.25,0.25,0.5\nb.mp4,3,1,.5,.25,.25\nc.mp4,3,1,.5,.25,.25\n",
        None,
    )
    .unwrap();
    assert_eq!(list, columns);
    // class 2 never occurs and keeps its place
    assert_eq!(list.classes, ["1", "2", "3"]);
    assert_eq!(list.truth, Some(vec![0, 2, 2]));
    assert_eq!(list.predicted, [2, 0, 0]);
    assert_eq!(list.row(1).unwrap(), [0.5, 0.25, 0.25]);
}

#[test]
fn classes_are_in_numerical_order_and_pandas_integers_are_codes() {
    let table = parse(
        "VideoName,ground_truth,prediction\na,10,9.0\nb,9,10.00\n",
        None,
    )
    .unwrap();
    assert_eq!(table.classes, ["9", "10"]);
    assert_eq!(table.predicted, [0, 1]);
    let named = parse("VideoName,ground_truth,prediction\na,cat,dog\n", None).unwrap();
    assert_eq!(named.classes, ["cat", "dog"]);
    let zero = parse("VideoName,prediction,p0,p1,p2\na,0,1,0,0\n", None).unwrap();
    assert_eq!(
        (zero.classes.len(), zero.classes[0].as_str(), zero.truth),
        (3, "0", None)
    );
}

#[test]
fn the_most_probable_class_is_the_prediction_where_none_is_given() {
    let table = parse(
        "VideoName,ground_truth,p1,p2,p3\na,1,.2,.4,.4\nb,2,1,0,0\n",
        None,
    )
    .unwrap();
    assert_eq!(table.predicted, [1, 0]);
}

#[test]
fn bad_files_give_errors_that_name_row_expected_and_found() {
    let seven: Vec<String> = (1..=7).map(|i| i.to_string()).collect();
    let cases: [(&str, Option<&[String]>, &str); 14] = [
        (
            "VideoName,ground_truth,prediction\n",
            None,
            "DIR/p.csv: expected at least one row, found a header without rows",
        ),
        (
            "VideoName,ground_truth\na,1\n",
            None,
            "DIR/p.csv: expected a column prediction, or probabilities, found columns VideoName, ground_truth",
        ),
        (
            "VideoName,ground_truth,prediction\na,1,9\n",
            Some(&seven),
            "DIR/p.csv: row 2: expected one of the classes 1, 2, 3, 4, 5, 6, 7, found \"9\"",
        ),
        (
            "VideoName,ground_truth,prediction,p1,p2\na,1,1,nan,1\n",
            None,
            "DIR/p.csv: row 2: expected a probability in [0, 1], found nan",
        ),
        (
            "VideoName,ground_truth,prediction,p1,p2\na,1,1,1.5,0\n",
            None,
            "DIR/p.csv: row 2: expected a probability in [0, 1], found 1.5",
        ),
        (
            "VideoName,ground_truth,prediction,probabilities\na,1,1,\"[1, 0]\"\nb,1,1,[1]\n",
            None,
            "DIR/p.csv: row 3: expected 2 probabilities as in the first row, found 1",
        ),
        (
            "VideoName,ground_truth,prediction,p1,p3\na,1,1,1,0\n",
            None,
            "DIR/p.csv: expected probability columns p1..pK without a gap, found columns VideoName, ground_truth, prediction, p1, p3",
        ),
        (
            "VideoName,ground_truth,prediction\na,1,1\nb,,1\n",
            None,
            "DIR/p.csv: row 3: expected a ground truth in every row or in none, found an empty field",
        ),
        (
            "VideoName,ground_truth,prediction,p1,p2\na,5,1,1,0\nb,9,1,1,0\n",
            None,
            "DIR/p.csv: row 2: expected a class code within 1..2, one a probability, found 5",
        ),
        (
            "VideoName,ground_truth,prediction,p1,p2\na,0,1,1,0\nb,2,1,1,0\n",
            None,
            "DIR/p.csv: expected class codes within 1..2, one a probability, found codes 0 to 2",
        ),
        (
            "VideoName,ground_truth,prediction,p1,p2\n\na,1,2,1,0\n\nb,x,1,1,0\n",
            None,
            "DIR/p.csv: row 5: expected a class code within 1..2, one a probability, found \"x\"",
        ),
        (
            "VideoName,ground_truth,prediction,p1,p2\na,x,y,1,0\nb,z,x,1,0\n",
            None,
            "DIR/p.csv: expected 2 classes, one a probability, or class codes 1..2, found 3 classes: x, y, z",
        ),
        (
            "VideoName,ground_truth,prediction\na,1,1\n\nb,2,8\n",
            Some(&seven),
            "DIR/p.csv: row 4: expected one of the classes 1, 2, 3, 4, 5, 6, 7, found \"8\"",
        ),
        (
            "VideoName,ground_truth,prediction\n\na,1,1\nb,,1\n",
            None,
            "DIR/p.csv: row 4: expected a ground truth in every row or in none, found an empty field",
        ),
    ];
    for (content, classes, expected) in cases {
        assert_eq!(parse(content, classes).unwrap_err(), expected);
    }
}

/// A table of `classes` predicted in turn, thrice each, with probability .6 for the prediction and the rest shared
/// evenly; `columns` is the order of the classes in the file, `header` names its columns.
fn table_of(classes: &[&str], columns: &[&str], header: &[String]) -> String {
    let mut text = format!("VideoName,ground_truth,prediction,{}\n", header.join(","));
    let rest = 0.4 / (columns.len() - 1) as f64;
    for (i, class) in classes.iter().cycle().take(3 * classes.len()).enumerate() {
        let row: Vec<String> = columns
            .iter()
            .map(|column| {
                if column == class {
                    "0.6".into()
                } else {
                    rest.to_string()
                }
            })
            .collect();
        text += &format!("c{i},{class},{class},{}\n", row.join(","));
    }
    text
}

fn numbered(k: usize) -> Vec<String> {
    (1..=k).map(|i| format!("p{i}")).collect()
}

/// The probability that each row gives its prediction.
fn confidences(table: &Predictions) -> Vec<f64> {
    (0..table.len())
        .map(|i| table.row(i).unwrap()[table.predicted[i]])
        .collect()
}

fn told(content: &str, classes: Option<&[String]>) -> (Predictions, ClassColumns) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    std::fs::write(&path, content).unwrap();
    let (read, columns) = Predictions::read_with(&path, classes, &ReadOptions::default()).unwrap();
    (read.table, columns)
}

#[test]
fn columns_in_text_order_or_numbered_from_zero_are_put_right_by_the_predictions() {
    let twelve: Vec<String> = (1..=12).map(|i| i.to_string()).collect();
    let by_number: Vec<&str> = twelve.iter().map(String::as_str).collect();
    let mut by_text = by_number.clone();
    by_text.sort_unstable();
    let ages = ["0-2", "3-9", "10-19", "20-29", "more than 70"];
    let mut ages_by_text = ages;
    ages_by_text.sort_unstable();
    let zero: Vec<String> = (0..7).map(|i| i.to_string()).collect();
    let zero: Vec<&str> = zero.iter().map(String::as_str).collect();
    // predicted classes, order of the columns, classes that are read, whether another order was expected
    let cases: [(&[&str], &[&str], &[&str], bool); 7] = [
        (&by_number, &by_number, &by_number, false),
        (&by_number, &by_text, &by_number, true),
        (&by_number[..9], &by_text, &by_number, true),
        (&ages, &ages, &ages, false),
        (&ages, &ages_by_text, &ages, true),
        // class 0 never occurs
        (&zero[1..], &zero, &zero, true),
        (&zero, &zero, &zero, false),
    ];
    for (predicted, columns, classes, put_right) in cases {
        let content = table_of(predicted, columns, &numbered(columns.len()));
        let (table, found) = told(&content, None);
        assert_eq!(table.classes, classes, "{columns:?}");
        assert_eq!(found.put_right, put_right, "{columns:?}: {found:?}");
        assert!(confidences(&table).iter().all(|&p| p == 0.6), "{columns:?}");
        assert_eq!(found.columns, columns);
        assert_eq!(found.notes().len(), usize::from(put_right));
    }
    // a stated order of the classes is no statement on the columns
    let (table, found) = told(
        &table_of(&by_number, &by_text, &numbered(12)),
        Some(&twelve),
    );
    assert!(found.put_right && confidences(&table).iter().all(|&p| p == 0.6));
    assert_eq!(table.classes, twelve);
}

#[test]
fn columns_that_name_their_class_are_matched_by_it() {
    let ages = ["3-9", "more than 70", "0-2", "10-19"];
    for prefix in ["p_", "proba_", "prob_", "probability_", "P_"] {
        let header: Vec<String> = ages.iter().map(|age| format!("{prefix}{age}")).collect();
        let (table, found) = told(&table_of(&ages, &ages, &header), None);
        assert_eq!(table.classes, ["0-2", "3-9", "10-19", "more than 70"]);
        assert!(confidences(&table).iter().all(|&p| p == 0.6), "{prefix}");
        assert!(!found.put_right);
    }
    // codes in another order than the columns, whose numbers are codes
    let codes = ["3", "5", "9"];
    let header = ["proba_9", "proba_3", "proba_5"].map(String::from);
    let (table, _) = told(&table_of(&codes, &["9", "3", "5"], &header), None);
    assert_eq!(table.classes, codes);
    assert!(confidences(&table).iter().all(|&p| p == 0.6));
    // numbers from 0 that are places
    let header = ["proba_0", "proba_1", "proba_2"].map(String::from);
    let (table, _) = told(&table_of(&codes, &codes, &header), None);
    assert!(confidences(&table).iter().all(|&p| p == 0.6));
    let error = parse("VideoName,prediction,p_a,p_b\nx,c,1,0\n", None).unwrap_err();
    assert_eq!(
        error,
        "DIR/p.csv: row 2: expected a class that has a column of probabilities (a, b), found \"c\""
    );
}

#[test]
fn an_order_that_no_prediction_bears_out_is_refused_and_a_few_other_decisions_are_told() {
    let shifted = table_of(&["1", "2", "3"], &["3", "1", "2"], &numbered(3));
    let error = parse(&shifted, None).unwrap_err();
    assert!(
        error.starts_with("DIR/p.csv: row 2: expected the most probable class to be the prediction, with columns in the order 1, 2, 3, found class 2 in a row with prediction 1; 0 of 9 rows agree"),
        "{error}"
    );
    // a threshold of one's own: decisions that are not the most probable class in a minority of the rows
    let text = "VideoName,prediction,p1,p2\na,2,.6,.4\nb,2,.2,.8\nc,1,.9,.1\n";
    let (_, found) = told(text, None);
    assert_eq!(
        (found.put_right, found.disagreeing_rows, found.compared_rows),
        (false, 1, 3)
    );
    assert_eq!(
        parse("VideoName,prediction,p1,p2\na,2,.6,.4\nb,2,0,0\n", None).unwrap_err(),
        "DIR/p.csv: row 3: expected probabilities of which one at least is above 0, found zeros only"
    );
}

#[test]
fn a_spreadsheets_dates_and_words_for_no_value_are_named() {
    let error = parse(
        "VideoName,ground_truth,prediction,p1,p2\na,09-Mar,3-9,1,0\nb,0-2,0-2,1,0\n",
        None,
    );
    assert_eq!(
        error.unwrap_err(),
        "DIR/p.csv: expected 2 classes, one a probability, or class codes 1..2, found 3 classes: 0-2, \"09-Mar\" (a spreadsheet's date for 3-9?), 3-9"
    );
    let error = parse(
        "VideoName,ground_truth,prediction\na,1,1\nb,2.0,nan\n",
        None,
    );
    assert_eq!(
        error.unwrap_err(),
        "DIR/p.csv: row 3: expected a prediction, found \"nan\""
    );
    let (table, _) = told(
        "VideoName,ground_truth,prediction\na,nan,1\nb,<NA>,2.0\n",
        None,
    );
    assert_eq!(
        (table.truth, table.classes),
        (None, vec!["1".to_string(), "2".into()])
    );
    // a class may be called so by its schema
    let classes = ["None".to_string(), "some".into()];
    let (table, _) = told(
        "VideoName,ground_truth,prediction\na,None,some\n",
        Some(&classes),
    );
    assert_eq!(table.truth, Some(vec![0]));
    let (table, _) = told(
        "VideoName,ground_truth,prediction\na,09-Mar,3-9\nb,0-2,0-2\n",
        None,
    );
    assert_eq!(
        table.one_sided_classes(),
        [vec![("09-Mar".into(), 1)], vec![("3-9".into(), 1)]]
    );
}

#[test]
fn what_is_written_is_read_back_in_both_formats() {
    let folder = tempfile::tempdir().unwrap();
    let classes: Vec<String> = (1..=3).map(|i| i.to_string()).collect();
    let logits = [0.1f32, -2.0, 0.7, 3.0, 1e-8, -1.5];
    let names = vec!["-a.000.mp4".to_string(), "b, \"c\".mp4".into()];
    let table = Predictions::from_logits(names, classes.clone(), Some(vec![2, 0]), &logits);
    for (file, with_classes) in [("p.csv", None), ("p.parquet", Some(classes.as_slice()))] {
        let path = folder.path().join(file);
        table.write(&path).unwrap();
        assert_eq!(
            Predictions::read(&path, with_classes).unwrap(),
            table,
            "{file}"
        );
    }
}

#[test]
fn the_published_prediction_files_are_read() {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let folder = shared.join("data/first-impressions/predictions");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return;
    }
    let table = Predictions::read(&folder.join("image_with_probabilities.csv"), None).unwrap();
    assert_eq!((table.len(), table.classes.len()), (1975, 7));
    let correct = |table: &Predictions| {
        let truth = table.truth.as_ref().unwrap();
        table
            .predicted
            .iter()
            .zip(truth)
            .filter(|(p, t)| p == t)
            .count() as f64
            / table.len() as f64
    };
    let fused = Predictions::read(&folder.join("multimodal.csv"), None).unwrap();
    assert_eq!(format!("{:.4}", correct(&fused)), "0.4218");
}
