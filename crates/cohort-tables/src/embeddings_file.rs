//! Embedding tables as this program and others write them.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use crate::columns::{self, Named};
use crate::dialect::Number;
use crate::embeddings::{CHECKSUM, EmbeddingTable, Provenance};
use crate::format::{Read, ReadOptions};
use crate::parquet_io::{ParquetInput, as_text, broken, is_text_like, list_item, type_name};
use crate::spelling::is_missing;
use crate::text_table::Source;
use crate::{TableError, input, npy};

/// Most numbers of a table: 4 GiB of 32-bit floats.
pub(crate) const MAX_VALUES: usize = 1 << 30;

/// Names of the column of clips, in order of preference.
const CLIPS: [&str; 20] = [
    "clip",
    "VideoName",
    "id",
    "clip_id",
    "file",
    "filename",
    "file_name",
    "path",
    "file_path",
    "filepath",
    "image_path",
    "name",
    "key",
    "uuid",
    "video",
    "image",
    "audio",
    "sample_id",
    "index",
    "__index_level_0__",
];

/// Names of the column of vectors, in order of preference.
const VECTORS: [&str; 12] = [
    "vector",
    "embedding",
    "embeddings",
    "vectors",
    "emb",
    "features",
    "feature",
    "encoding",
    "representation",
    "hidden_state",
    "values",
    "x",
];

const WANTED: [&str; 3] = ["clip", "vector", "source"];

impl EmbeddingTable {
    /// As [`EmbeddingTable::read_with`] with nothing said.
    ///
    /// # Errors
    /// Those of [`EmbeddingTable::read_with`].
    pub fn read(path: &Path) -> Result<Self, TableError> {
        Ok(Self::read_with(path, &ReadOptions::default())?.table)
    }

    /// Reads a table of vectors, told apart by content: Parquet with a column of lists (of any width of float or integer)
    /// or a column a component, a table of text likewise, a NumPy array of two axes (`.npy`), or an archive (`.npz`) with
    /// one such array or with `vectors` and `ids`. Numbers become the nearest 32-bit floats. Where nothing names the
    /// clips they are called by their row, from 0.
    ///
    /// # Errors
    /// [`TableError`] when the file cannot be read or damaged, lacks vectors, holds more than 2^30 numbers, or has rows
    /// with missing or not finite values or of another length (the row is named).
    pub fn read_with(path: &Path, options: &ReadOptions) -> Result<Read<Self>, TableError> {
        read(path, options)
    }

    /// As [`Self::read`], of a table that this program wrote and nobody may have changed since: one without a checksum
    /// is refused too.
    ///
    /// # Errors
    /// As [`Self::read`]; [`TableError::File`] when the content is not what was written.
    pub fn read_own(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|source| TableError::read(path, source))?;
        if ParquetInput::open(path, file)?.value(CHECKSUM).is_none() {
            return Err(TableError::file(path, "a checksum of its content", "none"));
        }
        Self::read(path)
    }

    /// [`Self::read_own`] of a file that may not be there yet.
    ///
    /// # Errors
    /// As [`Self::read_own`].
    pub fn own_if_any(path: &Path) -> Result<Option<Self>, TableError> {
        match path.is_file() {
            true => Self::read_own(path).map(Some),
            false => Ok(None),
        }
    }
}

/// Reads a table by its content: Parquet, `.npy`, `.npz`, else text.
fn read(path: &Path, options: &ReadOptions) -> Result<Read<EmbeddingTable>, TableError> {
    let mut file = input::open(path)?;
    let first = input::beginning(path, &mut file)?;
    let read = if first.starts_with(b"PAR1") {
        read_parquet(path, ParquetInput::open(path, file)?, options)?
    } else if first.starts_with(npy::MAGIC) || first.starts_with(b"PK\x03\x04") {
        npy::read(path, file)?
    } else {
        drop(file);
        read_text(path, options)?
    };
    Ok(read)
}

/// Takes rows in, checking each.
pub(crate) struct Rows<'a> {
    path: &'a Path,
    pub(crate) table: EmbeddingTable,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(path: &'a Path) -> Self {
        Self {
            path,
            table: EmbeddingTable::default(),
        }
    }

    /// Adds a row; `row` is its number or line in the file.
    pub(crate) fn push(
        &mut self,
        row: u64,
        clip: &str,
        values: impl Iterator<Item = f64>,
    ) -> Result<(), TableError> {
        let bad = |expected: &str, found: String| TableError::row(self.path, row, expected, found);
        if clip.is_empty() {
            return Err(bad("a clip and a vector", "a missing value".into()));
        }
        let before = self.table.values.len();
        for value in values {
            // to the nearest of the 32-bit floats, which vectors are here
            let single = value as f32;
            if !single.is_finite() {
                return Err(bad("finite numbers", value.to_string()));
            }
            self.table.values.push(single);
        }
        let width = self.table.values.len() - before;
        if self.table.clips.is_empty() {
            self.table.dim = width;
        }
        if width != self.table.dim {
            let expected = format!("{} numbers as in the first row", self.table.dim);
            return Err(bad(&expected, width.to_string()));
        }
        if self.table.values.len() > MAX_VALUES {
            let expected = format!("at most {MAX_VALUES} numbers");
            return Err(TableError::file(self.path, expected, "more"));
        }
        self.table.clips.push(clip.to_string());
        self.table.sources.push(String::new());
        Ok(())
    }
}

/// Where clips and vectors are in a header.
struct Layout {
    clip: Option<usize>,
    vectors: Vectors,
    source: Option<usize>,
}

enum Vectors {
    /// One column of lists.
    List(usize),
    /// One column a component.
    Wide(Vec<usize>),
}

impl Layout {
    fn columns(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.clip.into_iter().chain(self.source).collect();
        match &self.vectors {
            Vectors::List(i) => all.push(*i),
            Vectors::Wide(columns) => all.extend(columns),
        }
        all
    }
}

/// Columns with a number at the end of their name (`0`, `e0`, `dim_0`), by number: of several kinds the one with the most.
/// The error is a kind whose numbers have a gap.
fn numbered(header: &[String], usable: impl Fn(usize) -> bool) -> Result<Vec<usize>, String> {
    let mut kinds: std::collections::BTreeMap<&str, Vec<(u32, usize)>> = Default::default();
    for (i, name) in header.iter().enumerate().filter(|(i, _)| usable(*i)) {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if let Ok(number) = name[stem.len()..].parse() {
            kinds.entry(stem).or_default().push((number, i));
        }
    }
    let Some((stem, mut columns)) = kinds.into_iter().max_by_key(|(_, columns)| columns.len())
    else {
        return Ok(Vec::new());
    };
    columns.sort_unstable();
    let first = columns.first().map_or(0, |&(number, _)| number);
    let whole = columns
        .iter()
        .zip(first..)
        .all(|(&(n, _), expected)| n == expected);
    if columns.len() > 1 && !(whole && first <= 1) {
        return Err(format!("{stem}0, {stem}1, .. without a gap"));
    }
    Ok(columns.into_iter().map(|(_, i)| i).collect())
}

/// What may stand in the columns of a table.
struct Kinds<'a> {
    /// A list of numbers.
    list: &'a dyn Fn(usize) -> bool,
    number: &'a dyn Fn(usize) -> bool,
    /// What may name clips.
    id: &'a dyn Fn(usize) -> bool,
}

/// The columns of a vector, of a table with one column a component: those that are numbered where they are all but a few of the
/// numbers; else every number that is no label and no time by its name, in the order of the file.
///
/// # Errors
/// What is expected, where numbered columns have a gap.
fn components(header: &[String], clip: Option<usize>, kinds: &Kinds) -> Result<Vec<usize>, String> {
    let usable =
        |i: usize| Some(i) != clip && (kinds.number)(i) && columns::no_feature(header, i).is_none();
    let features: Vec<usize> = (0..header.len()).filter(|&i| usable(i)).collect();
    let all_but_a_few = |group: usize| 10 * group >= 9 * features.len();
    let named = clip.is_some() || (0..header.len()).filter(|&i| (kinds.id)(i)).count() == 1;
    match numbered(header, usable) {
        Ok(group) if group.len() > 1 && (all_but_a_few(group.len()) || !named) => Ok(group),
        Ok(group) if group.len() == 1 && header.len() == 2 => Ok(group),
        Err(gap) if features.len() < 2 || !named || !has_unnumbered(header, &features) => Err(gap),
        _ if named && features.len() > 1 => Ok(features),
        _ => Ok(Vec::new()),
    }
}

/// Whether more than a few of these columns have no number at the end of their names.
fn has_unnumbered(header: &[String], columns: &[usize]) -> bool {
    let plain = |i: &&usize| !header[**i].ends_with(|c: char| c.is_ascii_digit());
    10 * columns.iter().filter(plain).count() > columns.len()
}

/// Finds clips and vectors.
fn layout(
    path: &Path,
    header: &[String],
    kinds: &Kinds,
    found: impl Fn() -> String,
) -> Result<(Layout, Vec<String>), TableError> {
    let mut notes = Vec::new();
    let at = path.display();
    let by_name = |names: &[&str], fits: &dyn Fn(usize) -> bool| {
        let mut places = names.iter().filter_map(|name| columns::find(header, name));
        places.find(|&i| fits(i))
    };
    let lists: Vec<usize> = (0..header.len()).filter(|&i| (kinds.list)(i)).collect();
    let wanted =
        "a column of clips and one of vectors, or one column a component (0, 1, .. or e0, e1, ..)";
    let vectors = match (by_name(&VECTORS, kinds.list), lists.as_slice()) {
        (Some(i), _) | (None, &[i]) => Some(Vectors::List(i)),
        (None, []) => None,
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|&i| header[i].as_str()).collect();
            let found = format!(
                "lists in the columns {}; --column vector={} takes the first of them",
                names.join(", "),
                names[0]
            );
            return Err(TableError::file(path, "one column of vectors", found));
        }
    };
    let mut clip = by_name(&CLIPS, kinds.id);
    let vectors = match vectors {
        Some(vectors) => vectors,
        None => {
            let columns = components(header, clip, kinds).map_err(|expected| {
                TableError::file(path, format!("columns {expected}"), found())
            })?;
            if columns.is_empty() {
                return Err(TableError::file(path, wanted, found()));
            }
            Vectors::Wide(columns)
        }
    };
    let used = |i: usize| match &vectors {
        Vectors::List(list) => *list == i,
        Vectors::Wide(columns) => columns.contains(&i),
    };
    if clip.is_none() {
        let others: Vec<usize> = (0..header.len())
            .filter(|&i| !used(i) && (kinds.id)(i))
            .collect();
        match others.as_slice() {
            &[i] => clip = Some(i),
            [] => notes.push(format!(
                "{at}: no column names the clips; they are called by their row, from 0"
            )),
            several => {
                let names: Vec<&str> = several.iter().map(|&i| header[i].as_str()).collect();
                let found = format!(
                    "columns {}; --column clip={} takes the first of them",
                    names.join(", "),
                    names[0]
                );
                return Err(TableError::file(path, "a column clip (or id)", found));
            }
        }
    }
    match &vectors {
        Vectors::List(i) if header[*i] != "vector" => {
            notes.push(format!("{at}: vectors are in column {}", header[*i]));
        }
        Vectors::List(_) => {}
        Vectors::Wide(columns) => {
            notes.push(format!("{at}: {}", taken(header, columns)));
            notes.extend(left(header, clip, columns, kinds).map(|left| format!("{at}: {left}")));
        }
    }
    if let Some(i) = clip.filter(|&i| header[i] != "clip") {
        notes.push(format!("{at}: clips are named by column {}", header[i]));
    }
    let source =
        columns::find(header, "source").filter(|&i| (kinds.id)(i) && !used(i) && clip != Some(i));
    Ok((
        Layout {
            clip,
            vectors,
            source,
        },
        notes,
    ))
}

/// Which columns are the vector.
fn taken(header: &[String], columns: &[usize]) -> String {
    let (first, last) = (columns[0], columns[columns.len() - 1]);
    let stem = |i: usize| header[i].trim_end_matches(|c: char| c.is_ascii_digit());
    let alike = columns.iter().all(|&i| stem(i) == stem(first));
    let count = columns.len();
    match alike {
        true => format!(
            "vectors are in the {count} columns {} to {}",
            header[first], header[last]
        ),
        false => format!(
            "vectors are the {count} columns of numbers in the order of the file: {}",
            some(columns.iter().map(|&i| header[i].as_str()).collect())
        ),
    }
}

/// Which columns are not, and why where their names or kinds say so.
fn left(
    header: &[String],
    clip: Option<usize>,
    columns: &[usize],
    kinds: &Kinds,
) -> Option<String> {
    let left: Vec<String> = (0..header.len())
        .filter(|&i| Some(i) != clip && !columns.contains(&i))
        .map(|i| match columns::no_feature(header, i) {
            Some(why) => format!("{} ({why})", header[i]),
            None if !(kinds.number)(i) => format!("{} (no numbers)", header[i]),
            None => header[i].clone(),
        })
        .collect();
    let names = left.iter().map(String::as_str).collect();
    (!left.is_empty()).then(|| format!("not part of the vectors: {}", some(names)))
}

/// The first ten of many names.
fn some(names: Vec<&str>) -> String {
    let more = names.len().saturating_sub(10);
    let shown = names[..names.len() - more].join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Takes single quotes off names that all have them, as openSMILE writes them; a line that says so where they had.
fn take_quotes_off(path: &Path, clips: &mut [String]) -> Option<String> {
    let inner = |clip: &String| {
        let inner = clip.strip_prefix('\'')?.strip_suffix('\'')?;
        (!inner.is_empty()).then(|| inner.to_string())
    };
    let all: Vec<String> = clips.iter().map(inner).collect::<Option<_>>()?;
    if all.is_empty() {
        return None;
    }
    clips.clone_from_slice(&all);
    let path = path.display();
    Some(format!(
        "{path}: clips are written in single quotes, which are taken off"
    ))
}

fn read_parquet(
    path: &Path,
    input: ParquetInput,
    options: &ReadOptions,
) -> Result<Read<EmbeddingTable>, TableError> {
    let names: Vec<String> = input.fields.iter().map(|(name, _)| name.clone()).collect();
    let kinds: Vec<DataType> = input.fields.iter().map(|(_, kind)| kind.clone()).collect();
    let Named {
        header,
        mut notes,
        mapped,
    } = columns::name(path, &names, options, &WANTED)?;
    let found = || {
        let one = |(name, kind): (&String, &DataType)| format!("{name} is {}", type_name(kind));
        let all: Vec<String> = header.iter().zip(&kinds).take(20).map(one).collect();
        let more = header.len().saturating_sub(20);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("{}{more}", all.join(", "))
    };
    let is_list = |i: usize| list_item(&kinds[i]).is_some_and(DataType::is_numeric);
    let is_number = |i: usize| kinds[i].is_numeric();
    let is_id = |i: usize| is_text_like(&kinds[i]) && !is_list(i) && !kinds[i].is_floating();
    let kinds_of = Kinds {
        list: &is_list,
        number: &is_number,
        id: &is_id,
    };
    let (layout, said) = layout(path, &header, &kinds_of, found)?;
    notes.extend(said);
    let [producer, weights, settings, source, components] =
        crate::embeddings::KEYS.map(|key| input.value(key).unwrap_or_default());
    let checksum = input.value(crate::embeddings::CHECKSUM);
    let components = if components.is_empty() {
        Vec::new()
    } else {
        components.split('\n').map(String::from).collect()
    };
    let mut rows = Rows::new(path);
    rows.table.provenance = Provenance {
        producer,
        weights,
        settings,
        source,
        columns: components,
    };
    let keep = layout.columns();
    let texts = usize::from(layout.clip.is_some()) + usize::from(layout.source.is_some());
    let wide = matches!(layout.vectors, Vectors::Wide(_));
    let convert = move |path: &Path, arrays: &[ArrayRef]| {
        let (ids, vectors) = arrays.split_at(texts);
        Ok((as_text(path, ids)?, numbers(path, vectors, wide)?))
    };
    let mut row = 0u64;
    input.batches(&keep, convert, |(texts, lists)| {
        for (i, list) in lists.into_iter().enumerate() {
            let mut texts = texts.iter();
            let clip = match layout.clip {
                Some(_) => texts.next().map_or("", |ids| ids[i].as_str()).to_string(),
                None => row.to_string(),
            };
            row += 1;
            let list = list.map_err(|what| TableError::row(path, row, what.0, what.1))?;
            rows.push(row, &clip, list.into_iter())?;
            if let (Some(source), Some(last)) = (texts.next(), rows.table.sources.last_mut()) {
                last.clone_from(&source[i]);
            }
        }
        Ok(())
    })?;
    match checksum {
        Some(expected) => rows.table.check(path, &expected)?,
        None if layout.clip.is_some() => {
            notes.extend(take_quotes_off(path, &mut rows.table.clips));
        }
        None => {}
    }
    Ok(Read {
        table: rows.table,
        notes,
        mapped,
    })
}

type Vector = Result<Vec<f64>, (&'static str, &'static str)>;

/// The vectors of a batch: from one column of lists, or from a column a component.
fn numbers(path: &Path, arrays: &[ArrayRef], wide: bool) -> Result<Vec<Vector>, TableError> {
    let floats = |array: &dyn Array| -> Result<Float64Array, TableError> {
        let cast = cast(array, &DataType::Float64).map_err(|error| broken(path, error))?;
        Ok(cast.as_primitive::<Float64Type>().clone())
    };
    let missing: Vector = Err(("finite numbers", "a missing value"));
    if wide {
        let columns: Vec<Float64Array> = arrays
            .iter()
            .map(|array| floats(array.as_ref()))
            .collect::<Result<_, _>>()?;
        let rows = columns.first().map_or(0, Array::len);
        let one = |row: usize| {
            if columns.iter().any(|column| column.is_null(row)) {
                return missing.clone();
            }
            Ok(columns.iter().map(|column| column.value(row)).collect())
        };
        return Ok((0..rows).map(one).collect());
    }
    let array = arrays
        .first()
        .ok_or_else(|| broken(path, "no column of vectors"))?;
    let no_vector: Vector = Err(("a clip and a vector", "a missing value"));
    let slices = |values: &dyn Array, range: &dyn Fn(usize) -> std::ops::Range<usize>| {
        let values = floats(values)?;
        let one = |row: usize| {
            if array.is_null(row) {
                return no_vector.clone();
            }
            let range = range(row);
            if range.clone().any(|i| values.is_null(i)) {
                return missing.clone();
            }
            Ok(values.values()[range].to_vec())
        };
        Ok((0..array.len()).map(one).collect())
    };
    if let Some(list) = array.as_list_opt::<i32>() {
        let ends = list.value_offsets();
        slices(list.values().as_ref(), &|row| {
            ends[row] as usize..ends[row + 1] as usize
        })
    } else if let Some(list) = array.as_list_opt::<i64>() {
        let ends = list.value_offsets();
        slices(list.values().as_ref(), &|row| {
            ends[row] as usize..ends[row + 1] as usize
        })
    } else if let Some(list) = array.as_fixed_size_list_opt() {
        let width = usize::try_from(list.value_length()).unwrap_or(0);
        slices(list.values().as_ref(), &|row| {
            let start = list.value_offset_at(row);
            start..start + width
        })
    } else {
        Err(broken(
            path,
            format!("vectors as {}", type_name(array.data_type())),
        ))
    }
}

/// Which columns of a text table hold numbers, or no value, in every row, and a number in one at least.
fn columns_of_numbers(
    path: &Path,
    options: &ReadOptions,
    width: usize,
) -> Result<Vec<bool>, TableError> {
    let source = Source::open(path, options, &WANTED)?;
    let keep: Vec<usize> = (0..width).collect();
    let (mut numbers, mut seen) = (vec![true; width], vec![false; width]);
    source.rows(&keep, |row| {
        let (_, fields) = row.map_err(|problem| problem.error(path))?;
        for (i, field) in fields
            .iter()
            .enumerate()
            .filter(|(_, field)| !is_missing(field))
        {
            seen[i] = true;
            numbers[i] &= field.trim().parse::<f64>().is_ok() || Number::of(field) == Number::Comma;
        }
        Ok(())
    })?;
    Ok(numbers
        .iter()
        .zip(seen)
        .map(|(&numbers, seen)| numbers && seen)
        .collect())
}

fn read_text(path: &Path, options: &ReadOptions) -> Result<Read<EmbeddingTable>, TableError> {
    let source = Source::open(path, options, &WANTED)?;
    let header = source.header().to_vec();
    let named = |i: usize, names: &[&str]| {
        names
            .iter()
            .any(|name| header[i].trim().eq_ignore_ascii_case(name))
    };
    let found = || {
        let shown: Vec<&str> = header.iter().take(20).map(String::as_str).collect();
        let more = header.len().saturating_sub(20);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        format!("columns {}{more}", shown.join(", "))
    };
    // in a table of text a column may be anything: the names decide, and where they do not, the values
    let numbers = numbered(&header, |_| true).unwrap_or_default();
    let lists_alone = numbers.len() > 1;
    let plain = |&i: &usize| {
        let known = numbers.contains(&i) || named(i, &CLIPS) || named(i, &VECTORS);
        !known && columns::no_feature(&header, i).is_none()
    };
    let by_values = 10 * (0..header.len()).filter(plain).count() > numbers.len();
    let holds_numbers = match by_values {
        true => columns_of_numbers(path, options, header.len())?,
        false => vec![true; header.len()],
    };
    let is_list = |i: usize| named(i, &VECTORS) && !lists_alone && !(by_values && holds_numbers[i]);
    let is_number = |i: usize| holds_numbers[i] && !is_list(i);
    let is_id = |i: usize| {
        let text = match by_values {
            true => !holds_numbers[i],
            false => lists_alone && !numbers.contains(&i),
        };
        !is_list(i) && (named(i, &CLIPS) || text)
    };
    let kinds = Kinds {
        list: &is_list,
        number: &is_number,
        id: &is_id,
    };
    let (layout, mut notes) = layout(path, &header, &kinds, found)?;
    let keep = layout.columns();
    let texts = usize::from(layout.clip.is_some()) + usize::from(layout.source.is_some());
    let list = matches!(layout.vectors, Vectors::List(_));
    let mut rows = Rows::new(path);
    let mut count = 0u64;
    let (said, mapped) = source.rows(&keep, |row| {
        let (line, fields) = row.map_err(|problem| problem.error(path))?;
        let clip = match layout.clip {
            Some(_) => fields[0].clone(),
            None => count.to_string(),
        };
        count += 1;
        let (ids, vector) = fields.split_at(texts);
        let mut values = Vec::with_capacity(vector.len());
        let mut add = |field: &str| {
            let value = field.parse::<f64>().map_err(|_| {
                let found = match Number::of(field) {
                    _ if field.is_empty() => "an empty field".to_string(),
                    Number::Comma => format!("{field} (a decimal comma? --decimal , reads it)"),
                    _ => format!("{field:?}"),
                };
                TableError::row(path, line, "finite numbers", found)
            })?;
            values.push(value);
            Ok(())
        };
        if list {
            let text = vector[0].trim();
            let inner = text
                .strip_prefix(['[', '('])
                .and_then(|rest| rest.strip_suffix([']', ')']))
                .unwrap_or(text);
            inner
                .split([',', ' ', '\t', '\n', '\r'])
                .filter(|part| !part.is_empty())
                .try_for_each(&mut add)?;
        } else {
            vector.iter().try_for_each(|field| add(field))?;
        }
        rows.push(line, &clip, values.into_iter())?;
        if let (Some(_), Some(last)) = (layout.source, rows.table.sources.last_mut()) {
            last.clone_from(&ids[texts - 1]);
        }
        Ok(())
    })?;
    if layout.clip.is_some() {
        notes.extend(take_quotes_off(path, &mut rows.table.clips));
    }
    notes.splice(0..0, said);
    Ok(Read {
        table: rows.table,
        notes,
        mapped,
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{FixedSizeListArray, LargeListArray, ListArray};
    use arrow::datatypes::{Float32Type, Int32Type};
    use std::sync::Arc;

    use super::*;

    /// What a reader hands on may be a part of a longer array, whose values begin further on.
    #[test]
    fn a_part_of_an_array_is_read_from_where_it_begins() {
        let rows = || (0..4).map(|row| Some((0..2).map(move |i| Some((10 * row + i) as f32))));
        let whole = || (0..4).map(|row| Some((0..2).map(move |i| Some(10 * row + i))));
        let arrays: [ArrayRef; 4] = [
            Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(rows()).slice(1, 2)),
            Arc::new(LargeListArray::from_iter_primitive::<Float32Type, _, _>(rows()).slice(1, 2)),
            Arc::new(
                FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(rows(), 2).slice(1, 2),
            ),
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(whole()).slice(1, 2)),
        ];
        for array in arrays {
            let kind = array.data_type().clone();
            let found = numbers(Path::new("t.parquet"), &[array], false).unwrap();
            let found: Vec<Vec<f64>> = found.into_iter().map(|row| row.unwrap()).collect();
            assert_eq!(found, [[10.0, 11.0], [20.0, 21.0]], "{kind}");
        }
    }
}
