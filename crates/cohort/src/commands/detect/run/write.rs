//! Results as files.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cohort_detection::Id;
use cohort_detection::rle::Rle;
use cohort_tables::{counted, csv_line, write_atomic_with};
use serde::Serialize;

use super::categories::Categories;
use super::work::{Done, LookedAt};

/// Where results go.
pub(super) struct Out {
    json: Option<PathBuf>,
    csv: Option<PathBuf>,
    journal: PathBuf,
}

/// A detection as COCO's results have it.
#[derive(Serialize)]
struct Record<'a> {
    image_id: &'a Id,
    category_id: &'a Id,
    bbox: [f32; 4],
    score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<Segmentation>,
}

/// A mask as COCO's results have it: run lengths down the columns.
#[derive(Serialize)]
struct Segmentation {
    /// Height and width.
    size: [u32; 2],
    counts: String,
}

impl Segmentation {
    fn new(mask: &Rle) -> Self {
        Self {
            size: [mask.height(), mask.width()],
            counts: mask.to_compressed(),
        }
    }
}

impl Out {
    /// By the ending of `out`; a folder is made.
    pub(super) fn new(out: &Path) -> anyhow::Result<Self> {
        let ending = out
            .extension()
            .and_then(|e| e.to_str())
            .map(str::to_ascii_lowercase);
        let file = |out: &Path| Some(out.to_path_buf());
        let own = match ending.as_deref() {
            _ if out.is_dir() => None,
            Some("json") => Some((file(out), None)),
            Some("csv") => Some((None, file(out))),
            Some(other) => {
                bail!("--out: expected a file .json or .csv, or a folder, found .{other}")
            }
            None => None,
        };
        if let Some((json, csv)) = own {
            return Ok(Self {
                json,
                csv,
                journal: with_more(out, ".partial"),
            });
        }
        std::fs::create_dir_all(out).with_context(|| format!("cannot write {}", out.display()))?;
        Ok(Self {
            json: Some(out.join("detections.json")),
            csv: Some(out.join("detections.csv")),
            journal: out.join("detections.partial"),
        })
    }

    /// Where finished pictures are kept.
    pub(super) fn journal(&self) -> PathBuf {
        self.journal.clone()
    }

    /// Writes the files and gives their paths.
    pub(super) fn write(
        &self,
        all: &[LookedAt<'_>],
        categories: &Categories,
    ) -> anyhow::Result<Vec<PathBuf>> {
        if let Some(path) = &self.json {
            write_json(path, all, categories)?;
        }
        if let Some(path) = &self.csv {
            write_csv(path, all, categories)?;
        }
        Ok(self.json.iter().chain(&self.csv).cloned().collect())
    }
}

fn with_more(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// `x, y, width, height`.
fn sides([x1, y1, x2, y2]: [f32; 4]) -> [f32; 4] {
    [x1, y1, x2 - x1, y2 - y1]
}

fn write_json(path: &Path, all: &[LookedAt<'_>], categories: &Categories) -> anyhow::Result<()> {
    write_atomic_with(path, |file| {
        let mut before = "[\n";
        for looked_at in all {
            for found in &looked_at.detections {
                file.write_all(before.as_bytes())?;
                let record = Record {
                    image_id: &looked_at.source.id,
                    category_id: categories.id(found.class),
                    bbox: sides(found.corners),
                    score: found.score,
                    segmentation: found.mask.as_ref().map(Segmentation::new),
                };
                serde_json::to_writer(&mut *file, &record)?;
                before = ",\n";
            }
        }
        let end = if before == "[\n" { "[]\n" } else { "\n]\n" };
        file.write_all(end.as_bytes())
    })?;
    Ok(())
}

fn write_csv(path: &Path, all: &[LookedAt<'_>], categories: &Categories) -> anyhow::Result<()> {
    const HEADER: [&str; 9] = [
        "file",
        "image_id",
        "category_id",
        "category",
        "score",
        "x",
        "y",
        "width",
        "height",
    ];
    write_atomic_with(path, |file| {
        file.write_all(csv_line(HEADER).as_bytes())?;
        for looked_at in all {
            for found in &looked_at.detections {
                let place = sides(found.corners).map(|value| value.to_string());
                let row = [
                    looked_at.source.below.clone(),
                    plain(&looked_at.source.id),
                    plain(categories.id(found.class)),
                    categories.name(found.class).to_owned(),
                    found.score.to_string(),
                ];
                let row: Vec<&str> = row.iter().chain(&place).map(String::as_str).collect();
                file.write_all(csv_line(row).as_bytes())?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// An id without quotes.
fn plain(id: &Id) -> String {
    match id {
        Id::Number(number) => number.to_string(),
        Id::Text(text) => text.clone(),
    }
}

/// Classes that a summary lists.
const LISTED: usize = 10;

/// How much was found, and of what most.
pub(super) fn summary(done: &Done<'_>, categories: &Categories, sure: f64) -> String {
    let all = || done.looked_at.iter().flat_map(|one| &one.detections);
    let mut sure_of = std::collections::BTreeMap::new();
    for found in all().filter(|found| f64::from(found.score) >= sure) {
        *sure_of.entry(found.class).or_insert(0) += 1;
    }
    let known = match done.known {
        0 => String::new(),
        known => format!(" ({known} of them by an earlier call)"),
    };
    let mut text = format!(
        "{}{known}: {}, {} of them with a score of {sure} or more\n",
        counted(done.looked_at.len(), "picture"),
        counted(all().count(), "detection"),
        sure_of.values().sum::<usize>()
    );
    let mut classes: Vec<(usize, usize)> = sure_of.into_iter().collect();
    classes.sort_by_key(|(class, count)| (std::cmp::Reverse(*count), *class));
    let rows: Vec<[String; 2]> = classes
        .iter()
        .take(LISTED)
        .map(|(class, count)| [categories.name(*class).to_owned(), count.to_string()])
        .collect();
    let width = rows.iter().map(|[name, _]| name.chars().count()).max();
    for [name, count] in &rows {
        text += &format!("  {name:<0$} {count:>7}\n", width.unwrap_or(0));
    }
    if classes.len() > LISTED {
        text += &format!("  and {} more\n", counted(classes.len() - LISTED, "class"));
    }
    text
}
