//! A plan at work.

use std::sync::PoisonError;

use super::nearest::nearest;
use super::plan::{Buffer, Kind, Plan, Slot};
use super::pool;
use super::view::{View, each};
use crate::Out;

impl Plan {
    /// Height and width of the output, of the first where there are several.
    pub fn size(&self) -> [usize; 2] {
        self.buffers[self.outputs[0].buffer].size
    }

    /// Height and width of every output.
    pub fn sizes(&self) -> Vec<[usize; 2]> {
        let size = |slot: &Slot| self.buffers[slot.buffer].size;
        self.outputs.iter().map(size).collect()
    }

    /// The output, `[batch, row, column, channel]`, for `input` of `[batch, channels, height, width]`; the first where there are
    /// several.
    ///
    /// # Panics
    /// When the input does not consist of whole pictures.
    pub fn run(&self, input: &[f32]) -> Vec<f32> {
        self.outputs_of(input, &self.outputs[..1]).swap_remove(0)
    }

    /// Every output, as [`Self::run`] gives it.
    ///
    /// # Panics
    /// When the input does not consist of whole pictures.
    pub fn run_all(&self, input: &[f32]) -> Vec<Vec<f32>> {
        self.outputs_of(input, &self.outputs)
    }

    fn outputs_of(&self, input: &[f32], outputs: &[Slot]) -> Vec<Vec<f32>> {
        let source = &self.buffers[0];
        let picture = source.channels * source.size[0] * source.size[1];
        let batch = input.len() / picture;
        assert_eq!(input.len(), batch * picture, "pictures of a plan");
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
                    // source and target share no value and have the right size, and that the border
                    // is as wide as what is read beyond the picture.
                    unsafe {
                        match &step.kind {
                            Kind::Convolve { layer, add, relu } => {
                                let add = add.map(view);
                                layer.run(all, images, [&from, &to], add.as_ref(), *relu);
                            }
                            Kind::Depthwise(layer) => layer.run(all, images, [&from, &to]),
                            Kind::Maximum(window) => {
                                let channels = step.from.channels;
                                pool::maximum(all, images, [&from, &to], channels, *window);
                            }
                            Kind::Nearest { add } => {
                                let channels = step.from.channels;
                                nearest(all, images, [&from, &to], channels, *add);
                            }
                            Kind::Mean => pool::mean(all, images, [&from, &to], step.from.channels),
                        }
                    }
                }
            }
        }
        let taken = outputs.iter().map(|output| {
            let [height, width] = self.buffers[output.buffer].size;
            let view = self.view(*output, places[output.buffer], 0);
            let mut out = Vec::with_capacity(batch * height * width * output.channels);
            for line in 0..batch * height {
                for x in 0..width {
                    let place = view.at(line / height, line % height, x);
                    out.extend_from_slice(&arena.1[place..place + output.channels]);
                }
            }
            out
        });
        let taken = taken.collect();
        self.lock().push(arena);
        taken
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
