//! `cohort search evaluate`: how good the answers of an index are.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use cohort_search::{Index, Question, RetrievalSettings, compare, evaluate, summarise};
use cohort_tables::{EmbeddingTable, id_key};

use super::index::{fits, read};
use crate::commands::deliver::deliver;
use crate::commands::known::{self, Known};
use crate::commands::stages::{Stages, some};
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Arguments of `cohort search evaluate`.
///
/// Two clips are relevant to each other where their labels are the same. Every query ranks the whole index.
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The index
    index: PathBuf,
    /// Embedding table of the queries, made as the index's vectors were [default with --within: the index's own]
    #[arg(long, value_name = "TABLE", required_unless_present = "within")]
    queries: Option<PathBuf>,
    #[command(flatten)]
    reading: TableArgs,
    /// Who the clips are: label tables, or the folder of a data set; may be given again
    #[arg(long, value_name = "L.csv|ROOT", required = true)]
    labels: Vec<PathBuf>,
    /// Column of the classes [default: the schema's target]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// What separates several labels of a clip: clips that share one are relevant to each other [default: one label each]
    #[arg(long, value_name = "MARK")]
    several: Option<String>,
    /// Column of the unit whose clips are not independent, a subject or a scene [default: the schema's, else UserID; without,
    /// each query is one]
    #[arg(long, value_name = "COLUMN")]
    unit: Option<String>,
    /// What codes mean [default: the data set's, else First Impressions where the codes fit]
    #[arg(long, value_name = "SCHEMA.toml")]
    schema: Option<PathBuf>,
    /// Queries may be rows of the index: none is its own neighbour
    #[arg(long)]
    within: bool,
    /// Rows of a query's own unit are left out of its ranking
    #[arg(long)]
    apart: bool,
    /// Another model's index, to compare with on the same queries and rows
    #[arg(long, value_name = "INDEX")]
    against: Option<PathBuf>,
    /// The other model's vectors of the queries
    #[arg(long, value_name = "TABLE", requires_all = ["against", "queries"])]
    against_queries: Option<PathBuf>,
    /// The k of precision@k and the like
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_values_t = RetrievalSettings::default().ks)]
    k: Vec<usize>,
    /// Shuffles of the labels, for the control
    #[arg(long, value_name = "N", default_value_t = RetrievalSettings::default().shuffles)]
    shuffles: usize,
    /// Bootstrap resamples of units
    #[arg(long, value_name = "B", default_value_t = RetrievalSettings::default().resamples)]
    resamples: usize,
    /// Level of the intervals
    #[arg(long, value_name = "P", default_value_t = RetrievalSettings::default().level)]
    level: f64,
    /// Seed of all random numbers
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Where the document goes as JSON
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Print one JSON document (cohort.retrieval/1)
    #[arg(long)]
    json: bool,
}

/// Vectors that are asked, and who they are.
struct Queries {
    clips: Vec<String>,
    values: Vec<f32>,
}

impl Evaluate {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        let settings = RetrievalSettings {
            ks: self.k.clone(),
            shuffles: self.shuffles,
            resamples: self.resamples,
            level: self.level,
            seed: self.seed,
        };
        let index = Index::open(&self.index)?;
        let queries = self.queries(&index, self.queries.as_deref(), shell)?;
        let other = self.other(shell)?;
        let known = self.known(shell)?;
        self.reading.all_found()?;
        let labels = Labels::new(&known, self.several.as_deref());
        // rows that only one of two models holds say nothing of their difference
        let shared = other.as_ref().map(|(other, _)| {
            let ids: HashSet<&str> = other.live().rows().map(|row| other.id(row)).collect();
            let own = index.live().rows().map(|row| index.id(row));
            own.filter(|id| ids.contains(id)).collect::<HashSet<&str>>()
        });
        let question = self.question(&index, &queries, &known, &labels, shared.as_ref())?;
        let stages = Stages::new(shell);
        let progress = |stage: &str, done, total| stages.at(stage, done, total);
        let measured = shell.apart(|| evaluate(&question, &settings, &progress));
        stages.end();
        let measured = measured.with_context(|| self.index.display().to_string())?;
        ensure!(
            !measured.asked.is_empty(),
            "{}: expected a query with a label that a clip of the index shares, found none among {} queries ({} without a label)",
            self.index.display(),
            queries.clips.len(),
            measured.unlabelled
        );
        let mut document = shell.apart(|| summarise(&question, &measured, &settings))?;
        if let (Some((other, other_queries)), Some(against)) = (&other, &self.against) {
            let theirs = self.question(other, other_queries, &known, &labels, shared.as_ref())?;
            let measured_other = shell.apart(|| evaluate(&theirs, &settings, &progress));
            stages.end();
            let measured_other = measured_other.with_context(|| against.display().to_string())?;
            let places = other_queries
                .clips
                .iter()
                .zip(0..)
                .collect::<HashMap<_, _>>();
            let other_of: Vec<Option<usize>> = queries
                .clips
                .iter()
                .map(|clip| places.get(clip).copied())
                .collect();
            let mut difference =
                compare(&question, &measured, &measured_other, &other_of, &settings)?;
            difference.against = name(against);
            let both = shared.as_ref().map_or(0, HashSet::len);
            difference.rows_left_out = index.live().count() + other.live().count() - 2 * both;
            document.against = Some(difference);
        }
        document.index = name(&self.index);
        document.queries = self.queries.as_deref().map(name);
        document.label = known.column.clone();
        document.unit = labels.has_units.then(|| self.unit_name(&known));
        document.protocol.within = self.within;
        document.notes = self.reading.notes();
        document.notes.extend(known.notes.iter().cloned());
        let to = (self.out.as_deref(), self.json);
        deliver(&document, || document.to_text(), to, shell)
    }

    fn unit_name(&self, known: &Known) -> String {
        let default = known.subject_column.clone();
        self.unit
            .clone()
            .or(default)
            .unwrap_or_else(|| "subject".into())
    }

    /// The vectors that are asked: those of a table, or the index's own.
    fn queries(
        &self,
        index: &Index,
        path: Option<&Path>,
        shell: &Shell,
    ) -> anyhow::Result<Queries> {
        let Some(path) = path else {
            let rows: Vec<usize> = index.live().rows().collect();
            return Ok(Queries {
                clips: rows.iter().map(|&row| index.id(row).to_string()).collect(),
                values: rows
                    .iter()
                    .flat_map(|&row| index.vector(row))
                    .copied()
                    .collect(),
            });
        };
        let table: EmbeddingTable = read(path, &self.reading, shell)?;
        fits(index, path, &table, shell)?;
        let rows: Vec<&str> = index.live().rows().map(|row| index.id(row)).collect();
        let places = Places::new(&rows);
        let inside = table.clips.iter().map(String::as_str);
        let inside: Vec<&str> = inside.filter(|clip| places.of(clip).is_some()).collect();
        if !self.within && !inside.is_empty() {
            bail!(
                "{}: expected queries that are no rows of {}, found {} that are ({}); --within leaves each out of its own ranking",
                path.display(),
                self.index.display(),
                inside.len(),
                some(&inside)
            );
        }
        Ok(Queries {
            clips: table.clips,
            values: table.values,
        })
    }

    /// The other model's index and its vectors of the queries.
    fn other(&self, shell: &Shell) -> anyhow::Result<Option<(Index, Queries)>> {
        let Some(path) = &self.against else {
            return Ok(None);
        };
        if self.queries.is_some() && self.against_queries.is_none() {
            bail!(
                "--against {}: expected --against-queries with that model's vectors of the queries, found none",
                path.display()
            );
        }
        let other = Index::open(path)?;
        let queries = self.queries(&other, self.against_queries.as_deref(), shell)?;
        Ok(Some((other, queries)))
    }

    fn known(&self, shell: &Shell) -> anyhow::Result<Known> {
        let ask = known::Ask {
            column: self.label.as_deref(),
            subject: self.unit.as_deref(),
            schema: self.schema.as_deref(),
            option: "--label",
        };
        let first = &self.labels[0];
        if first.is_dir() {
            ensure!(
                self.labels.len() == 1,
                "--labels {}: expected label tables or one data set, found a folder among others",
                first.display()
            );
            return known::from_dataset(first, &ask, shell);
        }
        let labels = self.reading.all_labels(&self.labels, shell)?;
        known::from_table(first, &labels.expect("there is a table"), &ask)
    }

    fn question<'a>(
        &self,
        index: &'a Index,
        queries: &'a Queries,
        known: &Known,
        labels: &Labels,
        shared: Option<&HashSet<&str>>,
    ) -> anyhow::Result<Question<'a>> {
        let rows: Vec<&str> = index.live().rows().map(|row| index.id(row)).collect();
        let clips = || queries.clips.iter().map(String::as_str);
        for (path, clips) in [
            (Some(&self.index), rows.clone()),
            (self.queries.as_ref(), clips().collect()),
        ] {
            if let Some(path) = path
                && !clips.iter().any(|clip| known.about(clip).is_some())
            {
                let mut there: Vec<&str> = known.clips.keys().map(String::as_str).collect();
                there.sort_unstable();
                bail!(
                    "{}: expected labels for the clips of {} ({}), found none of them among {}",
                    self.labels[0].display(),
                    path.display(),
                    some(&clips),
                    some(&there)
                );
            }
        }
        let places = Places::new(&rows);
        let counts = |clip: &str| shared.is_none_or(|shared| shared.contains(clip));
        let of_row = |clip: &&str| match counts(clip) {
            true => labels.of(known, clip),
            false => Vec::new(),
        };
        Ok(Question {
            index,
            queries: &queries.values,
            query_labels: clips().map(|clip| labels.of(known, clip)).collect(),
            gallery_labels: rows.iter().map(of_row).collect(),
            classes: labels.names.clone(),
            query_units: clips()
                .enumerate()
                .map(|(i, clip)| labels.unit(known, clip, i))
                .collect(),
            itself: clips().map(|clip| places.of(clip)).collect(),
            // rows without a unit are of none of the queries'
            apart: self.apart.then(|| {
                let alone = queries.clips.len();
                let row = |(i, clip): (usize, &&str)| labels.unit(known, clip, alone + i);
                rows.iter().enumerate().map(row).collect()
            }),
        })
    }
}

/// The row that a query itself is: the one of its id, else the only one whose id differs by folders' marks, ending or letter case.
/// Labels are joined by ids without endings, so must a query be with itself.
struct Places<'a> {
    exact: HashMap<&'a str, usize>,
    alike: HashMap<String, Option<usize>>,
}

impl<'a> Places<'a> {
    fn new(rows: &[&'a str]) -> Self {
        let mut alike = HashMap::with_capacity(rows.len());
        for (row, id) in rows.iter().enumerate() {
            alike
                .entry(id_key(id).to_lowercase())
                .and_modify(|known| *known = None)
                .or_insert(Some(row));
        }
        Self {
            exact: rows.iter().copied().zip(0..).collect(),
            alike,
        }
    }

    fn of(&self, clip: &str) -> Option<usize> {
        let exact = self.exact.get(clip).copied();
        exact.or_else(|| *self.alike.get(&id_key(clip).to_lowercase())?)
    }
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Labels and units as numbers.
struct Labels {
    names: Vec<String>,
    /// Labels of each group of the column.
    of_group: Vec<Vec<u32>>,
    units: HashMap<String, usize>,
    has_units: bool,
}

impl Labels {
    /// `several` separates the labels of a clip.
    fn new(known: &Known, several: Option<&str>) -> Self {
        let mut units: Vec<&str> = known
            .clips
            .values()
            .filter_map(|about| about.subject.as_deref())
            .collect();
        units.sort_unstable();
        units.dedup();
        let has_units = !units.is_empty();
        let units = units.into_iter().map(String::from).zip(0..).collect();
        let Some(mark) = several else {
            return Self {
                names: known.groups.iter().map(|group| group.1.clone()).collect(),
                of_group: (0..known.groups.len() as u32)
                    .map(|group| vec![group])
                    .collect(),
                units,
                has_units,
            };
        };
        let parts = |code: &str| -> BTreeSet<String> {
            let parts = code
                .split(mark)
                .map(str::trim)
                .filter(|part| !part.is_empty());
            parts.map(String::from).collect()
        };
        let of_group: Vec<BTreeSet<String>> =
            known.groups.iter().map(|group| parts(&group.0)).collect();
        let names: BTreeSet<&String> = of_group.iter().flatten().collect();
        let numbers: HashMap<&String, u32> = names.iter().copied().zip(0..).collect();
        Self {
            names: names.into_iter().cloned().collect(),
            of_group: of_group
                .iter()
                .map(|labels| labels.iter().map(|label| numbers[label]).collect())
                .collect(),
            units,
            has_units,
        }
    }

    fn of(&self, known: &Known, clip: &str) -> Vec<u32> {
        let group = known.about(clip).and_then(|about| about.group);
        group.map_or(Vec::new(), |group| self.of_group[group].clone())
    }

    /// Number of a clip's unit; without one it is a unit of its own, numbered by `alone`.
    fn unit(&self, known: &Known, clip: &str, alone: usize) -> usize {
        let unit = known.about(clip).and_then(|about| about.subject.as_ref());
        unit.map_or(self.units.len() + alone, |unit| self.units[unit])
    }
}
