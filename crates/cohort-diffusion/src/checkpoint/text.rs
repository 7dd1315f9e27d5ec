//! Names of CLIP's text encoders: under Hugging Face's own names, or under OpenCLIP's.

use super::family::{Part, SingleFile};
use super::tensors::{BOTH, Change, Tensor};

pub(super) fn tensors(family: SingleFile) -> Vec<Tensor> {
    match family {
        SingleFile::Sd1 => own(Part::TextEncoder, "cond_stage_model.transformer.", 12),
        // of 24 layers the last is not used, so that folders do not have it
        SingleFile::Sd2 => open_clip(Part::TextEncoder, "cond_stage_model.model.", 23, false),
        SingleFile::Xl => {
            let mut both = own(
                Part::TextEncoder,
                "conditioner.embedders.0.transformer.",
                12,
            );
            both.extend(open_clip(
                Part::TextEncoder2,
                "conditioner.embedders.1.model.",
                32,
                true,
            ));
            both
        }
    }
}

const EMBEDDINGS: [(&str, &str); 2] = [
    (
        "text_model.embeddings.token_embedding.weight",
        "token_embedding.weight",
    ),
    (
        "text_model.embeddings.position_embedding.weight",
        "positional_embedding",
    ),
];

/// Layers of a block whose tensors are whole in both: the folder's name, OpenCLIP's.
const WHOLE: [(&str, &str); 5] = [
    ("self_attn.out_proj", "attn.out_proj"),
    ("layer_norm1", "ln_1"),
    ("layer_norm2", "ln_2"),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
];

/// A file that has the folder's names below a prefix.
fn own(part: Part, prefix: &str, layers: usize) -> Vec<Tensor> {
    let mut names: Vec<String> = EMBEDDINGS
        .iter()
        .map(|(folder, _)| (*folder).into())
        .collect();
    for kind in BOTH {
        names.push(format!("text_model.final_layer_norm.{kind}"));
        for k in 0..layers {
            let parts = WHOLE.iter().map(|(folder, _)| *folder);
            for layer in parts.chain(["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]) {
                names.push(format!("text_model.encoder.layers.{k}.{layer}.{kind}"));
            }
        }
    }
    let same = |folder: String| Tensor {
        part,
        file: format!("{prefix}{folder}"),
        folder,
        change: Change::Same,
    };
    names.into_iter().map(same).collect()
}

fn open_clip(part: Part, prefix: &str, layers: usize, projects: bool) -> Vec<Tensor> {
    let mut rows = Vec::new();
    let mut add = |folder: String, file: String, change| {
        rows.push(Tensor {
            part,
            folder,
            file: format!("{prefix}{file}"),
            change,
        });
    };
    for (folder, file) in EMBEDDINGS {
        add(folder.into(), file.into(), Change::Same);
    }
    for kind in BOTH {
        add(
            format!("text_model.final_layer_norm.{kind}"),
            format!("ln_final.{kind}"),
            Change::Same,
        );
        for k in 0..layers {
            let (inner, outer) = (
                format!("text_model.encoder.layers.{k}"),
                format!("transformer.resblocks.{k}"),
            );
            for (folder, file) in WHOLE {
                add(
                    format!("{inner}.{folder}.{kind}"),
                    format!("{outer}.{file}.{kind}"),
                    Change::Same,
                );
            }
            for (third, letter) in ["q", "k", "v"].into_iter().enumerate() {
                let fused = format!("{outer}.attn.in_proj_{kind}");
                add(
                    format!("{inner}.self_attn.{letter}_proj.{kind}"),
                    fused,
                    Change::Third(third),
                );
            }
        }
    }
    if projects {
        add(
            "text_projection.weight".into(),
            "text_projection".into(),
            Change::Transposed,
        );
    }
    rows
}
