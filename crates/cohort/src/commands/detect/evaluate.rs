//! `cohort detect evaluate`: how good a detector's results are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use cohort_detection::groups::PictureGroups;
use cohort_detection::{
    DetectionQuestion, DetectionSettings, Picture, Results, Shape, Truth, Units,
    evaluate_detections,
};

use super::pictures::{PictureTable, shown};
use crate::commands::deliver::deliver;
use crate::commands::stages::some;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// A column with more groups than this is no attribute to compare pictures by.
const MOST_GROUPS: usize = 50;

/// What is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Boxes
    Box,
    /// Masks
    Mask,
}

/// Arguments of `cohort detect evaluate`.
///
/// The figures are those of pycocotools, to the last digit. Every box and mask is checked first.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// COCO annotations; or a file NNNN.txt of KITTI-MOTS, or a folder of them
    #[arg(value_name = "TRUTH")]
    truth: PathBuf,
    /// COCO results: a list of image_id, category_id, bbox or segmentation, score
    #[arg(value_name = "RESULTS.json")]
    results: PathBuf,
    /// What is matched
    #[arg(long, value_enum, default_value_t = Kind::Box)]
    kind: Kind,
    /// Table of the pictures (by file name or id): detections are compared between the groups of its columns
    #[arg(long, value_name = "TABLE")]
    groups: Option<PathBuf>,
    /// Columns of the table to compare by [default: all with 2 to 50 groups]
    #[arg(
        long,
        value_name = "COLUMN",
        value_delimiter = ',',
        requires = "groups"
    )]
    by: Vec<String>,
    /// Column of the table with what is not torn apart, a sequence or a camera [default: each picture; of KITTI-MOTS the sequence]
    #[arg(long, value_name = "COLUMN", requires = "groups")]
    unit: Option<String>,
    /// Another detector's results of the same pictures, to compare with
    #[arg(long, value_name = "OTHER.json")]
    against: Option<PathBuf>,
    #[command(flatten)]
    reading: TableArgs,
    /// Bootstrap resamples of units
    #[arg(long, value_name = "B", default_value_t = DetectionSettings::default().resamples)]
    resamples: usize,
    /// Level of the intervals
    #[arg(long, value_name = "P", default_value_t = DetectionSettings::default().level)]
    level: f64,
    /// Relabellings of each attribute
    #[arg(long, value_name = "N", default_value_t = DetectionSettings::default().permutations)]
    permutations: usize,
    /// Exchanges of pictures, for the control
    #[arg(long, value_name = "N", default_value_t = DetectionSettings::default().shuffles)]
    shuffles: usize,
    /// Seed of all random numbers
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Where the document goes as JSON
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Print one JSON document (cohort.detection/1)
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let settings = DetectionSettings {
            shape: match self.kind {
                Kind::Box => Shape::Box,
                Kind::Mask => Shape::Mask,
            },
            resamples: self.resamples,
            level: self.level,
            permutations: self.permutations,
            shuffles: self.shuffles,
            seed: self.seed,
            ..DetectionSettings::default()
        };
        let is_kitti = self.truth.is_dir() || self.truth.extension().is_some_and(|e| e == "txt");
        let truth = match is_kitti {
            true => Truth::read_kitti(&self.truth)?,
            false => Truth::read(&self.truth, settings.shape)?,
        };
        shell.say_notes(&truth.notes);
        let results = Results::read(&self.results, &truth, settings.shape)?;
        shell.say_notes(&results.notes);
        let other = match &self.against {
            None => None,
            Some(path) => Some(Results::read(path, &truth, settings.shape)?),
        };
        if let Some(other) = &other {
            shell.say_notes(&other.notes);
        }
        let table = match &self.groups {
            None => None,
            Some(path) => {
                let (labels, named_by) = self.reading.labels_of_pictures(path, shell)?;
                Some(PictureTable::new(path, &labels, named_by, &truth)?)
            }
        };
        self.reading.all_found()?;
        let (unit, units) = self.units(&truth, table.as_ref(), is_kitti)?;
        let mut told = table.as_ref().map_or(Vec::new(), |t| t.notes.clone());
        let attributes = match &table {
            None => Vec::new(),
            Some(table) => self.attributes(table, &mut told)?,
        };
        shell.say_notes(&told);
        let question = DetectionQuestion {
            truth: &truth,
            results: &results,
            units: &units,
            attributes: &attributes,
            against: other.as_ref(),
        };
        let mut document = shell.apart(|| evaluate_detections(&question, &settings))?;
        document.truth = name(&self.truth);
        document.results = name(&self.results);
        document.unit = unit;
        document.notes.extend(self.reading.notes());
        document.notes.extend(told);
        if let (Some(against), Some(path)) = (&mut document.against, &self.against) {
            against.against = name(path);
        }
        let to = (self.out.as_deref(), self.json);
        deliver(&document, || document.to_text(), to, shell)
    }

    /// What units are called, and which each picture is of.
    fn units(
        &self,
        truth: &Truth,
        table: Option<&PictureTable>,
        is_kitti: bool,
    ) -> anyhow::Result<(String, Units)> {
        if let (Some(column), Some(table)) = (&self.unit, table) {
            let values = table.column(column)?;
            let known = values.iter().zip(&truth.pictures);
            let missing = known.filter(|(value, _)| value.is_none());
            let missing: Vec<String> = missing.map(|(_, picture)| shown(picture)).collect();
            ensure!(
                missing.is_empty(),
                "{}: column {column}: expected a unit for every picture, found none for {} ({})",
                table.path.display(),
                missing.len(),
                some(&missing.iter().map(String::as_str).collect::<Vec<_>>())
            );
            let names = values.iter().flatten().map(String::as_str);
            return Ok((column.clone(), Units::named(names)));
        }
        if is_kitti {
            let folder = |picture: &'_ Picture| {
                let name = picture.file_name.split('/').next().unwrap_or_default();
                name.to_string()
            };
            let names: Vec<String> = truth.pictures.iter().map(folder).collect();
            let units = Units::named(names.iter().map(String::as_str));
            return Ok(("sequence".into(), units));
        }
        Ok(("picture".into(), Units::pictures(truth.pictures.len())))
    }

    /// The columns that are compared: those asked for, else all but the unit that have few enough groups.
    fn attributes(
        &self,
        table: &PictureTable,
        told: &mut Vec<String>,
    ) -> anyhow::Result<Vec<PictureGroups>> {
        let asked = !self.by.is_empty();
        let columns: Vec<String> = match asked {
            true => self.by.clone(),
            false => table.columns.iter().map(|(name, _)| name.clone()).collect(),
        };
        let mut attributes = Vec::new();
        for column in columns {
            let values = table.column(&column)?;
            let mut names: BTreeMap<&str, u32> = BTreeMap::new();
            for value in values.iter().flatten() {
                names.insert(value, 0);
            }
            let few = (2..=MOST_GROUPS).contains(&names.len());
            if !few && asked {
                bail!(
                    "{}: column {column}: expected 2 to {MOST_GROUPS} groups, found {}",
                    table.path.display(),
                    names.len()
                );
            }
            if !asked && self.unit.as_ref() == Some(&column) {
                continue;
            }
            if !few {
                told.push(format!(
                    "{}: column {column} is not compared: {} groups, expected 2 to {MOST_GROUPS}",
                    table.path.display(),
                    names.len()
                ));
                continue;
            }
            told.extend(table.without_value(&column, values));
            names
                .values_mut()
                .zip(0..)
                .for_each(|(place, i)| *place = i);
            let of = |value: &Option<String>| value.as_deref().map(|value| names[value]);
            attributes.push(PictureGroups {
                of_picture: values.iter().map(of).collect(),
                names: names.keys().map(|name| (*name).to_string()).collect(),
                attribute: column,
            });
        }
        Ok(attributes)
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
