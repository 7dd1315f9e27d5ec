//! Vectors as pandas, polars, NumPy and others write them give what the plain table gives.

use std::io::Write;
use std::path::Path;
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

use crate::foreign_tests::Folder;
use crate::{EmbeddingTable, LabelTable, ReadOptions};

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
