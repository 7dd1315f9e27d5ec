//! `cohort data triplets`: triplets of clips with several labels each.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use cohort_search::{OverlapTriplet, overlap_triplets};
use cohort_tables::{csv_line, is_missing, write_atomic};
use serde::Serialize;

use super::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort data triplets`.
#[derive(Debug, Args)]
pub(crate) struct Triplets {
    /// Table of the clips and their labels; a clip may have several rows
    labels: PathBuf,
    #[command(flatten)]
    reading: TableArgs,
    /// Column of the labels
    #[arg(long, value_name = "COLUMN")]
    label: String,
    /// What separates several labels of a row
    #[arg(long, value_name = "MARK", default_value = "+")]
    several: String,
    /// Seed of every draw
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Where the triplets go as CSV: anchor, positive, negative, labels that anchor and positive share, labels that the negative
    /// shares with them
    #[arg(long, value_name = "FILE.csv")]
    out: PathBuf,
    /// Print one JSON document (cohort.triplets/1)
    #[arg(long)]
    json: bool,
}

/// What was drawn (`cohort.triplets/1`).
#[derive(Debug, Serialize)]
struct Drawn {
    schema: &'static str,
    clips: usize,
    labels: usize,
    kinds: usize,
    triplets: usize,
    /// Clips that share a label with no other, anchors of none.
    alone: usize,
    /// Triplets whose positive has all of the anchor's labels.
    whole: usize,
    /// Triplets whose negative shares a label with anchor or positive, since every clip does.
    clashing: usize,
    /// By chance: the share of pairs of clips that share a label.
    sharing_by_chance: f64,
}

impl Triplets {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let table = self.reading.labels(&self.labels, shell)?;
        self.reading.all_found()?;
        let column = table.column(&self.label).with_context(|| {
            format!(
                "{}: expected a column {}, found columns {}",
                self.labels.display(),
                self.label,
                table.column_names().collect::<Vec<_>>().join(", ")
            )
        })?;
        ensure!(
            !self.several.is_empty(),
            "--several: expected a mark, found none"
        );
        if !column.iter().any(|cell| cell.contains(&*self.several)) {
            shell.say(&format!(
                "note: --several {}: no cell of {} holds it, so that every row has one label",
                self.several, self.label
            ));
        }
        let mut places: HashMap<&str, usize> = HashMap::new();
        let (mut clips, mut names): (Vec<&str>, Vec<BTreeSet<&str>>) = (Vec::new(), Vec::new());
        for (row, cell) in column.iter().enumerate() {
            let clip = table.clip(row);
            let place = *places.entry(clip).or_insert_with(|| {
                clips.push(clip);
                names.push(BTreeSet::new());
                clips.len() - 1
            });
            let parts = cell.split(&*self.several).map(str::trim);
            names[place].extend(parts.filter(|part| !is_missing(part)));
        }
        let kinds: BTreeSet<&str> = names.iter().flatten().copied().collect();
        let numbers: HashMap<&str, u32> = kinds.iter().copied().zip(0..).collect();
        // sets are in the order of the names, and so are the numbers
        let labels: Vec<Vec<u32>> = names
            .iter()
            .map(|own| own.iter().map(|name| numbers[name]).collect())
            .collect();
        let triplets = shell.apart(|| overlap_triplets(&labels, self.seed));
        let triplets = triplets.with_context(|| self.labels.display().to_string())?;
        let mut text = csv_line(["anchor", "positive", "negative", "shared", "clash"]);
        for triplet in &triplets {
            let OverlapTriplet {
                anchor,
                positive,
                negative,
                ..
            } = *triplet;
            let (shared, clash) = (triplet.shared.to_string(), triplet.clash.to_string());
            text += &csv_line([
                clips[anchor],
                clips[positive],
                clips[negative],
                &shared,
                &clash,
            ]);
        }
        write_atomic(&self.out, text.as_bytes())?;
        let drawn = Drawn {
            schema: "cohort.triplets/1",
            clips: clips.len(),
            labels: labels.iter().map(Vec::len).sum(),
            kinds: kinds.len(),
            triplets: triplets.len(),
            alone: clips.len() - triplets.len(),
            whole: triplets
                .iter()
                .filter(|t| t.shared == labels[t.anchor].len())
                .count(),
            clashing: triplets.iter().filter(|t| t.clash > 0).count(),
            sharing_by_chance: sharing_by_chance(&labels),
        };
        match self.json {
            true => shell.print_json(&drawn)?,
            false => shell.print(&format!(
                "{} triplets of {} clips with {} labels of {} kinds in {}\n\
                 {} positives have all of their anchor's labels; {:.1} % of all pairs share one by chance\n\
                 {} negatives share a label with anchor or positive, {} clips share none with any other",
                drawn.triplets,
                drawn.clips,
                drawn.labels,
                drawn.kinds,
                self.out.display(),
                drawn.whole,
                100.0 * drawn.sharing_by_chance,
                drawn.clashing,
                drawn.alone
            ))?,
        }
        Ok(Outcome::Done)
    }
}

/// The share of pairs that share a label, over an even part of the clips.
fn sharing_by_chance(labels: &[Vec<u32>]) -> f64 {
    const MOST: usize = 2000;
    let step = labels.len().div_ceil(MOST).max(1);
    let some: Vec<&Vec<u32>> = labels.iter().step_by(step).collect();
    let (mut sharing, mut pairs) = (0_usize, 0_usize);
    for (i, a) in some.iter().enumerate() {
        for b in &some[i + 1..] {
            pairs += 1;
            sharing += usize::from(a.iter().any(|label| b.binary_search(label).is_ok()));
        }
    }
    sharing as f64 / pairs.max(1) as f64
}
