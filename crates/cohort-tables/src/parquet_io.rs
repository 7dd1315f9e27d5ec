//! Parquet in and out.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::{Predictions, TableError, write_atomic_with};

/// Rows held in memory at a time while reading and writing.
pub(crate) const BATCH_ROWS: usize = 4096;

pub(crate) fn is_parquet(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

pub(crate) fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, TableError> {
    let file = File::open(path).map_err(|source| TableError::read(path, source))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(path, error))
}

pub(crate) fn broken(path: &Path, error: impl std::fmt::Display) -> TableError {
    TableError::file(
        path,
        "a Parquet file",
        format!("one that cannot be read: {error}"),
    )
}

/// Column names, and every column as text; lists come as `[a, b]`, missing values as empty text.
pub(crate) fn read_text_columns(
    path: &Path,
) -> Result<(Vec<String>, Vec<Vec<String>>), TableError> {
    let builder = open(path)?;
    let header: Vec<String> = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let mut columns = vec![Vec::new(); header.len()];
    let reader = builder
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| broken(path, error))?;
    let options = FormatOptions::default();
    for batch in reader {
        let batch = batch.map_err(|error| broken(path, error))?;
        for (column, array) in columns.iter_mut().zip(batch.columns()) {
            let format = ArrayFormatter::try_new(array.as_ref(), &options)
                .map_err(|error| broken(path, error))?;
            for row in 0..array.len() {
                let text = format
                    .value(row)
                    .try_to_string()
                    .map_err(|e| broken(path, e))?;
                column.push(text.trim().to_string());
            }
        }
    }
    Ok((header, columns))
}

/// Writes batches atomically, with `metadata` in the file's footer.
pub(crate) fn write_batches(
    path: &Path,
    schema: Arc<Schema>,
    metadata: Vec<KeyValue>,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<(), TableError> {
    write_atomic_with(path, |file| {
        let other = std::io::Error::other::<parquet::errors::ParquetError>;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(metadata))
            .set_created_by("cohort".to_string())
            .build();
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(other)?;
        for batch in batches {
            writer
                .write(&batch.map_err(std::io::Error::other)?)
                .map_err(other)?;
        }
        writer.close().map_err(other)?;
        Ok(())
    })
}

pub(crate) fn write_predictions(table: &Predictions, path: &Path) -> Result<(), TableError> {
    let k = table.classes.len();
    let mut fields = vec![
        Field::new("VideoName", DataType::Utf8, false),
        Field::new("ground_truth", DataType::Utf8, true),
        Field::new("prediction", DataType::Utf8, false),
    ];
    if table.probabilities.is_some() {
        fields.extend((1..=k).map(|i| Field::new(format!("p{i}"), DataType::Float64, false)));
    }
    let schema = Arc::new(Schema::new(fields));
    let batches = (0..table.len().div_ceil(BATCH_ROWS)).map(|batch| {
        let rows = batch * BATCH_ROWS..((batch + 1) * BATCH_ROWS).min(table.len());
        let code = |index: usize| table.classes[index].as_str();
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(&table.names[rows.clone()])),
            Arc::new(StringArray::from_iter(
                rows.clone()
                    .map(|i| table.truth.as_ref().map(|truth| code(truth[i]))),
            )),
            Arc::new(StringArray::from_iter_values(
                rows.clone().map(|i| code(table.predicted[i])),
            )),
        ];
        if let Some(values) = &table.probabilities {
            columns.extend((0..k).map(|c| {
                let column = rows.clone().map(|i| values[i * k + c]);
                Arc::new(Float64Array::from_iter_values(column)) as ArrayRef
            }));
        }
        RecordBatch::try_new(Arc::clone(&schema), columns)
    });
    write_batches(path, Arc::clone(&schema), Vec::new(), batches)
}
