//! Arrow's tables from Python and back, by the capsules of its C interface: no copy of the columns.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use cohort_tables::ArrowTable;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use super::errors::Refused;

/// Name that the C interface gives its streams.
const STREAM: &std::ffi::CStr = c"arrow_array_stream";

/// Takes the stream that `object.__arrow_c_stream__()` gives.
pub(crate) fn table(name: &str, object: &Bound<'_, PyAny>) -> PyResult<ArrowTable> {
    let py = object.py();
    let refused = |error: &dyn std::fmt::Display| {
        Refused::new(name, "a table that Arrow can read", error).raise(py)
    };
    let capsule = object.call_method0("__arrow_c_stream__")?;
    let capsule = capsule.cast::<PyCapsule>().map_err(PyErr::from)?;
    let stream = capsule.pointer_checked(Some(STREAM))?;
    // SAFETY: a capsule of this name holds a stream of the C interface, which is moved out of it here; the capsule then
    // finds it released.
    let reader = unsafe { RecordBatchStreamReader::from_raw(stream.cast().as_ptr()) };
    let reader = reader.map_err(|error| refused(&error))?;
    let schema = reader.schema();
    let batches: Result<Vec<RecordBatch>, _> = reader.collect();
    let batches = batches.map_err(|error| refused(&error))?;
    ArrowTable::new(name, schema, batches).map_err(|error| Refused::from(error).raise(py))
}

/// A stream of one batch of named columns, for `__arrow_c_stream__`.
pub(crate) fn stream<'py>(
    py: Python<'py>,
    columns: Vec<(&'static str, ArrayRef)>,
) -> PyResult<Bound<'py, PyCapsule>> {
    let nullable = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(nullable);
    let batch = batch.map_err(|error| Refused::new("table", "columns", error).raise(py))?;
    let schema = batch.schema();
    let batches = RecordBatchIterator::new([Ok(batch)], schema);
    let stream = FFI_ArrowArrayStream::new(Box::new(batches));
    PyCapsule::new_with_value(py, stream, STREAM)
}
