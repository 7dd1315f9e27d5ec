//! `cohort features --transcribe`: transcripts that are made where there are none, kept, and used by what follows.

mod common;

use std::path::{Path, PathBuf};

use common::{cohort, copy, finish, first_media};

/// A tiny Whisper with seeded weights, whose windows are of one second.
fn tiny() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cohort-nn/tests/whisper/tiny")
}

/// A corpus of which three test clips have no transcript: the first can be heard, the second is silent, the third has no
/// sound either. Gives their ids too.
fn corpus_with_gaps(root: &Path) -> [String; 3] {
    copy(root);
    let ids: Vec<String> = (0..3)
        .map(|kind| {
            let words = first_media(root, "test", "pkl");
            std::fs::remove_file(&words).unwrap();
            let sound = words.with_extension("wav");
            if kind == 1 {
                let spec = hound::WavSpec {
                    channels: 1,
                    sample_rate: 8_000,
                    bits_per_sample: 16,
                    sample_format: hound::SampleFormat::Int,
                };
                let mut silence = hound::WavWriter::create(&sound, spec).unwrap();
                for _ in 0..20_000 {
                    silence.write_sample(0i16).unwrap();
                }
                silence.finalize().unwrap();
            }
            if kind == 2 {
                std::fs::remove_file(&sound).unwrap();
            }
            words.file_stem().unwrap().to_string_lossy().into_owned()
        })
        .collect();
    ids.try_into().unwrap()
}

fn features(root: &Path, out: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = cohort();
    command
        .arg("features")
        .arg(root)
        .arg("--json")
        .args(arguments);
    finish(command.arg("--out").arg(out))
}

#[cfg(not(feature = "whisper"))]
#[test]
fn a_build_without_whisper_says_which_feature_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("data");
    corpus_with_gaps(&root);
    let model = tiny().display().to_string();
    let out = folder.path().join("out");
    let (code, _, stderr) = features(&root, &out, &["--transcribe", &model]);
    assert_eq!(code, 2);
    assert!(stderr.contains("--features whisper"), "{stderr}");
    assert!(!out.exists());
}

#[cfg(feature = "whisper")]
mod with_whisper {
    use super::*;

    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use cohort_data::Dataset;
    use cohort_pipeline::{DeviceChoice, Silent, TranscribeConfig, Watch, transcribe_missing};
    use common::CLIPS;
    use serde_json::Value;

    fn text_clips(stdout: &str) -> u64 {
        let document: Value = serde_json::from_str(stdout).unwrap();
        let tables = document["tables"].as_array().unwrap();
        let found = tables.iter().find(|table| table["modality"] == "text");
        found.unwrap()["clips"].as_u64().unwrap()
    }

    fn document(path: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn missing_transcripts_are_made_once_and_used_by_what_follows() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (root, out) = (at("data"), at("out"));
        let [heard, silent, mute] = corpus_with_gaps(&root);
        // without the option the words of these clips are missing
        let (code, stdout, stderr) = features(&root, &at("plain"), &[]);
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(text_clips(&stdout), CLIPS as u64 - 3);
        assert!(!stdout.contains("transcribed") && !at("plain").join("transcripts.csv").exists());

        let model = tiny().display().to_string();
        let (code, stdout, stderr) = features(&root, &out, &["--transcribe", &model]);
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(text_clips(&stdout), CLIPS as u64 - 1);
        let told: Value = serde_json::from_str(&stdout).unwrap();
        let told = &told["transcribed"];
        assert_eq!((&told["clips"], &told["silent"]), (&2.into(), &1.into()));
        assert_eq!(told["model"].as_str(), Some(model.as_str()));
        let record = document(&out.join("transcripts.json"));
        assert_eq!(record["schema"], "cohort.transcripts/1");
        assert_eq!(record["weights"], told["weights"]);
        let made = record["transcripts"].as_array().unwrap();
        assert_eq!(made[0]["clip"], heard.as_str());
        assert!(!made[0]["text"].as_str().unwrap().is_empty());
        assert!(made[0]["windows"].as_u64().unwrap() > 1);
        assert_eq!(made[0]["silent"], 0);
        assert_eq!(
            (&made[1]["clip"], &made[1]["text"]),
            (&silent.as_str().into(), &"".into())
        );
        assert_eq!(
            (&made[1]["windows"], &made[1]["silent"]),
            (&3.into(), &3.into())
        );
        assert!(made.iter().all(|one| one["clip"] != mute.as_str()));

        // a second call computes nothing, and the threads do not matter
        let files = ["transcripts.json", "transcripts.csv", "text.parquet"];
        let bytes = |folder: &Path| files.map(|name| std::fs::read(folder.join(name)).unwrap());
        let first = bytes(&out);
        let (_, _, stderr) = features(&root, &out, &["--transcribe", &model]);
        assert!(!stderr.contains("weights from"), "{stderr}");
        assert!(bytes(&out) == first);
        features(
            &root,
            &at("one"),
            &["--transcribe", &model, "--threads", "1"],
        );
        assert!(bytes(&at("one")) == first);

        // a killed call's whole lines are kept, its half line is not
        let partial = out.join("transcripts.partial");
        assert!(!partial.exists());
        let kept = serde_json::json!({ "maker": record["maker"] });
        std::fs::write(&partial, format!("{kept}\n{}\n{{\"clip\": ", made[0])).unwrap();
        for name in files {
            std::fs::remove_file(out.join(name)).unwrap();
        }
        let mut command = cohort();
        command
            .arg("features")
            .arg(&root)
            .args(["--transcribe", &model]);
        let (code, stdout, stderr) = finish(command.arg("--out").arg(&out));
        assert_eq!(code, 0, "{stderr}");
        assert!(
            stdout.contains("transcripts: 2 made") && stdout.contains("1 from before"),
            "{stdout}"
        );
        assert!(bytes(&out) == first && !partial.exists());

        // as the data set's own table the texts serve every other command
        std::fs::copy(out.join("transcripts.csv"), root.join("transcripts.csv")).unwrap();
        let (code, stdout, stderr) = features(&root, &at("given"), &[]);
        assert_eq!(code, 0, "{stderr}");
        assert_eq!(text_clips(&stdout), CLIPS as u64 - 1);
        let table = std::fs::read(at("given").join("text.parquet")).unwrap();
        assert!(table == first[2]);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        let [heard, ..] = corpus_with_gaps(&root);
        let out = folder.path().join("out");
        let model = tiny().display().to_string();
        let cases: [(&[&str], &str); 4] = [
            (&["--transcribe", "no/such"], "no/such/config.json"),
            (&["--transcribe", "hf:no/such"], "hf:no/such:config.json"),
            (
                &["--transcribe", &model, "--language", "fr"],
                "auto or one of de, en, yue, found fr",
            ),
            (&["--language", "de"], "--transcribe"),
        ];
        for (arguments, part) in cases {
            let (code, _, stderr) = features(&root, &out, arguments);
            assert_eq!(code, 2, "{stderr}");
            assert!(stderr.contains(part), "{stderr}");
        }
        let mut levels = std::fs::read_dir(root.join("test")).unwrap();
        let name = format!("{heard}.wav");
        let sound =
            levels.find_map(|level| Some(level.unwrap().path().join(&name)).filter(|p| p.exists()));
        std::fs::write(sound.unwrap(), b"no sound").unwrap();
        let (code, _, stderr) = features(&root, &out, &["--transcribe", &model]);
        assert_eq!(code, 2);
        assert!(
            stderr.contains(&heard) && stderr.contains("--skip-bad"),
            "{stderr}"
        );
        let arguments = ["--transcribe", &model, "--language", "auto", "--skip-bad"];
        let (code, stdout, stderr) = features(&root, &out, &arguments);
        assert_eq!(code, 0, "{stderr}");
        let told: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(told["transcribed"]["skipped"][0]["clip"], heard.as_str());
        assert_eq!(text_clips(&stdout), CLIPS as u64 - 2);
    }

    /// Ctrl-C after the first clips.
    #[derive(Default)]
    struct Impatient(AtomicBool, AtomicUsize);

    impl Watch for Impatient {
        fn say(&self, _: &str) {}
        fn begin(&self, _: &str, _: usize) {}
        fn at(&self, done: usize) {
            self.1.store(done, Ordering::SeqCst);
            self.0.store(true, Ordering::SeqCst);
        }
        fn end(&self) {}
        fn stop(&self) -> &AtomicBool {
            &self.0
        }
    }

    #[test]
    fn a_stopped_call_goes_on_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data");
        copy(&root);
        let mut left = 0;
        for _ in 0..12 {
            std::fs::remove_file(first_media(&root, "test", "pkl")).unwrap();
            left += 1;
        }
        let config = TranscribeConfig {
            weights: tiny().display().to_string(),
            language: "en".to_string(),
        };
        let call = |out: &str, watch: &dyn Watch| {
            let mut dataset = Dataset::open(&root, None).unwrap();
            let out = folder.path().join(out);
            transcribe_missing(&mut dataset, &config, DeviceChoice::Cpu, &out, false, watch)
        };
        let whole = call("calm", &Silent::default()).unwrap();
        assert_eq!((whole.made.len(), whole.kept), (left, 0));
        let impatient = Impatient::default();
        let error = call("stopped", &impatient).unwrap_err().to_string();
        assert!(error.contains("stopped"), "{error}");
        let done = impatient.1.load(Ordering::SeqCst);
        assert!((1..left).contains(&done));
        let rest = call("stopped", &Silent::default()).unwrap();
        assert_eq!((rest.made, rest.kept), (whole.made, done));
        for name in ["transcripts.json", "transcripts.csv"] {
            let read = |out: &str| std::fs::read(folder.path().join(out).join(name)).unwrap();
            assert!(read("calm") == read("stopped"), "{name}");
        }
    }
}
