//! Parquet in and out.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;

use crate::guard::guarded;
use crate::thrift::{self, Stop, claims_too_much};
use crate::{Predictions, TableError, write_atomic_with};

/// Rows held in memory at a time while reading and writing.
pub(crate) const BATCH_ROWS: usize = 4096;

/// Most rows of a table: what has more is no table of clips, or a bomb of a few kilobytes.
pub(crate) const MAX_ROWS: u64 = 10_000_000;

/// Most bytes of text in a batch of rows.
const MAX_BATCH_BYTES: usize = 512 << 20;

/// Bytes that are looked at for a page's header, first and at most.
const HEADER: u64 = 16 << 10;
const LONG_HEADER: u64 = 4 << 20;

/// Largest footer.
const MAX_FOOTER: u64 = 256 << 20;

/// Whether a table is written as Parquet: by the name's end.
pub(crate) fn is_parquet(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// A Parquet file whose footer was read.
pub(crate) struct ParquetInput {
    path: PathBuf,
    file: File,
    metadata: ArrowReaderMetadata,
    /// Name and type of each column.
    pub(crate) fields: Vec<(String, DataType)>,
}

impl ParquetInput {
    /// Reads the footer of a file that begins as Parquet does.
    pub(crate) fn open(path: &Path, mut file: File) -> Result<Self, TableError> {
        check_footer(path, &mut file)?;
        let at = path.to_path_buf();
        let again = file.try_clone();
        let again = again.map_err(|source| TableError::read(path, source))?;
        let mut loaded = None;
        let read = move |part: &mut dyn FnMut(ArrowReaderMetadata) -> bool| {
            let metadata = ArrowReaderMetadata::load(&again, ArrowReaderOptions::new());
            part(metadata.map_err(|error| broken(&at, error))?);
            Ok(())
        };
        guarded(path, "Parquet", read, |metadata| {
            loaded = Some(metadata);
            Ok(())
        })?;
        let metadata = loaded.ok_or_else(|| broken(path, "no footer"))?;
        let rows = metadata.metadata().file_metadata().num_rows();
        let rows = u64::try_from(rows).map_err(|_| broken(path, "a negative number of rows"))?;
        refuse_rows(path, rows)?;
        let fields = metadata.schema().fields().iter();
        let fields = fields
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect();
        Ok(Self {
            path: path.to_path_buf(),
            file,
            metadata,
            fields,
        })
    }

    /// A value of the footer's key-value metadata.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        let pairs = self.metadata.metadata().file_metadata();
        let mut pairs = pairs.key_value_metadata()?.iter();
        pairs.find(|pair| pair.key == key)?.value.clone()
    }

    /// Hands over the columns `keep` (places in [`Self::fields`]) batch by batch, in that order, as `convert` makes them
    /// on the reader's thread. No other column is read.
    pub(crate) fn batches<T: Send + 'static>(
        self,
        keep: &[usize],
        convert: impl Fn(&Path, &[ArrayRef]) -> Result<T, TableError> + Send + 'static,
        take: impl FnMut(T) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let Self {
            path,
            file,
            metadata,
            fields,
        } = self;
        let keep = keep.to_vec();
        let at = path.clone();
        let read = move |part: &mut dyn FnMut(T) -> bool| {
            check_pages(&at, &file, metadata.metadata(), &keep)?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
            let mask = ProjectionMask::roots(builder.parquet_schema(), keep.iter().copied());
            let reader = builder
                .with_projection(mask)
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(|error| broken(&at, error))?;
            let mut rows = 0;
            for batch in reader {
                let batch = batch.map_err(|error| broken(&at, error))?;
                rows += batch.num_rows() as u64;
                refuse_rows(&at, rows)?;
                // a projection keeps the file's order
                let columns: Option<Vec<ArrayRef>> = keep
                    .iter()
                    .map(|&i| {
                        let before = keep.iter().filter(|&&other| other < i).count();
                        batch.columns().get(before).cloned()
                    })
                    .collect();
                let columns = columns.ok_or_else(|| {
                    broken(
                        &at,
                        format!("{} columns of {}", batch.num_columns(), fields.len()),
                    )
                })?;
                if !part(convert(&at, &columns)?) {
                    break;
                }
            }
            Ok(())
        };
        guarded(&path, "Parquet", read, take)
    }
}

pub(crate) fn refuse_rows(path: &Path, rows: u64) -> Result<(), TableError> {
    if rows > MAX_ROWS {
        let expected = format!("at most {MAX_ROWS} rows");
        return Err(TableError::file(path, expected, rows.to_string()));
    }
    Ok(())
}

/// Looks at both ends of the file and goes over the footer before the reader does.
fn check_footer(path: &Path, file: &mut File) -> Result<(), TableError> {
    let read = |source| TableError::read(path, source);
    let whole = "a whole Parquet file";
    let size = file.metadata().map_err(read)?.len();
    let mut end = [0; 8];
    if size >= 12 {
        file.seek(SeekFrom::End(-8)).map_err(read)?;
        file.read_exact(&mut end).map_err(read)?;
    }
    if end.ends_with(b"PARE") {
        return Err(TableError::file(
            path,
            "a Parquet file that is not encrypted",
            "an encrypted one",
        ));
    }
    if !end.ends_with(b"PAR1") {
        return Err(TableError::file(
            path,
            whole,
            "one that is cut off (no PAR1 at its end)",
        ));
    }
    let length = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    if length > MAX_FOOTER || length + 12 > size {
        let found = format!("a damaged one (a footer of {length} bytes in a file of {size})");
        return Err(TableError::file(path, whole, found));
    }
    file.seek(SeekFrom::Start(size - 8 - length))
        .map_err(read)?;
    let mut footer = Vec::new();
    file.by_ref()
        .take(length)
        .read_to_end(&mut footer)
        .map_err(read)?;
    file.seek(SeekFrom::Start(0)).map_err(read)?;
    if claims_too_much(&footer) {
        let found = "a damaged one (a list in its footer claims more items than there are bytes)";
        return Err(TableError::file(path, whole, found));
    }
    Ok(())
}

/// Goes over the page headers of the columns `keep` before the reader does. What else is wrong with them the reader tells.
fn check_pages(
    path: &Path,
    mut file: &File,
    metadata: &ParquetMetaData,
    keep: &[usize],
) -> Result<(), TableError> {
    let schema = metadata.file_metadata().schema_descr();
    let read = |source| TableError::read(path, source);
    let mut window = Vec::new();
    for group in metadata.row_groups() {
        let all = group.columns().iter().enumerate();
        for (_, column) in all.filter(|(leaf, _)| keep.contains(&schema.get_column_root_idx(*leaf)))
        {
            let (mut at, length) = column.byte_range();
            let end = at.saturating_add(length);
            while at < end {
                // statistics may make a header long
                let mut header = Err(Stop::Malformed);
                for most in [HEADER, LONG_HEADER] {
                    window.clear();
                    file.seek(SeekFrom::Start(at)).map_err(read)?;
                    let taken = Read::take(file, most.min(end - at));
                    { taken }.read_to_end(&mut window).map_err(read)?;
                    header = thrift::page_header(&window);
                    if !matches!(header, Err(Stop::Malformed)) {
                        break;
                    }
                }
                match header {
                    Ok(header) => at += header.length as u64 + header.page,
                    Err(Stop::Malformed) => break,
                    Err(Stop::TooMuch) => {
                        let found = "a damaged one (a list in a page's header claims more items than there are bytes)";
                        return Err(TableError::file(path, "a whole Parquet file", found));
                    }
                }
            }
        }
    }
    file.rewind().map_err(read)
}

pub(crate) fn broken(path: &Path, error: impl std::fmt::Display) -> TableError {
    TableError::file(
        path,
        "a whole Parquet file",
        format!("one that cannot be read: {error}"),
    )
}

/// A type as Parquet's and Arrow's users write it: `double`, `list<float>`, `fixed_size_list<double>[16]`.
pub(crate) fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Float16 => "halffloat".into(),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Utf8 => "string".into(),
        DataType::LargeUtf8 => "large_string".into(),
        DataType::Utf8View => "string_view".into(),
        DataType::Boolean => "bool".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".into(),
        DataType::List(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::LargeList(item) => format!("large_list<{}>", type_name(item.data_type())),
        DataType::FixedSizeList(item, length) => {
            format!("fixed_size_list<{}>[{length}]", type_name(item.data_type()))
        }
        DataType::Struct(_) => "struct".into(),
        DataType::Map(..) => "map".into(),
        DataType::Dictionary(_, value) => format!("dictionary<{}>", type_name(value)),
        other => format!("{other}").to_lowercase(),
    }
}

/// Type of a list's items.
pub(crate) fn list_item(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type())
        }
        _ => None,
    }
}

/// Whether a column is read as text: numbers, texts, truth values, dates, categories of these, and lists of numbers.
pub(crate) fn is_text_like(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Boolean | DataType::Null => true,
        DataType::Dictionary(_, value) => is_text_like(value),
        other => {
            let plain = |kind: &DataType| kind.is_numeric() || kind.is_temporal();
            plain(other) || list_item(other).is_some_and(DataType::is_numeric)
        }
    }
}

/// Columns as text, one vector each; lists come as `[a, b]`, missing values as empty text.
pub(crate) fn as_text(path: &Path, columns: &[ArrayRef]) -> Result<Vec<Vec<String>>, TableError> {
    let options = FormatOptions::default();
    let mut bytes = 0;
    let column = |array: &ArrayRef| {
        let format = ArrayFormatter::try_new(array.as_ref(), &options)
            .map_err(|error| broken(path, error))?;
        (0..array.len())
            .map(|row| {
                let text = format.value(row).try_to_string();
                let text = text.map_err(|error| broken(path, error))?;
                bytes += text.len();
                if bytes > MAX_BATCH_BYTES {
                    // a text of megabytes that every row repeats
                    let expected = format!("at most {MAX_BATCH_BYTES} bytes in {BATCH_ROWS} rows");
                    return Err(TableError::file(path, expected, "more"));
                }
                Ok(text.trim().to_string())
            })
            .collect()
    };
    columns.iter().map(column).collect()
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
