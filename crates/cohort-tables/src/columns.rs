//! Finding columns by name: as other tools write them, in any case, or as the user says.

use std::path::Path;

use crate::TableError;
use crate::format::ReadOptions;
use crate::nearest::nearest;

/// Columns that are looked for, and what other tools call them.
const SYNONYMS: [(&str, &[&str]); 9] = [
    (
        "VideoName",
        &[
            "file",
            "filename",
            "file_name",
            "filepath",
            "file_path",
            "path",
            "video",
            "video_name",
            "image",
            "image_path",
            "audio",
            "clip_id",
            "clip_name",
            "name",
            "key",
            "uuid",
            "utt_id",
            "utterance",
            "sample",
            "sample_id",
            "index",
            "id",
        ],
    ),
    (
        "UserID",
        &[
            "speaker",
            "speaker_id",
            "spk",
            "client_id",
            "subject",
            "subject_id",
            "user",
            "user_id",
            "patient",
            "patient_id",
            "person",
            "person_id",
            "participant",
            "participant_id",
            "identity",
        ],
    ),
    (
        "ground_truth",
        &[
            "label",
            "labels",
            "target",
            "y_true",
            "y",
            "truth",
            "true",
            "true_label",
            "gt",
            "actual",
            "class",
            "groundtruth",
            "label_id",
        ],
    ),
    (
        "prediction",
        &[
            "pred",
            "preds",
            "y_pred",
            "predicted",
            "predictions",
            "predicted_label",
            "pred_label",
            "predicted_class",
            "y_hat",
            "yhat",
            "output",
        ],
    ),
    (
        "probabilities",
        &[
            "proba",
            "probas",
            "probs",
            "prob",
            "score",
            "scores",
            "y_score",
            "probability",
        ],
    ),
    (
        "Transcript",
        &["sentence", "text", "transcription", "words"],
    ),
    ("AgeGroup", &["age", "age_group"]),
    ("Gender", &["sex"]),
    ("Ethnicity", &["race"]),
];

/// Other names that are looked for.
const OTHERS: [&str; 5] = ["clip", "id", "split", "vector", "source"];

/// Columns that every reader looks for by these names.
pub(crate) const WANTED: [&str; 11] = [
    "VideoName",
    "clip",
    "id",
    "UserID",
    "AgeGroup",
    "Gender",
    "Ethnicity",
    "ground_truth",
    "prediction",
    "probabilities",
    "Transcript",
];

/// Whether a header's name is one that tables of this kind have.
pub(crate) fn is_known(name: &str) -> bool {
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    OTHERS.iter().any(|other| same(other))
        || SYNONYMS
            .iter()
            .any(|(ours, theirs)| same(ours) || theirs.iter().any(|other| same(other)))
}

/// Columns with which other tools say when, or where in a file, a row was taken.
const PLACES: [&str; 5] = ["frameTime", "frameIndex", "frame", "start", "end"];

/// What column `i` of a table of features holds by its name instead of a feature, in a word; `None` where the name says
/// nothing of the kind.
pub(crate) fn no_feature(header: &[String], i: usize) -> Option<&'static str> {
    let name = header[i].trim();
    // beside an x it is a coordinate
    if name.eq_ignore_ascii_case("y") && find(header, "x").is_some() {
        return None;
    }
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    let labels = SYNONYMS.iter().filter(|(ours, _)| *ours != "VideoName");
    let mut labels = labels.flat_map(|(ours, theirs)| theirs.iter().chain([ours]));
    if same("split") || same("fold") || labels.any(|other| same(other)) {
        return Some("labels");
    }
    PLACES.iter().any(|other| same(other)).then_some("times")
}

/// The names of a header as they are used.
pub(crate) struct Named {
    pub(crate) header: Vec<String>,
    pub(crate) notes: Vec<String>,
    /// Own names of the file that were mapped.
    pub(crate) mapped: Vec<String>,
}

/// Gives columns the names that are looked for: those that the user maps, then those that differ from a wanted name by
/// case alone. A name that stands twice is refused; a column without one is called `Unnamed: 0` by its place.
pub(crate) fn name(
    path: &Path,
    header: &[String],
    options: &ReadOptions,
    wanted: &[&str],
) -> Result<Named, TableError> {
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (i, name) in header.iter().enumerate() {
        let name = if name.is_empty() {
            format!("Unnamed: {i}")
        } else {
            name.clone()
        };
        if names.contains(&name) {
            let found = format!("column {name:?} twice");
            return Err(TableError::file(path, "every column once", found));
        }
        names.push(name);
    }
    let mut notes = Vec::new();
    let mut mapped = Vec::new();
    let original = names.clone();
    for (ours, theirs) in &options.columns {
        let Some(i) = find(&original, theirs) else {
            continue;
        };
        mapped.push(theirs.clone());
        if let Some(other) = names
            .iter()
            .position(|name| name == ours)
            .filter(|&o| o != i)
        {
            let place = path.display();
            notes.push(format!(
                "{place}: column {theirs} is taken for {ours}; the file's own {ours} is called {ours} (as found)"
            ));
            names[other] = format!("{ours} (as found)");
        }
        names[i].clone_from(ours);
    }
    for want in wanted {
        if names.iter().any(|name| name == want) {
            continue;
        }
        if let Some(i) = find(&names, want) {
            names[i] = (*want).to_string();
        }
    }
    Ok(Named {
        header: names,
        notes,
        mapped,
    })
}

/// The column of a name: the same, else the only one that differs by case or white space alone.
pub(crate) fn find(header: &[String], name: &str) -> Option<usize> {
    let exact = header.iter().position(|column| column == name);
    exact.or_else(|| {
        let name = name.trim().to_lowercase();
        let mut alike = header
            .iter()
            .enumerate()
            .filter(|(_, column)| column.trim().to_lowercase() == name);
        match (alike.next(), alike.next()) {
            (Some((i, _)), None) => Some(i),
            _ => None,
        }
    })
}

/// The error for columns that are not there: it lists those that are, and names those that other tools call so or that are
/// a slip of the pen away.
pub(crate) fn missing(path: &Path, what: &str, ours: &[&str], header: &[String]) -> TableError {
    let mut found = listed(header);
    let proposed: Vec<String> = ours
        .iter()
        .filter_map(|ours| {
            let near = || nearest(ours, header.iter().map(String::as_str)).map(str::to_string);
            let theirs = proposal(ours, header).or_else(near)?;
            Some(format!("--column {ours}={}", quoted_for_shell(&theirs)))
        })
        .collect();
    if !proposed.is_empty() {
        found += &format!("; if that is what they hold: {}", proposed.join(" "));
    }
    TableError::file(path, what, found)
}

/// The first names of a header, as an error lists them.
pub(crate) fn listed(header: &[String]) -> String {
    let shown: Vec<String> = header.iter().take(40).map(|name| shown(name)).collect();
    let mut found = format!("columns {}", shown.join(", "));
    if let Some(more) = header.len().checked_sub(40).filter(|&more| more > 0) {
        found += &format!(" and {more} more");
    }
    found
}

/// The column of a header that other tools call by a name for `ours`.
pub fn proposal(ours: &str, header: &[String]) -> Option<String> {
    let (_, theirs) = SYNONYMS.iter().find(|(name, _)| *name == ours)?;
    let listed = theirs.iter().find_map(|name| find(header, name));
    // an index without a name may hold the clips
    let unnamed = || {
        let first = header.first().filter(|name| name.starts_with("Unnamed: "));
        first.filter(|_| ours == "VideoName").map(|_| 0)
    };
    header.get(listed.or_else(unnamed)?).cloned()
}

fn quoted_for_shell(name: &str) -> String {
    let name = shown(name);
    if name.contains(|c: char| !c.is_alphanumeric() && !"_-./".contains(c)) {
        format!("\"{name}\"")
    } else {
        name
    }
}

/// A name as a message shows it: a file that is no table may hold anything here, and nothing of it shall reach a
/// terminal as it is.
fn shown(name: &str) -> String {
    const SHOWN: usize = 60;
    let mut text = String::new();
    for c in name.chars().take(SHOWN) {
        if c.is_control() {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    if name.chars().count() > SHOWN {
        text += &format!("... ({} bytes)", name.len());
    }
    text
}
