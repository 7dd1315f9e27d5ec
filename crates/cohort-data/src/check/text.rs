//! A check's findings as text for a terminal.

use std::fmt::Write;

use super::{CheckReport, Finding, Kind};

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
        for split in &self.splits {
            writeln!(
                text,
                "  {:<10} {:>8} clips {:>8} images {:>8} sounds {:>8} transcripts",
                split.name, split.clips, split.images, split.sounds, split.transcripts
            )?;
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
                .map(|finding| place(finding))
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
fn place(finding: &Finding) -> String {
    let mut place = match (
        &finding.split,
        &finding.clip,
        &finding.subject,
        &finding.file,
    ) {
        (Some(split), Some(clip), ..) => format!("{split}/{clip}"),
        (None, Some(clip), ..) => clip.clone(),
        (Some(split), None, Some(subject), _) => format!("{split}, subject {subject}"),
        (None, None, Some(subject), _) => format!("subject {subject}"),
        (_, None, None, Some(file)) => file.clone(),
        (Some(split), None, None, None) => split.clone(),
        (None, None, None, None) => String::new(),
    };
    if let Some(row) = finding.row {
        let _ = write!(place, " row {row}");
    }
    place
}
