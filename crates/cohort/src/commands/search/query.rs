//! `cohort search query`: the nearest neighbours of vectors and pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use cohort_search::{Answer, Found, Hit, Index, Mask, SearchDocument, standing};
use cohort_tables::did_you_mean;

use super::encoder::{LookArgs, encode_queries, encode_words};
use super::index::{fits, names_pictures, read};
use super::sheet::{Asked, SheetArgs};
use crate::commands::deliver::{print, write_json};
use crate::commands::known::{self, About, Known};
use crate::commands::stages::Stages;
use crate::commands::tables::TableArgs;
use crate::shell::{Outcome, Shell};

/// Everyday phrases, against which the answers to words are held.
const UNRELATED: &str = include_str!("unrelated.txt");

/// Queries that are asked exactly too, to see what a search by graph finds of them.
const MEASURED_ON: usize = 100;

/// Arguments of `cohort search query`.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// The index
    index: PathBuf,
    /// Pictures, or folders of them, to look for in an index of pictures; words, where its encoder reads them; or embedding tables
    /// with vectors made as the index's were
    #[arg(value_name = "PICTURE|WORDS|VECTORS", required_unless_present_any = ["clip", "words"])]
    queries: Vec<PathBuf>,
    /// Words to look for, whatever files there are; may be given again
    #[arg(long, value_name = "WORDS")]
    words: Vec<String>,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    reading: TableArgs,
    /// A clip of the index to look for, which is not its own neighbour; may be given again
    #[arg(long, value_name = "CLIP", allow_hyphen_values = true)]
    clip: Vec<String>,
    /// Neighbours of each
    #[arg(long, short, value_name = "N", default_value_t = 10)]
    k: usize,
    /// Only clips whose column has this value (code or name), looked for exactly; may be given again: all must hold
    #[arg(long = "where", value_name = "COLUMN=VALUE", requires = "labels", value_parser = parse_filter)]
    filters: Vec<(String, String)>,
    /// Who the clips are: a label table, or the folder of a data set
    #[arg(long, value_name = "L.csv|ROOT")]
    labels: Option<PathBuf>,
    /// What codes mean [default: the data set's, else First Impressions where the codes fit]
    #[arg(long, value_name = "SCHEMA.toml", requires = "labels")]
    schema: Option<PathBuf>,
    /// Look at every vector, where the index has a graph too
    #[arg(long)]
    exact: bool,
    /// Where the answers go as JSON
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    #[command(flatten)]
    sheet: SheetArgs,
    /// Print one JSON document (cohort.search/1)
    #[arg(long)]
    json: bool,
}

fn parse_filter(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((column, value)) if !column.is_empty() => Ok((column.into(), value.into())),
        _ => Err("expected COLUMN=VALUE, e.g. Gender=2".into()),
    }
}

impl Query {
    pub(crate) fn run(self, shell: &Shell) -> anyhow::Result<Outcome> {
        self.sheet.check()?;
        let index = Index::open(&self.index)?;
        let mask = self.mask(&index, shell)?;
        let searched = mask.as_ref().map_or(index.live().count(), Mask::count);
        // a filter is exact
        let nearly = index
            .known_recall()
            .filter(|_| mask.is_none() && !self.exact);
        let stages = Stages::new(shell);
        let progress = |stage: &str, done, total| stages.at(stage, done, total);
        let width = nearly.map_or(0, |known| known.width);
        let search = |queries: &[f32], k: usize| -> anyhow::Result<Vec<Vec<Hit>>> {
            Ok(shell.apart(|| match nearly {
                Some(_) => index.search_nearly(queries, k, width, &progress),
                None => index.search(queries, k, mask.as_ref(), &progress),
            })?)
        };
        let mut recall = None;
        let mut measure = |queries: &[f32]| -> anyhow::Result<()> {
            if nearly.is_some() && recall.is_none() && !queries.is_empty() {
                let sample = &queries[..queries.len().min(index.dim() * MEASURED_ON)];
                recall = Some(shell.apart(|| index.recall(sample, self.k, width, &progress))?);
            }
            Ok(())
        };
        let mut asked: Vec<Asked> = Vec::new();
        let mut answers: Vec<Vec<Hit>> = Vec::new();
        if !self.clip.is_empty() {
            let known = index.rows_by_id();
            for clip in &self.clip {
                let row = known.get(clip.as_str()).with_context(|| {
                    format!(
                        "{}: expected a clip {clip:?}, found none",
                        self.index.display()
                    )
                })?;
                // one more, in case it is there itself
                let mut found = search(index.vector(*row), self.k + 1)?;
                let mut found = found.pop().unwrap_or_default();
                found.retain(|hit| hit.row != *row);
                found.truncate(self.k);
                asked.push(Asked::named(clip));
                answers.push(found);
            }
        }
        let (words, files): (Vec<&PathBuf>, Vec<&PathBuf>) =
            self.queries.iter().partition(|path| are_words(path));
        let (pictures, tables): (Vec<&PathBuf>, Vec<&PathBuf>) =
            files.into_iter().partition(|path| names_pictures(path));
        let words: Vec<&str> = (self.words.iter().map(String::as_str))
            .chain(words.iter().filter_map(|path| path.to_str()))
            .collect();
        for path in tables {
            let table = read(path, &self.reading, shell)?;
            fits(&index, path, &table, shell)?;
            let found = search(&table.values, self.k);
            answers.extend(found.with_context(|| path.display().to_string())?);
            measure(&table.values)?;
            asked.extend(table.clips.iter().map(|clip| Asked::named(clip)));
        }
        self.reading.all_found()?;
        let mut notes = self.reading.notes();
        if !pictures.is_empty() {
            let (named, values) = encode_queries(&index, &pictures, &self.look, shell)?;
            let found = search(&values, self.k)?;
            let themselves = values.chunks_exact(index.dim()).zip(&found);
            let themselves = themselves
                .filter(|(query, own)| own.iter().any(|hit| index.vector(hit.row) == *query));
            let themselves = themselves.count();
            if themselves > 0 {
                notes.push(format!(
                    "{themselves} of {} query pictures are in the index, or copies of them are, and find themselves; --clip asks for a clip of the index without itself",
                    named.len()
                ));
                shell.say_notes(&notes[notes.len() - 1..]);
            }
            measure(&values)?;
            answers.extend(found);
            asked.extend(named.into_iter().map(|(clip, file)| Asked {
                clip,
                file: Some(file),
                is_words: false,
            }));
        }
        let mut standings = vec![None; asked.len()];
        if let Some(blank) = words.iter().find(|text| text.trim().is_empty()) {
            bail!("{blank:?}: expected words to look for, found none");
        }
        if !words.is_empty() {
            let phrases: Vec<&str> = UNRELATED.lines().collect();
            let [own, unrelated] = encode_words(&index, [&words, &phrases], &self.look, shell)?;
            let first = |hits: &Vec<Hit>| hits.first().map(|hit| hit.distance);
            let unrelated: Vec<f64> = search(&unrelated, 1)?.iter().filter_map(first).collect();
            let found = search(&own, self.k)?;
            let stand = |hits| first(hits).and_then(|nearest| standing(nearest, &unrelated));
            standings.extend(found.iter().map(stand));
            answers.extend(found);
            measure(&own)?;
            asked.extend(words.iter().map(|text| Asked::words(text)));
        }
        stages.end();
        let found = |hit: Hit| Found {
            clip: index.id(hit.row).to_string(),
            distance: hit.distance,
        };
        let name = self.index.file_name().unwrap_or_default();
        let document = SearchDocument {
            schema: "cohort.search/1".into(),
            index: name.to_string_lossy().into_owned(),
            producer: index.producer().to_string(),
            distance: index.distance(),
            vectors: index.live().count(),
            searched,
            filters: self
                .filters
                .iter()
                .map(|(c, v)| format!("{c}={v}"))
                .collect(),
            k: self.k,
            nearly: nearly.map(|known| recall.unwrap_or(known)),
            notes,
            queries: asked
                .iter()
                .zip(answers)
                .zip(standings)
                .map(|((asked, hits), standing)| Answer {
                    clip: asked.clip.clone(),
                    standing,
                    found: hits.into_iter().map(found).collect(),
                })
                .collect(),
        };
        if let Some(out) = &self.out {
            write_json(out, &document, shell)?;
        }
        if self.sheet.is_wanted() {
            let known = self.known(self.sheet.label(), "--label", shell)?;
            self.sheet
                .write(&document, &asked, index.folder(), known.as_ref(), shell)?;
        }
        print(&document, || document.to_text(), self.json, shell)
    }

    /// What `--labels` says of a column, by default of its target; none without labels.
    fn known(
        &self,
        column: Option<&str>,
        option: &'static str,
        shell: &Shell,
    ) -> anyhow::Result<Option<Known>> {
        let Some(labels) = &self.labels else {
            return Ok(None);
        };
        let ask = known::Ask {
            column,
            subject: None,
            schema: self.schema.as_deref(),
            option,
        };
        Ok(Some(match labels.is_dir() {
            true => known::from_dataset(labels, &ask, shell)?,
            false => known::from_table(labels, &self.reading.labels(labels, shell)?, &ask)?,
        }))
    }

    /// The rows that the filters leave; `None` without filters.
    fn mask(&self, index: &Index, shell: &Shell) -> anyhow::Result<Option<Mask>> {
        if self.filters.is_empty() {
            return Ok(None);
        }
        let mut mask = index.live().clone();
        for (column, value) in &self.filters {
            // a filter is given with labels
            let Some(known) = self.known(Some(column), "--where", shell)? else {
                continue;
            };
            let group = known
                .groups
                .iter()
                .position(|(code, name)| code == value || name == value);
            let Some(group) = group else {
                let all: Vec<&str> = known.groups.iter().map(|group| group.1.as_str()).collect();
                bail!(
                    "--where {column}={value}: expected one of {}, found {value:?}{}",
                    all.join(", "),
                    did_you_mean(value, all.iter().copied())
                );
            };
            let of = |about: Option<&About>| about.and_then(|about| about.group);
            mask.retain(|row| of(known.about(index.id(row))) == Some(group));
        }
        ensure!(
            mask.count() > 0,
            "{}: expected clips with {}, found none",
            self.index.display(),
            self.filters
                .iter()
                .map(|(c, v)| format!("{c}={v}"))
                .collect::<Vec<_>>()
                .join(" and ")
        );
        Ok(Some(mask))
    }
}

/// Whether a query is words: it is no file, and is not named as one is.
fn are_words(path: &Path) -> bool {
    let text = path.to_string_lossy();
    !path.exists()
        && path
            .extension()
            .is_none_or(|ending| ending.to_string_lossy().contains(' '))
        && !text.contains(['/', '\\'])
}
