//! Where pictures lie in a buffer, and the tasks over them.

use rayon::prelude::*;

/// Where the pictures of a slot lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) origin: usize,
    pub(super) picture: usize,
    pub(super) row: usize,
    pub(super) pixel: usize,
    pub(super) size: [usize; 2],
}

impl View {
    #[inline(always)]
    pub(super) fn at(&self, picture: usize, y: usize, x: usize) -> usize {
        self.origin + picture * self.picture + y * self.row + x * self.pixel
    }
}

/// Products that take about as long as waking another thread.
const FEW: usize = 1 << 20;

/// Does tasks of so many products in all on all threads, or on this one where they are few.
pub(super) fn each(tasks: usize, products: usize, work: impl Fn(usize) + Sync + Send) {
    // One call of the work: with two the compiler would not inline what is compiled for wide registers.
    let least = if products < FEW { tasks } else { 1 };
    let tasks = (0..tasks).into_par_iter().with_min_len(least);
    tasks.for_each(work);
}
