//! Log-mel spectrograms in, text out.

use burn::tensor::Tensor;

use super::greedy::likeliest;
use super::network::Whisper;
use crate::{DeviceChoice, NnError, WhisperFolder};

/// A window of which the network gives the mark of no speech a higher probability than this adds no words.
const NO_SPEECH: f32 = 0.6;

/// Windows of a clip that are read together: more take more memory.
const TOGETHER: usize = 8;

/// A Whisper with its folder, ready to write down what is said.
#[derive(Debug)]
pub struct Transcriber {
    network: Whisper,
    folder: WhisperFolder,
    /// The language's mark; none: the likeliest of each clip, or a model of English alone.
    language: Option<u32>,
}

/// What was said in a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// The words; empty when nothing was said.
    pub text: String,
    /// Code of the language that the words were read in; `en` where none was asked for and nothing could be heard.
    pub language: String,
    /// Windows.
    pub windows: usize,
    /// Windows without speech.
    pub silent: usize,
}

impl Transcriber {
    /// Loads the weights of a folder. `language` is a code as `en`, or `auto` for the likeliest of each clip.
    ///
    /// # Errors
    /// Unreadable weights, weights of another size, a language that the model does not know, a device that is not there.
    pub fn load(
        folder: WhisperFolder,
        language: &str,
        device: DeviceChoice,
    ) -> Result<Self, NnError> {
        let languages = folder.vocabulary.languages();
        let language = match (folder.multilingual, language) {
            (true, "auto") | (false, "auto" | "en") => None,
            (true, code) if languages.contains_key(code) => languages.get(code).copied(),
            (multilingual, code) => {
                let known: Vec<&str> = match multilingual {
                    true => languages.keys().copied().collect(),
                    false => vec!["en"],
                };
                return Err(NnError::Config {
                    field: "language",
                    expected: format!("auto or one of {}", known.join(", ")),
                    found: code.to_owned(),
                });
            }
        };
        // what the folder lacks is told before the weights are read
        folder.greedy(language)?;
        let checkpoint = folder.checkpoint()?;
        let (network, _) = Whisper::load(&folder.config, &checkpoint, &device.device()?)?;
        Ok(Self {
            network,
            folder,
            language,
        })
    }

    /// What is said in the windows of one clip, each a log-mel spectrogram, frame by frame.
    ///
    /// A window is held to be without speech when the network's probability of that is above 0.6. (Radford et al. 2022 ask
    /// for unsure words besides; with tiny.en that lets made-up words for silence, faint noise and hum through, while in real
    /// voices the probability stays far below: `docs/whisper.md`.)
    ///
    /// # Errors
    /// [`NnError::Config`] for a window of another size.
    pub fn transcribe(&self, windows: &[Vec<f32>]) -> Result<Transcript, NnError> {
        let mut transcript = Transcript {
            text: String::new(),
            language: String::new(),
            windows: windows.len(),
            silent: 0,
        };
        let mut language = self.language;
        for (number, some) in windows.chunks(TOGETHER).enumerate() {
            let heard: Result<Vec<Tensor<3>>, NnError> =
                some.iter().map(|mel| self.network.encode(mel)).collect();
            let heard = heard?;
            if number == 0 && self.folder.multilingual && language.is_none() {
                language = Some(self.detect(&heard[0])?);
            }
            let greedy = self.folder.greedy(language)?;
            for spoken in greedy.run(&self.network, &Tensor::cat(heard, 0))? {
                if spoken.no_speech > NO_SPEECH {
                    transcript.silent += 1;
                    continue;
                }
                let text = self.folder.vocabulary.text(spoken.without_loop());
                if !text.is_empty() && !transcript.text.is_empty() {
                    transcript.text.push(' ');
                }
                transcript.text += &text;
            }
        }
        transcript.language = self.code(language);
        Ok(transcript)
    }

    /// The language whose mark is the likeliest after the start of the transcript.
    fn detect(&self, heard: &Tensor<3>) -> Result<u32, NnError> {
        let start = self.folder.greedy(None)?.prefix[0];
        let mut memory = self.network.remember(heard);
        let logits = self.network.forward(&[start], &mut memory)?;
        let logits: Vec<f32> = logits.into_data().convert::<f32>().iter().collect();
        let marks = self.folder.vocabulary.languages();
        let marks = marks.values().filter_map(|&id| {
            let logit = logits.get(id as usize)?;
            Some((id as usize, *logit))
        });
        Ok(likeliest(marks)? as u32)
    }

    fn code(&self, language: Option<u32>) -> String {
        let all = self.folder.vocabulary.languages();
        let found = all.into_iter().find(|(_, id)| Some(*id) == language);
        found.map_or("en", |(code, _)| code).to_owned()
    }

    /// The folder that it was loaded from.
    pub fn folder(&self) -> &WhisperFolder {
        &self.folder
    }
}
