//! Names of U-Nets.

use super::family::{Part, SingleFile};
use super::tensors::{BOTH, Change, Tensor};

/// How a family's U-Net is built: transformer layers of each level on the way down (0: no attention).
fn depths(family: SingleFile) -> &'static [usize] {
    match family {
        SingleFile::Sd1 | SingleFile::Sd2 => &[1, 1, 1, 0],
        SingleFile::Xl => &[0, 2, 10],
    }
}

/// Residual blocks of a level on the way down; one more on the way up.
const LAYERS: usize = 2;

/// Layers of a residual block: the folder's name, the file's.
const RESIDUAL: [(&str, &str); 5] = [
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
];

pub(super) fn tensors(family: SingleFile) -> Vec<Tensor> {
    let depths = depths(family);
    let levels = depths.len();
    let mut names = Rows::default();
    for (folder, file) in [
        ("conv_in", "input_blocks.0.0"),
        ("time_embedding.linear_1", "time_embed.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("conv_norm_out", "out.0"),
        ("conv_out", "out.2"),
    ] {
        names.layer(folder, file);
    }
    if family == SingleFile::Xl {
        names.layer("add_embedding.linear_1", "label_emb.0.0");
        names.layer("add_embedding.linear_2", "label_emb.0.2");
    }
    for (level, &depth) in depths.iter().enumerate() {
        let block = format!("down_blocks.{level}");
        let first = 1 + level * (LAYERS + 1);
        for k in 0..LAYERS {
            // channels grow in the first block of a level, but for the first level and the fourth, which is as wide as the third
            let widens = k == 0 && (level == 1 || level == 2);
            names.residual(
                &format!("{block}.resnets.{k}"),
                &format!("input_blocks.{}.0", first + k),
                widens,
            );
            names.transformer(
                &format!("{block}.attentions.{k}"),
                &format!("input_blocks.{}.1", first + k),
                depth,
            );
        }
        if level + 1 < levels {
            names.layer(
                &format!("{block}.downsamplers.0.conv"),
                &format!("input_blocks.{}.0.op", first + LAYERS),
            );
        }
    }
    names.residual("mid_block.resnets.0", "middle_block.0", false);
    // the middle has the attention of the last level that has any
    let middle = depths
        .iter()
        .copied()
        .rfind(|&depth| depth > 0)
        .unwrap_or(0);
    names.transformer("mid_block.attentions.0", "middle_block.1", middle);
    names.residual("mid_block.resnets.1", "middle_block.2", false);
    for (level, &depth) in depths.iter().rev().enumerate() {
        let block = format!("up_blocks.{level}");
        let first = level * (LAYERS + 1);
        for k in 0..=LAYERS {
            // what comes from the way down is joined, so that every block narrows
            names.residual(
                &format!("{block}.resnets.{k}"),
                &format!("output_blocks.{}.0", first + k),
                true,
            );
            names.transformer(
                &format!("{block}.attentions.{k}"),
                &format!("output_blocks.{}.1", first + k),
                depth,
            );
        }
        if level + 1 < levels {
            let place = if depth > 0 { 2 } else { 1 };
            names.layer(
                &format!("{block}.upsamplers.0.conv"),
                &format!("output_blocks.{}.{place}.conv", first + LAYERS),
            );
        }
    }
    names.0
}

#[derive(Default)]
struct Rows(Vec<Tensor>);

impl Rows {
    fn tensor(&mut self, folder: String, file: &str) {
        self.0.push(Tensor {
            part: Part::UNet,
            folder,
            file: format!("model.diffusion_model.{file}"),
            change: Change::Same,
        });
    }

    fn layer(&mut self, folder: &str, file: &str) {
        for kind in BOTH {
            self.tensor(format!("{folder}.{kind}"), &format!("{file}.{kind}"));
        }
    }

    fn residual(&mut self, folder: &str, file: &str, other_width: bool) {
        let shortcut = other_width.then_some(("conv_shortcut", "skip_connection"));
        for (inner, outer) in RESIDUAL.into_iter().chain(shortcut) {
            self.layer(&format!("{folder}.{inner}"), &format!("{file}.{outer}"));
        }
    }

    /// The same names on both sides, below other heads.
    fn transformer(&mut self, folder: &str, file: &str, depth: usize) {
        if depth == 0 {
            return;
        }
        let mut layers: Vec<String> = ["norm", "proj_in", "proj_out"].map(String::from).to_vec();
        for k in 0..depth {
            let block = format!("transformer_blocks.{k}");
            for layer in [
                "norm1",
                "norm2",
                "norm3",
                "ff.net.0.proj",
                "ff.net.2",
                "attn1.to_out.0",
                "attn2.to_out.0",
            ] {
                layers.push(format!("{block}.{layer}"));
            }
            for attention in ["attn1", "attn2"] {
                for matrix in ["to_q", "to_k", "to_v"] {
                    let name = format!("{block}.{attention}.{matrix}.weight");
                    self.tensor(format!("{folder}.{name}"), &format!("{file}.{name}"));
                }
            }
        }
        for layer in layers {
            self.layer(&format!("{folder}.{layer}"), &format!("{file}.{layer}"));
        }
    }
}
