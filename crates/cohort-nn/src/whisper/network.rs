//! Whisper as a Burn module.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::decoder::{Decoder, LayerMemory};
use super::encoder::Encoder;
use crate::{LoadReport, Naming, NnError, WhisperConfig, load};
use cohort_weights::Checkpoint;

/// Encoder and decoder, in evaluation form (no dropout).
#[derive(Debug)]
pub struct Whisper {
    parts: Parts,
    config: WhisperConfig,
    device: Device,
}

/// What holds weights.
#[derive(Module, Debug)]
struct Parts {
    encoder: Encoder,
    decoder: Decoder,
}

/// What the decoder remembers of some windows: what was heard, and the tokens so far.
#[derive(Debug, Clone)]
pub struct Memory {
    layers: Vec<LayerMemory>,
    windows: usize,
    tokens: usize,
}

impl Memory {
    /// Tokens so far, of each window.
    pub fn tokens(&self) -> usize {
        self.tokens
    }
}

impl Whisper {
    /// A Whisper with the weights of a checkpoint, named and laid out as Hugging Face does. The output layer is the token
    /// table; a `proj_out.weight` in the file is passed over.
    ///
    /// # Errors
    /// [`NnError::Config`] for sizes that contradict each other, [`NnError::Load`] with the whole report for a tensor that
    /// is missing or of another shape.
    pub fn load(
        config: &WhisperConfig,
        checkpoint: &Checkpoint,
        device: &Device,
    ) -> Result<(Self, LoadReport), NnError> {
        config.validate()?;
        let parts = Parts {
            encoder: Encoder::new(config, device),
            decoder: Decoder::new(config, device),
        };
        let (parts, report) = load(parts, checkpoint, Naming::SAME)?;
        let report = report.complete()?;
        let network = Self {
            parts,
            config: config.clone(),
            device: device.clone(),
        };
        Ok((network, report))
    }

    /// Its size.
    pub fn config(&self) -> &WhisperConfig {
        &self.config
    }

    /// What is heard in a window: `mel`, frame by frame, `num_mel_bins` values each, to `[1, frames / 2, width]`.
    ///
    /// # Errors
    /// [`NnError::Config`] when `mel` is not as long as a window.
    pub fn encode(&self, mel: &[f32]) -> Result<Tensor<3>, NnError> {
        let (frames, mels) = (self.config.frames(), self.config.num_mel_bins);
        if mel.len() != frames * mels {
            return Err(NnError::Config {
                field: "max_source_positions",
                expected: format!("windows of {frames} frames of {mels} values"),
                found: format!("{} values", mel.len()),
            });
        }
        let data = TensorData::new(mel.to_vec(), [1, frames, mels]);
        let mel = Tensor::<3>::from_data(data, &self.device);
        Ok(self.parts.encoder.forward(mel.swap_dims(1, 2)))
    }

    /// A memory without tokens of what [`Self::encode`] heard in some windows, `[windows, frames / 2, width]`.
    pub fn remember(&self, heard: &Tensor<3>) -> Memory {
        Memory {
            layers: self.parts.decoder.remember(heard),
            windows: heard.dims()[0],
            tokens: 0,
        }
    }

    /// Logits after each of the tokens `ids` (of the first window, then of the next, equally many), which follow those
    /// that the memory holds and are then part of it: `[windows, n, vocabulary]`.
    ///
    /// # Errors
    /// [`NnError::Config`] for ids that are no whole rows, a token beyond the vocabulary, a text beyond the positions.
    pub fn forward(&self, ids: &[u32], memory: &mut Memory) -> Result<Tensor<3>, NnError> {
        let n = ids.len() / memory.windows.max(1);
        let wrong = |field, expected: String, found: String| NnError::Config {
            field,
            expected,
            found,
        };
        if n == 0 || n * memory.windows != ids.len() {
            let expected = format!("equally many ids for {} windows", memory.windows);
            return Err(wrong("ids", expected, ids.len().to_string()));
        }
        let (vocabulary, longest) = (self.config.vocab_size, self.config.max_target_positions);
        if let Some(id) = ids.iter().find(|&&id| id as usize >= vocabulary) {
            let expected = format!("tokens below {vocabulary}");
            return Err(wrong("vocab_size", expected, format!("token {id}")));
        }
        if memory.tokens + n > longest {
            let expected = format!("texts of at most {longest} tokens");
            let found = format!("{} tokens", memory.tokens + n);
            return Err(wrong("max_target_positions", expected, found));
        }
        let ids: Vec<i32> = ids.iter().map(|&id| id as i32).collect();
        let data = TensorData::new(ids, [memory.windows, n]);
        let ids = Tensor::<2, Int>::from_data(data, &self.device);
        let logits = (self.parts.decoder).forward(ids, memory.tokens, &mut memory.layers);
        memory.tokens += n;
        Ok(logits)
    }
}
