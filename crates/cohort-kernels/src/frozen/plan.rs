//! Steps over buffers.

use std::sync::{Mutex, PoisonError};

use super::conv::Layer;
use super::depthwise::Depthwise;
use super::pool::{self, Windows};
use super::view::{View, each};
use crate::Out;

/// Some channels of a buffer.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    buffer: usize,
    first: usize,
    channels: usize,
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

    /// Number of channels.
    pub fn channels(self) -> usize {
        self.channels
    }
}

#[derive(Debug)]
struct Buffer {
    channels: usize,
    size: [usize; 2],
    /// Rows of zeros above and below, columns left and right.
    border: [usize; 2],
    /// The stage that uses it, if it is one alone.
    stage: Option<usize>,
}

impl Buffer {
    /// Values of a picture with its border.
    fn picture(&self) -> usize {
        let [height, width] = self.size;
        (height + 2 * self.border[0]) * (width + 2 * self.border[1]) * self.channels
    }
}

#[derive(Debug)]
enum Kind {
    Convolve {
        layer: Layer,
        add: Option<Slot>,
        relu: bool,
    },
    Depthwise(Depthwise),
    HalveByMaximum(Windows),
    Mean,
}

#[derive(Debug)]
struct Step {
    kind: Kind,
    from: Slot,
    to: Slot,
}

/// Steps that are taken for some pictures before others, so that what they hand on is still cached.
#[derive(Debug)]
struct Stage {
    pictures: usize,
    steps: Vec<Step>,
}

/// A network for evaluation; made step by step.
#[derive(Debug)]
pub struct Plan {
    buffers: Vec<Buffer>,
    /// Buffers whose values are no longer wanted.
    free: Vec<usize>,
    stages: Vec<Stage>,
    /// What a run gives.
    output: Slot,
    /// What earlier runs worked in, with the number of pictures that they are made for.
    arenas: Mutex<Vec<(usize, Vec<f32>)>>,
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
            output: input,
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

    /// A buffer as high and wide as another.
    pub fn beside(&mut self, other: Slot, channels: usize) -> Slot {
        self.buffer(channels, self.buffers[other.buffer].size)
    }

    /// A buffer for what the windows give of another.
    pub fn halved(&mut self, other: Slot, channels: usize, windows: Windows) -> Option<Slot> {
        let size = windows.output(self.buffers[other.buffer].size)?;
        Some(self.buffer(channels, size))
    }

    /// Says that what a slot's buffer holds is no longer wanted.
    pub fn release(&mut self, slot: Slot) {
        self.free.push(slot.buffer);
    }

    /// A convolution into a buffer of its own; none where the picture is too small for it.
    pub fn convolve(&mut self, layer: Layer, from: Slot, relu: bool) -> Option<Slot> {
        let size = layer.shape.output(self.buffers[from.buffer].size)?;
        let to = self.buffer(layer.channels[1], size);
        self.convolve_into(layer, from, to, None, relu)?;
        Some(to)
    }

    /// A convolution into a slot of another buffer, with the values of `add` added, which may be that
    /// slot; none where the shapes do not fit.
    pub fn convolve_into(
        &mut self,
        layer: Layer,
        from: Slot,
        to: Slot,
        add: Option<Slot>,
        relu: bool,
    ) -> Option<()> {
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
            && add.is_none_or(same);
        if !fits {
            return None;
        }
        self.push(Kind::Convolve { layer, add, relu }, from, to);
        Some(())
    }

    /// A depthwise convolution into a buffer of its own; none where the shapes do not fit.
    pub fn depthwise(&mut self, layer: Depthwise, from: Slot) -> Option<Slot> {
        let source = &mut self.buffers[from.buffer];
        for (border, padding) in source.border.iter_mut().zip(layer.shape.border()) {
            *border = padding.max(*border);
        }
        let size = layer.shape.output(source.size)?;
        if layer.channels != from.channels {
            return None;
        }
        let to = self.buffer(layer.channels, size);
        self.push(Kind::Depthwise(layer), from, to);
        Some(to)
    }

    /// The largest values of windows, into a buffer of its own or a slot of another buffer.
    pub fn halve_by_maximum(
        &mut self,
        from: Slot,
        to: Option<Slot>,
        windows: Windows,
    ) -> Option<Slot> {
        let size = windows.output(self.buffers[from.buffer].size)?;
        let to = match to {
            Some(to) => to,
            None => self.buffer(from.channels, size),
        };
        let target = &self.buffers[to.buffer];
        if target.size != size || to.channels != from.channels || to.buffer == from.buffer {
            return None;
        }
        self.push(Kind::HalveByMaximum(windows), from, to);
        Some(to)
    }

    /// Mean of each channel, into a buffer of its own.
    pub fn mean(&mut self, from: Slot) -> Slot {
        let to = self.buffer(from.channels, [1, 1]);
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
    pub fn finish(mut self, output: Slot) -> Self {
        self.buffers[output.buffer].stage = None;
        self.output = output;
        self
    }

    /// Height and width of the output.
    pub fn size(&self) -> [usize; 2] {
        self.buffers[self.output.buffer].size
    }

    /// The output, `[batch, row, column, channel]`, for `input` of `[batch, channels, height, width]`.
    pub fn run(&self, input: &[f32]) -> Vec<f32> {
        let source = &self.buffers[0];
        let picture = source.channels * source.size[0] * source.size[1];
        let batch = input.len() / picture;
        let mut arena = self.lock().pop().unwrap_or_default();
        // what was laid out for more pictures serves: the borders are zeros still
        let laid_out = batch.max(arena.0);
        let mut places = Vec::with_capacity(self.buffers.len());
        let mut len = 0;
        for buffer in &self.buffers {
            places.push(len);
            len += buffer.picture() * self.pictures(buffer, laid_out);
        }
        if arena.0 < batch {
            arena = (batch, vec![0.0; len]);
        }
        let all = Out(arena.1.as_mut_ptr());
        let slot = Slot {
            buffer: 0,
            first: 0,
            channels: source.channels,
        };
        for (index, stage) in self.stages.iter().enumerate() {
            for first in (0..batch).step_by(stage.pictures) {
                let images = stage.pictures.min(batch - first);
                let view = |slot: Slot| self.view(slot, places[slot.buffer], first);
                if index == 0 {
                    let input = &input[first * picture..(first + images) * picture];
                    // SAFETY: buffer 0 is the input's; as below.
                    unsafe { take_planes(all, input, &view(slot), source.channels) };
                }
                for step in &stage.steps {
                    let [from, to] = [view(step.from), view(step.to)];
                    // SAFETY: a view lies in its buffer's part of the arena, where `images` pictures
                    // from the `first` on are held. The methods that made the steps saw to it that
                    // source and target are different buffers of the right size, and that the border
                    // is as wide as what is read beyond the picture.
                    unsafe {
                        match &step.kind {
                            Kind::Convolve { layer, add, relu } => {
                                let add = add.map(view);
                                layer.run(all, images, [&from, &to], add.as_ref(), *relu);
                            }
                            Kind::Depthwise(layer) => layer.run(all, images, [&from, &to]),
                            Kind::HalveByMaximum(windows) => {
                                let channels = step.from.channels;
                                let views = [&from, &to];
                                pool::halve_by_maximum(all, images, views, channels, *windows);
                            }
                            Kind::Mean => pool::mean(all, images, [&from, &to], step.from.channels),
                        }
                    }
                }
            }
        }
        let [height, width] = self.buffers[self.output.buffer].size;
        let view = self.view(self.output, places[self.output.buffer], 0);
        let mut out = Vec::with_capacity(batch * height * width * self.output.channels);
        for line in 0..batch * height {
            for x in 0..width {
                let place = view.at(line / height, line % height, x);
                out.extend_from_slice(&arena.1[place..place + self.output.channels]);
            }
        }
        self.lock().push(arena);
        out
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Vec<f32>)>> {
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pictures that a buffer holds.
    fn pictures(&self, buffer: &Buffer, batch: usize) -> usize {
        match buffer.stage {
            Some(stage) => self.stages[stage].pictures.min(batch),
            None => batch,
        }
    }

    /// A slot whose buffer begins at `place`, from picture `first` of the batch on.
    fn view(&self, slot: Slot, place: usize, first: usize) -> View {
        let buffer = &self.buffers[slot.buffer];
        let picture = buffer.picture();
        let pixel = buffer.channels;
        let row = (buffer.size[1] + 2 * buffer.border[1]) * pixel;
        let corner = buffer.border[0] * row + buffer.border[1] * pixel;
        let skipped = match buffer.stage {
            Some(_) => 0,
            None => first * picture,
        };
        View {
            origin: place + skipped + corner + slot.first,
            picture,
            row,
            pixel,
            size: buffer.size,
        }
    }
}

/// Writes planes, one channel after another, as pixels.
///
/// # Safety
/// The view lies within the buffer of `all` and holds as many pictures as `input`.
unsafe fn take_planes(all: Out, input: &[f32], to: &View, channels: usize) {
    let [height, width] = to.size;
    let plane = height * width;
    each(input.len() / (plane * channels), input.len(), |image| {
        let input = &input[image * plane * channels..][..plane * channels];
        for (channel, input) in input.chunks_exact(plane).enumerate() {
            for (y, row) in input.chunks_exact(width).enumerate() {
                let place = to.at(image, y, 0) + channel;
                for (x, value) in row.iter().enumerate() {
                    // SAFETY: as promised by the caller; a task writes its own picture.
                    unsafe { all.at(place + x * to.pixel).write(*value) };
                }
            }
        }
    });
}
