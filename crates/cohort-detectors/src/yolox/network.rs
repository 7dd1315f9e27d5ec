//! A YOLOX as a plan: backbone, pyramid both ways, and a head a level.
//!
//! Branches write side by side into the buffer that the layer behind them reads, a block's sum is written over its input.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cohort_kernels::frozen::{Depthwise, Layer, Plan, Shape, Slot};

use super::convolutions::{After, Architecture, Convolution, boxes_name, convolutions};
use super::weights::Folded;

/// A convolution with its weights packed.
#[derive(Debug, Clone)]
enum Packed {
    Full(Arc<Layer>),
    Depthwise(Arc<Depthwise>),
}

/// Every layer of a network, packed once.
#[derive(Debug)]
pub(super) struct Network {
    of: Architecture,
    layers: HashMap<String, Packed>,
}

impl Network {
    /// Packs the weights of all convolutions of `of`.
    ///
    /// # Panics
    /// When one of them lacks its weights.
    pub(super) fn new(of: Architecture, mut weights: BTreeMap<String, Folded>) -> Self {
        let mut layers = HashMap::new();
        for convolution in convolutions(of) {
            let mut take = |name: &str| weights.remove(name).expect("weights of every convolution");
            let Some((branch, level)) = convolution.name.split_once("_preds.") else {
                let own = take(&convolution.name);
                layers.insert(convolution.name.clone(), packed(&convolution, &own));
                continue;
            };
            match branch {
                // box and object are predicted from the same values: one layer
                "head.reg" => {
                    let (own, object) = (
                        take(&convolution.name),
                        take(&format!("head.obj_preds.{level}")),
                    );
                    let joined = Folded {
                        weight: [own.weight, object.weight].concat(),
                        bias: [own.bias, object.bias].concat(),
                    };
                    let [inputs, outputs] = convolution.channels;
                    let both = Convolution {
                        channels: [inputs, outputs + 1],
                        ..convolution.clone()
                    };
                    layers.insert(boxes_name(level), packed(&both, &joined));
                }
                "head.cls" => {
                    let own = take(&convolution.name);
                    layers.insert(convolution.name.clone(), packed(&convolution, &own));
                }
                _ => {}
            }
        }
        Self { of, layers }
    }

    /// The plan for pictures of `size`, whose sides are multiples of 32. It gives, for each level from the finest, the classes'
    /// numbers and then box and object; or the maps of the modules in `maps`, where there are any.
    pub(super) fn plan(&self, size: [usize; 2], maps: &[&str]) -> Option<Plan> {
        let (plan, input) = Plan::new(3, size);
        let mut made = Making {
            network: self,
            plan,
            maps,
            named: HashMap::new(),
        };
        let heads = made.all(input)?;
        let named = maps.iter().map(|name| made.named.get(*name).copied());
        let outputs: Vec<Slot> = match maps {
            [] => heads,
            _ => named.collect::<Option<_>>()?,
        };
        Some(made.plan.finish_all(outputs))
    }
}

fn packed(convolution: &Convolution, folded: &Folded) -> Packed {
    let Convolution {
        channels,
        kernel,
        stride,
        ..
    } = *convolution;
    let shape = |kernel: usize, stride: usize, padding: usize| Shape {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        after: [padding; 2],
    };
    let bias = Some(folded.bias.as_slice());
    let own = shape(kernel, stride, kernel / 2);
    if convolution.depthwise {
        let slopes = vec![1.0; channels[1]];
        let layer = Depthwise::new(own, &folded.weight, bias, slopes);
        return Packed::Depthwise(Arc::new(layer.silu()));
    }
    let layer = match convolution.name == STEM {
        true => {
            let weight = unsliced(&folded.weight, channels[1]);
            Layer::new([3, channels[1]], shape(6, 2, 2), &weight, bias, 1.0)
        }
        false => Layer::new(channels, own, &folded.weight, bias, 1.0),
    };
    Packed::Full(Arc::new(match convolution.after {
        After::Silu => layer.silu(),
        After::Nothing => layer,
    }))
}

const STEM: &str = "backbone.backbone.stem.conv";

/// A 3 x 3 kernel over a picture sliced into four (every second pixel: top left, bottom left, top right, bottom right) is a 6 x 6
/// kernel over the picture itself, moved by 2 and padded by 2: the same products.
fn unsliced(weight: &[f32], outputs: usize) -> Vec<f32> {
    let mut whole = vec![0.0; outputs * 3 * 36];
    for (place, value) in weight.iter().enumerate() {
        let [output, channel] = [place / 108, place / 9 % 12];
        let [y, x] = [place / 3 % 3, place % 3];
        let [slice, colour] = [channel / 3, channel % 3];
        let [row, column] = [2 * y + slice % 2, 2 * x + slice / 2];
        whole[(output * 3 + colour) * 36 + row * 6 + column] = *value;
    }
    whole
}

/// A plan in the making.
struct Making<'a> {
    network: &'a Network,
    plan: Plan,
    maps: &'a [&'a str],
    named: HashMap<String, Slot>,
}

impl Making<'_> {
    fn layer(&self, name: &str) -> Option<Packed> {
        self.network.layers.get(name).cloned()
    }

    /// Remembers where a module's result is.
    fn name(&mut self, name: &str, slot: Slot) -> Slot {
        self.named.insert(name.to_owned(), slot);
        slot
    }

    /// Lets a buffer go, unless one of the maps that are asked for lies in it.
    fn release(&mut self, slot: Slot) {
        let is_asked = |name: &&str| {
            let asked = self.named.get(*name);
            asked.is_some_and(|asked| !asked.is_apart(slot))
        };
        if !self.maps.iter().any(is_asked) {
            self.plan.release(slot);
        }
    }

    fn convolve(&mut self, name: &str, from: Slot) -> Option<Slot> {
        let to = match self.layer(name)? {
            Packed::Full(layer) => self.plan.convolve(layer, from, false)?,
            Packed::Depthwise(layer) => self.plan.depthwise(layer, from)?,
        };
        Some(self.name(name, to))
    }

    fn convolve_into(&mut self, name: &str, from: Slot, to: Slot, add: Option<Slot>) -> Option<()> {
        let Packed::Full(layer) = self.layer(name)? else {
            return None;
        };
        self.plan.convolve_into(layer, from, to, add, false)?;
        self.name(name, to);
        Some(())
    }

    /// A 3 x 3 kernel, or what stands for it, into a buffer of its own.
    fn unit(&mut self, name: &str, from: Slot) -> Option<Slot> {
        if !self.network.of.depthwise {
            return self.convolve(name, from);
        }
        let apart = self.convolve(&format!("{name}.dconv"), from)?;
        let to = self.convolve(&format!("{name}.pconv"), apart)?;
        self.release(apart);
        Some(self.name(name, to))
    }

    /// As [`Self::unit`], into a slot.
    fn unit_into(&mut self, name: &str, from: Slot, to: Slot, add: Option<Slot>) -> Option<()> {
        if !self.network.of.depthwise {
            return self.convolve_into(name, from, to, add);
        }
        let apart = self.convolve(&format!("{name}.dconv"), from)?;
        self.convolve_into(&format!("{name}.pconv"), apart, to, add)?;
        self.release(apart);
        self.name(name, to);
        Some(())
    }

    /// A cross stage partial block of so many blocks, each with its input added or not, into a slot of `to` or a buffer of its own.
    fn csp(
        &mut self,
        name: &str,
        from: Slot,
        depth: usize,
        add: bool,
        to: Option<Slot>,
    ) -> Option<Slot> {
        let Packed::Full(last) = self.layer(&format!("{name}.conv3"))? else {
            return None;
        };
        let half = last.outputs() / 2;
        let joined = self.plan.beside(from, 2 * half);
        let [deep, shallow] = [joined.part(0, half), joined.part(half, half)];
        self.convolve_into(&format!("{name}.conv1"), from, deep, None)?;
        self.convolve_into(&format!("{name}.conv2"), from, shallow, None)?;
        for i in 0..depth {
            let inner = self.convolve(&format!("{name}.m.{i}.conv1"), deep)?;
            let also = add.then_some(deep);
            self.unit_into(&format!("{name}.m.{i}.conv2"), inner, deep, also)?;
            self.release(inner);
        }
        self.name(&format!("{name}.joined"), joined);
        let last = format!("{name}.conv3");
        let out = match to {
            None => self.convolve(&last, joined)?,
            Some(to) => {
                self.convolve_into(&last, joined, to, None)?;
                to
            }
        };
        self.release(joined);
        Some(self.name(name, out))
    }

    /// Everything; gives the predictions.
    fn all(&mut self, input: Slot) -> Option<Vec<Slot>> {
        let Architecture { base: b, depth, .. } = self.network.of;
        let stem = self.convolve(STEM, input)?;
        let x = self.unit("backbone.backbone.dark2.0", stem)?;
        self.release(stem);
        let dark2 = self.csp("backbone.backbone.dark2.1", x, depth, true, None)?;
        self.release(x);
        // what the pyramid reads beside an upper level's is written beside it at once
        let x = self.unit("backbone.backbone.dark3.0", dark2)?;
        self.release(dark2);
        let fine = self.plan.beside(x, 8 * b);
        let dark3 = fine.part(4 * b, 4 * b);
        self.csp("backbone.backbone.dark3.1", x, 3 * depth, true, Some(dark3))?;
        self.release(x);
        let x = self.unit("backbone.backbone.dark4.0", dark3)?;
        let middle = self.plan.beside(x, 16 * b);
        let dark4 = middle.part(8 * b, 8 * b);
        self.csp("backbone.backbone.dark4.1", x, 3 * depth, true, Some(dark4))?;
        self.release(x);
        let x = self.unit("backbone.backbone.dark5.0", dark4)?;
        let spp = self.pooled("backbone.backbone.dark5.1", x)?;
        self.release(x);
        let dark5 = self.csp("backbone.backbone.dark5.2", spp, depth, false, None)?;
        self.release(spp);

        let coarse_joined = self.plan.beside(dark5, 16 * b);
        let lateral = coarse_joined.part(8 * b, 8 * b);
        self.convolve_into("backbone.lateral_conv0", dark5, lateral, None)?;
        self.release(dark5);
        self.plan.nearest(lateral, middle.part(0, 8 * b), false)?;
        let p4 = self.csp("backbone.C3_p4", middle, depth, false, None)?;
        self.release(middle);
        let middle_joined = self.plan.beside(p4, 8 * b);
        let reduced = middle_joined.part(4 * b, 4 * b);
        self.convolve_into("backbone.reduce_conv1", p4, reduced, None)?;
        self.release(p4);
        self.plan.nearest(reduced, fine.part(0, 4 * b), false)?;
        let first = self.csp("backbone.C3_p3", fine, depth, false, None)?;
        self.release(fine);
        let to = middle_joined.part(0, 4 * b);
        self.unit_into("backbone.bu_conv2", first, to, None)?;
        let second = self.csp("backbone.C3_n3", middle_joined, depth, false, None)?;
        self.release(middle_joined);
        let to = coarse_joined.part(0, 8 * b);
        self.unit_into("backbone.bu_conv1", second, to, None)?;
        let third = self.csp("backbone.C3_n4", coarse_joined, depth, false, None)?;
        self.release(coarse_joined);

        let mut heads = Vec::new();
        for (level, from) in [first, second, third].into_iter().enumerate() {
            heads.extend(self.head(level, from)?);
        }
        Some(heads)
    }

    /// Pooling over windows of 5, 9 and 13: a window of 9 is two of 5 one after another, one of 13 three.
    fn pooled(&mut self, name: &str, from: Slot) -> Option<Slot> {
        let Packed::Full(first) = self.layer(&format!("{name}.conv1"))? else {
            return None;
        };
        let width = first.outputs();
        let joined = self.plan.beside(from, 4 * width);
        let part = |i: usize| joined.part(i * width, width);
        self.convolve_into(&format!("{name}.conv1"), from, part(0), None)?;
        for i in 0..3 {
            self.plan.maximum_around(5, part(i), part(i + 1))?;
        }
        let out = self.convolve(&format!("{name}.conv2"), joined)?;
        self.release(joined);
        Some(self.name(name, out))
    }

    fn head(&mut self, level: usize, from: Slot) -> Option<[Slot; 2]> {
        let stem = self.convolve(&format!("head.stems.{level}"), from)?;
        let mut branch = |kind: &str, last: String| {
            let first = self.unit(&format!("head.{kind}_convs.{level}.0"), stem)?;
            let second = self.unit(&format!("head.{kind}_convs.{level}.1"), first)?;
            self.release(first);
            let out = self.convolve(&last, second)?;
            self.release(second);
            Some(out)
        };
        let classes = branch("cls", format!("head.cls_preds.{level}"))?;
        let boxes = branch("reg", boxes_name(&level.to_string()))?;
        self.release(stem);
        Some([classes, boxes])
    }
}
