//! What the split guard found.

use cohort_data::{CheckReport, Finding, Severity};

use super::figure::folded;
use super::layout::Section;
use super::table::{Cell, Table};
use super::words::{Words, count, counted, words as as_words};

/// Findings that are listed one by one; more are counted.
const MOST_LISTED: usize = 200;

pub(super) fn section(check: &CheckReport, words: &Words) -> Section {
    let mut section = Section::new("check", "What the split guard found");
    section.lead(&match (check.errors, check.warnings) {
        (0, 0) => words.either(
            "Nothing that would spoil a result: no clip or subject in two splits, no label outside the schema, no broken file.",
            "Nothing that would spoil a result: no clip in two splits, no label outside the schema, no broken file.",
        ),
        (0, warnings) => format!("No error, but {} to look at.", counted(warnings, "warning")),
        (errors, warnings) => format!(
            "{} and {}. Every number of this page stands on data that have these faults.",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    });
    let mut kinds: Vec<(Severity, &str, usize)> = Vec::new();
    for finding in &check.findings {
        let key = (finding.severity, finding.kind.name());
        match kinds.iter_mut().find(|k| (k.0, k.1) == key) {
            Some(kind) => kind.2 += 1,
            None => kinds.push((key.0, key.1, 1)),
        }
    }
    kinds.sort_by_key(|kind| kind.0);
    if !kinds.is_empty() {
        let mut table = Table::new("Findings by kind", 2, ["kind", "severity", "findings"]);
        for (severity, kind, number) in kinds {
            table.row([
                Cell::from(as_words(kind)),
                of_severity(severity),
                count(number).into(),
            ]);
        }
        table.write(&mut section.body);
    }
    folded(&mut section.body, "What was looked at", |out| {
        looked_at(check, words).write(out);
    });
    if check.findings.is_empty() {
        return section;
    }
    let mut ordered: Vec<&Finding> = check.findings.iter().collect();
    ordered.sort_by_key(|finding| finding.severity);
    let place = match words.has_units() {
        true => format!("{}, {} or file", words.item(), words.unit()),
        false => format!("{} or file", words.item()),
    };
    let mut table = Table::new("", 4, ["severity", "split", &place, "what was found"]);
    for finding in ordered.iter().take(MOST_LISTED) {
        let places = [&finding.clip, &finding.subject, &finding.file];
        let place = places.into_iter().flatten().next();
        let row = finding.row.map(|row| format!("line {row}"));
        let other = finding.other.as_ref().map(|other| format!("and {other}"));
        let small: Vec<String> = row.into_iter().chain(other).collect();
        table.row([
            of_severity(finding.severity),
            finding.split.clone().unwrap_or_default().into(),
            Cell::new(place.cloned().unwrap_or_default()).note(small.join(", ")),
            Cell::new(finding.message.clone())
                .note(as_words(finding.kind.name()))
                .class("words"),
        ]);
    }
    let all = format!("Every finding ({})", count(check.findings.len()));
    folded(&mut section.body, &all, |out| {
        table.write(out);
        if check.findings.len() > MOST_LISTED {
            let more = counted(check.findings.len() - MOST_LISTED, "finding");
            out.element("p", &format!("{more} more are in check.json."));
        }
    });
    section
}

fn of_severity(severity: Severity) -> Cell {
    Cell::new(severity.name()).class(match severity {
        Severity::Error => "tag-error",
        Severity::Warning => "tag-warning",
        Severity::Note => "",
    })
}

fn looked_at(check: &CheckReport, words: &Words) -> Table {
    let columns = ["split", &words.items(), "pictures", "sounds", "transcripts"].map(str::to_owned);
    // what items are called after needs no second column
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    kept.retain(|&at| at < 2 || columns[at] != columns[1]);
    let mut table = Table::new("", 1, kept.iter().map(|&at| columns[at].clone()));
    for split in &check.splits {
        let cells = [
            split.name.clone(),
            count(split.clips),
            count(split.images),
            count(split.sounds),
            count(split.transcripts),
        ];
        table.row(kept.iter().map(|&at| cells[at].clone()));
    }
    table
}
