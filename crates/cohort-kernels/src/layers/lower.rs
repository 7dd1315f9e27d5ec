//! How a convolution reads its source: padded planes, one for each phase of the stride in use, where
//! every tap of the kernel is a constant offset and a row of pixels is contiguous.

use std::cell::Cell;

use super::kernel::{NR, Run};

/// Values that a copy may write or read beyond the end of a run.
pub(super) const SLACK: usize = 16;

/// A grid of pixels and, for each pixel, the taps it sums over.
///
/// Pixel (y, x) reads, for each tap (ty, tx), the source padded by `before` at
/// `(y * step + ty, x * step + tx)`; outside the source there are zeros.
#[derive(Debug, Clone)]
pub(super) struct Lowering {
    /// Channels, height and width of one source picture.
    pub(super) source: [usize; 3],
    /// Height and width of the grid of pixels.
    pub(super) grid: [usize; 2],
    /// Offset of each tap within a padded channel.
    pub(super) taps: Vec<usize>,
    step: [usize; 2],
    before: [usize; 2],
    plane: [usize; 2],
    /// The phases of the step that some tap reads.
    phases: Vec<usize>,
}

/// Some neighbouring pixels of a panel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    column: usize,
    run: Run,
}

impl Lowering {
    pub(super) fn new(
        source: [usize; 3],
        grid: [usize; 2],
        step: [usize; 2],
        before: [usize; 2],
        taps: &[[usize; 2]],
    ) -> Self {
        let reach = |axis: usize| {
            let far = taps.iter().map(|tap| tap[axis] / step[axis]).max();
            far.unwrap_or(0) + grid[axis]
        };
        let mut plane = [reach(0), reach(1)];
        let unpadded = before == [0, 0] && step == [1, 1];
        if unpadded && plane[0] <= source[1] && plane[1] <= source[2] {
            plane = [source[1], source[2]];
        }
        let phase = |tap: &[usize; 2]| (tap[0] % step[0]) * step[1] + tap[1] % step[1];
        let mut phases: Vec<usize> = taps.iter().map(phase).collect();
        phases.sort_unstable();
        phases.dedup();
        let offset = |tap: &[usize; 2]| {
            let slot = phases.iter().position(|&p| p == phase(tap)).unwrap_or(0);
            (slot * plane[0] + tap[0] / step[0]) * plane[1] + tap[1] / step[1]
        };
        Self {
            source,
            grid,
            taps: taps.iter().map(offset).collect(),
            step,
            before,
            plane,
            phases,
        }
    }

    /// Whether the source can be read where it lies.
    pub(super) fn direct(&self) -> bool {
        let [_, height, width] = self.source;
        self.before == [0, 0] && self.step == [1, 1] && self.plane == [height, width]
    }

    /// Values of one padded channel.
    pub(super) fn channel(&self) -> usize {
        self.phases.len() * self.plane[0] * self.plane[1]
    }

    /// Pixels of one picture.
    pub(super) fn pixels(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// Writes whole channels of the source into padded ones.
    pub(super) fn pad(&self, source: &[f32], padded: &mut [f32]) {
        let [_, height, width] = self.source;
        let [sy, sx] = self.step;
        let [rows, columns] = self.plane;
        let channels = source.chunks_exact(height * width);
        for (source, padded) in channels.zip(padded.chunks_exact_mut(self.channel())) {
            padded.fill(0.0);
            for (slot, phase) in self.phases.iter().enumerate() {
                let [py, px] = [phase / sx, phase % sx];
                // first column whose source column is not negative, and its source column
                let first = self.before[1].saturating_sub(px).div_ceil(sx);
                let begin = first * sx + px - self.before[1];
                let count = width.saturating_sub(begin).div_ceil(sx);
                let count = count.min(columns.saturating_sub(first));
                for row in 0..rows {
                    let Some(y) = (row * sy + py).checked_sub(self.before[0]) else {
                        continue;
                    };
                    if y >= height || count == 0 {
                        continue;
                    }
                    let from = &source[y * width + begin..(y + 1) * width];
                    let to = &mut padded[(slot * rows + row) * columns + first..][..count];
                    if sx == 1 {
                        to.copy_from_slice(&from[..count]);
                    } else {
                        for (to, from) in to.iter_mut().zip(from.iter().step_by(sx)) {
                            *to = *from;
                        }
                    }
                }
            }
        }
    }

    /// The pixels `[first, last)` of pictures that lie `picture` values apart, as runs.
    pub(super) fn runs(&self, first: usize, last: usize, picture: usize) -> Vec<Run> {
        let whole = self.plane[1] == self.grid[1];
        let line = if whole { self.pixels() } else { self.grid[1] };
        let mut runs = Vec::new();
        let mut pixel = first;
        while pixel < last {
            let [image, place] = [pixel / self.pixels(), pixel % self.pixels()];
            let len = (line - place % line).min(last - pixel);
            let row = place / self.grid[1] * self.plane[1];
            runs.push(Run {
                source: image * picture + row + place % self.grid[1],
                len,
            });
            pixel += len;
        }
        runs
    }

    /// The runs of one panel of `NR` pixels with the columns they fill.
    pub(super) fn pieces(&self, first: usize, last: usize, picture: usize) -> Vec<Piece> {
        let mut column = 0;
        let place = |run: Run| {
            column += run.len;
            Piece {
                column: column - run.len,
                run,
            }
        };
        self.runs(first, last, picture)
            .into_iter()
            .map(place)
            .collect()
    }

    /// Writes rows `[first, last)` of the lowered matrix, which are (channel, tap) pairs, for one
    /// panel: `panel[row - first][column]`. Columns that no piece fills keep any finite values.
    ///
    /// `panel` is [`SLACK`] longer than its rows: a run is copied sixteen values at a time, and what
    /// is too much is overwritten by the next run or row.
    #[inline(always)]
    pub(super) fn pack(
        &self,
        padded: &[f32],
        pieces: &[Piece],
        [first, last]: [usize; 2],
        panel: &mut [f32],
    ) {
        assert!(panel.len() >= (last - first) * NR + SLACK);
        let taps = self.taps.len();
        for row in first..last {
            let base = row / taps * self.channel() + self.taps[row % taps];
            for piece in pieces {
                let from = base + piece.run.source;
                let to = (row - first) * NR + piece.column;
                let len = piece.run.len;
                if from + len.next_multiple_of(SLACK) > padded.len() {
                    panel[to..to + len].copy_from_slice(&padded[from..from + len]);
                    continue;
                }
                let mut done = 0;
                while done < len {
                    // SAFETY: the source was checked just now; a piece ends within its row of the
                    // panel, and after the last row the panel goes on for SLACK values.
                    unsafe {
                        let from = padded.as_ptr().add(from + done);
                        let to = panel.as_mut_ptr().add(to + done);
                        std::ptr::copy_nonoverlapping(from, to, SLACK);
                    }
                    done += SLACK;
                }
            }
        }
    }
}

/// Runs `work` with two buffers of at least the given lengths, kept by the thread between calls.
/// They hold finite values left by earlier work. `work` must not give the thread to other work.
pub(super) fn with_scratch<R>(
    lens: [usize; 2],
    work: impl FnOnce(&mut [f32], &mut [f32]) -> R,
) -> R {
    thread_local! {
        static BUFFERS: Cell<[Vec<f32>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
    }
    let mut buffers = BUFFERS.take();
    for (buffer, len) in buffers.iter_mut().zip(lens) {
        if buffer.len() < len {
            *buffer = vec![0.0; len];
        }
    }
    let [a, b] = &mut buffers;
    let result = work(a, b);
    BUFFERS.set(buffers);
    result
}
