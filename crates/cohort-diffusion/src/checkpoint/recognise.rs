//! Which family a single file is of, told by its tensors; everything else is refused by its name.

use std::collections::BTreeMap;

use super::family::{Part, SingleFile};
use super::names::Names;
use crate::DiffusionError;

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its family.
    pub family: SingleFile,
    /// Tensors that are known and not used: averaged copies (EMA), position numbers, tables of training, a text encoder's last layer.
    pub unused: Vec<String>,
    /// Tensors that nobody knows.
    pub unknown: Vec<String>,
}

const UNET: &str = "model.diffusion_model.";
/// Keys of the words in the U-Net's attention: the width of the text encoder is their second dimension.
const WORDS: &str = "transformer_blocks.0.attn2.to_k.weight";

/// A kind of file that is none of the families.
struct Other {
    /// What it is.
    what: &'static str,
    /// Why it is refused.
    reason: &'static str,
    /// Parts of tensors' names that tell it.
    marks: &'static [&'static str],
}

const TRANSFORMER: &str = "its denoiser is a transformer, and only U-Nets are computed";
const FOLDER: &str = "give the folder of the whole pipeline, with model_index.json";

/// Told by a part of a name, wherever it stands.
const WITHIN: [Other; 10] = [
    Other {
        what: "a LoRA",
        reason: "it changes a model and is none: give the checkpoint of a whole model",
        marks: &[
            "lora_unet_",
            "lora_te",
            "lora_linear_layer",
            "lora.down.",
            "lora.up.",
            ".lora.",
            ".lora_A.",
            ".lora_B.",
            ".lora_down.",
            ".lora_up.",
            ".hada_w1",
            ".lokr_w1",
        ],
    },
    Other {
        what: "a textual inversion",
        reason: "it adds a word to a model and is none",
        marks: &["string_to_param", "emb_params"],
    },
    Other {
        what: "Stable Diffusion 3",
        reason: TRANSFORMER,
        marks: &["joint_blocks."],
    },
    Other {
        what: "FLUX",
        reason: TRANSFORMER,
        marks: &["double_blocks.", "single_transformer_blocks."],
    },
    Other {
        what: "a model of the kind of Stable Diffusion 3, FLUX or Qwen-Image",
        reason: TRANSFORMER,
        marks: &["add_q_proj"],
    },
    Other {
        what: "PixArt",
        reason: TRANSFORMER,
        marks: &["adaln_single"],
    },
    Other {
        what: "Lumina or Z-Image",
        reason: TRANSFORMER,
        marks: &["cap_embedder", "noise_refiner."],
    },
    Other {
        what: "Stable Cascade",
        reason: "it has three stages",
        marks: &["clip_txt_mapper", "clip_txt_pooled_mapper"],
    },
    Other {
        what: "a ControlNet",
        reason: "it steers a model and is none",
        marks: &["control_model.", "controlnet_cond_embedding"],
    },
    Other {
        what: "a video model",
        reason: "only pictures are made",
        marks: &["time_stack.", "temporal_transformer", "motion_modules."],
    },
];

/// Told by the beginning of a name: whole files have the same further inside.
const BEGINNING: [Other; 3] = [
    Other {
        what: "one network of a folder",
        reason: FOLDER,
        marks: &[
            "down_blocks.",
            "up_blocks.",
            "encoder.down_blocks.",
            "decoder.up_blocks.",
        ],
    },
    Other {
        what: "a text encoder of a folder",
        reason: FOLDER,
        marks: &["text_model.encoder.layers."],
    },
    Other {
        what: "CLIP",
        reason: "it compares words with pictures and makes none",
        marks: &["visual.transformer.", "vision_model."],
    },
];

/// Tells the family of a single file by its tensors' names and shapes, and that it is whole. `file` is what errors call it.
///
/// # Errors
/// What is no checkpoint of a family here, by name: a LoRA, Stable Diffusion 3, FLUX, a refiner, inpainting, a folder's part; and half a
/// checkpoint, with what is missing.
pub fn recognise<'a>(
    file: &str,
    tensors: impl IntoIterator<Item = (&'a str, &'a [usize])>,
) -> Result<Found, DiffusionError> {
    let tensors: BTreeMap<&str, &[usize]> = tensors.into_iter().collect();
    let family = family(file, &tensors)?;
    let names = Names::of(family);
    let (mut unused, mut unknown) = (Vec::new(), Vec::new());
    let mut missing: BTreeMap<&str, Part> = names
        .tensors()
        .iter()
        .map(|t| (t.file.as_str(), t.part))
        .collect();
    for name in tensors.keys() {
        let found = names.to_folder(name);
        match found.first() {
            Some(tensor) => drop(missing.remove(tensor.file.as_str())),
            None if is_unused(name) => unused.push((*name).into()),
            None => unknown.push((*name).into()),
        }
    }
    if missing.is_empty() {
        return Ok(Found {
            family,
            unused,
            unknown,
        });
    }
    let mut parts = BTreeMap::<Part, usize>::new();
    for part in missing.values() {
        *parts.entry(*part).or_default() += 1;
    }
    let parts: Vec<String> = parts
        .iter()
        .map(|(part, n)| format!("{n} of {}", part.folder()))
        .collect();
    let first: Vec<&str> = missing.keys().copied().take(3).collect();
    Err(DiffusionError::File {
        file: file.into(),
        expected: format!(
            "all {} tensors of {}",
            names.in_file().count(),
            family.title()
        ),
        found: format!(
            "half a checkpoint: {} are missing ({}), such as {}",
            missing.len(),
            parts.join(", "),
            first.join(", ")
        ),
    })
}

fn family(file: &str, tensors: &BTreeMap<&str, &[usize]>) -> Result<SingleFile, DiffusionError> {
    let width = |block: &str| {
        let shape = tensors.get(format!("{UNET}{block}.1.{WORDS}").as_str())?;
        shape.get(1).copied()
    };
    let refused =
        |what: &str, reason: &str| DiffusionError::unsupported(format!("{file}, {what}"), reason);
    let within = WITHIN.iter().find(|other| {
        let marked = |name: &str| other.marks.iter().any(|mark| name.contains(mark));
        tensors.keys().any(|name| marked(name))
    });
    let begins = || {
        BEGINNING.iter().find(|other| {
            let marked = |name: &str| other.marks.iter().any(|mark| name.starts_with(mark));
            tensors.keys().any(|name| marked(name))
        })
    };
    if let Some(other) = within.or_else(begins) {
        return Err(refused(other.what, other.reason));
    }
    if let Some(channels) = tensors
        .get(format!("{UNET}input_blocks.0.0.weight").as_str())
        .and_then(|shape| shape.get(1))
        && *channels != 4
    {
        let what = match channels {
            9 => "an inpainting model",
            7 => "an upscaler",
            8 => "a model that edits pictures or sees depth",
            _ => "a U-Net of another kind",
        };
        return Err(refused(
            what,
            &format!("its U-Net takes {channels} channels, that of pictures from words 4"),
        ));
    }
    match (width("input_blocks.2"), width("input_blocks.4")) {
        (Some(768), _) => Ok(SingleFile::Sd1),
        (Some(1024), _) => Ok(SingleFile::Sd2),
        (None, Some(2048)) => Ok(SingleFile::Xl),
        (None, Some(1280)) => Err(refused(
            "the refiner of Stable Diffusion XL",
            "it improves pictures and makes none: give the base",
        )),
        (Some(width), _) | (None, Some(width)) => Err(refused(
            "a U-Net of another family",
            &format!(
                "the words are {width} wide, in Stable Diffusion 1.x 768, 2.x 1,024, XL 2,048"
            ),
        )),
        (None, None) => {
            let parts = [
                UNET,
                "first_stage_model.",
                "cond_stage_model.",
                "conditioner.embedders.",
            ];
            let half = tensors
                .keys()
                .any(|name| parts.iter().any(|part| name.starts_with(part)));
            let some: Vec<&str> = tensors.keys().copied().take(3).collect();
            let found = match (half, some.is_empty()) {
                (true, _) => format!(
                    "half a checkpoint: {} tensors, such as {}, and none of the U-Net's that tell the family",
                    tensors.len(),
                    some.join(", ")
                ),
                (false, true) => "none".into(),
                (false, false) => format!("{} tensors, such as {}", tensors.len(), some.join(", ")),
            };
            Err(DiffusionError::File {
                file: file.into(),
                expected: format!("tensors of a single-file checkpoint ({UNET}..)"),
                found,
            })
        }
    }
}

/// Whether a tensor, of a single file or of a folder, is known not to be needed: averaged copies (EMA), position numbers, tables of training,
/// a text encoder's last layer where it is not used.
pub fn is_unused(name: &str) -> bool {
    let heads = [
        "model_ema.",
        "denoiser.",
        "first_stage_model.loss.",
        "first_stage_model.model_ema.",
        "cond_stage_model.model.transformer.resblocks.23.",
    ];
    let tails = [".position_ids", ".logit_scale", ".attn_mask"];
    let tables = [
        "betas",
        "alphas_cumprod",
        "sqrt_",
        "log_one_minus_",
        "posterior_",
        "lvlb_weights",
        "global_step",
        "scale_factor",
        "logvar",
    ];
    heads.iter().any(|head| name.starts_with(head))
        || tails.iter().any(|tail| name.ends_with(tail))
        || (!name.contains('.') && tables.iter().any(|table| name.starts_with(table)))
        || name == "cond_stage_model.model.text_projection"
}
