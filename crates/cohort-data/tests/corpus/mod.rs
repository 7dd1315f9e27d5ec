//! A small data set in the First Impressions layout, with nothing wrong with it, to break in tests.

// Each test file uses its own part of this.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Clip, subject, age group, gender, ethnicity.
pub const CLIPS: [(&str, &[[&str; 5]]); 3] = [
    (
        "train",
        &[
            ["-aaaaaaaaaa.000.mp4", "-aaaaaaaaaa", "4", "1", "2"],
            ["-aaaaaaaaaa.001.mp4", "-aaaaaaaaaa", "4", "1", "2"],
            ["bbbbbbbbbbb.003.mp4", "bbbbbbbbbbb", "3", "2", "1"],
            ["ccccccccccc.000.mp4", "ccccccccccc", "7", "2", "3"],
        ],
    ),
    (
        "valid",
        &[
            ["ddddddddddd.000.mp4", "ddddddddddd", "4", "2", "2"],
            ["eeeeeeeeeee.000.mp4", "eeeeeeeeeee", "1", "1", "2"],
        ],
    ),
    (
        "test",
        &[
            ["fffffffffff.002.mp4", "fffffffffff", "4", "1", "2"],
            ["ggggggggggg.000.mp4", "ggggggggggg", "5", "2", "2"],
        ],
    ),
];

pub const HEADER: &str = "VideoName,UserID,AgeGroup,Gender,Ethnicity";

pub struct Corpus {
    folder: TempDir,
}

impl Corpus {
    /// Label tables and media.
    pub fn whole() -> Self {
        let corpus = Self::labels_only();
        let mut seed = 0;
        for (split, rows) in CLIPS {
            for [name, _, age, ..] in rows {
                seed += 1;
                let id = name.trim_end_matches(".mp4");
                let stem = corpus.path(&format!("{split}/{age}/{id}"));
                fs::create_dir_all(stem.parent().unwrap()).unwrap();
                picture(seed)
                    .save(format!("{}.jpg", stem.display()))
                    .unwrap();
                sound(seed, Path::new(&format!("{}.wav", stem.display())));
                fs::write(
                    format!("{}.pkl", stem.display()),
                    pickle("So this is what I said."),
                )
                .unwrap();
            }
        }
        corpus
    }

    pub fn labels_only() -> Self {
        let corpus = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (split, rows) in CLIPS {
            let lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
            corpus.write(&table(split), format!("{HEADER}\n{}\n", lines.join("\n")));
        }
        corpus
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn append(&self, name: &str, line: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        self.write(name, format!("{text}{line}\n"));
    }

    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        self.write(name, text.replace(from, to));
    }

    pub fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// The error's message with the temporary folder's name taken out.
    pub fn plain(&self, message: &impl ToString) -> String {
        message
            .to_string()
            .replace(&self.root().display().to_string(), "ROOT")
    }
}

pub fn table(split: &str) -> String {
    format!("{split}_set_age_labels.csv")
}

/// Python's `pickle.dumps(text, 4)` of a short text, without the optional frame.
pub fn pickle(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [
        b"\x80\x04\x8c".as_slice(),
        &[length],
        text.as_bytes(),
        b"\x94.",
    ]
    .concat()
}

/// A picture of a few random waves: different seeds give pictures that do not look alike.
pub fn picture(seed: u64) -> image::RgbImage {
    let mut draw = numbers(seed);
    let waves: Vec<[f64; 4]> = (0..6)
        .map(|_| [draw() * 0.12, draw() * 0.12, draw() * 6.3, draw()])
        .collect();
    image::RgbImage::from_fn(96, 112, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let sum: f64 = waves
            .iter()
            .map(|[u, v, phase, size]| size * (u * x + v * y + phase).sin())
            .sum();
        let level = (128.0 + 30.0 * sum).clamp(0.0, 255.0) as u8;
        image::Rgb([level, level / 2 + 60, 255 - level])
    })
}

/// A second of noise at 8 kHz, 16 bit.
pub fn sound(seed: u64, path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    let mut draw = numbers(seed + 1000);
    for _ in 0..8000 {
        writer
            .write_sample((20000.0 * (draw() - 0.5)) as i16)
            .unwrap();
    }
    writer.finalize().unwrap();
}

/// Numbers from 0 to 1 by a linear congruential generator (Knuth's MMIX).
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}
