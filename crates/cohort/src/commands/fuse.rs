//! `cohort fuse`: late fusion of prediction tables.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use cohort_audit::notes_of;
use cohort_data::Schema;
use cohort_eval::{IntervalSettings, Metric};
use cohort_fusion::{
    Aggregation, AggregationRule, Fit, FusionRecord, FusionRule, FusionSettings, ModelPredictions,
    StackingKind, Subjects, aggregate, aggregation, fuse,
};
use cohort_tables::{
    IdMatches, LabelTable, Nouns, Predictions, Spellings, unify_ids, write_atomic,
};

use super::meaning::{Meaning, of_order};
use super::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort fuse`.
///
/// Writes predictions.csv, predictions-valid.csv and fusion.json into the folder; with --by also
/// predictions-by-subject.csv and aggregation.json.
#[derive(Debug, Args)]
pub(crate) struct Fuse {
    /// NAME=DIR (a run folder with predictions-valid.csv and predictions.csv), NAME=VALID.csv,TEST.csv or, when
    /// nothing is fitted, NAME=TEST.csv
    #[arg(required = true, value_name = "NAME=TABLES", value_parser = parse_tables)]
    modalities: Vec<Tables>,
    #[command(flatten)]
    how: How,
    /// Folder for the fused tables
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print one JSON document (cohort.fusion/1)
    #[arg(long)]
    json: bool,
}

/// How to fuse; the same for `cohort ablate`.
#[derive(Debug, Args)]
pub(super) struct How {
    /// How class scores are combined [default: weighted with --weights, else fitted]
    #[arg(long, value_enum)]
    rule: Option<Rule>,
    /// Weights of the logits in the order of the models, e.g. 1.2,0.8,0.8
    #[arg(
        long,
        value_name = "W,W,..",
        value_delimiter = ',',
        allow_negative_numbers = true
    )]
    weights: Vec<f64>,
    /// What a fitted rule is fitted for on the validation split: likelihood or a metric
    #[arg(long, value_name = "AIM", default_value = "balanced-accuracy",
          value_parser = PossibleValuesParser::new(AIMS.iter().map(String::as_str)).try_map(|name| parse_fit(&name)))]
    fit: Fit,
    /// Divide each model's logits by a temperature fitted on the validation split (fitted rules always do)
    #[arg(long)]
    calibrate: bool,
    /// Label table that says whose the clips are; may be given again
    #[arg(long, value_name = "FILE")]
    labels: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) tables: TableArgs,
    /// Label column with the subject, for folds, intervals and aggregation [default: the schema's or UserID with --labels, else the
    /// clip's name before its last dot]
    #[arg(long, value_name = "COLUMN", requires = "labels")]
    by: Option<String>,
    #[command(flatten)]
    meaning: Meaning,
    /// Folds by subject that choose penalties
    #[arg(long, value_name = "N", default_value_t = FusionSettings::default().folds)]
    folds: usize,
    /// Seed of the folds and of the intervals; the default is that of a run, so that its figures come out again
    #[arg(long, value_name = "S", default_value_t = super::SEED)]
    pub(super) seed: u64,
}

/// `--rule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rule {
    /// Sum of the logits
    Sum,
    /// Sum of the logits with the weights given
    Weighted,
    /// Sum of the logits with weights and class biases fitted on the validation split
    Fitted,
    /// Mean of the probabilities
    Mean,
    /// Product of the probabilities
    Product,
    /// Multinomial logistic regression on the stacked logits
    Stack,
    /// Proportional odds on the stacked logits, for ordered classes
    StackOrdinal,
}

/// Where one model's tables are.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    name: String,
    valid: Option<PathBuf>,
    test: PathBuf,
}

pub(super) fn parse_tables(argument: &str) -> Result<Tables, String> {
    let Some((name, tables)) = argument
        .split_once('=')
        .filter(|(n, t)| !n.is_empty() && !t.is_empty())
    else {
        return Err("expected NAME=DIR, NAME=VALID.csv,TEST.csv or NAME=TEST.csv".to_string());
    };
    let is_table = |path: &str| {
        let path = path.strip_suffix(".gz").unwrap_or(path);
        let ends = [".csv", ".tsv", ".tab", ".psv", ".txt", ".parquet"];
        ends.iter().any(|end| path.to_lowercase().ends_with(end))
    };
    let (valid, test) = match tables.split_once(',') {
        Some((valid, test)) if is_table(valid) && is_table(test) => {
            (Some(PathBuf::from(valid)), PathBuf::from(test))
        }
        _ if is_table(tables) => (None, PathBuf::from(tables)),
        _ => {
            let folder = Path::new(tables);
            (
                Some(folder.join("predictions-valid.csv")),
                folder.join("predictions.csv"),
            )
        }
    };
    Ok(Tables {
        name: name.to_string(),
        valid,
        test,
    })
}

/// `--fit`.
static AIMS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let metrics = Metric::ALL.into_iter();
    let metrics = metrics.map(|metric| metric.name().replace('_', "-"));
    std::iter::once("likelihood".to_string())
        .chain(metrics)
        .collect()
});

fn parse_fit(argument: &str) -> Result<Fit, String> {
    let name = argument.replace('-', "_");
    if name == "likelihood" {
        return Ok(Fit::Likelihood);
    }
    Metric::from_name(&name).map(Fit::Metric).ok_or_else(|| {
        let names = Metric::ALL.map(|metric| metric.name().replace('_', "-"));
        format!("expected likelihood or one of {}", names.join(", "))
    })
}

impl How {
    /// The rule, with its weights.
    fn rule(&self) -> anyhow::Result<FusionRule> {
        let rule = match self.rule {
            None if self.weights.is_empty() => Rule::Fitted,
            None => Rule::Weighted,
            Some(rule) => rule,
        };
        if (rule == Rule::Weighted) == self.weights.is_empty() {
            bail!("--weights: expected with the rule weighted and with no other");
        }
        let fit = self.fit;
        Ok(match rule {
            Rule::Sum => FusionRule::SumLogits,
            Rule::Weighted => FusionRule::WeightedSumLogits {
                weights: self.weights.clone(),
            },
            Rule::Fitted => FusionRule::FittedWeights { fit },
            Rule::Mean => FusionRule::MeanProbabilities,
            Rule::Product => FusionRule::ProductProbabilities,
            Rule::Stack => FusionRule::Stacking {
                kind: StackingKind::Multinomial,
                fit,
            },
            Rule::StackOrdinal => FusionRule::Stacking {
                kind: StackingKind::Ordinal,
                fit,
            },
        })
    }
}

/// Everything that is fused, read.
pub(super) struct Inputs {
    pub(super) modalities: Vec<ModelPredictions>,
    pub(super) joint: Vec<Predictions>,
    pub(super) labels: Option<LabelTable>,
    pub(super) settings: FusionSettings,
    /// What an item and a unit are called.
    pub(super) nouns: Nouns,
    /// Clips joined although their ids are not written alike.
    pub(super) ids: IdMatches,
    /// What the reader should know of how tables were read.
    pub(super) notes: Vec<String>,
}

impl How {
    /// Reads the tables of every model and of the joint models `joint`; where nobody states the classes, all take those of
    /// the first model's test table. What is said of the reading is said on stderr too.
    pub(super) fn read(
        &self,
        tables: &[Tables],
        joint: &[&Path],
        shell: &Shell,
    ) -> anyhow::Result<Inputs> {
        let rule = self.rule()?;
        let mut labels = self.tables.all_labels(&self.labels, shell)?;
        // what the labels look like says nothing of what the models predict
        let stated_meaning = self.meaning.stated();
        let meanings = stated_meaning.meanings(None)?;
        let target = meanings
            .schema
            .as_ref()
            .map_or("AgeGroup", |schema| schema.target.as_str());
        let mut classes = stated_meaning
            .classes(&meanings, target)
            .map_err(|error| of_order(&error))?;
        let stated = classes.is_some();
        let mut notes = Vec::new();
        let mut read = |path: &Path, with_probabilities: bool| -> anyhow::Result<Predictions> {
            let (table, columns) = self.tables.predictions(path, classes.as_deref(), shell)?;
            if with_probabilities && table.probabilities.is_none() {
                bail!(
                    "{}: expected probabilities of every class (p1..pK or a probabilities list), found decisions only",
                    path.display()
                );
            }
            classes.get_or_insert_with(|| table.classes.clone());
            let told = notes_of(&table, &columns, stated);
            notes.extend(
                told.into_iter()
                    .map(|note| format!("{}: {note}", path.display())),
            );
            Ok(table)
        };
        let mut modalities = Vec::with_capacity(tables.len());
        for one in tables {
            // decisions alone would also not tell how many classes there are
            let test = read(&one.test, true)?;
            let valid = match &one.valid {
                Some(path) => read(path, true)?,
                None => Predictions::default(),
            };
            modalities.push(ModelPredictions {
                name: one.name.clone(),
                valid,
                test,
            });
        }
        let joint = joint.iter().map(|path| read(path, false));
        let mut joint: Vec<Predictions> = joint.collect::<anyhow::Result<_>>()?;
        self.tables.all_found()?;
        let ids = self.unify(&mut modalities, &mut joint, labels.as_mut());
        notes.extend(ids.notes());
        let column = self.by.as_deref().or(meanings
            .schema
            .as_ref()
            .map(|schema| schema.subject_column.as_str()));
        let column = column.unwrap_or("UserID");
        let subjects = match &labels {
            Some(labels) => {
                if let Some(values) = labels.subjects(column) {
                    let told =
                        Spellings::of(values.iter().map(String::as_str), cohort_tables::code);
                    notes.extend(told.subject_notes(column));
                }
                Subjects::from_labels(labels, column)?
            }
            None => Subjects::default(),
        };
        let ordered = stated_meaning
            .ordered(
                &meanings,
                target,
                classes.as_deref().unwrap_or_default(),
                &mut notes,
            )
            .map_err(|error| of_order(&error))?;
        for note in &notes {
            shell.say(note);
        }
        notes.splice(0..0, self.tables.notes());
        let settings = FusionSettings {
            calibrate: self.calibrate || rule.fit().is_some(),
            rule,
            folds: self.folds,
            seed: self.seed,
            subjects,
            ordered,
            ..FusionSettings::default()
        };
        Ok(Inputs {
            modalities,
            joint,
            labels,
            settings,
            nouns: (meanings.schema.as_ref()).map_or_else(Nouns::default, Schema::nouns),
            ids,
            notes,
        })
    }

    /// One spelling for the ids of a clip in all tables of a split, and in the labels.
    fn unify(
        &self,
        modalities: &mut [ModelPredictions],
        joint: &mut [Predictions],
        labels: Option<&mut LabelTable>,
    ) -> IdMatches {
        let (mut valid, mut test): (Vec<_>, Vec<_>) = modalities
            .iter_mut()
            .map(|modality| (&mut modality.valid.names, &mut modality.test.names))
            .unzip();
        test.extend(joint.iter_mut().map(|table| &mut table.names));
        let mut found = unify_ids(&mut valid);
        found.add(unify_ids(&mut test));
        if let Some(labels) = labels {
            let mut all: Vec<String> = valid
                .into_iter()
                .chain(test)
                .flat_map(|names| names.iter().cloned())
                .collect();
            found.add(unify_ids(&mut [&mut all, &mut labels.names]));
        }
        found
    }
}

/// What `--json` prints: the record, with the aggregation beside it.
#[derive(serde::Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    record: &'a FusionRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregation: Option<&'a Aggregation>,
}

impl Fuse {
    /// Refuses a folder in which the fused tables would replace a model's.
    fn keeps_what_it_reads(&self) -> anyhow::Result<()> {
        for name in ["predictions.csv", "predictions-valid.csv"] {
            let Ok(place) = self.out.join(name).canonicalize() else {
                continue;
            };
            for one in &self.modalities {
                let mut read = [Some(&one.test), one.valid.as_ref()].into_iter().flatten();
                if read.any(|path| path.canonicalize().is_ok_and(|path| path == place)) {
                    bail!(
                        "--out {}: expected another folder than those of the models, found the tables of {}",
                        self.out.display(),
                        one.name
                    );
                }
            }
        }
        Ok(())
    }

    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        self.keeps_what_it_reads()?;
        let inputs = self.how.read(&self.modalities, &[], shell)?;
        let settings = inputs.settings;
        let mut fused = shell.apart(|| fuse(&inputs.modalities, &settings))?;
        (fused.record.ids, fused.record.notes) = (inputs.ids, inputs.notes);
        let out = &self.out;
        std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        let write_json = |name: &str, json: String| write_atomic(&out.join(name), json.as_bytes());
        let notes = fused.record.notes.clone();
        let mut together = None;
        if self.how.by.is_some() {
            let rule = AggregationRule::ProbabilitySum;
            let by_subject = aggregate(&fused.test, &settings.subjects, rule)?;
            by_subject.write(&out.join("predictions-by-subject.csv"))?;
            if fused.test.truth.is_some() {
                let intervals = IntervalSettings {
                    seed: self.how.seed,
                    ..IntervalSettings::default()
                };
                let (subjects, ordered) = (&settings.subjects, settings.ordered);
                let mut found =
                    shell.apart(|| aggregation(&fused.test, subjects, ordered, &intervals))?;
                found.notes = notes;
                write_json("aggregation.json", serde_json::to_string_pretty(&found)?)?;
                together = Some(found);
            }
        }
        fused.test.write(&out.join("predictions.csv"))?;
        if !fused.valid.is_empty() {
            fused.valid.write(&out.join("predictions-valid.csv"))?;
        }
        write_json("fusion.json", serde_json::to_string_pretty(&fused.record)?)?;
        if self.json {
            let aggregation = together.as_ref();
            shell.print_json(&Document {
                record: &fused.record,
                aggregation,
            })?;
        } else {
            let mut text = fused.record.to_text(&inputs.nouns);
            if let Some(together) = &together {
                text += "\n";
                text += &together.to_text(&inputs.nouns);
            }
            shell.print(&text)?;
        }
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_folders_pairs_or_one_file() {
        let cases = [
            (
                "image=run/image",
                Some("run/image/predictions-valid.csv"),
                "run/image/predictions.csv",
            ),
            ("image=v.csv,t.parquet", Some("v.csv"), "t.parquet"),
            ("image=t.csv", None, "t.csv"),
        ];
        for (argument, valid, test) in cases {
            let found = parse_tables(argument).unwrap();
            assert_eq!(found.name, "image");
            assert_eq!(found.valid.as_deref(), valid.map(Path::new), "{argument}");
            assert_eq!(found.test, Path::new(test), "{argument}");
        }
        for wrong in ["image", "=t.csv", "image="] {
            assert!(parse_tables(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn aims_are_metrics_by_either_spelling() {
        assert_eq!(parse_fit("likelihood"), Ok(Fit::Likelihood));
        assert_eq!(
            parse_fit("quadratic-kappa"),
            Ok(Fit::Metric(Metric::QuadraticKappa))
        );
        assert_eq!(parse_fit("macro_mae"), Ok(Fit::Metric(Metric::MacroMae)));
        assert!(
            parse_fit("luck")
                .unwrap_err()
                .starts_with("expected likelihood or one of accuracy")
        );
    }
}
