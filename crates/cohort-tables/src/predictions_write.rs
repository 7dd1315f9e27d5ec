//! Predictions on their way to a file.

use std::path::Path;

use crate::predictions::Predictions;
use crate::{TableError, parquet_io, write_atomic_with};

impl Predictions {
    /// Writes CSV, or Parquet when the name ends in `.parquet`, under a temporary name renamed into place.
    ///
    /// # Errors
    /// [`TableError::Write`] when the folder is missing, not writable or full.
    pub fn write(&self, path: &Path) -> Result<(), TableError> {
        write(self, path)
    }
}

fn write(table: &Predictions, path: &Path) -> Result<(), TableError> {
    let k = table.classes.len();
    if parquet_io::is_parquet(path) {
        return parquet_io::write_predictions(table, path);
    }
    write_atomic_with(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        let mut header = vec![
            "VideoName".to_string(),
            "ground_truth".to_string(),
            "prediction".to_string(),
        ];
        if table.probabilities.is_some() {
            header.extend((1..=k).map(|i| format!("p{i}")));
        }
        writer.write_record(&header)?;
        for (i, name) in table.names.iter().enumerate() {
            writer.write_field(name)?;
            writer.write_field(match &table.truth {
                Some(truth) => table.classes[truth[i]].as_str(),
                None => "",
            })?;
            writer.write_field(&table.classes[table.predicted[i]])?;
            for p in table.row(i).unwrap_or_default() {
                writer.write_field(p.to_string())?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()
    })
}
