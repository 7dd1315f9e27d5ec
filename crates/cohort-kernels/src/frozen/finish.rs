//! What follows the sums of a convolution: bias, an addition, a rectifier, and where they go.
//!
//! Plain loops, compiled for the widest registers of the processor: no operation is contracted or reordered, so the results are the same.

use super::kernel::{PIXELS, Sums, WIDTH};
use crate::Out;
use crate::dense::silu;
use crate::wide::widest;

/// What is done with the sums of every output channel.
#[derive(Debug)]
pub(super) struct After {
    /// A value for each output channel.
    pub(super) bias: Vec<f32>,
    /// What values below zero are multiplied by, for each output channel, if they are.
    pub(super) slopes: Option<Vec<f32>>,
    /// What larger values are cut to.
    pub(super) most: f32,
    /// Whether a SiLU follows, before anything is added.
    pub(super) silu: bool,
}

/// Where the pixels of a tile lie.
#[derive(Clone, Copy, Default)]
pub(super) struct Tile {
    pub(super) used: usize,
    pub(super) from: [usize; PIXELS],
    pub(super) to: [usize; PIXELS],
    pub(super) add: [usize; PIXELS],
}

widest! {
    /// Finishes the sums of a tile and writes them: those of `16 * vectors` output channels from the first on, as far as there are so
    /// many; `panel` has both numbers.
    ///
    /// # Safety
    /// The tile's places lie in the buffer of `all`, and this task alone writes them.
    pub(super) unsafe fn finish(
        after: &After,
        sums: &mut Sums,
        panel: [usize; 2],
        tile: &Tile,
        all: Out,
        add: bool,
        relu: bool,
    ) = After::store;
}

impl After {
    /// Whether it can be done together with an addition and a ReLU, where there are such: nothing else stands beside slopes, and
    /// nothing is cut beside a SiLU.
    pub(super) fn fits(&self, add: bool, relu: bool) -> bool {
        let cuts = relu || self.most != f32::INFINITY;
        match self.slopes {
            Some(_) => !(add || cuts || self.silu),
            None => !(cuts && self.silu),
        }
    }

    /// # Safety
    /// As for [`finish`].
    #[inline(always)]
    unsafe fn store(
        &self,
        sums: &mut Sums,
        [first, vectors]: [usize; 2],
        tile: &Tile,
        all: Out,
        add: bool,
        relu: bool,
    ) {
        // SAFETY: as promised by the caller.
        unsafe {
            match vectors {
                3 => self.store_vectors::<48>(sums, first, tile, all, add, relu),
                2 => self.store_vectors::<32>(sums, first, tile, all, add, relu),
                _ => self.store_vectors::<16>(sums, first, tile, all, add, relu),
            }
        }
    }

    /// [`Self::store`] for panels of `N` channels.
    ///
    /// # Safety
    /// As for [`finish`].
    #[inline(always)]
    unsafe fn store_vectors<const N: usize>(
        &self,
        sums: &mut Sums,
        first: usize,
        tile: &Tile,
        all: Out,
        add: bool,
        relu: bool,
    ) {
        let bias = &self.bias[first..];
        if self.silu {
            for p in 0..tile.used {
                let own = &mut sums[p * WIDTH..][..WIDTH];
                match bias.first_chunk::<N>() {
                    Some(bias) => biased_silu(own, bias),
                    None => biased_silu(own, bias),
                }
                let own = &own[..bias.len().min(N)];
                // SAFETY: as promised by the caller.
                unsafe {
                    let to = all.at(tile.to[p] + first);
                    let other = all.at(tile.add[p] + first);
                    for (j, value) in own.iter().enumerate() {
                        let value = if add { value + *other.add(j) } else { *value };
                        to.add(j).write(value);
                    }
                }
            }
            return;
        }
        let sums = &*sums;
        let least = if relu { 0.0 } else { f32::NEG_INFINITY };
        let most = self.most;
        let end = |sum: f32| {
            // a NaN stays one
            let sum = if sum < least { least } else { sum };
            if sum > most { most } else { sum }
        };
        let row = |p: usize, bias: &[f32], slopes: Option<&[f32]>| {
            let sums = &sums[p * WIDTH..][..bias.len()];
            // SAFETY: as promised by the caller; there is a bias for every channel of the output.
            unsafe {
                let to = all.at(tile.to[p] + first);
                let other = all.at(tile.add[p] + first);
                if let Some(slopes) = slopes {
                    for (j, (sum, (bias, slope))) in
                        sums.iter().zip(bias.iter().zip(slopes)).enumerate()
                    {
                        let sum = sum + bias;
                        to.add(j).write(sum * if sum < 0.0 { *slope } else { 1.0 });
                    }
                    return;
                }
                for (j, (sum, bias)) in sums.iter().zip(bias).enumerate() {
                    let sum = sum + bias;
                    let sum = if add { sum + *other.add(j) } else { sum };
                    to.add(j).write(end(sum));
                }
            }
        };
        let slopes = self.slopes.as_ref().map(|slopes| &slopes[first..]);
        // a whole panel has a length that the compiler knows
        for p in 0..tile.used {
            match (bias.first_chunk::<N>(), slopes) {
                (Some(bias), None) => row(p, bias, None),
                (Some(bias), Some(slopes)) => row(p, bias, slopes.get(..N)),
                (None, _) => row(p, bias, slopes),
            }
        }
    }
}

/// Adds a bias to as many sums and takes the SiLU.
#[inline(always)]
fn biased_silu(sums: &mut [f32], bias: &[f32]) {
    for (sum, bias) in sums.iter_mut().zip(bias) {
        *sum = silu(*sum + bias);
    }
}
