//! Transcripts of clips that have a sound and no words, by Whisper (cargo feature `whisper`).

mod made;
#[cfg(any(test, feature = "whisper"))]
mod store;

use std::path::Path;

use cohort_data::Dataset;
use cohort_nn::DeviceChoice;

use crate::error::PipelineError;
use crate::watch::Watch;

pub use made::{MadeTranscript, TranscribeConfig, Transcribed};

/// Writes down what is said in every clip that has a sound and no transcript, and gives these clips their words; `folder`
/// then holds `transcripts.csv` and `transcripts.json`.
///
/// What a call before made of the same sounds with the same model and settings is kept; what a stopped or killed one had
/// finished, too. A sound is read in windows of as many seconds as the model takes (30), cut where it is quiet; a window
/// that is silent, or of which the network says that nobody speaks, adds no words.
///
/// # Errors
/// Weights that cannot be used; the first clip whose sound cannot be read, unless `skip_bad`;
/// [`PipelineError::Stopped`]; in a build without the feature [`PipelineError::Setting`] at once.
pub fn transcribe_missing(
    dataset: &mut Dataset,
    config: &TranscribeConfig,
    device: DeviceChoice,
    folder: &Path,
    skip_bad: bool,
    watch: &dyn Watch,
) -> Result<Transcribed, PipelineError> {
    #[cfg(feature = "whisper")]
    return with_whisper::transcribe(dataset, config, device, folder, skip_bad, watch);
    #[cfg(not(feature = "whisper"))]
    {
        let _ = (dataset, config, device, folder, skip_bad, watch);
        Err(without_whisper())
    }
}

/// What a build that cannot transcribe says.
#[cfg(any(test, not(feature = "whisper")))]
fn without_whisper() -> PipelineError {
    PipelineError::Setting {
        name: "transcribe",
        expected: "a build with Whisper (cargo build --release --features whisper)",
        found: "one without".to_string(),
    }
}

#[cfg(feature = "whisper")]
mod with_whisper {
    use super::*;

    use std::path::PathBuf;

    use cohort_audio::{
        Decoded, LOG_MEL_HOP, LOG_MEL_RATE, SILENCE, Sound, cut_at_pauses, log_mel, resample,
    };
    use cohort_data::{Clip, MediaKind, MediaSource};
    use cohort_hub::Hub;
    use cohort_nn::{Transcriber, WhisperFolder};
    use cohort_tables::content_hash;
    use rayon::prelude::*;

    use super::store::Store;
    use crate::branches::Skipped;
    use crate::dataset::all_clips;
    use crate::hashes::{file_hash, hash_of_files, settings_hash};
    use crate::modality::Modality;
    use crate::run_folder::make_folder;
    use crate::watch::say_warnings;
    use crate::weights::watched;

    /// Most clips that are listened to side by side: each takes as much memory as its attention.
    const SIDE_BY_SIDE: usize = 8;

    pub(super) fn transcribe(
        dataset: &mut Dataset,
        config: &TranscribeConfig,
        device: DeviceChoice,
        folder: &Path,
        skip_bad: bool,
        watch: &dyn Watch,
    ) -> Result<Transcribed, PipelineError> {
        let hub = Hub::from_env();
        let model = watched(watch, |progress| {
            WhisperFolder::find(&config.weights, &hub, progress)
        })?;
        let files: Vec<&Path> = model.files.iter().map(PathBuf::as_path).collect();
        let weights = hash_of_files(&files)?;
        let producer = concat!("cohort-nn ", env!("CARGO_PKG_VERSION"), " Whisper");
        let settings = settings_hash(&(&config.language, device))?;
        let maker = content_hash(format!("{producer}\n{weights}\n{settings}").as_bytes());
        make_folder(folder)?;
        let (mut store, known) = Store::open(folder, &maker)?;
        let mut all = Transcribed {
            model: config.weights.clone(),
            weights,
            language: config.language.clone(),
            made: Vec::new(),
            kept: 0,
            skipped: Vec::new(),
            file: folder.join("transcripts.csv"),
        };
        let clips: Vec<(&Clip, &Path)> = all_clips(dataset)
            .filter(|clip| clip.words().is_none())
            .filter_map(|clip| Some((clip, clip.sound()?)))
            .collect();
        let mut ear = Lazy {
            model,
            language: &config.language,
            device,
            ear: None,
        };
        let size = match device {
            DeviceChoice::Cpu => rayon::current_num_threads().clamp(1, SIDE_BY_SIDE),
            _ => 1,
        };
        watch.begin("transcripts", clips.len());
        for (number, chunk) in clips.chunks(size).enumerate() {
            if watch.stopped() {
                watch.end();
                return Err(PipelineError::Stopped);
            }
            let hashes: Vec<_> = chunk.par_iter().map(|(_, file)| file_hash(file)).collect();
            let (mut results, mut new) = (Vec::new(), Vec::new());
            for (&(clip, file), hash) in chunk.iter().zip(hashes) {
                results.push(match hash {
                    Ok(source) => match known.get(&clip.id).filter(|one| one.source == source) {
                        Some(made) => Some(Ok((made.clone(), false))),
                        None => {
                            new.push((clip, file, source));
                            None
                        }
                    },
                    Err(error) => Some(Err(error)),
                });
            }
            let heard: Vec<Result<MadeTranscript, PipelineError>> = match new.is_empty() {
                true => Vec::new(),
                false => {
                    let ear = ear.open(watch)?;
                    let listen = |(clip, file, source)| ear.listen(clip, file, source, watch);
                    new.into_par_iter().map(listen).collect()
                }
            };
            let places = results.iter_mut().filter(|place| place.is_none());
            for (place, heard) in places.zip(heard) {
                *place = Some(heard.map(|made| (made, true)));
            }
            for ((clip, _), made) in chunk.iter().zip(results.into_iter().flatten()) {
                match made {
                    Ok((made, fresh)) => {
                        match fresh {
                            true => store.append(&made)?,
                            false => all.kept += 1,
                        }
                        all.made.push(made);
                    }
                    Err(error) if skip_bad && error.is_bad_clip() => {
                        all.skipped
                            .push(Skipped::new(&clip.id, Modality::Text, &error));
                    }
                    Err(error) => {
                        watch.end();
                        return Err(error.of_clip(&clip.id));
                    }
                }
            }
            watch.at(number * size + chunk.len());
        }
        watch.end();
        store.finish(&all, &dataset.schema.name_column)?;
        give(dataset, &all.made);
        Ok(all)
    }

    /// Puts the texts into the data set's clips; both are in the same order.
    fn give(dataset: &mut Dataset, made: &[MadeTranscript]) {
        let mut rest = made.iter().peekable();
        for clip in dataset.splits.iter_mut().flat_map(|split| &mut split.clips) {
            if let Some(made) = rest.next_if(|made| made.clip == clip.id) {
                let text = MediaSource::Text(made.text.clone());
                clip.media.insert(MediaKind::Text, text);
            }
        }
    }

    /// A model, whose weights are read when the first clip needs them.
    struct Lazy<'a> {
        model: WhisperFolder,
        language: &'a str,
        device: DeviceChoice,
        ear: Option<Ear>,
    }

    impl Lazy<'_> {
        fn open(&mut self, watch: &dyn Watch) -> Result<&Ear, PipelineError> {
            let ear = match self.ear.take() {
                Some(ear) => ear,
                None => {
                    let model = self.model.clone();
                    watch.say(&format!(
                        "Whisper: weights from {}",
                        model.weights.display()
                    ));
                    Ear(Transcriber::load(model, self.language, self.device)?)
                }
            };
            Ok(self.ear.insert(ear))
        }
    }

    struct Ear(Transcriber);

    impl Ear {
        fn listen(
            &self,
            clip: &Clip,
            file: &Path,
            source: String,
            watch: &dyn Watch,
        ) -> Result<MadeTranscript, PipelineError> {
            let Decoded { sound, warnings } = cohort_audio::decode_warned(file)?;
            say_warnings(&warnings, watch);
            sound.check("transcription")?;
            let samples = resample(&sound.samples, sound.sample_rate, LOG_MEL_RATE)?;
            let config = &self.0.folder().config;
            let window = config.frames() * LOG_MEL_HOP;
            let pieces = cut_at_pauses(&samples, window);
            let mut windows = Vec::new();
            for piece in &pieces {
                let piece = Sound {
                    samples: samples[piece.clone()].to_vec(),
                    sample_rate: LOG_MEL_RATE,
                };
                // no network is asked about nothing: it would make words up
                if piece.peak() > SILENCE {
                    windows.push(log_mel(&piece.samples, window, config.num_mel_bins)?);
                }
            }
            let quiet = pieces.len() - windows.len();
            let said = self.0.transcribe(&windows)?;
            Ok(MadeTranscript {
                clip: clip.id.clone(),
                text: said.text,
                language: said.language,
                windows: pieces.len(),
                silent: quiet + said.silent,
                source,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_whisper_names_the_feature() {
        let error = without_whisper().to_string();
        assert!(error.contains("--features whisper"), "{error}");
    }
}
