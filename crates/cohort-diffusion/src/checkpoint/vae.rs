//! Names of the autoencoder, the same in the three families.

use super::family::Part;
use super::tensors::{BOTH, Change, Tensor};

const LEVELS: usize = 4;

pub(super) fn tensors() -> Vec<Tensor> {
    let mut rows = Vec::new();
    for both in ["quant_conv", "post_quant_conv"] {
        layer(&mut rows, both, both, Change::Same);
    }
    for side in ["encoder", "decoder"] {
        for (folder, file) in [
            ("conv_in", "conv_in"),
            ("conv_norm_out", "norm_out"),
            ("conv_out", "conv_out"),
        ] {
            layer(
                &mut rows,
                &format!("{side}.{folder}"),
                &format!("{side}.{file}"),
                Change::Same,
            );
        }
        for k in 0..2 {
            let (folder, file) = (
                format!("{side}.mid_block.resnets.{k}"),
                format!("{side}.mid.block_{}", k + 1),
            );
            residual(&mut rows, &folder, &file, false);
        }
        let (folder, file) = (
            format!("{side}.mid_block.attentions.0"),
            format!("{side}.mid.attn_1"),
        );
        layer(
            &mut rows,
            &format!("{folder}.group_norm"),
            &format!("{file}.norm"),
            Change::Same,
        );
        for (inner, outer) in [
            ("to_q", "q"),
            ("to_k", "k"),
            ("to_v", "v"),
            ("to_out.0", "proj_out"),
        ] {
            layer(
                &mut rows,
                &format!("{folder}.{inner}"),
                &format!("{file}.{outer}"),
                Change::PointConvolution,
            );
        }
    }
    for level in 0..LEVELS {
        let (down, up) = (
            format!("encoder.down_blocks.{level}"),
            format!("decoder.up_blocks.{level}"),
        );
        // the file counts the levels of both sides from the picture, the folder in the order of computing
        let (down_file, up_file) = (
            format!("encoder.down.{level}"),
            format!("decoder.up.{}", LEVELS - 1 - level),
        );
        // 128, 256, 512, 512 channels, and back
        for k in 0..2 {
            let widens = k == 0 && (level == 1 || level == 2);
            residual(
                &mut rows,
                &format!("{down}.resnets.{k}"),
                &format!("{down_file}.block.{k}"),
                widens,
            );
        }
        for k in 0..3 {
            let narrows = k == 0 && (level == 2 || level == 3);
            residual(
                &mut rows,
                &format!("{up}.resnets.{k}"),
                &format!("{up_file}.block.{k}"),
                narrows,
            );
        }
        if level + 1 < LEVELS {
            layer(
                &mut rows,
                &format!("{down}.downsamplers.0.conv"),
                &format!("{down_file}.downsample.conv"),
                Change::Same,
            );
            layer(
                &mut rows,
                &format!("{up}.upsamplers.0.conv"),
                &format!("{up_file}.upsample.conv"),
                Change::Same,
            );
        }
    }
    rows
}

fn residual(rows: &mut Vec<Tensor>, folder: &str, file: &str, other_width: bool) {
    for name in ["norm1", "conv1", "norm2", "conv2"] {
        layer(
            rows,
            &format!("{folder}.{name}"),
            &format!("{file}.{name}"),
            Change::Same,
        );
    }
    if other_width {
        layer(
            rows,
            &format!("{folder}.conv_shortcut"),
            &format!("{file}.nin_shortcut"),
            Change::Same,
        );
    }
}

fn layer(rows: &mut Vec<Tensor>, folder: &str, file: &str, change: Change) {
    for kind in BOTH {
        rows.push(Tensor {
            part: Part::Vae,
            folder: format!("{folder}.{kind}"),
            file: format!("first_stage_model.{file}.{kind}"),
            // biases have one dimension on both sides
            change: if kind == "weight" {
                change
            } else {
                Change::Same
            },
        });
    }
}
