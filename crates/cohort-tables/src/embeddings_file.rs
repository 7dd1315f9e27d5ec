//! Embedding tables as this program and others write them.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use crate::columns::{self, Named};
use crate::dialect::Number;
use crate::embeddings::{CHECKSUM, EmbeddingTable, Provenance};
use crate::embeddings_layout::{CLIPS, Kinds, VECTORS, Vectors, layout, numbered};
use crate::format::{Read, ReadOptions};
use crate::parquet_io::{ParquetInput, as_text, broken, is_text_like, list_item, type_name};
use crate::spelling::is_missing;
use crate::text_table::Source;
use crate::vector_rows::Rows;
use crate::{TableError, input, npy};

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
        layout.names(&header)
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
    rows.table.provenance.columns = layout.names(&header);
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
