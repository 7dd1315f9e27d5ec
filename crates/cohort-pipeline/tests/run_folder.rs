//! Whole runs on a made corpus, of a few epochs, in this process.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cohort_data::{Dataset, MediaKind};
use cohort_eval::{Audit, AuditSettings, IntervalSettings, audit};
use cohort_fusion::Figure;
use cohort_pipeline::{
    ClipMedia, Damage, Modality, PipelineError, PredictSettings, RunConfig, Silent, SweepGrid,
    Watch, damages, degrade, feature_tables, predict, run, sweep,
};
use cohort_synth::{SynthSettings, synthesise};
use cohort_tables::{EmbeddingTable, LabelTable, Predictions, id_key};
use cohort_vision::{Picture, encode_jpeg};

/// A corpus of 90 clips, made once. Nobody may change it.
fn corpus() -> &'static Path {
    static CORPUS: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = CORPUS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corpus");
        let settings = SynthSettings { clips: 90, seed: 3 };
        synthesise(&path, &settings, &|_, _| ()).unwrap();
        (folder, path)
    });
    path
}

/// Two epochs of everything.
fn config(data: &Path) -> RunConfig {
    let mut config = RunConfig {
        data: data.to_path_buf(),
        ..RunConfig::default()
    };
    config.features.image_size = 16;
    config.fusion.resamples = 100;
    config.audit.resamples = 100;
    for train in config.every_train_settings() {
        train.epochs = 2;
    }
    config.resolve().unwrap()
}

/// A whole run, made once.
fn finished() -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        run(&config(corpus()), &out, false, &Silent::default()).unwrap();
        (folder, out)
    });
    path
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// Every file below a folder whose bytes a seed fixes, by relative path.
fn fixed_files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "run.json" {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Probabilities by clip.
fn by_clip(table: &Predictions) -> HashMap<String, Vec<f64>> {
    let rows = table.names.iter().enumerate();
    rows.map(|(row, name)| (id_key(name), table.row(row).unwrap().to_vec()))
        .collect()
}

/// Stops the work when it has been asked so many times.
struct StopsAfter {
    asked: AtomicUsize,
    most: usize,
    flag: AtomicBool,
}

impl Watch for StopsAfter {
    fn say(&self, _line: &str) {}
    fn begin(&self, _what: &str, _total: usize) {}
    fn at(&self, _done: usize) {
        if self.asked.fetch_add(1, Ordering::SeqCst) >= self.most {
            self.flag.store(true, Ordering::SeqCst);
        }
    }
    fn end(&self) {}
    fn stop(&self) -> &AtomicBool {
        &self.flag
    }
}

#[test]
fn new_media_are_answered_as_the_test_clips_were() {
    let dataset = Dataset::open(corpus(), None).unwrap();
    let test = &dataset.schema.splits[2];
    let clips = ClipMedia::from_dataset(&dataset, Some(test)).unwrap();
    let answers = predict(
        finished(),
        &clips,
        &PredictSettings::default(),
        &Silent::default(),
    )
    .unwrap();
    let read = |file: &str| by_clip(&Predictions::read(&finished().join(file), None).unwrap());
    let (fused, joint) = (read("predictions.csv"), read("joint/predictions.csv"));
    assert_eq!(answers.clips.len(), fused.len());
    let close = |a: &[f64], b: &[f64], what: &str| {
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() < 1e-5, "{what}: {a} {b}");
        }
    };
    let record = std::fs::read(finished().join("fused/fusion.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let prior: Vec<f64> = serde_json::from_value(record["model"]["prior"].clone()).unwrap();
    let mut both = 0;
    for answer in &answers.clips {
        close(&answer.probabilities, &fused[&answer.clip], &answer.clip);
        // the joint table holds the clips that have everything
        if answer.modalities.len() == 3 {
            let mine = answer.joint_probabilities.as_ref().unwrap();
            close(mine, &joint[&answer.clip], &answer.clip);
            both += 1;
        }
        // shares explain the answer: they sum to the logarithm of its probability over the prior
        let class = answers
            .classes
            .iter()
            .position(|code| *code == answer.class);
        let class = class.unwrap();
        let expected = (answer.probabilities[class] / prior[class]).ln();
        let sum: f64 = answer.shares.values().sum();
        assert!((sum - expected).abs() < 1e-9, "{sum} {expected}");
    }
    assert!(both > 5, "{both} clips have everything");
}

#[test]
fn one_modality_alone_is_answered_as_its_own_model_answers() {
    for modality in Modality::ALL {
        let dataset = Dataset::open(corpus(), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let alone = RunConfig {
            modalities: vec![modality],
            ..config(corpus())
        };
        run(&alone, &out, false, &Silent::default()).unwrap();
        // the same model as in a run of all three
        let of = |run: &Path| std::fs::read(run.join(modality.name()).join("predictions.csv"));
        assert_eq!(of(&out).unwrap(), of(finished()).unwrap(), "{modality}");
        assert!(!out.join("joint").exists());
        let clips = ClipMedia::from_dataset(&dataset, Some(&dataset.schema.splits[2])).unwrap();
        let answers = predict(
            &out,
            &clips,
            &PredictSettings::default(),
            &Silent::default(),
        )
        .unwrap();
        for answer in &answers.clips {
            assert_eq!(answer.modalities, [modality]);
        }
    }
}

#[test]
fn a_run_that_is_stopped_again_and_again_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let (mut stops, mut most) = (0, 1);
    loop {
        let watch = StopsAfter {
            asked: AtomicUsize::new(0),
            most,
            flag: AtomicBool::new(false),
        };
        match run(&config(corpus()), &out, true, &watch) {
            Ok(_) => break,
            Err(PipelineError::Stopped) => stops += 1,
            Err(other) => panic!("{other}"),
        }
        most += 7;
        assert!(stops < 200, "the run makes no progress");
    }
    assert!(stops > 3, "{stops} stops");
    let (a, b) = (fixed_files(finished()), fixed_files(&out));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        // paths of the corpus stand relative to the folder
        assert!(*bytes == b[name] || name == "config.toml", "{name} differs");
    }
}

#[test]
fn a_feature_table_is_made_anew_where_a_clip_changed_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("data"), folder.path().join("features"));
    copy_folder(corpus(), &data);
    let config = config(&data);
    let make = || {
        let dataset = Dataset::open(&data, None).unwrap();
        feature_tables(&dataset, &config, &out, &Silent::default()).unwrap();
        EmbeddingTable::read(&out.join("acoustic.parquet")).unwrap()
    };
    let before = make();
    // all but one of the vectors are replaced by ones that no sound gives: what is kept shows
    let dataset = Dataset::open(&data, None).unwrap();
    let clips = dataset.splits.iter().flat_map(|split| &split.clips);
    let media: Vec<ClipMedia> = clips.map(ClipMedia::from).collect();
    let sound = |one: &ClipMedia| one.media.file(MediaKind::Sound).map(Path::to_path_buf);
    let with_sound: Vec<&ClipMedia> = media.iter().filter(|one| sound(one).is_some()).collect();
    let (first, second) = (with_sound[0], with_sound[1]);
    std::fs::copy(sound(second).unwrap(), sound(first).unwrap()).unwrap();
    let mut marked = before.clone();
    marked.values.iter_mut().for_each(|value| *value = 0.5);
    marked.write(&out.join("acoustic.parquet")).unwrap();
    let after = make();
    let row = |table: &EmbeddingTable, clip: &str| {
        let at = table.clips.iter().position(|one| one == clip).unwrap();
        table.row(at).unwrap().to_vec()
    };
    assert_eq!(after.clips, before.clips);
    assert_eq!(row(&after, &first.clip), row(&before, &second.clip));
    assert!(row(&after, &second.clip).iter().all(|value| *value == 0.5));
}

#[test]
fn damage_that_does_nothing_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    copy_folder(finished(), &out);
    let dataset = Dataset::open(corpus(), None).unwrap();
    let harmless: Vec<Damage> = damages()
        .into_iter()
        .filter(|damage| damage.severities[0] == 0.0)
        .map(|mut damage| {
            damage.severities = &damage.severities[..1];
            damage
        })
        .collect();
    assert_eq!(harmless.len(), 5, "all but the noise");
    let intervals = IntervalSettings {
        resamples: 100,
        ..IntervalSettings::default()
    };
    let found = degrade(
        &out,
        &dataset,
        &harmless,
        None,
        &intervals,
        &Silent::default(),
    )
    .unwrap();
    let accuracy: Vec<f64> = found
        .points
        .iter()
        .filter(|point| point.model == "late")
        .map(|point| {
            let of = |figure: &&Figure| figure.metric == "accuracy";
            let figure = point.figures.iter().find(of).unwrap();
            figure.interval.value().unwrap()
        })
        .collect();
    let fused = Predictions::read(&out.join("predictions.csv"), None).unwrap();
    let truth = fused.truth.as_ref().unwrap();
    let right = truth.iter().zip(&fused.predicted).filter(|(a, b)| a == b);
    let expected = right.count() as f64 / truth.len() as f64;
    assert_eq!(accuracy, vec![expected; 5]);
}

#[test]
fn cells_of_a_sweep_are_trained_once() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sweep");
    let grid = SweepGrid {
        batch_sizes: vec![16, 32],
        ..SweepGrid::default()
    };
    let config = config(corpus());
    let first = sweep(&config, Modality::Text, &grid, &out, &Silent::default()).unwrap();
    assert_eq!(first.cells.len(), 2);
    let model = out
        .join(&first.cells[0].name)
        .join("checkpoints/best.safetensors");
    let made = std::fs::metadata(&model).unwrap().modified().unwrap();
    let grid = SweepGrid {
        batch_sizes: vec![16, 32, 64],
        ..grid
    };
    let second = sweep(&config, Modality::Text, &grid, &out, &Silent::default()).unwrap();
    assert_eq!(second.cells[..2], first.cells[..]);
    assert_eq!(std::fs::metadata(&model).unwrap().modified().unwrap(), made);
}

#[test]
fn a_sweep_over_data_sets_compares_them_where_their_test_items_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["first", "second", "other"] {
        copy_folder(corpus(), &at(name));
    }
    // fewer training rows; then fewer test rows
    let shorten = |name: &str, table: &str| {
        let path = at(name).join(table);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        std::fs::write(path, lines[..lines.len() * 3 / 4].join("\n")).unwrap();
    };
    shorten("second", "train_set_age_labels.csv");
    shorten("other", "test_set_age_labels.csv");
    let sweep_of = |more: &[&str], out: &str| {
        let grid = SweepGrid {
            more_data: more.iter().map(|name| at(name)).collect(),
            seeds: vec![1, 2],
            ..SweepGrid::default()
        };
        let config = config(&at("first"));
        sweep(&config, Modality::Text, &grid, &at(out), &Silent::default())
    };
    let alone = sweep_of(&[], "out").unwrap();
    let found = sweep_of(&["second"], "out").unwrap();
    // a sweep of one data set grows
    assert_eq!(found.cells[..2], alone.cells[..]);
    assert_eq!(found.cells.len(), 4);
    assert!(
        found.cells[2].name.starts_with("second-batch"),
        "{}",
        found.cells[2].name
    );
    let sizes: Vec<[usize; 2]> = found.data_sets.iter().map(|d| [d.train, d.test]).collect();
    assert_eq!(sizes[0][1], sizes[1][1]);
    assert!(sizes[1][0] < sizes[0][0]);
    assert!(found.same_test);
    assert_eq!(found.data_sets[0].majority, found.data_sets[1].majority);
    // a setting's figure is the mean of its runs
    assert_eq!(found.settings.len(), 2);
    for setting in &found.settings {
        let runs = found.cells.iter().filter(|cell| cell.data == setting.data);
        let values: Vec<f64> = runs.map(|c| c.test.accuracy.value().unwrap()).collect();
        assert_eq!(values.len(), 2);
        let mean = (values[0] + values[1]) / 2.0;
        assert!((setting.test_accuracy.mean - mean).abs() < 1e-12);
        let deviation = (values[0] - values[1]).abs() / 2.0_f64.sqrt();
        assert!((setting.test_accuracy.deviation.unwrap() - deviation).abs() < 1e-12);
    }
    let svg = std::fs::read_to_string(at("out").join("boxes.svg")).unwrap();
    assert_eq!(svg.matches("<circle").count(), 4, "{svg}");
    assert!(found.to_text().contains("second"));

    let found = sweep_of(&["other"], "elsewhere").unwrap();
    assert!(!found.same_test);
    assert!(
        found.to_text().contains("not of the same task"),
        "{}",
        found.to_text()
    );
    let told = sweep_of(&["second", "../x/second"], "third").unwrap_err();
    assert!(told.to_string().contains("different names"), "{told}");
}

#[test]
fn settings_that_no_model_can_be_trained_with_end_the_run_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let mut bad = config(corpus());
    bad.audit.groups = vec!["Shoe size".into()];
    let told = run(&bad, &out, false, &Silent::default()).unwrap_err();
    assert!(told.to_string().contains("Shoe size"), "{told}");
    assert!(!out.join("config.toml").exists());
}

/// Class folders of small pictures: each class a colour of its own, some pictures of the next class's colour.
fn class_folders(root: &Path) {
    let colours = [[200, 40, 40], [40, 200, 40], [40, 40, 200]];
    for (class, name) in ["coast", "forest", "street"].iter().enumerate() {
        let folder = root.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for i in 0..24_usize {
            let [r, g, b] = colours[(class + usize::from(i % 3 == 2)) % 3];
            let rgb: Vec<u8> = (0..24 * 24)
                .flat_map(|at: usize| {
                    let noise = ((at * 31 + i * 17 + class * 7) % 40) as u8;
                    [r + noise, g + noise, b + noise]
                })
                .collect();
            let picture = Picture::new(24, 24, rgb).unwrap();
            let jpeg = encode_jpeg(&picture, 95).unwrap();
            std::fs::write(folder.join(format!("{i:02}.jpg")), jpeg).unwrap();
        }
    }
}

#[test]
fn class_folders_run_without_a_configuration_and_without_a_word_of_age() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("scenes"), folder.path().join("run"));
    class_folders(&data);
    let mut config = config(&data);
    config.image.train.epochs = 8;
    config.image.train.batch_size = 8;
    run(&config, &out, false, &Silent::default()).unwrap();
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(out.join(name)).unwrap()).unwrap()
    };
    // splits that were made are written, every picture once
    let splits = std::fs::read_to_string(out.join("splits.csv")).unwrap();
    assert_eq!(splits.lines().count(), 1 + 72);
    // metrics of an order are not there for classes that have none
    let headline = read("headline.json");
    for row in headline["rows"].as_array().unwrap() {
        assert!(row.get("quadratic_kappa").is_none() && row.get("macro_f1").is_some());
    }
    // the mistakes are the wrong rows, the surest first
    let predictions = Predictions::read(&out.join("predictions.csv"), None).unwrap();
    let truth = predictions.truth.as_ref().unwrap();
    let mut wrong: Vec<(f64, &str)> = (0..predictions.len())
        .filter(|&row| truth[row] != predictions.predicted[row])
        .map(|row| {
            let p = predictions.row(row).unwrap()[predictions.predicted[row]];
            (p, predictions.names[row].as_str())
        })
        .collect();
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mistakes = read("mistakes.json");
    assert_eq!(mistakes["wrong"], wrong.len());
    assert!(!wrong.is_empty(), "pictures of another class's colour");
    let shown = mistakes["mistakes"].as_array().unwrap();
    assert_eq!(shown[0]["clip"], wrong[0].1);
    for one in shown {
        assert!(wrong.iter().any(|(_, name)| *name == one["clip"]));
        assert!(out.join(one["picture"].as_str().unwrap()).is_file());
    }
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert_eq!(page.matches("data:image/jpeg").count(), shown.len());
    // what people read: without markup, style and drawings' attributes
    let mut text = String::new();
    let mut inside = false;
    let body = page.split("</style>").last().unwrap();
    for letter in body.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            other if !inside => text.push(other),
            _ => {}
        }
    }
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphabetic()).collect();
    for word in ["age", "ages", "years", "older", "younger", "face", "faces"] {
        assert!(!words.contains(&word), "{word}");
    }
    // two runs from two places give the same bytes
    let again = folder.path().join("deeper/again");
    run(&config, &again, false, &Silent::default()).unwrap();
    let (a, b) = (fixed_files(&out), fixed_files(&again));
    for (name, bytes) in &a {
        assert!(*bytes == b[name] || name == "config.toml", "{name} differs");
    }
}

#[test]
fn an_audit_by_itself_gives_the_verdict_of_the_run() {
    let dataset = Dataset::open(corpus(), None).unwrap();
    let mut labels = LabelTable::default();
    for split in &dataset.splits {
        labels.append(&split.labels, corpus()).unwrap();
    }
    for folder in ["", "joint", "image", "audio", "text"] {
        let folder = finished().join(folder);
        let written = std::fs::read(folder.join("audit.json")).unwrap();
        let written: Audit = serde_json::from_slice(&written).unwrap();
        let predictions = Predictions::read(&folder.join("predictions.csv"), None).unwrap();
        let settings = AuditSettings {
            seed: written.settings.seed,
            resamples: written.settings.resamples,
            subject: written.settings.subject.clone(),
            target: written.settings.target.clone(),
            groups: written.settings.groups.clone(),
            ordered: written.settings.ordered,
            midpoints: written.settings.midpoints.clone(),
            names: written.settings.names.clone(),
            meanings: written.settings.meanings.clone(),
            // the level is that of any audit
            ..AuditSettings::default()
        };
        let alone = audit(&predictions, &labels, &settings).unwrap();
        assert_eq!(alone.fairness, written.fairness, "{}", folder.display());
        assert_eq!(alone.findings, written.findings);
        assert_eq!(alone.metrics, written.metrics);
    }
}
