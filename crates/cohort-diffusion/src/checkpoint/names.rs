//! All names of a family, in both directions.

use std::collections::BTreeMap;

use super::family::{Part, SingleFile};
use super::tensors::Tensor;
use super::{text, unet, vae};

/// All names of a family, to be looked up in both directions.
#[derive(Debug, Clone)]
pub struct Names {
    tensors: Vec<Tensor>,
    by_file: BTreeMap<String, Vec<usize>>,
    by_folder: BTreeMap<(Part, String), usize>,
}

impl Names {
    /// The names of a family.
    pub fn of(family: SingleFile) -> Self {
        let mut tensors = unet::tensors(family);
        tensors.extend(vae::tensors());
        tensors.extend(text::tensors(family));
        let mut by_file = BTreeMap::<String, Vec<usize>>::new();
        let mut by_folder = BTreeMap::new();
        for (i, tensor) in tensors.iter().enumerate() {
            by_file.entry(tensor.file.clone()).or_default().push(i);
            by_folder.insert((tensor.part, tensor.folder.clone()), i);
        }
        Self {
            tensors,
            by_file,
            by_folder,
        }
    }

    /// All tensors, network after network.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Names in a single file, in alphabetic order: fewer than tensors, as fused ones are three.
    pub fn in_file(&self) -> impl Iterator<Item = &str> {
        self.by_file.keys().map(String::as_str)
    }

    /// What a tensor of a single file is in a folder: one tensor, three for fused rows, none for a name that the family lacks. Text encoders
    /// are found with and without `text_model.` in their names.
    pub fn to_folder(&self, file: &str) -> Vec<&Tensor> {
        let found = self
            .by_file
            .get(file)
            .or_else(|| self.by_file.get(&with_text_model(file)?));
        found
            .into_iter()
            .flatten()
            .map(|&i| &self.tensors[i])
            .collect()
    }

    /// What a tensor of a folder is in a single file. Older names are found too: see [`canonical_folder_name`].
    pub fn to_file(&self, part: Part, folder: &str) -> Option<&Tensor> {
        let name = canonical_folder_name(part, folder);
        self.by_folder.get(&(part, name)).map(|&i| &self.tensors[i])
    }
}

/// The name that a folder's tensor has today. Folders written before 2023 call the autoencoder's attention `query`, `key`, `value` and
/// `proj_attn`; text encoders written since transformers 5 lack the leading `text_model.`.
pub fn canonical_folder_name(part: Part, name: &str) -> String {
    match part {
        Part::UNet => name.into(),
        Part::Vae => {
            let Some((head, tail)) = name.split_once(".attentions.0.") else {
                return name.into();
            };
            let (layer, kind) = tail.rsplit_once('.').unwrap_or((tail, ""));
            let layer = match layer {
                "query" => "to_q",
                "key" => "to_k",
                "value" => "to_v",
                "proj_attn" => "to_out.0",
                other => other,
            };
            format!("{head}.attentions.0.{layer}.{kind}")
        }
        Part::TextEncoder | Part::TextEncoder2 => {
            if ["embeddings.", "encoder.", "final_layer_norm."]
                .iter()
                .any(|head| name.starts_with(head))
            {
                format!("text_model.{name}")
            } else {
                name.into()
            }
        }
    }
}

fn with_text_model(file: &str) -> Option<String> {
    let (head, tail) = file.split_once(".transformer.")?;
    ["embeddings.", "encoder.", "final_layer_norm."]
        .iter()
        .any(|start| tail.starts_with(start))
        .then(|| format!("{head}.transformer.text_model.{tail}"))
}
