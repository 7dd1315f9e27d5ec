//! Steps over buffers.

use std::sync::{Arc, Mutex};

use super::conv::Layer;
use super::depthwise::Depthwise;
use super::pool::{Window, Windows};

/// Some channels of a buffer.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    pub(super) buffer: usize,
    pub(super) first: usize,
    pub(super) channels: usize,
}

impl Slot {
    /// Some of its channels.
    ///
    /// # Panics
    /// When it does not have them.
    pub fn part(self, first: usize, channels: usize) -> Self {
        assert!(first + channels <= self.channels, "channels of a slot");
        Self {
            first: self.first + first,
            channels,
            ..self
        }
    }

    /// Whether it lies in another buffer.
    pub fn is_apart(self, other: Self) -> bool {
        self.buffer != other.buffer
    }

    /// Whether no value is in both.
    fn is_disjoint(self, other: Self) -> bool {
        let before = |a: Self, b: Self| a.first + a.channels <= b.first;
        self.is_apart(other) || before(self, other) || before(other, self)
    }

    /// Number of channels.
    pub fn channels(self) -> usize {
        self.channels
    }
}

#[derive(Debug)]
pub(super) struct Buffer {
    pub(super) channels: usize,
    pub(super) size: [usize; 2],
    /// Rows of zeros above and below, columns left and right.
    pub(super) border: [usize; 2],
    /// The stage that uses it, if it is one alone.
    pub(super) stage: Option<usize>,
}

impl Buffer {
    /// Values of a picture with its border.
    pub(super) fn picture(&self) -> usize {
        let [height, width] = self.size;
        (height + 2 * self.border[0]) * (width + 2 * self.border[1]) * self.channels
    }
}

#[derive(Debug)]
pub(super) enum Kind {
    Convolve {
        layer: Arc<Layer>,
        add: Option<Slot>,
        relu: bool,
    },
    Depthwise(Arc<Depthwise>),
    Maximum(Window),
    Mean,
    Nearest {
        add: bool,
    },
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) from: Slot,
    pub(super) to: Slot,
}

/// Steps that are taken for some pictures before others, so that what they hand on is still cached.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) pictures: usize,
    pub(super) steps: Vec<Step>,
}

/// A network for evaluation on pictures of one size; made step by step.
///
/// Layers may be shared ([`Arc`]): then a network's weights are packed once, and a plan for another size is a list of steps.
#[derive(Debug)]
pub struct Plan {
    pub(super) buffers: Vec<Buffer>,
    /// Buffers whose values are no longer wanted.
    free: Vec<usize>,
    pub(super) stages: Vec<Stage>,
    /// What a run gives.
    pub(super) outputs: Vec<Slot>,
    /// What earlier runs worked in, with the number of pictures that they are made for.
    pub(super) arenas: Mutex<Vec<(usize, Vec<f32>)>>,
}

impl Plan {
    /// A plan for pictures of `channels` planes of `size`, and the slot that holds them.
    pub fn new(channels: usize, size: [usize; 2]) -> (Self, Slot) {
        let input = Slot {
            buffer: 0,
            first: 0,
            channels,
        };
        let mut plan = Self {
            buffers: Vec::new(),
            free: Vec::new(),
            stages: Vec::new(),
            outputs: vec![input],
            arenas: Mutex::default(),
        };
        plan.stage(1);
        plan.buffer(channels, size);
        (plan, input)
    }

    /// The steps from here on are taken for so many pictures at a time.
    pub fn stage(&mut self, pictures: usize) {
        match self.stages.last_mut() {
            Some(stage) if stage.steps.is_empty() => stage.pictures = pictures,
            _ => self.stages.push(Stage {
                pictures,
                steps: Vec::new(),
            }),
        }
    }

    /// A buffer for the steps of this stage and later ones.
    fn buffer(&mut self, channels: usize, size: [usize; 2]) -> Slot {
        let stage = self.stages.len() - 1;
        let fits = |&buffer: &usize| {
            let b: &Buffer = &self.buffers[buffer];
            b.channels == channels && b.size == size && b.stage == Some(stage)
        };
        let buffer = match self.free.iter().position(fits) {
            Some(place) => self.free.swap_remove(place),
            None => {
                self.buffers.push(Buffer {
                    channels,
                    size,
                    border: [0, 0],
                    stage: Some(stage),
                });
                self.buffers.len() - 1
            }
        };
        Slot {
            buffer,
            first: 0,
            channels,
        }
    }

    /// A buffer for what a step makes of `from`: never that one, even where it was released before it is read.
    fn target(&mut self, from: Slot, channels: usize, size: [usize; 2]) -> Slot {
        let held = self.free.iter().position(|own| *own == from.buffer);
        let held = held.map(|place| self.free.swap_remove(place));
        let to = self.buffer(channels, size);
        self.free.extend(held);
        to
    }

    /// A buffer as high and wide as another.
    pub fn beside(&mut self, other: Slot, channels: usize) -> Slot {
        self.buffer(channels, self.buffers[other.buffer].size)
    }

    /// A buffer for what the windows give of another.
    pub fn halved(&mut self, other: Slot, channels: usize, windows: Windows) -> Option<Slot> {
        let size = windows.output(self.buffers[other.buffer].size)?;
        Some(self.buffer(channels, size))
    }

    /// Says that what a slot's buffer holds is no longer wanted; once more before the buffer is used again says nothing new.
    pub fn release(&mut self, slot: Slot) {
        // a buffer that stands there twice would be given to two
        if !self.free.contains(&slot.buffer) {
            self.free.push(slot.buffer);
        }
    }

    /// A convolution into a buffer of its own; none where the shapes do not fit, or what follows as in [`Self::convolve_into`].
    pub fn convolve(
        &mut self,
        layer: impl Into<Arc<Layer>>,
        from: Slot,
        relu: bool,
    ) -> Option<Slot> {
        let layer = layer.into();
        let size = layer.shape.output(self.buffers[from.buffer].size)?;
        let to = self.target(from, layer.channels[1], size);
        self.convolve_into(layer, from, to, None, relu)?;
        Some(to)
    }

    /// A convolution into a slot of another buffer, with the values of `add` added, which may be that slot; none where the shapes do
    /// not fit, or `add` shares only some channels with that slot. They are added before a ReLU, but after a layer's SiLU.
    ///
    /// None also where a layer with slopes is to add something, as networks disagree which comes first, and where slopes, a SiLU and
    /// what cuts values (a ReLU or a layer's bound) stand side by side: only a ReLU and a bound go together.
    pub fn convolve_into(
        &mut self,
        layer: impl Into<Arc<Layer>>,
        from: Slot,
        to: Slot,
        add: Option<Slot>,
        relu: bool,
    ) -> Option<()> {
        let layer = layer.into();
        let source = &mut self.buffers[from.buffer];
        for (border, padding) in source.border.iter_mut().zip(layer.shape.border()) {
            *border = padding.max(*border);
        }
        let size = layer.shape.output(source.size)?;
        let same = |slot: Slot| {
            slot.channels == layer.channels[1] && self.buffers[slot.buffer].size == size
        };
        let fits = from.channels == layer.channels[0]
            && from.buffer != to.buffer
            && same(to)
            && add.is_none_or(|add| same(add) && (add.is_disjoint(to) || add.first == to.first))
            && layer.fits(add.is_some(), relu);
        if !fits {
            return None;
        }
        self.push(Kind::Convolve { layer, add, relu }, from, to);
        Some(())
    }

    /// A depthwise convolution into a buffer of its own; none where the shapes do not fit.
    pub fn depthwise(&mut self, layer: impl Into<Arc<Depthwise>>, from: Slot) -> Option<Slot> {
        let layer = layer.into();
        let source = &mut self.buffers[from.buffer];
        for (border, padding) in source.border.iter_mut().zip(layer.shape.border()) {
            *border = padding.max(*border);
        }
        let size = layer.shape.output(source.size)?;
        if layer.channels != from.channels {
            return None;
        }
        let to = self.target(from, layer.channels, size);
        self.push(Kind::Depthwise(layer), from, to);
        Some(to)
    }

    /// The largest values of windows at every second place, into a buffer of its own or a slot of another buffer.
    /// Windows of side 1 take every second value. None where the shapes do not fit.
    pub fn halve_by_maximum(
        &mut self,
        from: Slot,
        to: Option<Slot>,
        windows: Windows,
    ) -> Option<Slot> {
        let size = windows.output(self.buffers[from.buffer].size)?;
        let to = match to {
            Some(to) => to,
            None => self.target(from, from.channels, size),
        };
        let target = &self.buffers[to.buffer];
        if target.size != size || to.channels != from.channels || to.buffer == from.buffer {
            return None;
        }
        self.push(Kind::Maximum(windows.into()), from, to);
        Some(to)
    }

    /// The largest value around every place, in windows of an odd `side`, into another slot as high and wide; what lies outside
    /// takes no part. None where the shapes do not fit.
    pub fn maximum_around(&mut self, side: usize, from: Slot, to: Slot) -> Option<()> {
        let same = self.buffers[from.buffer].size == self.buffers[to.buffer].size;
        let fits = same && from.channels == to.channels && from.is_disjoint(to);
        if !fits || side.is_multiple_of(2) {
            return None;
        }
        self.push(Kind::Maximum(Window::around(side)), from, to);
        Some(())
    }

    /// Enlarges (or shrinks) to the size of another buffer's slot, taking the nearest value as PyTorch's `nearest` does: what
    /// stands in `to` is replaced, or with `add` added to. None where the channels differ or it is the same buffer.
    pub fn nearest(&mut self, from: Slot, to: Slot, add: bool) -> Option<()> {
        if from.channels != to.channels || !from.is_apart(to) {
            return None;
        }
        self.push(Kind::Nearest { add }, from, to);
        Some(())
    }

    /// Mean of each channel, into a buffer of its own.
    pub fn mean(&mut self, from: Slot) -> Slot {
        let to = self.target(from, from.channels, [1, 1]);
        self.push(Kind::Mean, from, to);
        to
    }

    fn push(&mut self, kind: Kind, from: Slot, to: Slot) {
        let stage = self.stages.len() - 1;
        let add = match &kind {
            Kind::Convolve { add, .. } => *add,
            _ => None,
        };
        for slot in [from, to].into_iter().chain(add) {
            let buffer = &mut self.buffers[slot.buffer];
            let fits = slot.first + slot.channels <= buffer.channels;
            assert!(fits, "a slot of this plan");
            if buffer.stage != Some(stage) {
                buffer.stage = None;
            }
        }
        self.stages[stage].steps.push(Step { kind, from, to });
    }

    /// The plan, which gives what is in `output` when every step is done.
    pub fn finish(self, output: Slot) -> Self {
        self.finish_all(vec![output])
    }

    /// The plan, which gives what is in each of `outputs` when every step is done.
    ///
    /// # Panics
    /// When there is none.
    pub fn finish_all(mut self, outputs: Vec<Slot>) -> Self {
        assert!(!outputs.is_empty(), "outputs of a plan");
        for output in &outputs {
            self.buffers[output.buffer].stage = None;
        }
        self.outputs = outputs;
        self
    }
}
