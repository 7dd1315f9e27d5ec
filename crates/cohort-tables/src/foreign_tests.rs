//! Tables as spreadsheets, pandas, polars, NumPy and others write them give what the plain table gives.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, FixedSizeListArray, Float32Array, Float64Array,
    Int64Array, LargeListArray, LargeStringArray, ListArray, RecordBatch, StringArray,
    StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::{
    Decimal, Delimiter, EmbeddingTable, LabelTable, Predictions, ReadOptions, TableFormat,
};

const LABELS: &str = "VideoName,UserID,AgeGroup\na.mp4,s1,1\nb.mp4,s2,2\nc é.mp4,s2,1\n";
const PREDICTIONS: &str =
    "VideoName,ground_truth,prediction,p1,p2\na.mp4,1,1,0.75,0.25\nb.mp4,2,1,0.5625,0.4375\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
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

    fn short(&self, lines: Vec<String>) -> Vec<String> {
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

/// Twelve vectors of three numbers that 16 bits hold exactly.
fn vectors() -> (Vec<String>, Vec<f32>) {
    let clips = (0..12).map(|i| format!("c{i:02}")).collect();
    (clips, (0..36).map(|i| i as f32 / 8.0 - 2.0).collect())
}

fn parquet(path: &Path, compression: Compression, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn fixed(values: &[f32]) -> ArrayRef {
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let values = Arc::new(Float32Array::from(values.to_vec()));
    Arc::new(FixedSizeListArray::try_new(item, 3, values, None).unwrap())
}

#[test]
fn embedding_tables_of_other_tools_are_the_plain_table() {
    let folder = Folder::new();
    let path = folder.0.path().join("x.parquet");
    let (clips, values) = vectors();
    let rows = || {
        values
            .chunks(3)
            .map(|row| Some(row.iter().copied().map(Some).collect::<Vec<_>>()))
    };
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(rows()));
    let large: ArrayRef = Arc::new(LargeListArray::from_iter_primitive::<Float32Type, _, _>(
        rows(),
    ));
    let of = |kind: &DataType| {
        let item = Arc::new(Field::new("item", kind.clone(), true));
        let lists = [
            DataType::List(Arc::clone(&item)),
            DataType::LargeList(Arc::clone(&item)),
            DataType::FixedSizeList(item, 3),
        ];
        let sources = [&list, &large, &fixed(&values)];
        lists
            .into_iter()
            .zip(sources)
            .map(|(list, from)| cast(from, &list).unwrap())
            .collect::<Vec<_>>()
    };
    let ids: ArrayRef = Arc::new(StringArray::from(clips.clone()));
    let mut cases: Vec<(&str, ArrayRef, &str, ArrayRef)> = Vec::new();
    for kind in [DataType::Float16, DataType::Float32, DataType::Float64] {
        for list in of(&kind) {
            cases.push(("clip", Arc::clone(&ids), "vector", list));
        }
    }
    cases.push((
        "clip",
        Arc::new(LargeStringArray::from(clips.clone())),
        "vector",
        Arc::clone(&list),
    ));
    cases.push((
        "clip",
        Arc::new(StringViewArray::from_iter_values(&clips)),
        "vector",
        Arc::clone(&list),
    ));
    let categories: DictionaryArray<Int32Type> = clips.iter().map(String::as_str).collect();
    cases.push(("Clip", Arc::new(categories), "Vector", Arc::clone(&list)));
    cases.push((
        "file_name",
        Arc::clone(&ids),
        "embedding",
        Arc::clone(&list),
    ));
    cases.push(("wer", Arc::clone(&ids), "hidden", Arc::clone(&list)));
    for (clip, ids, vector, list) in cases {
        let what = format!("{clip} {}, {vector} {}", ids.data_type(), list.data_type());
        // an empty page of another column is not read, whatever it holds
        parquet(
            &path,
            Compression::SNAPPY,
            vec![(clip, ids), (vector, list)],
        );
        let table = EmbeddingTable::read(&path).unwrap();
        assert_eq!(
            (&table.clips, table.dim, &table.values),
            (&clips, 3, &values),
            "{what}"
        );
    }
    // whole numbers as ids, and a column a component, not in the order of their numbers
    let column = |n: usize| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            values.iter().skip(n).step_by(3).map(|&v| f64::from(v)),
        ))
    };
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(100..112));
    parquet(
        &path,
        Compression::SNAPPY,
        vec![
            ("e2", column(2)),
            ("id", numbers),
            ("e0", column(0)),
            ("e1", column(1)),
        ],
    );
    let table = EmbeddingTable::read(&path).unwrap();
    assert_eq!(
        (table.clips[11].as_str(), table.dim, &table.values),
        ("111", 3, &values)
    );
    // no ids at all
    parquet(&path, Compression::SNAPPY, vec![("embedding", list)]);
    let read = EmbeddingTable::read_with(&path, &ReadOptions::default()).unwrap();
    assert_eq!(
        (read.table.clips[11].as_str(), &read.table.values),
        ("11", &values)
    );
    assert!(
        read.notes[0].ends_with("no column names the clips; they are called by their row, from 0")
    );
    // types are named where none will do
    parquet(
        &path,
        Compression::SNAPPY,
        vec![("clip", Arc::clone(&ids)), ("vector", ids)],
    );
    let error = EmbeddingTable::read(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("found clip is string, vector is string"),
        "{error}"
    );
}

#[test]
fn every_compression_gives_the_same_table() {
    let folder = Folder::new();
    let path = folder.0.path().join("x.parquet");
    let (clips, values) = vectors();
    let all = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ];
    for compression in all {
        let ids: ArrayRef = Arc::new(StringArray::from(clips.clone()));
        parquet(
            &path,
            compression,
            vec![("clip", ids), ("vector", fixed(&values))],
        );
        let table = EmbeddingTable::read(&path).unwrap();
        assert_eq!(
            (&table.clips, &table.values),
            (&clips, &values),
            "{compression}"
        );
    }
}

/// A `.npy` file as NumPy writes it.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &str, items: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(items);
    bytes
}

#[test]
fn numpy_arrays_of_every_type_and_order_are_the_plain_table() {
    let folder = Folder::new();
    let (clips, values) = vectors();
    let mut turned = Vec::new();
    for column in 0..3 {
        turned.extend(values.iter().skip(column).step_by(3).copied());
    }
    let bytes = |values: &[f32], one: &dyn Fn(f32) -> Vec<u8>| -> Vec<u8> {
        values.iter().flat_map(|&v| one(v)).collect()
    };
    let half = |v: f32| half::f16::from_f32(v);
    let cases: [(&str, bool, Vec<u8>); 7] = [
        ("<f4", false, bytes(&values, &|v| v.to_le_bytes().into())),
        (">f4", false, bytes(&values, &|v| v.to_be_bytes().into())),
        (
            "<f8",
            false,
            bytes(&values, &|v| f64::from(v).to_le_bytes().into()),
        ),
        (
            ">f8",
            true,
            bytes(&turned, &|v| f64::from(v).to_be_bytes().into()),
        ),
        (
            "<f2",
            false,
            bytes(&values, &|v| half(v).to_le_bytes().into()),
        ),
        (
            ">f2",
            true,
            bytes(&turned, &|v| half(v).to_be_bytes().into()),
        ),
        ("<f4", true, bytes(&turned, &|v| v.to_le_bytes().into())),
    ];
    for (descr, fortran, items) in cases {
        let path = folder.write("x.npy", npy(descr, fortran, "(12, 3)", &items));
        let table = EmbeddingTable::read(&path).unwrap();
        assert_eq!(
            (table.dim, &table.values),
            (3, &values),
            "{descr} {fortran}"
        );
        assert_eq!(table.clips[11], "11");
    }
    let whole: Vec<u8> = (0..6i16).flat_map(|v| (v - 3).to_be_bytes()).collect();
    let path = folder.write("x.npy", npy(">i2", false, "(2, 3)", &whole));
    assert_eq!(
        EmbeddingTable::read(&path).unwrap().values,
        [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0]
    );

    let floats = bytes(&values, &|v| v.to_le_bytes().into());
    let text: Vec<u8> = clips
        .iter()
        .flat_map(|id| {
            format!("{id}\0")
                .chars()
                .flat_map(|c| (c as u32).to_le_bytes())
                .collect::<Vec<u8>>()
        })
        .collect();
    let path = folder.0.path().join("x.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let deflated = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("names.npy", deflated).unwrap();
    archive
        .write_all(&npy("<U4", false, "(12,)", &text))
        .unwrap();
    archive.start_file("vectors.npy", deflated).unwrap();
    archive
        .write_all(&npy("<f4", false, "(12, 3)", &floats))
        .unwrap();
    archive.finish().unwrap();
    let table = EmbeddingTable::read(&path).unwrap();
    assert_eq!((&table.clips, &table.values), (&clips, &values));

    for (bytes, expected) in [
        (
            npy("|O", false, "(12, 3)", &floats),
            "Python objects, which are never loaded",
        ),
        (
            npy("<c8", false, "(12, 3)", &floats),
            "items of type \"<c8\"",
        ),
        (
            npy("<f4", false, "(36,)", &floats),
            "found an array of shape [36] and type <f4",
        ),
        (
            npy("<f4", false, "(13, 3)", &floats),
            "144 bytes for a shape of 13 x 3 of <f4",
        ),
        (
            npy("<f4", false, "(99999999999, 99999999999)", &floats),
            "a damaged one",
        ),
    ] {
        let error = EmbeddingTable::read(&folder.write("x.npy", bytes))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn wide_tables_of_text_are_embedding_tables() {
    let folder = Folder::new();
    let good = "clip,e0,e1\na,0.5,-1\nb,2,1e-3\n";
    for (text, clips) in [
        (good.to_string(), ["a", "b"]),
        ("e1;file;e0\n-1;a;0,5\n0,001;b;2\n".into(), ["a", "b"]),
        ("0,1\n0.5,-1\n2,1e-3\n".into(), ["0", "1"]),
        (
            "id,embedding\na,\"[0.5, -1]\"\nb,[2 1e-3]\n".into(),
            ["a", "b"],
        ),
        (
            "id,label,f1,f2\na,x,0.5,-1\nb,y,2,1e-3\n".into(),
            ["a", "b"],
        ),
    ] {
        let table = EmbeddingTable::read(&folder.write("x.csv", &text)).unwrap();
        assert_eq!(
            (table.clips.as_slice(), table.values.as_slice()),
            (&clips.map(String::from)[..], &[0.5, -1.0, 2.0, 1e-3][..]),
            "{text}"
        );
    }
    for (from, to, expected) in [
        ("1e-3", "nan", "row 3: expected finite numbers, found NaN"),
        ("1e-3", "1e39", "row 3: expected finite numbers, found 1"),
        (
            "1e-3",
            "",
            "row 3: expected finite numbers, found an empty field",
        ),
        ("1e-3", "x", "row 3: expected finite numbers, found \"x\""),
        (
            "e1",
            "e2",
            "expected columns e0, e1, .. without a gap, found columns clip, e0, e2",
        ),
        (
            "clip,e0,e1",
            "clip,a,prediction",
            "expected a column of clips and one of vectors",
        ),
    ] {
        let path = folder.write("x.csv", good.replace(from, to));
        let error = EmbeddingTable::read(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\n  not {expected}");
    }
}

#[test]
fn a_parquet_file_with_more_rows_than_a_table_has_is_refused() {
    let folder = Folder::new();
    let path = folder.0.path().join("x.parquet");
    let many: ArrayRef = Arc::new(BooleanArray::from(vec![true; 10_000_001]));
    parquet(&path, Compression::SNAPPY, vec![("VideoName", many)]);
    let error = LabelTable::read(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("expected at most 10000000 rows, found 10000001"),
        "{error}"
    );
}

/// A table of features in text and, with the same columns, in Parquet.
fn features(
    folder: &Folder,
    header: &[&str],
    rows: &[&[&str]],
    separator: &str,
) -> Result<(EmbeddingTable, Vec<String>), String> {
    let (text, parquet_path) = (
        folder.0.path().join("f.csv"),
        folder.0.path().join("f.parquet"),
    );
    let lines: Vec<String> = rows.iter().map(|row| row.join(separator)).collect();
    std::fs::write(
        &text,
        format!("{}\n{}\n", header.join(separator), lines.join("\n")),
    )
    .unwrap();
    let columns = header.iter().enumerate().map(|(i, name)| {
        let values: Vec<&str> = rows.iter().map(|row| row[i]).collect();
        let numbers: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
        let array: ArrayRef = match numbers {
            Some(numbers) if *name != "id" => Arc::new(Float64Array::from(numbers)),
            _ => Arc::new(StringArray::from(values)),
        };
        (*name, array)
    });
    parquet(&parquet_path, Compression::SNAPPY, columns.collect());
    let read = |path: &std::path::Path| {
        EmbeddingTable::read_with(path, &ReadOptions::default())
            .map(|read| (read.table, read.notes))
            .map_err(|error| error.to_string())
    };
    let (plain, packed) = (read(&text), read(&parquet_path));
    match (&plain, &packed) {
        (Ok((a, _)), Ok((b, _))) => {
            assert_eq!((&a.clips, &a.values, a.dim), (&b.clips, &b.values, b.dim));
        }
        (Err(_), Err(_)) => {}
        _ => panic!("{plain:?} and {packed:?}"),
    }
    plain
}

#[test]
fn features_of_other_tools_are_all_their_numbers() {
    let folder = Folder::new();
    // openSMILE
    let header = [
        "name",
        "frameTime",
        "F0semitoneFrom27.5Hz_sma3nz_amean",
        "F0semitoneFrom27.5Hz_sma3nz_percentile20.0",
        "loudness_sma3_amean",
        "mfcc1_sma3_amean",
        "mfcc2_sma3_amean",
    ];
    let rows: [&[&str]; 3] = [
        &["'a'", "0.000000", "31.5", "30.25", "0.5", "1.5e+01", "-2"],
        &["'b'", "0.000000", "28.5", "27", "0.75", "14", "-3"],
        &["'c'", "0.000000", "35", "33.5", "1", "-1.0e-1", "4"],
    ];
    let (table, notes) = features(&folder, &header, &rows, ";").unwrap();
    assert_eq!(
        (table.dim, &table.values[..5]),
        (5, &[31.5, 30.25, 0.5, 15.0, -2.0][..])
    );
    let all = notes.join("\n");
    let taken = format!(
        "vectors are the 5 columns of numbers in the order of the file: {}",
        header[2..].join(", ")
    );
    assert!(all.contains(&taken), "{all}");
    assert!(
        all.contains("not part of the vectors: frameTime (times)"),
        "{all}"
    );
    assert!(all.contains("clips are named by column name"), "{all}");
    assert_eq!(table.clips, ["a", "b", "c"]);
    assert!(all.contains("single quotes"), "{all}");
    // librosa's as they are published: some numbered, some not, and a label in words or in numbers
    let header = [
        "filename",
        "chroma_stft",
        "rms",
        "mfcc1",
        "mfcc2",
        "mfcc3",
        "comment",
        "label",
    ];
    let rows: [&[&str]; 2] = [
        &["a.wav", "0.25", "0.5", "1", "2", "3", "good", "1"],
        &["b.wav", "0.75", "1", "4", "5", "6", "a; b", "0"],
    ];
    let (table, notes) = features(&folder, &header, &rows, ",").unwrap();
    assert_eq!(
        (table.dim, &table.values[..5]),
        (5, &[0.25, 0.5, 1.0, 2.0, 3.0][..])
    );
    let all = notes.join("\n");
    assert!(
        all.contains("not part of the vectors: comment (no numbers), label (labels)"),
        "{all}"
    );
    // Praat's, between tabs, with names in one column of words that has no usual name
    let header = ["Sound", "meanF0Hz", "jitter_local", "HNR", "sex"];
    let rows: [&[&str]; 2] = [
        &["a", "210.5", "0.01", "12", "1"],
        &["b", "110", "0.02", "9.5", "2"],
    ];
    let (table, notes) = features(&folder, &header, &rows, "\t").unwrap();
    assert_eq!((table.dim, table.clips[1].as_str()), (3, "b"));
    assert!(notes.join("\n").contains("sex (labels)"), "{notes:?}");
    // numbered columns are the vector where they are all but a few of the numbers
    let names: Vec<String> = (0..20).map(|i| format!("e{i}")).collect();
    let header: Vec<&str> = ["id", "age", "snr"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let row = |id: &'static str| -> Vec<&str> {
        [id, "30", "2.5"]
            .into_iter()
            .chain(vec!["1.5"; 20])
            .collect()
    };
    let (a, b) = (row("a"), row("b"));
    let (table, notes) = features(&folder, &header, &[&a, &b], ",").unwrap();
    assert_eq!(table.dim, 20);
    assert!(
        notes
            .join("\n")
            .contains("not part of the vectors: age (labels), snr"),
        "{notes:?}"
    );
    // points by their coordinates
    let (table, _) = features(
        &folder,
        &["id", "x", "y", "z"],
        &[&["a", "1", "2", "3"], &["b", "4", "5", "6"]],
        ",",
    )
    .unwrap();
    assert_eq!(
        (table.dim, &table.values[..]),
        (3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..])
    );
    // a hole in a column of numbers is a bad row, not a column less
    let rows: [&[&str]; 2] = [&["a", "210.5", "0.01"], &["b", "", "0.02"]];
    let folder_path = folder.0.path().join("hole.csv");
    let text: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    std::fs::write(
        &folder_path,
        format!("id,pitch,jitter\n{}\n", text.join("\n")),
    )
    .unwrap();
    let error = EmbeddingTable::read(&folder_path).unwrap_err().to_string();
    assert!(
        error.contains("row 3: expected finite numbers, found an empty field"),
        "{error}"
    );
    // two columns of words and none with a usual name: nobody knows
    let error = features(
        &folder,
        &["a", "b", "pitch", "hnr"],
        &[&["p", "q", "1", "2"], &["r", "s", "3", "4"]],
        ",",
    )
    .unwrap_err();
    assert!(error.contains("expected"), "{error}");
}
