//! A check's findings as text for a terminal.

use std::fmt::Write;

use cohort_tables::plural;

use super::report::{CheckReport, CheckedSplit};
use super::row::place;
use crate::finding::{Finding, Kind};

/// Findings of one kind that are written out; the rest is counted.
const SHOWN: usize = 20;

impl CheckReport {
    /// What was looked at, then the findings by kind, at most 20 of each, then how many there are of each severity.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "{}", self.dataset)?;
        let items = plural(&self.item);
        let kinds: [(&str, fn(&CheckedSplit) -> usize); 3] = [
            ("images", |split| split.images),
            ("sounds", |split| split.sounds),
            ("transcripts", |split| split.transcripts),
        ];
        // Where items are called after what they hold, their number says it all, and what none has is no news.
        let own = |name: &str, count: fn(&CheckedSplit) -> usize| {
            let none = self.splits.iter().all(|split| count(split) == 0);
            let same = self.splits.iter().all(|split| count(split) == split.clips);
            self.item == "clip" || !(none || same && (name == "images") == (self.item == "picture"))
        };
        for split in &self.splits {
            write!(text, "  {:<10} {:>8} {items}", split.name, split.clips)?;
            for (name, count) in kinds.iter().filter(|(name, count)| own(name, *count)) {
                write!(text, " {:>8} {name}", count(split))?;
            }
            writeln!(text)?;
        }
        for &kind in Kind::ALL {
            let of_kind: Vec<&Finding> = self
                .findings
                .iter()
                .filter(|finding| finding.kind == kind)
                .collect();
            if of_kind.is_empty() {
                continue;
            }
            writeln!(
                text,
                "\n{}: {} ({})",
                kind.severity().name(),
                kind.name(),
                of_kind.len()
            )?;
            let places: Vec<String> = of_kind
                .iter()
                .take(SHOWN)
                .map(|finding| of_finding(finding, &self.unit))
                .collect();
            let width = places
                .iter()
                .map(|place| place.chars().count())
                .max()
                .unwrap_or(0);
            for (finding, place) in of_kind.iter().zip(&places) {
                let gap = if width == 0 { 0 } else { width + 2 };
                writeln!(text, "  {place:<gap$}{}", finding.message)?;
            }
            if of_kind.len() > SHOWN {
                writeln!(
                    text,
                    "  and {} more (--json lists all)",
                    of_kind.len() - SHOWN
                )?;
            }
        }
        let (errors, warnings, notes) = (self.errors, self.warnings, self.notes);
        writeln!(
            text,
            "\n{errors} errors, {warnings} warnings, {notes} notes"
        )
    }
}

/// `split/clip row 12`, or the subject, or the file.
fn of_finding(finding: &Finding, unit: &str) -> String {
    let mut place = match (
        &finding.split,
        &finding.clip,
        &finding.subject,
        &finding.file,
    ) {
        (Some(split), Some(clip), ..) => place(split, clip),
        (None, Some(clip), ..) => clip.clone(),
        (Some(split), None, Some(subject), _) => format!("{split}, {unit} {subject}"),
        (None, None, Some(subject), _) => format!("{unit} {subject}"),
        (_, None, None, Some(file)) => file.clone(),
        (Some(split), None, None, None) => split.clone(),
        (None, None, None, None) => String::new(),
    };
    if let Some(row) = finding.row {
        let _ = write!(place, " row {row}");
    }
    place
}
