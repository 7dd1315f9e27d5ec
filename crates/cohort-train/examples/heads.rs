//! Heads on cached embeddings, one loss beside the other, over several seeds.
//!
//!     cargo run --release -p cohort-train --example heads -- EMBEDDINGS.csv OUT [SEEDS]
//!
//! The table has the columns file, split (train, valid, test), label (0 to K - 1) and the
//! embedding. Every loss chooses its learning rate by the mean validation macro MAE over the seeds;
//! for every loss and seed OUT gets `LOSS-SEED.csv` with the test predictions
//! (file,label,p1..pK); `scripts/heads.py` scores and compares them.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use cohort_train::{
    Head, Job, MemorySource, MlpConfig, ModelConfig, RunFolder, Scores, Selection, Silent, Source,
    TrainSettings, train,
};

/// Learning rates that every loss may choose from.
const RATES: [f64; 3] = [1e-3, 3e-3, 1e-2];

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

/// Test predictions as a table.
fn predictions(test: &MemorySource, scores: &Scores) -> Result<String, std::fmt::Error> {
    let mut text = "file,label".to_owned();
    for class in 1..=scores.classes {
        write!(text, ",p{class}")?;
    }
    for (i, row) in scores
        .probabilities()
        .chunks_exact(scores.classes)
        .enumerate()
    {
        write!(text, "\n{},{}", test.name(i), test.label(i))?;
        for p in row {
            write!(text, ",{p:.6}")?;
        }
    }
    text.push('\n');
    Ok(text)
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
    std::fs::create_dir_all(&out)?;
    for (name, settings) in losses {
        let mut chosen: Option<(f64, f64, Vec<String>)> = None;
        for learning_rate in RATES {
            let (mut mae, mut tables) = (0.0, Vec::new());
            for seed in 1..=seeds {
                let folder = tempfile::tempdir()?;
                let settings = TrainSettings {
                    seed,
                    learning_rate,
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
                let best = trained.history().last().ok_or("no epoch")?;
                mae += best.valid_macro_mae / seeds as f64;
                tables.push(predictions(&test, &trained.predict(&test)?)?);
            }
            println!("{name}, rate {learning_rate}: validation macro MAE {mae:.3}");
            if chosen.as_ref().is_none_or(|(least, ..)| mae < *least) {
                chosen = Some((mae, learning_rate, tables));
            }
        }
        if let Some((mae, rate, tables)) = chosen {
            println!("{name}: chosen rate {rate}, validation macro MAE {mae:.3}");
            for (i, table) in tables.iter().enumerate() {
                let file = format!("{name}-{}.csv", i + 1);
                std::fs::write(Path::new(&out).join(file), table)?;
            }
        }
    }
    Ok(())
}
