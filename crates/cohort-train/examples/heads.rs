//! Heads on cached embeddings, one loss beside the other, over several seeds.
//!
//!     cargo run --release -p cohort-train --example heads -- EMBEDDINGS.csv OUT [SEEDS]
//!
//! The table has the columns file, split (train, valid, test), label (0 to K - 1) and the
//! embedding. For every loss and seed OUT gets `LOSS-SEED.csv` with the test predictions
//! (file,label,p1..pK); `scripts/heads.py` scores and compares them.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use cohort_train::{
    Head, Job, MemorySource, MlpConfig, ModelConfig, RunFolder, Selection, Silent, Source,
    TrainSettings, train,
};

/// The samples of one split, and the number of classes seen.
fn samples(table: &str, split: &str) -> Result<(MemorySource, usize), Box<dyn Error>> {
    let (mut names, mut labels, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (line, row) in table.lines().enumerate().skip(1) {
        let mut cells = row.split(',');
        let (Some(name), Some(part), Some(label)) = (cells.next(), cells.next(), cells.next())
        else {
            return Err(format!("line {}: expected file,split,label,...", line + 1).into());
        };
        if part == split {
            names.push(name.to_owned());
            labels.push(label.trim().parse::<usize>()?);
            for cell in cells {
                values.push(cell.trim().parse::<f32>()?);
            }
        }
    }
    let classes = labels.iter().max().map_or(0, |most| most + 1);
    let width = values.len() / names.len().max(1);
    Ok((
        MemorySource::new(vec![width], names, labels, values)?,
        classes,
    ))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(table), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: heads EMBEDDINGS.csv OUT [SEEDS]".into());
    };
    let seeds: u64 = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let table = std::fs::read_to_string(table)?;
    let (training, classes) = samples(&table, "train")?;
    let (valid, _) = samples(&table, "valid")?;
    let (test, _) = samples(&table, "test")?;
    let base = TrainSettings {
        epochs: 40,
        patience: 10,
        batch_size: 64,
        learning_rate: 1e-3,
        selection: Selection::MacroMae,
        ..TrainSettings::default()
    };
    let losses = [
        ("cross-entropy", base.clone()),
        (
            "soft-labels",
            TrainSettings {
                ordinal_width: 0.7,
                ..base.clone()
            },
        ),
        (
            "mean-variance",
            TrainSettings {
                mean_loss: 0.2,
                variance_loss: 0.05,
                ..base.clone()
            },
        ),
        (
            "cumulative-link",
            TrainSettings {
                head: Head::CumulativeLink,
                ..base.clone()
            },
        ),
        (
            "focal",
            TrainSettings {
                focal_gamma: 2.0,
                ..base
            },
        ),
    ];
    let width = training.shape()[0];
    let network = ModelConfig::Mlp(MlpConfig {
        dropout: 0.3,
        ..MlpConfig::new(width, vec![256], classes)
    });
    for (name, settings) in losses {
        for seed in 1..=seeds {
            let folder = tempfile::tempdir()?;
            let settings = TrainSettings {
                seed,
                ..settings.clone()
            };
            let job = Job {
                network: &network,
                train: &training,
                valid: &valid,
                settings: &settings,
                start: None,
                run: &RunFolder::open(folder.path())?,
                resume: false,
            };
            let trained = train(&job, &mut Silent, &AtomicBool::new(false))?;
            let probabilities = trained.predict(&test)?.probabilities();
            let mut text = "file,label".to_owned();
            for class in 1..=classes {
                write!(text, ",p{class}")?;
            }
            for (i, row) in probabilities.chunks_exact(classes).enumerate() {
                write!(text, "\n{},{}", test.name(i), test.label(i))?;
                for p in row {
                    write!(text, ",{p:.6}")?;
                }
            }
            text.push('\n');
            std::fs::create_dir_all(&out)?;
            std::fs::write(Path::new(&out).join(format!("{name}-{seed}.csv")), text)?;
            if let Some(best) = trained.history().last() {
                println!(
                    "{name} seed {seed}: epoch {}, validation macro MAE {:.3}",
                    best.epoch, best.valid_macro_mae
                );
            }
        }
    }
    Ok(())
}
