//! What is known about the clips of a table of vectors: from a data set, or from a label table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use cohort_audit::read_schema;
use cohort_data::{Attribute, Dataset, MediaSource, Schema};
use cohort_tables::{LabelTable, did_you_mean, id_key, is_missing};

use crate::shell::Shell;

/// What is asked for.
pub(super) struct Ask<'a> {
    pub(super) column: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) schema: Option<&'a Path>,
    /// The option that names the column.
    pub(super) option: &'static str,
}

/// Everything known, by clip.
pub(super) struct Known {
    /// The label column.
    pub(super) column: String,
    /// Whether the order of the groups means something.
    pub(super) ordered: bool,
    /// Code and name of each group.
    pub(super) groups: Vec<(String, String)>,
    /// Names of the splits; empty when there are none.
    pub(super) splits: Vec<String>,
    pub(super) clips: HashMap<String, About>,
    /// The column of subjects, where there is one.
    pub(super) subject_column: Option<String>,
    /// What of a data set's tables was read otherwise than it was written.
    pub(super) notes: Vec<String>,
}

/// What is known about one clip.
#[derive(Debug, Clone, Default)]
pub(super) struct About {
    pub(super) group: Option<usize>,
    pub(super) subject: Option<String>,
    pub(super) split: Option<String>,
    pub(super) transcript: Option<MediaSource>,
    pub(super) image: Option<PathBuf>,
}

impl Known {
    /// What is known about the clip of a name, which may bear a media extension.
    pub(super) fn about(&self, name: &str) -> Option<&About> {
        let by_id = || self.clips.get(&id_key(name));
        self.clips.get(name).or_else(by_id)
    }

    /// A number for the subject of each clip; `None` when no subject is known or each has one clip only.
    pub(super) fn subjects(&self, about: &[Option<&About>]) -> Option<Vec<usize>> {
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut repeated = false;
        let mut all = Vec::with_capacity(about.len());
        for (i, about) in about.iter().enumerate() {
            match about.and_then(|a| a.subject.as_deref()) {
                // a clip without a subject is one of its own
                None => all.push(about_alone(i)),
                Some(subject) => {
                    let next = numbers.len();
                    let number = *numbers.entry(subject).or_insert(next);
                    repeated |= number != next;
                    all.push(number);
                }
            }
        }
        repeated.then_some(all)
    }
}

/// A subject number that no named subject has.
fn about_alone(i: usize) -> usize {
    usize::MAX - i
}

/// Reads a data set.
pub(super) fn from_dataset(root: &Path, ask: &Ask, shell: &Shell) -> anyhow::Result<Known> {
    let schema = ask.schema.map(read_schema).transpose()?;
    let dataset = Dataset::open(root, schema)?;
    shell.say_notes(&dataset.notes);
    let schema = &dataset.schema;
    let column = ask.column.unwrap_or(&schema.target);
    let subject = |split: &cohort_data::Split, row: usize| -> anyhow::Result<Option<String>> {
        match ask.subject {
            None => Ok(split.clips.get(row).map(|clip| clip.subject.clone())),
            Some(name) => Ok(find(&split.labels, name, root)?.get(row).cloned()),
        }
    };
    let mut codes: Vec<Vec<String>> = Vec::with_capacity(dataset.splits.len());
    for split in &dataset.splits {
        codes.push(find(&split.labels, column, root)?.to_vec());
    }
    let groups = Groups::new(column, codes.iter().flatten(), Some(schema));
    let mut clips = HashMap::with_capacity(dataset.len());
    for (split, codes) in dataset.splits.iter().zip(&codes) {
        for (row, clip) in split.clips.iter().enumerate() {
            let about = About {
                group: codes.get(row).and_then(|code| groups.place(code)),
                subject: subject(split, row)?,
                split: Some(split.name.clone()),
                transcript: clip.words().cloned(),
                image: clip.picture().map(Path::to_path_buf),
            };
            clips.insert(clip.id.clone(), about);
        }
    }
    let splits = dataset.splits.iter().map(|split| split.name.clone());
    let known = groups.known(splits.collect(), clips);
    Ok(Known {
        notes: dataset.notes_for_documents(),
        subject_column: Some(ask.subject.unwrap_or(&schema.subject_column).to_string()),
        ..known
    })
}

/// Reads a label table.
pub(super) fn from_table(path: &Path, labels: &LabelTable, ask: &Ask) -> anyhow::Result<Known> {
    let schema = match ask.schema {
        Some(path) => read_schema(path)?,
        None if Schema::first_impressions().is_layout_of(labels) => Schema::first_impressions(),
        None => Schema::without_meanings(),
    };
    let column = match ask.column {
        Some(column) => column,
        None if labels.column(&schema.target).is_some() => &schema.target,
        None => bail!(
            "{}: expected {} and a label column, found neither; columns {}",
            path.display(),
            ask.option,
            labels.column_names().collect::<Vec<_>>().join(", ")
        ),
    };
    let codes = find(labels, column, path)?;
    let groups = Groups::new(column, codes.iter(), Some(&schema));
    let subjects = match ask.subject {
        Some(subject) => Some(find(labels, subject, path)?),
        None => labels.column(&schema.subject_column),
    };
    let splits = labels.column("split");
    let mut clips = HashMap::with_capacity(labels.len());
    for row in 0..labels.len() {
        let cell = |column: Option<&[String]>| {
            column
                .and_then(|column| column.get(row))
                .filter(|code| !is_missing(code))
                .cloned()
        };
        let about = About {
            group: codes.get(row).and_then(|code| groups.place(code)),
            subject: cell(subjects),
            split: cell(splits),
            ..About::default()
        };
        ensure!(
            clips.insert(labels.clip(row).to_string(), about).is_none(),
            "{}: expected every clip once, found {:?} again",
            path.display(),
            labels.clip(row)
        );
    }
    let splits: BTreeSet<String> = splits.unwrap_or_default().iter().cloned().collect();
    let subject = ask.subject.unwrap_or(&schema.subject_column);
    Ok(Known {
        subject_column: subjects.map(|_| subject.to_string()),
        ..groups.known(splits.into_iter().collect(), clips)
    })
}

fn find<'a>(labels: &'a LabelTable, name: &str, path: &Path) -> anyhow::Result<&'a [String]> {
    labels.column(name).with_context(|| {
        format!(
            "{}: expected a column {name}, found columns {}{}",
            path.display(),
            labels.column_names().collect::<Vec<_>>().join(", "),
            did_you_mean(name, labels.column_names())
        )
    })
}

/// The groups of a column.
struct Groups {
    column: String,
    ordered: bool,
    groups: Vec<(String, String)>,
    places: HashMap<String, usize>,
}

impl Groups {
    /// The schema's levels where it has the column and knows all codes; else the codes that occur, as numbers where all
    /// are. Many numbers (ages in years, say) count as ordered.
    fn new<'a>(
        column: &str,
        codes: impl Iterator<Item = &'a String>,
        schema: Option<&Schema>,
    ) -> Self {
        let found: BTreeSet<&str> = codes
            .map(String::as_str)
            .filter(|c| !is_missing(c))
            .collect();
        let fits =
            |attribute: &&Attribute| found.iter().all(|code| attribute.level(code).is_some());
        let attribute = schema.and_then(|s| s.attribute(column)).filter(fits);
        let (ordered, groups) = match attribute {
            Some(attribute) => {
                let levels = attribute.levels.iter();
                let pairs = levels.map(|level| (level.code.clone(), level.name.clone()));
                (attribute.ordered, pairs.collect())
            }
            None => {
                let numbers: Option<BTreeMap<i64, &str>> = found
                    .iter()
                    .map(|code| Some((code.parse().ok()?, *code)))
                    .collect();
                let numeric = numbers.filter(|numbers| numbers.len() == found.len());
                let many = numeric.is_some() && found.len() > 10;
                let pair = |code: &str| (code.to_string(), code.to_string());
                let groups: Vec<(String, String)> = match numeric {
                    Some(numbers) => numbers.into_values().map(pair).collect(),
                    None => found.iter().map(|code| pair(code)).collect(),
                };
                (many, groups)
            }
        };
        let groups: Vec<(String, String)> = groups;
        let places = groups.iter().enumerate().map(|(i, g)| (g.0.clone(), i));
        Self {
            column: column.to_string(),
            ordered,
            places: places.collect(),
            groups,
        }
    }

    fn place(&self, code: &str) -> Option<usize> {
        self.places.get(code).copied()
    }

    fn known(self, splits: Vec<String>, clips: HashMap<String, About>) -> Known {
        Known {
            column: self.column,
            ordered: self.ordered,
            groups: self.groups,
            splits,
            clips,
            subject_column: None,
            notes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(codes: &[&str]) -> (Vec<String>, bool) {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        let schema = Schema::first_impressions();
        let found = Groups::new("AgeGroup", codes.iter(), Some(&schema));
        (
            found.groups.into_iter().map(|g| g.1).collect(),
            found.ordered,
        )
    }

    #[test]
    fn names_come_from_the_schema_only_where_it_knows_every_code() {
        assert_eq!(groups(&["1", "7", ""]).0[6], "61+");
        assert_eq!(groups(&["10", "9", "9", ""]).0, ["9", "10"]);
        assert_eq!(groups(&["b", "10", "9"]).0, ["10", "9", "b"]);
        let years: Vec<String> = (20..40).map(|y| y.to_string()).collect();
        let years: Vec<&str> = years.iter().map(String::as_str).collect();
        assert!(groups(&years).1 && !groups(&["8", "9"]).1);
    }
}
