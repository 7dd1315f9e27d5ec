//! `cohort ablate`: what each modality is worth.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use cohort_eval::IntervalSettings;
use cohort_fusion::{AblationSettings, JointModel, ablate};
use cohort_tables::write_atomic;

use super::fuse::{How, Tables, parse_tables};
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort ablate`.
#[derive(Debug, Args)]
pub(crate) struct Ablate {
    /// NAME=DIR (a run folder with predictions-valid.csv and predictions.csv), NAME=VALID.csv,TEST.csv or, when
    /// nothing is fitted, NAME=TEST.csv
    #[arg(required = true, value_name = "NAME=TABLES", value_parser = parse_tables)]
    modalities: Vec<Tables>,
    #[command(flatten)]
    how: How,
    /// Test predictions of a model that learned modalities together, e.g. gated:image+audio=TEST.csv; may be given
    /// again, and a family with every subset gets Shapley shares
    #[arg(long, value_name = "FAMILY:NAME+NAME=FILE", value_parser = parse_joint)]
    joint: Vec<Joint>,
    /// Label column by whose groups the shares are given too; may be given again
    #[arg(long = "group", value_name = "COLUMN", requires = "labels")]
    groups: Vec<String>,
    /// Bootstrap resamples, 100 to 1000000
    #[arg(long, value_name = "N", default_value_t = AblationSettings::default().intervals.resamples)]
    resamples: usize,
    /// Level of the intervals
    #[arg(long, value_name = "LEVEL", default_value_t = IntervalSettings::default().level)]
    level: f64,
    /// Print one JSON document (cohort.ablation/1)
    #[arg(long)]
    json: bool,
    /// Write ablation.json, ablation.txt and ablation.csv into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A joint model's argument.
#[derive(Debug, Clone)]
struct Joint {
    family: String,
    modalities: Vec<String>,
    test: PathBuf,
}

fn parse_joint(argument: &str) -> Result<Joint, String> {
    let parts = argument.split_once('=').and_then(|(model, file)| {
        let (family, modalities) = model.split_once(':')?;
        Some((family, modalities, file))
    });
    match parts {
        Some((family, modalities, file))
            if ![family, modalities, file]
                .iter()
                .any(|part| part.is_empty()) =>
        {
            Ok(Joint {
                family: family.to_string(),
                modalities: modalities.split('+').map(str::to_string).collect(),
                test: PathBuf::from(file),
            })
        }
        _ => Err("expected FAMILY:NAME+NAME=FILE, e.g. gated:image+audio=predictions.csv".into()),
    }
}

impl Ablate {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let joint: Vec<&Path> = self
            .joint
            .iter()
            .map(|model| model.test.as_path())
            .collect();
        let inputs = self.how.read(&self.modalities, &joint, shell)?;
        let joint: Vec<JointModel> = self
            .joint
            .into_iter()
            .zip(inputs.joint)
            .map(|(model, test)| JointModel {
                family: model.family,
                modalities: model.modalities,
                test,
            })
            .collect();
        let intervals = IntervalSettings {
            resamples: self.resamples,
            level: self.level,
            seed: self.how.seed,
        };
        let settings = AblationSettings {
            intervals,
            groups: self.groups,
        };
        let labels = inputs.labels.as_ref();
        let mut found = shell.apart(|| {
            ablate(
                &inputs.modalities,
                &joint,
                labels,
                &inputs.settings,
                &settings,
            )
        })?;
        (found.ids, found.notes) = (inputs.ids, inputs.notes);
        if let Some(out) = &self.out {
            std::fs::create_dir_all(out)
                .with_context(|| format!("cannot make {}", out.display()))?;
            let json = serde_json::to_string_pretty(&found)?;
            write_atomic(&out.join("ablation.json"), json.as_bytes())?;
            write_atomic(
                &out.join("ablation.txt"),
                found.to_text(&inputs.nouns).as_bytes(),
            )?;
            write_atomic(&out.join("ablation.csv"), found.to_csv().as_bytes())?;
        }
        if self.json {
            shell.print_json(&found)?;
        } else {
            shell.print(&found.to_text(&inputs.nouns))?;
        }
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joint_models_name_their_family_and_modalities() {
        let found = parse_joint("gated:image+audio=out/a=b.csv").unwrap();
        assert_eq!(found.family, "gated");
        assert_eq!(found.modalities, ["image", "audio"]);
        assert_eq!(found.test, PathBuf::from("out/a=b.csv"));
        for wrong in [
            "gated=t.csv",
            ":image=t.csv",
            "gated:=t.csv",
            "gated:image=",
            "gated",
        ] {
            assert!(parse_joint(wrong).is_err(), "{wrong}");
        }
    }
}
