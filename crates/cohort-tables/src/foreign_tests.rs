//! Label tables and predictions as spreadsheets, pandas, polars and others write them give what the plain table gives.

use std::io::Write;
use std::path::PathBuf;

use crate::{Decimal, Delimiter, LabelTable, Predictions, ReadOptions, TableFormat};

const LABELS: &str = "VideoName,UserID,AgeGroup\na.mp4,s1,1\nb.mp4,s2,2\nc é.mp4,s2,1\n";
const PREDICTIONS: &str =
    "VideoName,ground_truth,prediction,p1,p2\na.mp4,1,1,0.75,0.25\nb.mp4,2,1,0.5625,0.4375\n";

pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn labels(
        &self,
        name: &str,
        bytes: impl AsRef<[u8]>,
    ) -> Result<(LabelTable, Vec<String>), String> {
        let path = self.write(name, bytes);
        match LabelTable::read_with(&path, &ReadOptions::default()) {
            Ok(read) => Ok((read.table, self.short(read.notes))),
            Err(error) => Err(self.short(vec![error.to_string()]).remove(0)),
        }
    }

    fn predictions(
        &self,
        bytes: impl AsRef<[u8]>,
        options: &ReadOptions,
    ) -> Result<(Predictions, Vec<String>), String> {
        let path = self.write("p.csv", bytes);
        match Predictions::read_with(&path, None, options) {
            Ok((read, _)) => Ok((read.table, self.short(read.notes))),
            Err(error) => Err(self.short(vec![error.to_string()]).remove(0)),
        }
    }

    pub(crate) fn short(&self, lines: Vec<String>) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        lines.iter().map(|line| line.replace(&folder, "")).collect()
    }
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units
        .flat_map(|unit| {
            if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        })
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn label_tables_of_spreadsheets_are_the_plain_table() {
    let folder = Folder::new();
    let (plain, notes) = folder.labels("l.csv", LABELS).unwrap();
    assert_eq!((plain.len(), notes.len()), (3, 0));
    let tabs = LABELS.replace(',', "\t");
    let cases: [(&str, Vec<u8>, &[&str]); 19] = [
        (
            "semicolons",
            LABELS.replace(',', ";").into(),
            &["l: read with fields separated by semicolons"],
        ),
        (
            "tabs",
            tabs.clone().into(),
            &["l: read with fields separated by tabs"],
        ),
        (
            "pipes",
            LABELS.replace(',', "|").into(),
            &["l: read with fields separated by pipes"],
        ),
        ("mark", format!("\u{feff}{LABELS}").into(), &[]),
        (
            "UTF-16",
            utf16(&tabs, false),
            &["l: read with fields separated by tabs, UTF-16"],
        ),
        ("UTF-16 big", utf16(LABELS, true), &["l: read with UTF-16"]),
        (
            "sep",
            format!("sep=,\r\n{LABELS}").into(),
            &["l: read with a first line sep="],
        ),
        (
            "sep quoted",
            format!("\u{feff}\"sep=;\"\n{}", LABELS.replace(',', ";")).into(),
            &["l: read with fields separated by semicolons, a first line sep="],
        ),
        ("gzip", gzip(LABELS.as_bytes()), &["l: read with gzip"]),
        ("CR", LABELS.replace('\n', "\r").into(), &[]),
        ("CRLF", LABELS.replace('\n', "\r\n").into(), &[]),
        (
            "blank rows at the end",
            format!("{LABELS},,\n,,\n\n").into(),
            &[],
        ),
        (
            "blank rows between",
            LABELS.replace("b.mp4", ",,\n\nb.mp4").into(),
            &["l: row 3 is empty and passed over"],
        ),
        (
            "a column without name and values",
            LABELS.replace('\n', ",\n").into(),
            &[],
        ),
        ("two of them", LABELS.replace('\n', ",,\n").into(), &[]),
        (
            "commas behind the rows alone",
            LABELS.replace("1\n", "1,,\n").into(),
            &[],
        ),
        (
            "commas behind the header alone",
            LABELS.replacen('\n', ",,\n", 1).into(),
            &[],
        ),
        (
            "pandas' index",
            LABELS
                .replace("VideoName", ",VideoName")
                .replace("a.mp4", "0,a.mp4")
                .replace("b.mp4", "1,b.mp4")
                .replace("c é", "2,c é")
                .into(),
            &["l: column 1 counts the rows and is passed over"],
        ),
        (
            "names by case and with spaces",
            LABELS
                .replace("VideoName,UserID,AgeGroup", " videoname,USERID , agegroup")
                .into(),
            &[],
        ),
    ];
    for (name, bytes, expected) in cases {
        let (table, notes) = folder.labels("l", bytes).unwrap();
        assert_eq!(
            (&table, notes),
            (&plain, expected.iter().map(ToString::to_string).collect()),
            "{name}"
        );
    }
}

#[test]
fn predictions_with_decimal_commas_are_the_plain_table() {
    let folder = Folder::new();
    let (plain, _) = folder
        .predictions(PREDICTIONS, &ReadOptions::default())
        .unwrap();
    let commas = PREDICTIONS.replace(',', ";").replace("0.", "0,");
    for text in [
        commas.clone(),
        commas.replace(';', "\t"),
        format!("sep=;\n{commas}"),
        commas.replace(";1;1;", ";1,0;1,0;"),
    ] {
        let (table, notes) = folder.predictions(&text, &ReadOptions::default()).unwrap();
        assert_eq!(table, plain, "{text}");
        assert!(notes[0].contains("decimal commas"), "{notes:?}");
    }
    // a point beside a comma: nothing is guessed, and what to do is said
    let both = commas.replace("0,75", "0.75");
    let error = folder
        .predictions(&both, &ReadOptions::default())
        .unwrap_err();
    assert!(
        error.contains("0,25 (a decimal comma? --decimal , reads it)")
            || error.contains("--decimal"),
        "{error}"
    );
    let told = |delimiter, decimal| ReadOptions {
        format: TableFormat { delimiter, decimal },
        ..ReadOptions::default()
    };
    let options = told(None, Some(Decimal::Comma));
    assert_eq!(folder.predictions(&both, &options).unwrap().0, plain);
    let quoted = PREDICTIONS
        .replace("0.75", "\"0,75\"")
        .replace("0.25", "\"0,25\"");
    assert!(
        folder
            .predictions(&quoted, &ReadOptions::default())
            .is_err()
    );
    assert_eq!(folder.predictions(&quoted, &options).unwrap().0, plain);
    let options = told(Some(Delimiter::Comma), None);
    let error = folder.predictions(&commas, &options).unwrap_err();
    assert!(
        error.starts_with("p.csv: expected a column VideoName"),
        "{error}"
    );
}

#[test]
fn quotes_are_plain_characters_where_they_enclose_nothing() {
    let folder = Folder::new();
    let header = "client_id\tid\tsentence\n";
    let cases = [
        (
            "a\t1.mp3\tHe said \"no\", and left\n",
            "He said \"no\", and left",
        ),
        ("a\t1.mp3\t\"No,\" he said\n", "\"No,\" he said"),
        ("a\t1.mp3\t\"No\n", "\"No"),
        ("a\t1.mp3\t\"a \"\"b\"\"\tc\"\n", "a \"b\"\tc"),
    ];
    for (row, expected) in cases {
        let text = format!("{header}{row}b\t2.mp3\tFine\n");
        let (table, _) = folder.labels("l.tsv", text).unwrap();
        assert_eq!(table.len(), 2, "{row}");
        assert_eq!(table.column("sentence").unwrap()[0], expected);
    }
}

#[test]
fn other_files_are_refused_by_name() {
    let folder = Folder::new();
    let cases: [(&[u8], &str); 11] = [
        (
            b"PK\x03\x04xl/",
            "l: expected a table (CSV, TSV or Parquet), found an Excel workbook (.xlsx)",
        ),
        (b"\xd0\xcf\x11\xe0\xa1", "found an Excel workbook (.xls)"),
        (
            b"{\"id\": 1}\n",
            "found JSON; write the table as CSV or Parquet",
        ),
        (b" [\n {\"id\": 1}]", "found JSON"),
        (b"ARROW1\0\0", "found an Arrow (Feather) file"),
        (b"BZh91AY", "found a file packed by bzip2"),
        (
            b"\x1f\x8b\x08\x00",
            "expected a whole gzip file, found a damaged one",
        ),
        (b"\xff\xfe\0\0i\0\0\0", "found UTF-32"),
        (b"V\0i\0d\0e\0o\0N\0", "found UTF-16 without one"),
        (
            b"\xff\xfei\0d\0\n",
            "row 1: expected text in UTF-16, found an odd number of bytes",
        ),
        (
            b"VideoName,UserID\na,Ren\xe9\n",
            "l: row 2: expected text in UTF-8, found bytes that are not UTF-8 (0xe9 is \u{e9} in Windows-1252; save the table as UTF-8)",
        ),
    ];
    for (bytes, expected) in cases {
        let error = folder.labels("l", bytes).unwrap_err();
        assert!(error.contains(expected), "{error}\n  not {expected}");
    }
}

#[test]
fn columns_of_other_tools_are_proposed_and_mapped() {
    let folder = Folder::new();
    let (plain, _) = folder
        .predictions(PREDICTIONS, &ReadOptions::default())
        .unwrap();
    let foreign = PREDICTIONS.replace(
        "VideoName,ground_truth,prediction,p1,p2",
        "File,y_true,y_pred,Proba_0,proba_1",
    );
    let error = folder
        .predictions(&foreign, &ReadOptions::default())
        .unwrap_err();
    assert_eq!(
        error,
        "p.csv: expected a column VideoName (or clip, or id), found columns File, y_true, y_pred, Proba_0, proba_1; \
         if that is what they hold: --column VideoName=File"
    );
    let pair = |ours: &str, theirs: &str| (ours.to_string(), theirs.to_string());
    let options = ReadOptions {
        columns: vec![
            pair("VideoName", "file"),
            pair("ground_truth", "y_true"),
            pair("prediction", "y_pred"),
        ],
        ..ReadOptions::default()
    };
    let (table, notes) = folder.predictions(&foreign, &options).unwrap();
    assert_eq!(table, plain);
    assert_eq!(
        notes,
        ["p.csv: columns Proba_0 to proba_1 are read as the probabilities of 2 classes"]
    );
    // by number, not by text
    let names: Vec<String> = [0, 1, 10, 2, 3, 4, 5, 6, 7, 8, 9]
        .iter()
        .map(|i| format!("proba_{i}"))
        .collect();
    let text = format!(
        "id,prediction,{}\na,7,0,0,0,0,0,0,0,0,1,0,0\n",
        names.join(",")
    );
    let (table, _) = folder.predictions(text, &ReadOptions::default()).unwrap();
    assert_eq!(
        table.row(0).unwrap().iter().position(|&p| p == 1.0),
        Some(7)
    );
    let scores = "id,prediction,score_a,score_b\na,1,0.5,0.5\n";
    let (_, notes) = folder.predictions(scores, &ReadOptions::default()).unwrap();
    assert!(
        notes[0].contains("not read, for their names are not p1..pK: score_a, score_b"),
        "{notes:?}"
    );
}
