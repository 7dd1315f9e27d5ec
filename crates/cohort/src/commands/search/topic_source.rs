//! Where topics of captions come from: communities of near vectors, a column, words.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use cohort_data::Pairs;
use cohort_search::{Community, CommunitySettings, Metric, Points, TopicSource, communities};
use cohort_tables::{EmbeddingTable, LabelTable, did_you_mean, is_missing, match_ids};
use cohort_text::WordSubset;

use super::index::read;
use super::paired::{Measured, PairedArgs, name};
use crate::commands::stages::{Stages, some};
use crate::commands::tables::each_once;
use crate::shell::Shell;

/// Topics beyond so many are no topics: a column of ids, or communities of near copies.
const MOST: usize = 1_000;

/// The topics of captions.
pub(super) struct Sorted {
    pub(super) source: TopicSource,
    /// Names; empty for communities, which get theirs from their words.
    pub(super) names: Vec<String>,
    /// The topics of each caption that is measured.
    pub(super) of_caption: Vec<Vec<usize>>,
    /// Members of communities in their order.
    ordered: Option<Vec<Vec<usize>>>,
    /// What to tell.
    pub(super) notes: Vec<String>,
}

impl Sorted {
    /// The captions of each topic.
    pub(super) fn members(&self) -> Vec<Vec<usize>> {
        if let Some(ordered) = &self.ordered {
            return ordered.clone();
        }
        let mut members = vec![Vec::new(); self.names.len()];
        for (row, topics) in self.of_caption.iter().enumerate() {
            for &topic in topics {
                members[topic].push(row);
            }
        }
        members
    }
}

/// What topics are asked of.
pub(super) struct Ask<'a> {
    pub(super) paired: &'a PairedArgs,
    pub(super) pairs: &'a Pairs,
    pub(super) measured: &'a Measured,
    pub(super) shell: &'a Shell,
}

impl Ask<'_> {
    /// Communities of the captions' own vectors, row by row with their table, or of those of another table.
    pub(super) fn communities(
        &self,
        own: (&[f32], &EmbeddingTable),
        other: Option<&Path>,
        settings: CommunitySettings,
    ) -> anyhow::Result<Sorted> {
        let mut notes = Vec::new();
        let captions = self.measured.captions.len();
        let Some(path) = other else {
            let rows: Vec<usize> = (0..captions).collect();
            let path = &self.paired.captions;
            return self.found((path, own.1), (own.0, rows), settings, notes);
        };
        let table = read(path, &self.paired.reading, self.shell)?;
        let joined = self.pairs.join_captions((path, &table), &mut notes)?;
        self.shell.say_notes(&notes);
        let mut values = Vec::with_capacity(captions * table.dim);
        let mut rows = Vec::with_capacity(captions);
        for (row, &caption) in self.measured.captions.iter().enumerate() {
            if let Some(vector) = joined[caption].and_then(|row| table.row(row)) {
                values.extend_from_slice(vector);
                rows.push(row);
            }
        }
        ensure!(
            !rows.is_empty(),
            "{}: expected vectors of the captions of {}, found none of those that are measured",
            path.display(),
            self.paired.pairs.display()
        );
        self.found((path, &table), (&values, rows), settings, notes)
    }

    /// Communities of vectors of these captions.
    fn found(
        &self,
        (path, table): (&Path, &EmbeddingTable),
        (values, rows): (&[f32], Vec<usize>),
        settings: CommunitySettings,
        notes: Vec<String>,
    ) -> anyhow::Result<Sorted> {
        let about = || path.display().to_string();
        let points = Points::new(values, table.dim, Metric::Cosine).with_context(about)?;
        let ids = self.ranks(&rows);
        let stages = Stages::new(self.shell);
        let progress = |stage: &str, done, total| stages.at(stage, done, total);
        let find = |settings| {
            let found = self
                .shell
                .apart(|| communities(&points, Some(&ids), settings, &progress));
            stages.end();
            found.with_context(about)
        };
        let found = find(settings)?;
        if found.is_empty() {
            let largest = find(CommunitySettings {
                least: 1,
                ..settings
            })?;
            bail!(
                "{}: expected at least {} of {} captions with a cosine of at least {} to one of them, found no more than {}; a lower --threshold or --least finds topics",
                path.display(),
                settings.least,
                rows.len(),
                settings.threshold,
                largest
                    .first()
                    .map_or(0, |community| community.members.len())
            );
        }
        let member = |of: &Community| of.members.iter().map(|&m| rows[m as usize]).collect();
        let ordered: Vec<Vec<usize>> = found.iter().map(member).collect();
        few(path, "communities", ordered.len())?;
        let mut of_caption = vec![Vec::new(); self.measured.captions.len()];
        for (topic, members) in ordered.iter().enumerate() {
            for &row in members {
                of_caption[row].push(topic);
            }
        }
        Ok(Sorted {
            source: TopicSource::Communities {
                vectors: name(path),
                producer: table.provenance.producer.clone(),
                settings,
            },
            names: vec![String::new(); ordered.len()],
            of_caption,
            ordered: Some(ordered),
            notes,
        })
    }

    /// The place of each caption in the order of all ids, which is the same whatever the order of the pairs.
    fn ranks(&self, rows: &[usize]) -> Vec<u64> {
        let id = |place: &usize| &self.pairs.captions[self.measured.captions[rows[*place]]].id;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| id(a).cmp(id(b)).then(a.cmp(b)));
        let mut ranks = vec![0; rows.len()];
        for (rank, place) in (0..).zip(order) {
            ranks[place] = rank;
        }
        ranks
    }

    /// The values of a column of the pictures.
    pub(super) fn column(&self, column: &str, labels: Option<&Path>) -> anyhow::Result<Sorted> {
        let mut notes = Vec::new();
        let (path, values) = match labels {
            None => (self.paired.pairs.as_path(), self.own_column(column)?),
            Some(path) => {
                let table = self.paired.reading.labels(path, self.shell)?;
                (path, self.label_column(column, path, &table, &mut notes)?)
            }
        };
        let of = |caption: &usize| {
            let value = values[self.pairs.captions[*caption].picture].as_deref();
            value.filter(|value| !is_missing(value))
        };
        let of_caption: Vec<Option<&str>> = self.measured.captions.iter().map(of).collect();
        let names: BTreeSet<&str> = of_caption.iter().copied().flatten().collect();
        let names: Vec<&str> = names.into_iter().collect();
        ensure!(
            !names.is_empty(),
            "{}: expected values in column {column}, found none for {} captions",
            path.display(),
            of_caption.len()
        );
        few(path, &format!("values in column {column}"), names.len())?;
        let place = |value: &Option<&str>| -> Vec<usize> {
            value
                .and_then(|value| names.binary_search(&value).ok())
                .into_iter()
                .collect()
        };
        Ok(Sorted {
            source: TopicSource::Column {
                table: name(path),
                column: column.to_string(),
            },
            of_caption: of_caption.iter().map(place).collect(),
            names: names.into_iter().map(String::from).collect(),
            ordered: None,
            notes,
        })
    }

    /// A column of the pairs' table, by picture.
    fn own_column(&self, column: &str) -> anyhow::Result<Vec<Option<String>>> {
        let attributes = || self.pairs.attributes.iter().map(String::as_str);
        let Some(place) = attributes().position(|name| name == column) else {
            let found = match self.pairs.attributes.is_empty() {
                true => "none; --labels takes a table of the pictures".to_string(),
                false => {
                    let there: Vec<&str> = attributes().collect();
                    some(&there) + &did_you_mean(column, attributes())
                }
            };
            bail!(
                "{}: expected a column {column} with one value a picture, found {found}",
                self.paired.pairs.display()
            );
        };
        let pictures = self.pairs.pictures.iter();
        Ok(pictures
            .map(|picture| picture.attributes.get(place).cloned())
            .collect())
    }

    /// A column of a label table, by picture.
    fn label_column(
        &self,
        column: &str,
        path: &Path,
        table: &LabelTable,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Vec<Option<String>>> {
        let values = table.column(column).with_context(|| {
            format!(
                "{}: expected a column {column}, found columns {}{}",
                path.display(),
                table.column_names().collect::<Vec<_>>().join(", "),
                did_you_mean(column, table.column_names())
            )
        })?;
        let there: Vec<&str> = (0..table.len()).map(|row| table.clip(row)).collect();
        each_once(path, table)?;
        let pictures = &self.pairs.pictures;
        let ids: Vec<&str> = pictures.iter().map(|picture| picture.id.as_str()).collect();
        let (mut rows, mut found) = match_ids(&ids, &there);
        if rows.iter().all(Option::is_none) {
            let numbers = pictures
                .iter()
                .map(|p| p.number.as_deref().unwrap_or_default());
            (rows, found) = match_ids(&numbers.collect::<Vec<&str>>(), &there);
        }
        ensure!(
            rows.iter().any(Option::is_some),
            "{}: expected the pictures of {} ({}), found none of them among {}",
            path.display(),
            self.paired.pairs.display(),
            some(&ids),
            some(&there)
        );
        notes.extend(
            found
                .notes()
                .into_iter()
                .map(|note| format!("{}: {note}", path.display())),
        );
        let without = rows.iter().filter(|row| row.is_none()).count();
        if without > 0 {
            notes.push(format!(
                "{}: {without} of {} pictures without a row: their captions are of no topic",
                path.display(),
                rows.len()
            ));
        }
        Ok(rows
            .into_iter()
            .map(|row| values.get(row?).cloned())
            .collect())
    }

    /// Words that captions say.
    pub(super) fn words(&self, words: &[String]) -> anyhow::Result<Sorted> {
        let names = words.iter().map(|word| word.trim());
        let names: Vec<&str> = names.filter(|word| !word.is_empty()).collect();
        ensure!(
            !names.is_empty(),
            "--words: expected words separated by commas, found none"
        );
        few(&self.paired.pairs, "words", names.len())?;
        for (place, name) in names.iter().enumerate() {
            ensure!(
                !names[..place]
                    .iter()
                    .any(|known| known.to_lowercase() == name.to_lowercase()),
                "--words: expected every word once, found {name} again"
            );
        }
        let subset = WordSubset::new(&names).context("--words")?;
        let captions = self.measured.captions.iter();
        let of_caption: Vec<Vec<usize>> = captions
            .map(|&caption| subset.found(&self.pairs.captions[caption].text))
            .collect();
        let said: BTreeSet<usize> = of_caption.iter().flatten().copied().collect();
        let unsaid = (0..names.len()).filter(|topic| !said.contains(topic));
        let unsaid: Vec<&str> = unsaid.map(|topic| names[topic]).collect();
        ensure!(
            !said.is_empty(),
            "--words: expected captions that say {} or their plurals, found none among {} of {}",
            some(&names),
            of_caption.len(),
            self.paired.pairs.display()
        );
        let notes = match unsaid.is_empty() {
            true => Vec::new(),
            false => vec![format!("no caption says {}", some(&unsaid))],
        };
        self.shell.say_notes(&notes);
        Ok(Sorted {
            source: TopicSource::Words {
                words: names.iter().map(ToString::to_string).collect(),
            },
            names: names.into_iter().map(String::from).collect(),
            of_caption,
            ordered: None,
            notes,
        })
    }
}

/// Refuses more topics than anybody can look at.
fn few(path: &Path, what: &str, found: usize) -> anyhow::Result<()> {
    ensure!(
        found <= MOST,
        "{}: expected at most {MOST} {what} as topics, found {found}",
        path.display()
    );
    Ok(())
}
