//! What the split guard found.

use serde_json::Value;

use super::layout::Section;
use super::read;
use super::table::{Cell, Table};
use crate::format;

/// Findings that are listed one by one; more are counted.
const MOST_LISTED: usize = 200;

pub(super) fn section(check: &Value) -> Section {
    let mut section = Section::new("check", "Check", "Whether the data can be trusted");
    let findings = read::list(check, "findings");
    let counted = |severity: &str| {
        findings
            .iter()
            .filter(|f| read::text(f, "severity") == Some(severity))
            .count()
    };
    let (errors, warnings) = (counted("error"), counted("warning"));
    let say = |n: usize, noun: &str| read::counted(n as u64, noun);
    section.lead(&match (errors, warnings) {
        (0, 0) => "The split guard found nothing that would spoil a result: no clip or subject in two splits, no label \
                   outside the schema, no broken file."
            .to_owned(),
        (0, w) => format!("The split guard found no error, but {} to know of.", say(w, "warning")),
        (e, w) => format!(
            "The split guard found {} and {}. Results below stand on data that has these faults.",
            say(e, "error"),
            say(w, "warning")
        ),
    });
    looked_at(&mut section, check);
    let mut kinds: Vec<(&str, &str, u64)> = Vec::new();
    for finding in findings {
        let key = (
            read::text(finding, "severity").unwrap_or("note"),
            read::text(finding, "kind").unwrap_or("finding"),
        );
        match kinds.iter_mut().find(|k| (k.0, k.1) == key) {
            Some(kind) => kind.2 += 1,
            None => kinds.push((key.0, key.1, 1)),
        }
    }
    if kinds.len() > 1 {
        let mut table = Table::new("Findings by kind", 2, ["kind", "severity", "findings"]);
        for (severity, kind, count) in &kinds {
            table.row([
                Cell::from(read::words(kind)),
                Cell::new(*severity),
                count.to_string().into(),
            ]);
        }
        table.write(&mut section.body);
    }
    if findings.is_empty() {
        return section;
    }
    let mut table = Table::new(
        "Findings",
        4,
        [
            "severity",
            "split",
            "clip, subject or file",
            "what was found",
        ],
    );
    for finding in findings.iter().take(MOST_LISTED) {
        let field = |key| {
            finding
                .get(key)
                .filter(|v| !v.is_null())
                .map_or_else(String::new, read::plain)
        };
        let place = ["clip", "subject", "file"]
            .map(field)
            .into_iter()
            .find(|p| !p.is_empty());
        let row = read::whole(finding, "row").map(|r| format!("line {r}"));
        let other = read::text(finding, "other").map(|o| format!("and {o}"));
        let small: Vec<String> = row.into_iter().chain(other).collect();
        let severity = match read::text(finding, "severity") {
            Some("error") => Cell::new("error").class("tag-error"),
            Some("warning") => Cell::new("warning").class("tag-warning"),
            other => Cell::new(other.unwrap_or("note")),
        };
        let place = Cell::new(place.unwrap_or_default()).note(small.join(", "));
        let message = Cell::new(field("message"))
            .note(read::words(&field("kind")))
            .class("words");
        table.row([severity, field("split").into(), place, message]);
    }
    table.write(&mut section.body);
    if findings.len() > MOST_LISTED {
        section.paragraph(&format!(
            "{} more are in the data check's own file.",
            say(findings.len() - MOST_LISTED, "finding")
        ));
    }
    section
}

fn looked_at(section: &mut Section, check: &Value) {
    let splits = read::list(check, "splits");
    if splits.is_empty() {
        return;
    }
    let mut table = Table::new(
        "What was looked at",
        1,
        ["split", "clips", "pictures", "sounds", "transcripts"],
    );
    for split in splits {
        let count =
            |key| read::whole(split, key).map_or_else(|| format::NONE.to_owned(), format::count);
        let name = read::text(split, "name").unwrap_or("?").to_owned();
        table.row([
            name,
            count("clips"),
            count("images"),
            count("sounds"),
            count("transcripts"),
        ]);
    }
    table.write(&mut section.body);
}
