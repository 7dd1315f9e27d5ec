//! Batches of pictures with their captions.

use cohort_nn::derive_seed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::Pairs;
use crate::classify::batch::Batch;
use crate::plan::{Augment, Draw, Plan};
use crate::random::shuffle;
use crate::{Source, TrainError};

/// Pictures, captions, and the picture of each caption by its place in the batch.
pub(crate) struct PairBatch {
    pub(crate) pictures: Batch,
    pub(crate) captions: Batch,
    pub(crate) picture_of: Vec<usize>,
}

/// The captions of every picture.
pub(crate) struct Captions {
    of: Vec<Vec<usize>>,
}

impl Captions {
    pub(crate) fn new(pairs: &Pairs) -> Self {
        let mut of = vec![Vec::new(); pairs.pictures.len()];
        for caption in 0..pairs.captions.len() {
            of[pairs.captions.label(caption)].push(caption);
        }
        Self { of }
    }

    /// The pictures that have any, in order.
    pub(crate) fn pictures(&self) -> Vec<usize> {
        let of = self.of.iter().enumerate();
        of.filter(|(_, own)| !own.is_empty())
            .map(|(picture, _)| picture)
            .collect()
    }

    /// The pictures of an epoch (from 0), each once, in another order every time.
    pub(crate) fn plan(&self, epoch: usize, batch_size: usize, seed: u64) -> Plan {
        let mut pictures = self.pictures();
        let seed = derive_seed(seed, "pairs", &[epoch as u64]);
        shuffle(&mut pictures, &mut ChaCha8Rng::seed_from_u64(seed));
        Plan::of(draws(pictures), batch_size)
    }

    /// The pictures in their own order.
    pub(crate) fn in_order(&self, batch_size: usize) -> Plan {
        Plan::of(draws(self.pictures()), batch_size)
    }

    /// The first captions of the pictures of a batch, at most `most` of each.
    pub(crate) fn places(&self, drawn: &[Draw], most: usize) -> Places {
        self.chosen(drawn, |own| own.truncate(most))
    }

    /// Reads a batch, with at most `most` captions of each picture, drawn by seed and epoch.
    pub(crate) fn batch(
        &self,
        pairs: &Pairs,
        drawn: &[Draw],
        most: usize,
        augment: Augment,
    ) -> Result<PairBatch, TrainError> {
        let places = match augment {
            None => self.places(drawn, most),
            Some((seed, epoch)) => {
                let mut pictures = drawn.iter().map(|draw| draw.index as u64);
                self.chosen(drawn, |own| {
                    let picture = pictures.next().unwrap_or_default();
                    let seed = derive_seed(seed, "captions", &[epoch as u64, picture]);
                    shuffle(own, &mut ChaCha8Rng::seed_from_u64(seed));
                    own.truncate(most);
                })
            }
        };
        Ok(PairBatch {
            pictures: Batch::load(pairs.pictures, drawn, augment)?,
            captions: Batch::load(pairs.captions, &draws(places.captions), augment)?,
            picture_of: places.picture_of,
        })
    }

    fn chosen(&self, drawn: &[Draw], mut choose: impl FnMut(&mut Vec<usize>)) -> Places {
        let mut places = Places::default();
        for (place, draw) in drawn.iter().enumerate() {
            let mut own = self.of[draw.index].clone();
            choose(&mut own);
            places.pictures.push(draw.index);
            let here = std::iter::repeat_n(place, own.len());
            places.picture_of.extend(here);
            places.captions.extend(own);
        }
        places
    }
}

/// The samples of a batch by their positions.
#[derive(Default)]
pub(crate) struct Places {
    pub(crate) pictures: Vec<usize>,
    pub(crate) captions: Vec<usize>,
    /// The picture of each caption by its place in the batch.
    pub(crate) picture_of: Vec<usize>,
}

/// Each once.
fn draws(indices: Vec<usize>) -> Vec<Draw> {
    let draw = |index| Draw {
        index,
        variant: 0,
        repeat: 0,
    };
    indices.into_iter().map(draw).collect()
}

/// Samples whose negative values are zero.
pub(crate) struct Rectified<'a>(pub(crate) &'a dyn Source);

impl Source for Rectified<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    fn label(&self, index: usize) -> usize {
        self.0.label(index)
    }

    fn name(&self, index: usize) -> String {
        self.0.name(index)
    }

    fn column(&self, position: usize) -> String {
        self.0.column(position)
    }

    fn fill(&self, index: usize, augment: Option<u64>, out: &mut [f32]) -> Result<(), TrainError> {
        self.0.fill(index, augment, out)?;
        // not by max, which would hide what is no number
        out.iter_mut().filter(|v| **v < 0.0).for_each(|v| *v = 0.0);
        Ok(())
    }
}
