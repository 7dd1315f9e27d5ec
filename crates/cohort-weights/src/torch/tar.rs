//! The tar archive that PyTorch wrote before 0.1.10: `sys_info`, `storages`, `tensors` and `pickle`.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::sync::{Arc, Mutex};

use super::pickle;
use super::storages::{Storages, check_order, key_of, taken};
use super::tensors::{Opened, Storage, Tensor};
use crate::kind::kind_of;

/// Most axes of a tensor.
const AXES: i32 = 64;

pub(super) fn open(file: File) -> Result<Opened, String> {
    let told = |e: std::io::Error| format!("tar archive: {e}");
    let bytes = file.try_clone().map_err(told)?;
    let mut archive = tar::Archive::new(BufReader::new(file));
    let (mut storages_at, mut parts) = (None, HashMap::new());
    for entry in archive.entries().map_err(told)? {
        let mut entry = entry.map_err(told)?;
        let name = entry.path().map_err(told)?.to_string_lossy().into_owned();
        let name = name.trim_start_matches("./").to_owned();
        if matches!(
            name.as_str(),
            "sys_info" | "storages" | "tensors" | "pickle"
        ) {
            if name == "storages" {
                storages_at = Some(entry.raw_file_position());
            }
            let size = entry.size();
            parts.insert(name, taken(&mut entry, size).map_err(told)?);
        }
    }
    let part = |name: &str| {
        let part = parts.get(name).map(Vec::as_slice);
        part.ok_or_else(|| format!("tar archive: expected an entry {name}, found none"))
    };
    check_order(&pickle::read(&mut part("sys_info")?)?)?;
    let begin = storages_at.unwrap_or(0);
    let whole = part("storages")?;
    let mut rest = whole;
    let mut storages: HashMap<String, Storage> = HashMap::new();
    let mut places = HashMap::new();
    for _ in 0..count(&mut rest)? {
        let [key, _, class] = triple(&mut rest)?;
        let (kind, size) = kind_of(&class).ok_or_else(|| format!("storage {key}: {class}"))?;
        let elements = usize::try_from(i64::from_le_bytes(fixed(&mut rest)?));
        let elements = elements.map_err(|e| format!("storage {key}: {e}"))?;
        let length = elements.checked_mul(size).filter(|l| *l <= rest.len());
        let length = length.ok_or_else(|| format!("storage {key}: cut short"))?;
        let at = begin + (whole.len() - rest.len()) as u64;
        places.insert(key.clone(), (at, length as u64));
        rest = &rest[length..];
        let storage = Storage {
            key: key.clone(),
            kind: Some(kind),
            size,
            elements,
            first: 0,
            reach: elements,
        };
        storages.insert(key, storage);
    }
    // parts of other storages
    let views = pickle::read(&mut rest)?;
    for &view in views.items(views.root).unwrap_or_default() {
        let fields = views.items(view).unwrap_or_default();
        let [target, root, first, elements] = fields else {
            return Err("tar archive: expected parts of storages, found others".to_owned());
        };
        let root = key_of(&views, *root).and_then(|root| storages.get(&root).cloned());
        let own = (
            key_of(&views, *target),
            root,
            views.size(*first),
            views.size(*elements),
        );
        let (Some(target), Some(root), Some(first), Some(elements)) = own else {
            return Err("tar archive: a part of a storage that is not there".to_owned());
        };
        let reach = first
            .checked_add(elements)
            .filter(|end| *end <= root.elements);
        let reach = reach
            .ok_or_else(|| format!("storage {target}: beyond the storage that it is a part of"))?;
        let part = Storage {
            first,
            reach,
            ..root
        };
        storages.insert(target, part);
    }
    let source = Arc::new(Storages::File {
        file: Mutex::new(bytes),
        places,
    });
    let mut rest = part("tensors")?;
    let mut named = HashMap::new();
    for _ in 0..count(&mut rest)? {
        let [key, storage, _] = triple(&mut rest)?;
        let axes = i32::from_le_bytes(fixed(&mut rest)?);
        if !(0..=AXES).contains(&axes) {
            return Err(format!(
                "tensor {key}: expected 0 to {AXES} axes, found {axes}"
            ));
        }
        fixed::<4>(&mut rest)?;
        let mut sizes = || -> Result<Vec<usize>, String> {
            let one = |_| {
                usize::try_from(i64::from_le_bytes(fixed(&mut rest)?)).map_err(|e| e.to_string())
            };
            (0..axes).map(one).collect()
        };
        let (shape, stride) = (sizes()?, sizes()?);
        let first =
            usize::try_from(i64::from_le_bytes(fixed(&mut rest)?)).map_err(|e| e.to_string())?;
        let storage = storages.get(&storage).cloned();
        let storage = storage.ok_or_else(|| format!("tensor {key}: its storage is not there"))?;
        let tensor = Tensor::strided(&source, storage, None, first, shape, stride)?;
        named.insert(key, tensor);
    }
    let pickle = pickle::read(&mut part("pickle")?)?;
    Ok(Opened {
        pickle,
        storages: source,
        named,
    })
}

fn count(rest: &mut &[u8]) -> Result<usize, String> {
    let number = pickle::read(rest)?;
    number
        .size(number.root)
        .ok_or_else(|| "tar archive: expected a number, found none".to_owned())
}

/// A tuple of two keys, or a key and a place, and the name of a class.
fn triple(rest: &mut &[u8]) -> Result<[String; 3], String> {
    let tuple = pickle::read(rest)?;
    let word = |id| {
        let name = tuple.global(id).map(str::to_owned);
        name.or_else(|| key_of(&tuple, id))
    };
    let words = tuple.items(tuple.root).unwrap_or_default().iter();
    let words: Option<Vec<String>> = words.map(|&id| word(id)).collect();
    words
        .and_then(|words| words.try_into().ok())
        .ok_or_else(|| "tar archive: expected three names, found others".to_owned())
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    let (first, more) = rest.split_first_chunk().ok_or("tar archive: cut short")?;
    *rest = more;
    Ok(*first)
}
