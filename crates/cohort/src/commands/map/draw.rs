//! Maps as files: SVG and PNG for papers, HTML to explore, CSV to go on with.

use std::collections::HashMap;
use std::path::Path;

use anyhow::bail;
use cohort_report::charts::{ScatterChart, ScatterPoint, scatter};
use cohort_report::{MapPage, MapPoint, Style, map_page, svg_to_png};
use cohort_search::MapDocument;
use cohort_tables::{LabelTable, write_atomic};

use super::thumbnails;
use crate::commands::known::About;
use crate::shell::Shell;

/// Groups without an order that can be told apart by colour; the smallest of more are drawn as one.
const MOST_KINDS: usize = 10;
/// Characters of a transcript that the HTML map shows.
const BEGINNING: usize = 180;

/// What only the HTML map shows.
pub(super) struct Extras<'a> {
    pub(super) about: &'a [Option<&'a About>],
    pub(super) transcripts: Option<&'a Transcripts>,
    pub(super) images: Option<&'a Path>,
    pub(super) thumbnails: bool,
}

/// A table of transcripts.
pub(super) struct Transcripts {
    table: LabelTable,
    texts: Vec<String>,
}

impl Transcripts {
    /// A table with a column `Transcript`.
    pub(super) fn new(path: &Path, table: LabelTable) -> anyhow::Result<Self> {
        let Some(texts) = table.column("Transcript") else {
            bail!(
                "{}: expected a column Transcript, found columns {}",
                path.display(),
                table.column_names().collect::<Vec<_>>().join(", ")
            );
        };
        let texts = texts.to_vec();
        Ok(Self { table, texts })
    }
}

/// Refuses a file of a kind that is not written.
pub(super) fn check(out: &Path) -> anyhow::Result<()> {
    match kind(out).as_str() {
        "svg" | "png" | "html" | "csv" => Ok(()),
        _ => bail!(
            "{}: expected a name ending in .svg, .png, .html or .csv",
            out.display()
        ),
    }
}

fn kind(out: &Path) -> String {
    out.extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase()
}

/// Writes the map in the form that the file's name asks for.
pub(super) fn write(
    out: &Path,
    document: &MapDocument,
    extras: &Extras,
    shell: &Shell,
) -> anyhow::Result<()> {
    let bytes = match kind(out).as_str() {
        "csv" => document.to_csv().into_bytes(),
        "html" => map_page(&page(document, extras, shell)?).into_bytes(),
        "png" => svg_to_png(&scatter(&chart(document), &Style::file(760.0)), 2.0)?,
        _ => scatter(&chart(document), &Style::file(760.0)).into_bytes(),
    };
    write_atomic(out, &bytes)?;
    shell.say(&format!("wrote {}", out.display()));
    Ok(())
}

fn title(document: &MapDocument) -> String {
    let by = document
        .labels
        .as_ref()
        .map_or_else(String::new, |l| format!(" by {}", l.column));
    let split = document
        .split
        .as_ref()
        .map_or_else(String::new, |s| format!(", {s}"));
    format!(
        "{} of {}{split}{by}",
        document.recipe.method.title(),
        document.table
    )
}

fn subtitle(document: &MapDocument) -> String {
    let (n, dim) = (document.vectors, document.dim);
    format!("{n} vectors of {dim} numbers; {}.", document.recipe)
}

fn chart(document: &MapDocument) -> ScatterChart {
    let shown = Shown::new(document);
    let mut caption = vec![subtitle(document)];
    caption.extend(document.verdicts());
    caption.push("Labels were no input of the map.".into());
    ScatterChart {
        title: title(document),
        description: caption.join(" "),
        points: shown.points(document),
        groups: shown.names,
        ordered: shown.ordered,
        caption,
    }
}

fn page(document: &MapDocument, extras: &Extras, shell: &Shell) -> anyhow::Result<MapPage> {
    let shown = Shown::new(document);
    let texts = transcripts(document, extras, shell)?;
    let mut pictures = if extras.thumbnails {
        thumbnails::make(document, extras.about, extras.images, shell)?
    } else {
        Vec::new()
    };
    pictures.resize(document.points.len(), None);
    let names = Names::new(document);
    let places = shown.points(document);
    let rows = document.points.iter().zip(places).zip(texts).zip(pictures);
    let point = |(((point, at), text), picture)| {
        let point: &cohort_search::PlacedClip = point;
        MapPoint {
            at,
            clip: point.clip.clone(),
            prediction: point.prediction.as_deref().map(|code| names.of(code)),
            text,
            picture,
        }
    };
    let mut caption = document.verdicts();
    caption.push("Labels were no input of the map. Its axes have no units; only who is near whom means something.".into());
    Ok(MapPage {
        title: title(document),
        subtitle: subtitle(document),
        column: document
            .labels
            .as_ref()
            .map_or_else(String::new, |l| l.column.clone()),
        points: rows.map(point).collect(),
        groups: shown.names,
        ordered: shown.ordered,
        caption,
    })
}

/// Names of the label column's codes, which predictions may share.
struct Names(HashMap<String, String>);

impl Names {
    fn new(document: &MapDocument) -> Self {
        let groups = document.labels.iter().flat_map(|labels| &labels.groups);
        Self(groups.map(|g| (g.code.clone(), g.name.clone())).collect())
    }

    fn of(&self, code: &str) -> String {
        self.0.get(code).map_or(code, String::as_str).to_string()
    }
}

/// Groups as they are drawn.
struct Shown {
    names: Vec<String>,
    ordered: bool,
    /// Place in `names` by code.
    places: HashMap<String, usize>,
}

impl Shown {
    fn new(document: &MapDocument) -> Self {
        let Some(labels) = &document.labels else {
            return Self {
                names: Vec::new(),
                ordered: false,
                places: HashMap::new(),
            };
        };
        let mut by_size: Vec<usize> = (0..labels.groups.len()).collect();
        by_size.sort_by_key(|&i| (std::cmp::Reverse(labels.groups[i].points), i));
        let keep = if labels.ordered || by_size.len() <= MOST_KINDS {
            by_size.len()
        } else {
            MOST_KINDS - 1
        };
        let dropped = by_size.split_off(keep);
        by_size.sort_unstable();
        let mut names: Vec<String> = by_size
            .iter()
            .map(|&i| labels.groups[i].name.clone())
            .collect();
        let code = |i: usize| labels.groups[i].code.clone();
        let mut places: HashMap<String, usize> = by_size
            .iter()
            .enumerate()
            .map(|(place, &i)| (code(i), place))
            .collect();
        places.extend(dropped.iter().map(|&i| (code(i), names.len())));
        if !dropped.is_empty() {
            names.push(format!("{} other groups", dropped.len()));
        }
        Self {
            names,
            ordered: labels.ordered,
            places,
        }
    }

    fn points(&self, document: &MapDocument) -> Vec<ScatterPoint> {
        let place = |point: &cohort_search::PlacedClip| ScatterPoint {
            x: f64::from(point.x),
            y: f64::from(point.y),
            group: point
                .label
                .as_ref()
                .and_then(|code| self.places.get(code).copied()),
        };
        document.points.iter().map(place).collect()
    }
}

/// The beginning of what was said in each clip: from the table that was given, else the data set's.
fn transcripts(
    document: &MapDocument,
    extras: &Extras,
    shell: &Shell,
) -> anyhow::Result<Vec<Option<String>>> {
    if let Some(Transcripts { table, texts }) = extras.transcripts {
        let by_clip: HashMap<&str, &String> = (0..table.len())
            .map(|row| table.clip(row))
            .zip(texts)
            .collect();
        let of = |point: &cohort_search::PlacedClip| {
            by_clip.get(point.clip.as_str()).map(|text| beginning(text))
        };
        return Ok(document.points.iter().map(of).collect());
    }
    let mut bad = 0;
    let mut texts = Vec::with_capacity(extras.about.len());
    for about in extras.about {
        let read = about
            .and_then(|about| about.transcript.as_ref())
            .map(|source| source.read_words());
        texts.push(match read {
            Some(Ok(text)) => Some(beginning(&text)),
            Some(Err(_)) => {
                bad += 1;
                None
            }
            None => None,
        });
    }
    if bad > 0 {
        shell.say(&format!(
            "{bad} transcripts cannot be read and are not shown"
        ));
    }
    Ok(texts)
}

/// The first words of a text, with an ellipsis when there are more.
fn beginning(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= BEGINNING {
        return text;
    }
    let cut: String = text.chars().take(BEGINNING).collect();
    let cut = cut
        .rsplit_once(' ')
        .map_or(cut.as_str(), |(start, _)| start);
    format!("{cut} \u{2026}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_transcripts_are_cut_between_words() {
        assert_eq!(beginning(" a  b\n"), "a b");
        let cut = beginning(&"word ".repeat(100));
        assert!(
            cut.ends_with("word \u{2026}") && cut.chars().count() <= BEGINNING + 2,
            "{cut}"
        );
        assert!(beginning(&"é".repeat(500)).chars().count() <= BEGINNING + 2);
    }
}
