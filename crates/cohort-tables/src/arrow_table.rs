//! A table that is in memory already: Arrow's columns, read as a Parquet file of the same columns is.

use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};

use crate::TableError;
use crate::parquet_io::{BATCH_ROWS, as_text, refuse_rows};

/// Columns of one length in memory, with the name that messages call the table by.
///
/// Read by [`crate::Predictions::from_arrow`] and [`crate::LabelTable::from_arrow`], it gives what a Parquet file of the
/// same columns gives.
#[derive(Debug, Clone)]
pub struct ArrowTable {
    name: PathBuf,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl ArrowTable {
    /// A table of batches, whose name stands where messages would name a file.
    ///
    /// # Errors
    /// [`TableError::File`] for a batch of another schema, or more rows than a table may have (10 million).
    pub fn new(
        name: &str,
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    ) -> Result<Self, TableError> {
        let name = PathBuf::from(name);
        let same = |batch: &RecordBatch| {
            let types = |schema: &SchemaRef| -> Vec<DataType> {
                let fields = schema.fields().iter();
                fields.map(|field| field.data_type().clone()).collect()
            };
            types(&batch.schema()) == types(&schema)
        };
        if let Some(batch) = batches.iter().find(|batch| !same(batch)) {
            return Err(TableError::file(
                &name,
                "columns of the same types in every batch",
                batch.schema().to_string(),
            ));
        }
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        refuse_rows(&name, rows as u64)?;
        Ok(Self {
            name,
            schema,
            batches,
        })
    }

    /// What messages call the table.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// Name and type of each column.
    pub(crate) fn fields(&self) -> Vec<(String, DataType)> {
        let fields = self.schema.fields().iter();
        fields
            .map(|field| (field.name().clone(), field.data_type().clone()))
            .collect()
    }

    /// Hands over the columns `keep` as text, some thousand rows at a time.
    pub(crate) fn batches(
        &self,
        keep: &[usize],
        mut take: impl FnMut(Vec<Vec<String>>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        for batch in &self.batches {
            for start in (0..batch.num_rows()).step_by(BATCH_ROWS) {
                let length = BATCH_ROWS.min(batch.num_rows() - start);
                let columns: Vec<_> = keep
                    .iter()
                    .map(|&i| batch.column(i).slice(start, length))
                    .collect();
                take(as_text(&self.name, &columns)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, DictionaryArray, Float64Array, Int64Array, ListArray, StringArray,
    };
    use arrow::datatypes::{Field, Int8Type, Schema};

    use super::*;
    use crate::parquet_io::write_batches;
    use crate::{LabelTable, Predictions, ReadOptions};

    fn columns() -> Vec<(&'static str, ArrayRef)> {
        let rows = 5000;
        let name = |i: i64| format!("clip {i}");
        let values = |f: &dyn Fn(i64) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values((0..rows).map(f)))
        };
        let gender: DictionaryArray<Int8Type> = (0..rows)
            .map(|i| (i != 3).then_some(if i % 2 == 0 { "f" } else { "m" }))
            .collect();
        let list = ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>(
            (0..rows).map(|i| Some(vec![Some(i as i32)])),
        );
        vec![
            (
                "VideoName",
                Arc::new(StringArray::from_iter_values((0..rows).map(name))),
            ),
            (
                "ground_truth",
                Arc::new(Int64Array::from_iter_values((0..rows).map(|i| i % 2))),
            ),
            ("prediction", values(&|i| (i % 3 % 2) as f64)),
            (
                "p_0",
                values(&|i| if i % 3 % 2 == 0 { 0.7 } else { 0.1 / 3.0 }),
            ),
            (
                "p_1",
                values(&|i| if i % 3 % 2 == 0 { 0.3 } else { 2.9 / 3.0 }),
            ),
            ("Gender", Arc::new(gender)),
            ("numbers", Arc::new(list)),
        ]
    }

    fn table(columns: &[(&str, ArrayRef)], cut: usize) -> ArrowTable {
        let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
        let parts = vec![
            batch.slice(0, cut),
            batch.slice(cut, batch.num_rows() - cut),
        ];
        ArrowTable::new("arrays", batch.schema(), parts).unwrap()
    }

    #[test]
    fn columns_in_memory_are_read_as_the_same_columns_in_a_file() {
        let columns = columns();
        let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        let one = std::iter::once(Ok(batch.clone()));
        write_batches(&path, batch.schema(), Vec::new(), one).unwrap();
        let options = ReadOptions::default();
        let file = Predictions::read_with(&path, None, &options).unwrap();
        let memory = Predictions::from_arrow(&table(&columns, 4500), None, &options).unwrap();
        assert_eq!((&file.0.table, &file.1), (&memory.0.table, &memory.1));
        assert_eq!(memory.0.table.len(), 5000);
        let labels = LabelTable::from_arrow(&table(&columns, 0), &options).unwrap();
        assert_eq!(labels.table, LabelTable::read(&path).unwrap());
        assert_eq!(labels.table.column("Gender").unwrap()[2..5], ["f", "", "f"]);
    }

    #[test]
    fn errors_name_the_table_and_the_row_over_all_batches() {
        let mut columns = columns();
        columns[3].1 = Arc::new(Float64Array::from_iter_values(
            (0..5000).map(|i| if i == 4999 { 1.5 } else { 0.5 }),
        ));
        let error = Predictions::from_arrow(&table(&columns, 4500), None, &ReadOptions::default());
        assert_eq!(
            error.unwrap_err().to_string(),
            "arrays: row 5000: expected a probability in [0, 1], found 1.5"
        );
        let twice = [columns[0].clone(), columns[0].clone()];
        let error = LabelTable::from_arrow(&table(&twice, 1), &ReadOptions::default());
        assert_eq!(
            error.unwrap_err().to_string(),
            "arrays: expected every column once, found column \"VideoName\" twice"
        );
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        let other = RecordBatch::try_from_iter([columns[1].clone()]).unwrap();
        let error = ArrowTable::new("arrays", schema, vec![other]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("arrays: expected columns of the same types")
        );
    }
}
