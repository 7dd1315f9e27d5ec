//! Token ids in, one vector a text out.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::packed::check_ids;
use super::pooling::normalise;
use crate::{Bert, BertConfig, BertFolder, DeviceChoice, NnError, PackedBert, Pooling};

/// A frozen BERT with its pooling.
#[derive(Debug)]
pub struct SentenceEncoder {
    engine: Engine,
    config: BertConfig,
    pooling: Pooling,
    normalise: bool,
}

#[derive(Debug)]
enum Engine {
    Packed(PackedBert),
    Module { bert: Box<Bert>, device: Device },
}

impl SentenceEncoder {
    /// Loads the weights of a folder: packed on the CPU, as a Burn module on a GPU.
    ///
    /// # Errors
    /// Unreadable weights, weights of another size, a device that is not there.
    pub fn load(folder: &BertFolder, device: DeviceChoice) -> Result<Self, NnError> {
        let weights = folder.read_weights()?;
        let engine = match device {
            DeviceChoice::Cpu => Engine::Packed(PackedBert::load(&folder.config, weights)?),
            other => {
                let device = other.device()?;
                let bert = Box::new(Bert::load(&folder.config, weights, &device)?);
                Engine::Module { bert, device }
            }
        };
        Ok(Self {
            engine,
            config: folder.config.clone(),
            pooling: folder.pooling,
            normalise: folder.normalise,
        })
    }

    /// Width of a vector.
    pub fn width(&self) -> usize {
        self.config.hidden_size
    }

    /// Whether [`Self::embed`] keeps to one thread, so that batches may be computed side by side.
    pub fn is_single_threaded(&self) -> bool {
        matches!(self.engine, Engine::Packed(_))
    }

    /// The vector of each text of a batch; a text is its token ids with the marks at both ends, and without padding.
    ///
    /// # Errors
    /// [`NnError::Config`] for a token beyond the vocabulary or a text beyond the longest length.
    pub fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, NnError> {
        let width = self.width();
        // where each text's token vectors begin, in tokens
        let (vectors, stride) = match &self.engine {
            Engine::Packed(bert) => (bert.forward(texts)?, None),
            Engine::Module { bert, device } => {
                let longest = texts.iter().map(|ids| ids.len()).max().unwrap_or(0);
                (self.padded(bert, device, texts, longest)?, Some(longest))
            }
        };
        let mut first = 0;
        let pooled = texts.iter().map(|ids| {
            let own = &vectors[first * width..(first + ids.len()) * width];
            first += stride.unwrap_or(ids.len());
            let mut vector = self.pooling.pool(own, width);
            if self.normalise {
                normalise(&mut vector);
            }
            vector
        });
        Ok(pooled.collect())
    }

    /// Token vectors `[texts, longest, width]` by way of the module.
    fn padded(
        &self,
        bert: &Bert,
        device: &Device,
        texts: &[&[u32]],
        longest: usize,
    ) -> Result<Vec<f32>, NnError> {
        if longest == 0 {
            return Ok(Vec::new());
        }
        let mut ids = Vec::with_capacity(texts.len() * longest);
        let mut mask = Vec::with_capacity(texts.len() * longest);
        for text in texts {
            check_ids(&self.config, text)?;
            let rest = longest - text.len();
            ids.extend(text.iter().map(|&id| id as i32));
            ids.extend(std::iter::repeat_n(0, rest));
            mask.extend(std::iter::repeat_n(1.0f32, text.len()));
            mask.extend(std::iter::repeat_n(0.0, rest));
        }
        let shape = [texts.len(), longest];
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), device);
        let mask = Tensor::<2>::from_data(TensorData::new(mask, shape), device);
        let data = bert.forward(ids, mask).into_data().convert::<f32>();
        Ok(data.iter().collect())
    }
}

/// Batches of texts of like length: positions in `lengths`, longest first, at most `tokens` tokens a batch with each
/// text taken as long as the batch's longest (a longer text is a batch of its own).
///
/// Equal lengths stay in their order, so that equal input gives equal batches.
pub fn bucket(lengths: &[usize], tokens: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for i in order {
        match batches.last_mut() {
            Some(batch) if lengths[batch[0]] * (batch.len() + 1) <= tokens => batch.push(i),
            _ => batches.push(vec![i]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::bucket;

    #[test]
    fn buckets_hold_every_text_once_and_keep_the_limit() {
        assert_eq!(
            bucket(&[3, 9, 3, 1, 20], 12),
            [vec![4], vec![1], vec![0, 2, 3]]
        );
        let lengths: Vec<usize> = (0..500).map(|i| (i * i) % 97).collect();
        let batches = bucket(&lengths, 256);
        let mut all: Vec<usize> = batches.concat();
        all.sort_unstable();
        assert_eq!(all, (0..500).collect::<Vec<_>>());
        for batch in batches {
            let longest = batch.iter().map(|&i| lengths[i]).max().unwrap();
            assert!(longest * batch.len() <= 256);
        }
    }
}
