//! A network's tensors by their published names, checked against its size.

use std::collections::BTreeMap;

use cohort_weights::Array;

use crate::NnError;

/// Tensors of which every expected one is there, in its shape; linear weights are `[outputs, inputs]`.
pub(crate) struct Named(BTreeMap<String, Array>);

impl Named {
    /// Those of `found` that are `expected`, of which none may be left over; `network` names the kind in errors.
    ///
    /// # Errors
    /// [`NnError::Weights`] for a tensor that is missing, left over or of another shape.
    pub(crate) fn new(
        expected: Vec<(String, Vec<usize>)>,
        mut found: BTreeMap<String, Array>,
        network: &str,
    ) -> Result<Self, NnError> {
        let mut named = BTreeMap::new();
        for (name, shape) in expected {
            match found.remove(&name) {
                Some(array)
                    if array.shape == shape
                        && array.values.len() == shape.iter().product::<usize>() =>
                {
                    named.insert(name, array);
                }
                other => {
                    return Err(NnError::Weights {
                        name,
                        expected: format!("shape {shape:?}"),
                        found: other.map_or("no such tensor".to_owned(), |a| {
                            format!("shape {:?}", a.shape)
                        }),
                    });
                }
            }
        }
        if let Some((name, array)) = found.pop_first() {
            return Err(NnError::Weights {
                name,
                expected: format!("no such tensor in a {network} of this size"),
                found: format!("shape {:?}", array.shape),
            });
        }
        Ok(Self(named))
    }

    /// Takes one tensor's values.
    ///
    /// # Panics
    /// A name that was not expected, or is taken again: a mistake of the caller.
    pub(crate) fn take(&mut self, name: &str) -> Vec<f32> {
        let array = self.0.remove(name);
        array.unwrap_or_else(|| panic!("tensor {name}")).values
    }

    /// All that were not taken.
    pub(crate) fn into_arrays(self) -> impl Iterator<Item = (String, Array)> {
        self.0.into_iter()
    }
}

/// A matrix turned about its diagonal.
pub(crate) fn transposed(array: &Array) -> Array {
    let (rows, columns) = (array.shape[0], array.shape[1]);
    let mut values = Vec::with_capacity(array.values.len());
    for column in 0..columns {
        values.extend((0..rows).map(|row| array.values[row * columns + column]));
    }
    Array {
        shape: vec![columns, rows],
        values,
    }
}
