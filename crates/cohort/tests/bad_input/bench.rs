//! A folder to break things in, and the command run inside it, so that every message has short paths.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::common::{cohort, corpus, fixed_files};

/// What a command ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A working folder that is removed at the end; `data` below it holds the data set.
pub struct Bench {
    folder: tempfile::TempDir,
}

/// Header of the label tables.
const HEADER: &str = "VideoName,UserID,AgeGroup,Gender,Ethnicity";

/// What the codes of the tables mean, stated since the clips are not named as First Impressions' are.
const SCHEMA: &str = r#"name = "First Impressions v3"
target = "AgeGroup"

[[attribute]]
column = "AgeGroup"
ordered = true
levels = [
  { code = "1", name = "7-13" }, { code = "2", name = "14-18" }, { code = "3", name = "19-24" },
  { code = "4", name = "25-32" }, { code = "5", name = "33-45" }, { code = "6", name = "46-60" },
  { code = "7", name = "61+" },
]

[[attribute]]
column = "Gender"
levels = [{ code = "1", name = "Male" }, { code = "2", name = "Female" }]

[[attribute]]
column = "Ethnicity"
levels = [{ code = "1", name = "Asian" }, { code = "2", name = "Caucasian" }, { code = "3", name = "African-American" }]
"#;

impl Bench {
    /// An empty folder.
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Label tables and their schema: three training clips, two validation and two test clips.
    pub fn with_labels() -> Self {
        let bench = Self::new();
        bench.write("data/cohort.toml", SCHEMA);
        let splits = [
            ("train", "a.000,a,1,1,1\nb.000,b,2,2,2\nc.000,c,3,1,3\n"),
            ("valid", "d.000,d,1,1,1\ne.000,e,2,2,2\n"),
            ("test", "f.000,f,1,1,1\ng.000,g,2,2,2\n"),
        ];
        for (split, rows) in splits {
            let path = format!("data/{split}_set_age_labels.csv");
            bench.write(&path, format!("{HEADER}\n{rows}"));
        }
        bench
    }

    /// The first clip of every subject of the embedded corpus, with its media. The files are links: only
    /// [`Bench::write`] and [`Bench::remove`] may touch them.
    pub fn with_media() -> Self {
        let bench = Self::new();
        link_folder(small_corpus(), &bench.path("data"));
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// Writes a file anew, folders above it included; a link elsewhere keeps its bytes.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.remove(name);
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub fn edit(&self, name: &str, change: impl FnOnce(String) -> String) {
        let text = String::from_utf8(self.read(name)).unwrap();
        self.write(name, change(text));
    }

    pub fn make_folder(&self, name: &str) {
        std::fs::create_dir_all(self.path(name)).unwrap();
    }

    pub fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Names in a folder, sorted; none when it is not there.
    pub fn list(&self, name: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(name)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Every file below a folder but `run.json`, with its bytes.
    pub fn files(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        fixed_files(&self.path(name))
    }

    /// Asserts that no file below a folder has a temporary name.
    pub fn assert_no_half_files(&self, name: &str) {
        for (file, _) in self.files(name) {
            assert!(!file.ends_with(".tmp"), "{file} was left behind");
        }
    }

    /// Runs `cohort` in the folder; the arguments are separated by spaces.
    pub fn run(&self, arguments: &str) -> Ended {
        let output = cohort()
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        self.ended(output)
    }

    /// Runs a shell script in the folder, with `cohort` as `$COHORT`.
    pub fn shell(&self, script: &str) -> Ended {
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .env("COHORT", assert_cmd::cargo::cargo_bin!("cohort"))
            .env("NO_COLOR", "1")
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        self.ended(output)
    }

    fn ended(&self, output: std::process::Output) -> Ended {
        let place = format!("{}/", self.folder.path().display());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&place, "");
        Ended {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// Asserts that a command ends with exit code 2, this message on stderr, and nothing on stdout.
    #[track_caller]
    pub fn refuses(&self, arguments: &str, message: &str) {
        let expected = Ended {
            code: 2,
            out: String::new(),
            err: format!("error: {message}\n"),
        };
        assert_eq!(self.run(arguments), expected, "cohort {arguments}");
    }

    /// Asserts that a command is done, without a word on stderr; gives what it printed.
    #[track_caller]
    pub fn works(&self, arguments: &str) -> String {
        let ended = self.run(arguments);
        let quiet = (ended.code, ended.err.as_str());
        assert_eq!(quiet, (0, ""), "cohort {arguments}");
        ended.out
    }

    /// Asserts that `cohort data check data` ends with `code` and that its text has these findings.
    #[track_caller]
    pub fn check_finds(&self, code: i32, findings: &str) {
        let ended = self.run("data check data");
        assert_eq!(
            (ended.code, ended.err.as_str()),
            (code, ""),
            "{}",
            ended.out
        );
        assert!(
            ended.out.contains(findings),
            "{findings}\nnot in\n{}",
            ended.out
        );
    }

    /// The first training clip of the data set: its id, and its media without extension.
    pub fn first_clip(&self) -> (String, String) {
        let table = String::from_utf8(self.read("data/train_set_age_labels.csv")).unwrap();
        let row: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
        let id = row[0].strip_suffix(".mp4").unwrap();
        (id.to_string(), format!("data/train/{}/{id}", row[2]))
    }
}

/// The first clip of every subject of the embedded corpus; made once.
fn small_corpus() -> &'static Path {
    static SMALL: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = SMALL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let small = folder.path().join("small");
        for split in ["train", "valid", "test"] {
            let name = format!("{split}_set_age_labels.csv");
            let table = std::fs::read_to_string(corpus().join(&name)).unwrap();
            let mut seen = BTreeSet::new();
            let mut kept = vec![HEADER];
            for line in table.lines().skip(1) {
                let fields: Vec<&str> = line.split(',').collect();
                if !seen.insert(fields[1].to_string()) {
                    continue;
                }
                kept.push(line);
                let stem = fields[0].strip_suffix(".mp4").unwrap();
                let level = format!("{split}/{}", fields[2]);
                std::fs::create_dir_all(small.join(&level)).unwrap();
                for extension in ["jpg", "wav", "pkl"] {
                    let file = format!("{level}/{stem}.{extension}");
                    std::fs::copy(corpus().join(&file), small.join(&file)).unwrap();
                }
            }
            std::fs::write(small.join(name), kept.join("\n") + "\n").unwrap();
        }
        (folder, small)
    });
    path
}

/// A copy of a folder by links, or by bytes where the system has no links.
fn link_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            link_folder(&path, &target);
        } else if std::fs::hard_link(&path, &target).is_err() {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// A 16-bit mono WAV of `count` samples of a tone at 150 Hz.
pub fn tone(sample_rate: u32, count: usize) -> Vec<u8> {
    let step = 150.0 * std::f64::consts::TAU / f64::from(sample_rate.max(1));
    wav(1, sample_rate, 2, count, |i| {
        ((9_000.0 * (i as f64 * step).sin()) as i16)
            .to_le_bytes()
            .to_vec()
    })
}

/// A 16-bit mono WAV of silence.
pub fn silence(sample_rate: u32, count: usize) -> Vec<u8> {
    wav(1, sample_rate, 2, count, |_| vec![0, 0])
}

/// A 32-bit float mono WAV.
pub fn floats(sample_rate: u32, samples: &[f32]) -> Vec<u8> {
    wav(3, sample_rate, 4, samples.len(), |i| {
        samples[i].to_le_bytes().to_vec()
    })
}

fn wav(
    tag: u16,
    rate: u32,
    width: usize,
    count: usize,
    sample: impl Fn(usize) -> Vec<u8>,
) -> Vec<u8> {
    let length = (width * count) as u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0");
    bytes.extend(tag.to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate.wrapping_mul(width as u32)).to_le_bytes());
    bytes.extend((width as u16).to_le_bytes());
    bytes.extend((8 * width as u16).to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(length.to_le_bytes());
    bytes.extend((0..count).flat_map(sample));
    bytes
}

/// Class probabilities of seven classes as CSV, 0.4 for the predicted one: rows of clip, ground truth, prediction.
pub fn predictions(rows: &[(&str, usize, usize)]) -> String {
    let mut text = "VideoName,ground_truth,prediction,p1,p2,p3,p4,p5,p6,p7\n".to_string();
    for &(clip, truth, predicted) in rows {
        text += &format!("{clip},{truth},{predicted}");
        for class in 1..=7 {
            text += if class == predicted { ",0.4" } else { ",0.1" };
        }
        text += "\n";
    }
    text
}
