//! A YOLOX's weights from its files: PyTorch's or safetensors by name, ONNX's by the order of the nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cohort_weights::{Array, Checkpoint, Node, Onnx};

use super::convolutions::{After, Architecture, Convolution, convolutions};
use crate::DetectorError;

/// What YOLOX's norms add to a variance.
const EPSILON: f64 = 1e-3;
/// The deepest published network has four blocks in its first stage.
const DEEPEST: usize = 4;
/// Most channels of the first layer; the widest published network has 80.
const MOST_CHANNELS: usize = 1024;
const MOST_CLASSES: usize = 100_000;

/// Weights `[output, input, row, column]` and biases with the norm folded in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Folded {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// Architecture and weights by the name of the module.
pub(super) type Read = (Architecture, BTreeMap<String, Folded>);

/// Whether a file is an ONNX graph, by its ending.
pub(crate) fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}

/// Whether a checkpoint has the tensor that every YOLOX has.
pub(crate) fn is_yolox(checkpoint: &Checkpoint) -> bool {
    checkpoint.names().any(|name| name.ends_with(FIRST))
}

/// What a checkpoint is told by.
pub(crate) fn expected() -> String {
    format!("a YOLOX with a tensor {FIRST}")
}

/// Reads a file of any kind.
pub(super) fn read(path: &Path) -> Result<Read, DetectorError> {
    match is_onnx(path) {
        true => from_onnx(&Onnx::open(path)?),
        false => from_checkpoint(&Checkpoint::open(path)?),
    }
}

fn refused(path: &Path, expected: impl Into<String>, found: impl Into<String>) -> DetectorError {
    DetectorError::Network {
        path: path.to_owned(),
        expected: expected.into(),
        found: found.into(),
    }
}

fn from_onnx(onnx: &Onnx) -> Result<Read, DetectorError> {
    let path = onnx.path();
    let nodes: Vec<&Node> = onnx
        .nodes()
        .iter()
        .filter(|node| node.operation == "Conv")
        .collect();
    let shape = |node: &Node| onnx.shape(node.inputs.get(1)?);
    let yolox = "a YOLOX whose first convolution is 3 x 3 over 12 sliced channels";
    let Some([base, 12, 3, 3]) = nodes.first().and_then(|node| shape(node)) else {
        let found = nodes.first().map(|node| shape(node));
        return Err(refused(path, yolox, described(found.flatten())));
    };
    if let Some(norm) = onnx
        .nodes()
        .iter()
        .find(|n| n.operation == "BatchNormalization")
    {
        return Err(refused(
            path,
            "norms folded into the convolutions, as YOLOX's own export does",
            format!("a node BatchNormalization ({})", norm.name),
        ));
    }
    let depthwise = nodes.get(1).and_then(|node| shape(node)) == Some([*base, 1, 3, 3].as_slice());
    let of = |depth: usize| {
        let classes = 1;
        convolutions(Architecture {
            base: *base,
            depth,
            depthwise,
            classes,
        })
    };
    let Some(depth) = (1..=DEEPEST).find(|depth| of(*depth).len() == nodes.len()) else {
        let counts: Vec<String> = (1..=DEEPEST).map(|d| of(d).len().to_string()).collect();
        return Err(refused(
            path,
            format!("{} convolutions", counts.join(", ")),
            format!("{}", nodes.len()),
        ));
    };
    let predicts = |c: &Convolution| c.name == "head.cls_preds.0";
    let place = of(depth).iter().position(predicts);
    let classes = place
        .and_then(|place| shape(nodes[place]))
        .and_then(|s| s.first().copied());
    let architecture = Architecture {
        base: *base,
        depth,
        depthwise,
        classes: classes.unwrap_or(0),
    };
    check_sides(path, architecture)?;
    let mut all = BTreeMap::new();
    for (convolution, node) in convolutions(architecture).into_iter().zip(nodes) {
        let named = || format!("{} (node {})", convolution.name, node.name);
        let [_, weight, bias] = &node.inputs[..] else {
            return Err(refused(
                path,
                format!("{} with weights and a bias", named()),
                format!("{} inputs", node.inputs.len()),
            ));
        };
        let is = |attribute: &str, values: &[i64]| {
            node.numbers.get(attribute).is_none_or(|own| own == values)
        };
        let groups = if convolution.depthwise {
            convolution.channels[0]
        } else {
            1
        };
        let [stride, padding] = [convolution.stride, convolution.kernel / 2].map(|n| n as i64);
        let as_wanted = is("strides", &[stride; 2])
            && is("pads", &[padding; 4])
            && is("dilations", &[1; 2])
            && is("group", &[groups as i64]);
        if !as_wanted {
            return Err(refused(
                path,
                format!(
                    "{} with stride {stride}, padding {padding}, {groups} groups",
                    named()
                ),
                format!("{:?}", node.numbers),
            ));
        }
        let folded = Folded {
            weight: shaped(path, &named(), onnx.read(weight)?, &convolution.shape())?,
            bias: shaped(path, &named(), onnx.read(bias)?, &convolution.channels[1..])?,
        };
        all.insert(convolution.name, folded);
    }
    Ok((architecture, all))
}

const FIRST: &str = "backbone.backbone.stem.conv.conv.weight";

pub(super) fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Read, DetectorError> {
    let path = checkpoint.path();
    let prefixes: Vec<&str> = checkpoint
        .names()
        .filter_map(|name| name.strip_suffix(FIRST))
        .collect();
    // a training checkpoint may hold an average beside the model
    let own = prefixes.iter().find(|prefix| **prefix == "model.");
    let Some(prefix) = own.or(prefixes.first()) else {
        let names: Vec<&str> = checkpoint.names().take(3).collect();
        return Err(refused(
            path,
            expected(),
            match names[..] {
                [] => "no tensor".to_owned(),
                _ => format!("tensors {}, ...", names.join(", ")),
            },
        ));
    };
    let whole = |name: &str| format!("{prefix}{name}");
    let shape = |name: &str| checkpoint.shape(&whole(name));
    let Some([base, 12, 3, 3]) = shape(FIRST) else {
        return Err(refused(
            path,
            format!("{FIRST} of [base, 12, 3, 3]"),
            described(shape(FIRST)),
        ));
    };
    let block = |i: usize| {
        shape(&format!(
            "backbone.backbone.dark2.1.m.{i}.conv1.conv.weight"
        ))
    };
    let depth = (0..=DEEPEST).take_while(|i| block(*i).is_some()).count();
    if !(1..=DEEPEST).contains(&depth) {
        return Err(refused(
            path,
            format!("1 to {DEEPEST} blocks in backbone.backbone.dark2.1"),
            match depth {
                0 => "none".to_owned(),
                more => format!("{more} or more"),
            },
        ));
    }
    let classes = "head.cls_preds.0.weight";
    let Some([classes, ..]) = shape(classes) else {
        return Err(refused(path, format!("a tensor {classes}"), "none"));
    };
    let architecture = Architecture {
        base: *base,
        depth,
        depthwise: shape("backbone.backbone.dark2.0.dconv.conv.weight").is_some(),
        classes: *classes,
    };
    check_sides(path, architecture)?;
    let reader = Reader { checkpoint, prefix };
    let mut all = BTreeMap::new();
    for convolution in convolutions(architecture) {
        let folded = reader.folded(&convolution)?;
        all.insert(convolution.name, folded);
    }
    let tensors = architecture.tensors();
    let known: BTreeSet<&str> = tensors.iter().map(|(name, _)| name.as_str()).collect();
    let is_known = |name: &str| {
        let folded = name.replace(".conv.bias", ".conv.weight");
        known.contains(folded.as_str()) || name.ends_with(".num_batches_tracked")
    };
    let own = checkpoint.names().filter_map(|n| n.strip_prefix(*prefix));
    let parts = ["backbone.", "head."];
    let mut own = own.filter(|name| parts.iter().any(|part| name.starts_with(part)));
    match own.find(|name| !is_known(name)) {
        Some(name) => Err(refused(
            path,
            format!("the layers of a YOLOX of {base} channels and depth {depth} alone"),
            format!("{prefix}{name}"),
        )),
        None => Ok((architecture, all)),
    }
}

/// Refuses a network of no channels or classes, or of more than any has.
fn check_sides(path: &Path, of: Architecture) -> Result<(), DetectorError> {
    match ((1..=MOST_CHANNELS).contains(&of.base), of.classes) {
        (false, _) => Err(refused(
            path,
            format!("1 to {MOST_CHANNELS} channels of the first layer"),
            of.base.to_string(),
        )),
        (true, 1..=MOST_CLASSES) => Ok(()),
        (true, classes) => Err(refused(
            path,
            format!("1 to {MOST_CLASSES} classes"),
            classes.to_string(),
        )),
    }
}

struct Reader<'a> {
    checkpoint: &'a Checkpoint,
    prefix: &'a str,
}

impl Reader<'_> {
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, DetectorError> {
        let whole = format!("{}{name}", self.prefix);
        let array = self.checkpoint.read(&whole)?;
        shaped(self.checkpoint.path(), &whole, array, shape)
    }

    fn has(&self, name: &str) -> bool {
        let whole = format!("{}{name}", self.prefix);
        self.checkpoint.shape(&whole).is_some()
    }

    fn folded(&self, convolution: &Convolution) -> Result<Folded, DetectorError> {
        let name = &convolution.name;
        let outputs = [convolution.channels[1]];
        if convolution.after == After::Nothing {
            return Ok(Folded {
                weight: self.tensor(&format!("{name}.weight"), &convolution.shape())?,
                bias: self.tensor(&format!("{name}.bias"), &outputs)?,
            });
        }
        let weight = self.tensor(&format!("{name}.conv.weight"), &convolution.shape())?;
        // a network that was saved for use has its norms folded already
        let bias = format!("{name}.conv.bias");
        if self.has(&bias) && !self.has(&format!("{name}.bn.weight")) {
            let bias = self.tensor(&bias, &outputs)?;
            return Ok(Folded { weight, bias });
        }
        let norm = |part: &str| self.tensor(&format!("{name}.bn.{part}"), &outputs);
        let (gain, shift) = (norm("weight")?, norm("bias")?);
        let (mean, variance) = (norm("running_mean")?, norm("running_var")?);
        if let Some(value) = variance.iter().find(|value| **value < 0.0) {
            return Err(refused(
                self.checkpoint.path(),
                format!("variances of at least 0 in {name}.bn.running_var"),
                value.to_string(),
            ));
        }
        let each = weight.len() / outputs[0];
        let mut folded = Folded {
            weight,
            bias: Vec::with_capacity(outputs[0]),
        };
        for (i, own) in folded.weight.chunks_exact_mut(each).enumerate() {
            let scale = f64::from(gain[i]) / (f64::from(variance[i]) + EPSILON).sqrt();
            for weight in own {
                *weight = (f64::from(*weight) * scale) as f32;
            }
            let bias = f64::from(shift[i]) - f64::from(mean[i]) * scale;
            folded.bias.push(bias as f32);
        }
        Ok(folded)
    }
}

/// The values of an array of the right shape.
fn shaped(
    path: &Path,
    name: &str,
    array: Array,
    shape: &[usize],
) -> Result<Vec<f32>, DetectorError> {
    if array.shape != shape {
        return Err(refused(
            path,
            format!("{name} of {shape:?}"),
            format!("{:?}", array.shape),
        ));
    }
    match array.values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(refused(
            path,
            format!("finite numbers in {name}"),
            value.to_string(),
        )),
        None => Ok(array.values),
    }
}

fn described(shape: Option<&[usize]>) -> String {
    shape.map_or("none".into(), |shape| format!("{shape:?}"))
}
