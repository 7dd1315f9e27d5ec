//! An invariant that breaks says so: no count is dropped and no missing value becomes 0 without a word in this crate and the
//! fusion. Clippy has no lint for these forms, so they are looked for here.

use std::path::{Path, PathBuf};

/// Forms that hide a broken invariant. Index, or `expect` with the reason why it cannot break.
const FORMS: [&str; 8] = [
    "unwrap_or_default()",
    "unwrap_or(0",
    "unwrap_or(1",
    "unwrap_or(false)",
    "unwrap_or(true)",
    "unwrap_or(&",
    ".get_mut(",
    "let _ =",
];

/// File, what the line holds, and why it hides nothing.
const ALLOWED: [(&str, &str, &str); 6] = [
    (
        "csv_tables.rs",
        "e.caution.clone()",
        "an interval without a caution has an empty cell",
    ),
    (
        "csv_tables.rs",
        "f.class.clone()",
        "a finding about no class has an empty cell",
    ),
    (
        "text.rs",
        "self.write_text",
        "writing to a string cannot fail",
    ),
    (
        "text_ages.rs",
        "cell.get(line)",
        "cells of a row have different numbers of lines",
    ),
    (
        "evaluator.rs",
        "weights.unwrap_or(&ones)",
        "without weights every subject counts once",
    ),
    (
        "fit.rs",
        "selection.stacking_penalty",
        "rules that do not stack have no penalty and do not read it",
    ),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_broken_invariant_is_passed_over() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&here.join("src"), &mut files);
    sources(&here.join("../cohort-fusion/src"), &mut files);
    assert!(files.len() > 60, "{} files", files.len());
    let mut wrong = Vec::new();
    let mut used = [false; ALLOWED.len()];
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        // Tests may do as they like; they stand at the foot.
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") || !FORMS.iter().any(|form| line.contains(form))
            {
                continue;
            }
            let allowed =
                |(file, part, _): &(&str, &str, &str)| *file == name && line.contains(part);
            match ALLOWED.iter().position(allowed) {
                Some(place) => used[place] = true,
                None => wrong.push(format!(
                    "{}:{}: {}",
                    path.display(),
                    number + 1,
                    line.trim()
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    for (used, (file, part, _)) in used.iter().zip(ALLOWED) {
        assert!(
            used,
            "nothing in {file} needs the leave for {part:?} any more"
        );
    }
}
