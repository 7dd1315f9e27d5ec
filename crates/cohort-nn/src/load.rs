//! Foreign weights into a network, with a report of what fitted and what did not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use serde::Serialize;

use crate::NnError;
use cohort_weights::{Array, Checkpoint};

/// How a network's tensors are called in the files that others wrote.
///
/// What differs between Burn and PyTorch alone is seen to without it: a norm's `gamma` and `beta`
/// are `weight` and `bias`, a `PRelu`'s `alpha` is `weight`, a linear layer's matrix is transposed.
#[derive(Debug, Clone, Copy)]
pub struct Naming {
    /// From the name in the network (in PyTorch's words, as in `layer1.0.bn1.weight`) to the name
    /// in the file, before any prefix.
    pub rename: fn(&str) -> String,
    /// Name of the output layer, which may have another width in the file; it is then left as
    /// initialised.
    pub head: Option<&'static str>,
}

impl Naming {
    /// Equal names, and no layer that may differ.
    pub const SAME: Self = Self {
        rename: str::to_owned,
        head: None,
    };
}

/// A tensor that is there with another shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misfit {
    /// Name in the file.
    pub name: String,
    /// The network's shape, in the file's layout.
    pub expected: Vec<usize>,
    /// The file's shape; none where the file has no such tensor.
    pub found: Option<Vec<usize>>,
}

/// What [`load`] did with every tensor. Names are the file's, without [`Self::prefix`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadReport {
    /// The file.
    pub source: String,
    /// What stands before every used name in the file, such as `state_dict.model.`.
    pub prefix: String,
    /// Tensors that are now in the network.
    pub loaded: Vec<String>,
    /// Tensors that the network has and the file lacks; they stay as initialised.
    pub missing: Vec<String>,
    /// Tensors under the prefix that the network has no place for.
    pub unused: Vec<String>,
    /// Tensors of another shape; they stay as initialised.
    pub misshapen: Vec<Misfit>,
    /// Tensors of the output layer that stay as initialised, to be trained.
    pub head_replaced: Vec<Misfit>,
    /// Number kinds that were cast to `f32`, such as `f16`.
    pub cast: Vec<String>,
    /// Tensors outside the prefix (an optimiser's state, a second network).
    pub elsewhere: usize,
    /// Other prefixes under which as much of the network is found, such as those of a second set
    /// of weights (`state_dict_ema.`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub as_good: Vec<String>,
}

impl LoadReport {
    /// Whether all but the output layer came from the file.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.misshapen.is_empty()
    }

    /// Of what the file has it took which, and how: empty where nothing was to be chosen or changed.
    pub fn origin(&self) -> String {
        let shown = |prefix: &String| format!("{:?}", prefix.trim_end_matches('.'));
        let mut text = String::new();
        if !self.prefix.is_empty() {
            text += &format!(" from {}", shown(&self.prefix));
        }
        if !self.cast.is_empty() {
            text += &format!(", cast from {} to f32", self.cast.join(" and "));
        }
        if !self.as_good.is_empty() {
            let all: Vec<String> = self.as_good.iter().map(shown).collect();
            let all = all.join(" and ");
            text += &format!(", not from {all}, where the same tensors are found too");
        }
        text
    }

    /// The report, if all but the output layer came from the file.
    ///
    /// # Errors
    /// [`NnError::Load`] with the whole report otherwise.
    pub fn complete(self) -> Result<Self, NnError> {
        if self.is_complete() {
            return Ok(self);
        }
        Err(NnError::Load(self.to_string()))
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.head_replaced.len();
        let all = self.loaded.len() + self.missing.len() + self.misshapen.len() + head;
        write!(
            f,
            "{}: {} of {all} tensors loaded",
            self.source,
            self.loaded.len()
        )?;
        write!(f, "{}", self.origin())?;
        if self.elsewhere > 0 {
            write!(f, "; {} tensors elsewhere in the file", self.elsewhere)?;
        }
        for name in &self.missing {
            write!(f, "\n  missing: {name}")?;
        }
        let misfits = |f: &mut fmt::Formatter<'_>, what: &str, list: &[Misfit]| {
            for Misfit {
                name,
                expected,
                found,
            } in list
            {
                write!(f, "\n  {what}: {name}: expected shape {expected:?}, found ")?;
                match found {
                    Some(shape) => write!(f, "shape {shape:?}")?,
                    None => write!(f, "no such tensor")?,
                }
            }
            Ok(())
        };
        misfits(f, "misshapen", &self.misshapen)?;
        misfits(f, "output layer replaced", &self.head_replaced)?;
        for name in &self.unused {
            write!(f, "\n  unused: {name}")?;
        }
        Ok(())
    }
}

/// Puts a file's tensors into a network by name.
///
/// The prefix under which the file keeps them (`state_dict.`, `module.`, `model.`, ...) is found:
/// it is the one under which most names and shapes fit. A file that this program wrote is read
/// under its own names. Where a shape differs or a tensor is absent the network keeps what it has,
/// and the report says so; ask for [`LoadReport::complete`] where that will not do.
///
/// # Errors
/// [`NnError::Load`] where nothing but the output layer fits; [`NnError::Format`] for a tensor that
/// cannot be read.
pub fn load<M: Module>(
    module: M,
    checkpoint: &Checkpoint,
    naming: Naming,
) -> Result<(M, LoadReport), NnError> {
    let slots = slots(&module, checkpoint.is_native(), naming);
    let (prefix, as_good) = best_prefix(&slots, checkpoint);
    let mut report = LoadReport {
        source: checkpoint.path().display().to_string(),
        prefix,
        loaded: Vec::new(),
        missing: Vec::new(),
        unused: Vec::new(),
        misshapen: Vec::new(),
        head_replaced: Vec::new(),
        cast: Vec::new(),
        elsewhere: 0,
        as_good,
    };
    let mut arrays = BTreeMap::new();
    let mut cast = BTreeSet::new();
    let mut fits = false;
    for slot in &slots {
        let full = format!("{}{}", report.prefix, slot.name);
        let found = checkpoint
            .shape(&full)
            .filter(|_| checkpoint.is_float(&full));
        if found == Some(&slot.shape) {
            let mut array = checkpoint.read(&full)?;
            cast.extend(checkpoint.kind(&full).filter(|k| k != "f32"));
            if slot.transposed {
                array = transpose(&array);
            }
            arrays.insert(slot.path.clone(), array);
            report.loaded.push(slot.name.clone());
            fits |= !slot.head;
            continue;
        }
        let misfit = Misfit {
            name: slot.name.clone(),
            expected: slot.shape.clone(),
            found: found.map(<[usize]>::to_vec),
        };
        match (slot.head, found) {
            (true, _) => report.head_replaced.push(misfit),
            (false, Some(_)) => report.misshapen.push(misfit),
            (false, None) => report.missing.push(misfit.name),
        }
    }
    let known: BTreeSet<&str> = slots.iter().map(|s| s.name.as_str()).collect();
    for name in checkpoint.names() {
        match name.strip_prefix(report.prefix.as_str()) {
            // PyTorch's count of training batches; no forward pass reads it.
            Some(short) if short.ends_with("num_batches_tracked") => {}
            Some(short) if known.contains(short) => {}
            Some(short) => report.unused.push(short.to_owned()),
            None => report.elsewhere += 1,
        }
    }
    report.cast = cast.into_iter().collect();
    if !fits {
        return Err(NnError::Load(format!(
            "nothing but the output layer fits: {report}"
        )));
    }
    Ok((module.map(&mut Filler::new(arrays)), report))
}

/// A float tensor of a network.
struct Slot {
    path: String,
    name: String,
    /// In the file's layout.
    shape: Vec<usize>,
    transposed: bool,
    head: bool,
}

fn slots<M: Module>(module: &M, native: bool, naming: Naming) -> Vec<Slot> {
    let mut lister = Lister {
        path: Vec::new(),
        containers: Vec::new(),
        slots: Vec::new(),
        native,
        naming,
    };
    module.visit(&mut lister);
    lister.slots
}

/// The prefix under which most of the network's tensors are found with their shapes, then most
/// with any shape; of equals the shortest, then the first. The other equals are given too.
fn best_prefix(slots: &[Slot], checkpoint: &Checkpoint) -> (String, Vec<String>) {
    let mut scores: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for slot in slots {
        for name in checkpoint.names() {
            let Some(prefix) = name.strip_suffix(slot.name.as_str()) else {
                continue;
            };
            if prefix.is_empty() || prefix.ends_with('.') {
                let score = scores.entry(prefix).or_default();
                score.0 += usize::from(checkpoint.shape(name) == Some(&slot.shape));
                score.1 += 1;
            }
        }
    }
    let best = scores
        .iter()
        .min_by_key(|(prefix, (fit, named))| (usize::MAX - fit, usize::MAX - named, prefix.len()));
    let Some((prefix, score)) = best else {
        return (String::new(), Vec::new());
    };
    let others = scores.iter().filter(|(p, s)| p != &prefix && *s == score);
    let others = others.map(|(prefix, _)| (*prefix).to_owned()).collect();
    ((*prefix).to_owned(), others)
}

/// `[outputs, inputs]` to `[inputs, outputs]`.
fn transpose(array: &Array) -> Array {
    let [rows, columns] = array.shape[..] else {
        return array.clone();
    };
    let values = (0..columns)
        .flat_map(|c| (0..rows).map(move |r| r * columns + c))
        .map(|i| array.values[i])
        .collect();
    Array {
        shape: vec![columns, rows],
        values,
    }
}

struct Lister {
    path: Vec<String>,
    containers: Vec<String>,
    slots: Vec<Slot>,
    native: bool,
    naming: Naming,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let mut shape = param.lazy_shape().to_vec();
        let path = self.path.join(".");
        // The variant of an enum is no part of a name.
        let segments = self.path.iter().zip(&self.containers);
        let mut names: Vec<&str> = segments
            .filter(|(_, container)| !container.starts_with("Enum:"))
            .map(|(name, _)| name.as_str())
            .collect();
        let container = self.containers.last().map_or("", String::as_str);
        let transposed = !self.native && container == "Struct:Linear" && D == 2;
        if !self.native
            && let Some(last) = names.last_mut()
        {
            *last = match *last {
                "gamma" if container.ends_with("Norm") => "weight",
                "beta" if container.ends_with("Norm") => "bias",
                "alpha" if container == "Struct:PRelu" => "weight",
                other => other,
            };
        }
        if transposed {
            shape.reverse();
        }
        let own = names.join(".");
        let under = |head: &str| {
            own.strip_prefix(head)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let head = self.naming.head.is_some_and(under);
        let name = if self.native {
            own
        } else {
            (self.naming.rename)(&own)
        };
        self.slots.push(Slot {
            path,
            name,
            shape,
            transposed,
            head,
        });
    }
}

/// Replaces the tensors that it has arrays for; their shapes are checked already.
struct Filler {
    path: Vec<String>,
    arrays: BTreeMap<String, Array>,
}

impl Filler {
    fn new(arrays: BTreeMap<String, Array>) -> Self {
        let path = Vec::new();
        Self { path, arrays }
    }
}

impl ModuleMapper for Filler {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(array) = self.arrays.remove(&self.path.join(".")) else {
            return param;
        };
        let shape: [usize; D] = param.lazy_shape().dims();
        let data = TensorData::new(array.values, shape);
        let tensor = Tensor::from_data(data, &param.lazy_device());
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModuleWeights;
    use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PRelu, PReluConfig};
    use burn::tensor::Device;
    use cohort_weights::Weights;
    use std::path::Path;

    #[derive(Module, Debug)]
    struct Net {
        body: Linear,
        norm: BatchNorm,
        act: PRelu,
        fc: Linear,
    }

    const NAMING: Naming = Naming {
        rename: str::to_owned,
        head: Some("fc"),
    };

    fn net(classes: usize) -> Net {
        let device = Device::flex();
        Net {
            body: LinearConfig::new(3, 2).init(&device),
            norm: BatchNormConfig::new(2).init(&device),
            act: PReluConfig::new().with_num_parameters(2).init(&device),
            fc: LinearConfig::new(2, classes).init(&device),
        }
    }

    fn array(shape: &[usize], first: f32) -> Array {
        let n: usize = shape.iter().product();
        Array {
            shape: shape.to_vec(),
            values: (0..n).map(|i| first + i as f32).collect(),
        }
    }

    /// A file in PyTorch's layout under a prefix.
    fn file(prefix: &str, classes: usize) -> BTreeMap<String, Array> {
        [
            ("body.weight", array(&[2, 3], 0.0)),
            ("body.bias", array(&[2], 10.0)),
            ("norm.weight", array(&[2], 20.0)),
            ("norm.bias", array(&[2], 30.0)),
            ("norm.running_mean", array(&[2], 40.0)),
            ("norm.running_var", array(&[2], 50.0)),
            ("act.weight", array(&[2], 60.0)),
            ("fc.weight", array(&[classes, 2], 70.0)),
            ("fc.bias", array(&[classes], 80.0)),
        ]
        .into_iter()
        .map(|(name, array)| (format!("{prefix}{name}"), array))
        .collect()
    }

    fn checkpoint(tensors: BTreeMap<String, Array>) -> Checkpoint {
        Checkpoint::from_weights(Weights(tensors), Path::new("file.pt"))
    }

    #[test]
    fn names_layouts_and_prefixes_of_pytorch_are_understood() {
        for prefix in ["", "module.", "state_dict.model."] {
            let mut tensors = file(prefix, 4);
            tensors.insert("optimizer.state.0.exp_avg".into(), array(&[2, 3], 0.0));
            let (net, report) = load(net(4), &checkpoint(tensors), NAMING).unwrap();
            assert_eq!(report.prefix, prefix);
            assert!(report.is_complete() && report.head_replaced.is_empty());
            assert_eq!(report.loaded.len(), 9);
            let outside = usize::from(!prefix.is_empty());
            assert_eq!(
                (report.elsewhere, report.unused.len()),
                (outside, 1 - outside)
            );
            let held = Weights::collect(&net).0;
            // [[0, 1, 2], [3, 4, 5]] transposed
            assert_eq!(held["body.weight"].values, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
            assert_eq!(held["norm.gamma"].values, [20.0, 21.0]);
            assert_eq!(held["norm.running_var"].values, [50.0, 51.0]);
            assert_eq!(held["act.alpha"].values, [60.0, 61.0]);
        }
    }

    #[test]
    fn a_head_of_another_width_is_replaced_and_told() {
        let before = Weights::collect(&net(7)).0;
        let fresh = net(7);
        let kept = Weights::collect(&fresh).0;
        let (filled, report) = load(fresh, &checkpoint(file("", 4)), NAMING).unwrap();
        let held = Weights::collect(&filled).0;
        assert_eq!(held["fc.weight"], kept["fc.weight"]);
        assert_ne!(held["body.weight"], before["body.weight"]);
        assert!(report.is_complete());
        let text = report.to_string();
        let line = "output layer replaced: fc.weight: expected shape [7, 2], found shape [4, 2]";
        assert!(
            text.starts_with("file.pt: 7 of 9 tensors loaded") && text.contains(line),
            "{text}"
        );
        // A file without any head says that too.
        let mut bare = file("", 4);
        bare.retain(|name, _| !name.starts_with("fc"));
        let (_, report) = load(net(7), &checkpoint(bare), NAMING).unwrap();
        assert!(
            report.to_string().contains("found no such tensor"),
            "{report}"
        );
    }

    #[test]
    fn every_tensor_missing_unused_or_misshapen_is_listed() {
        let mut tensors = file("net.", 4);
        tensors.remove("net.norm.bias");
        tensors.insert("net.body.weight".into(), array(&[2, 5], 0.0));
        tensors.insert("net.extra".into(), array(&[1], 0.0));
        let (_, report) = load(net(4), &checkpoint(tensors), NAMING).unwrap();
        assert_eq!(report.missing, ["norm.bias"]);
        assert_eq!(report.unused, ["extra"]);
        let misfit = Misfit {
            name: "body.weight".into(),
            expected: vec![2, 3],
            found: Some(vec![2, 5]),
        };
        assert_eq!(report.misshapen, [misfit]);
        let error = report.complete().unwrap_err().to_string();
        for line in [
            "7 of 9 tensors loaded from \"net\"",
            "missing: norm.bias",
            "misshapen: body.weight: expected shape [2, 3], found shape [2, 5]",
            "unused: extra",
        ] {
            assert!(error.contains(line), "{error}");
        }
    }

    #[test]
    fn of_several_sets_of_weights_the_one_taken_is_said() {
        let mut tensors = file("state_dict.", 4);
        tensors.extend(file("state_dict_ema.", 4));
        let (_, report) = load(net(4), &checkpoint(tensors), NAMING).unwrap();
        assert_eq!(report.prefix, "state_dict.");
        assert_eq!(report.as_good, ["state_dict_ema."]);
        let told = report.to_string();
        let expected = "from \"state_dict\", not from \"state_dict_ema\", where the same";
        assert!(told.contains(expected), "{told}");
        let (_, report) = load(net(4), &checkpoint(file("", 4)), NAMING).unwrap();
        assert_eq!((report.origin(), report.as_good), (String::new(), vec![]));
    }

    #[test]
    fn a_file_of_which_only_the_head_fits_is_an_error() {
        let mut tensors = file("", 4);
        tensors.retain(|name, _| name.starts_with("fc"));
        for tensors in [tensors, BTreeMap::new()] {
            let error = load(net(4), &checkpoint(tensors), NAMING).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("nothing but the output layer fits: file.pt"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_file_of_this_program_keeps_its_own_names() {
        let source = net(4);
        let weights = Weights::collect(&source);
        let bytes = weights.to_safetensors("{}").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own");
        std::fs::write(&path, bytes).unwrap();
        let own = Checkpoint::open(&path).unwrap();
        let (filled, report) = load(net(4), &own, NAMING).unwrap();
        assert!(report.is_complete() && report.unused.is_empty());
        assert_eq!(Weights::collect(&filled), weights);
    }
}
