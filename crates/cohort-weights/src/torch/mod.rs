//! PyTorch's files: `torch.save` in all its containers, TorchScript archives, and plain pickles of NumPy arrays.
//!
//! A pickle is read as data ([`pickle`]); of the objects in it only those are understood that a tensor is made of
//! ([`tensors`]), whose bytes the container ([`archive`]) keeps ([`storages`]).

mod archive;
mod pickle;
mod storages;
mod tar;
mod tensors;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

pub(crate) use tensors::Tensor;

/// Every tensor of a file by its dotted path through the file's dictionaries and lists.
///
/// # Errors
/// What is wrong with the file, without its name.
pub(crate) fn open(path: &Path) -> Result<BTreeMap<String, Tensor>, String> {
    let opened = archive::open(path)?;
    let found = tensors::list(&opened)?;
    match found.is_empty() {
        true => Err(format!(
            "expected a dictionary of tensors, found none in {}",
            tensors::describe(&opened.pickle)
        )),
        false => Ok(found),
    }
}
