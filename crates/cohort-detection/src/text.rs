//! The document for people, no line over 80 columns.

use std::fmt::Write as _;

use cohort_eval::{Interval, Outcome};

use crate::document::{DetectionDocument, NamedFigure};
use crate::groups::AttributeGroups;

/// Categories that are listed; the document has all.
const MOST_CATEGORIES: usize = 20;
/// Columns of a name.
const NAME: usize = 24;

/// `.436 [.381, .493]`, or the value alone where there is no interval.
fn shown(interval: &Interval) -> String {
    match (interval.estimate(), interval.value()) {
        (Some(e), _) => format!("{:6.3} [{:6.3}, {:6.3}]", e.value, e.low, e.high),
        (None, Some(value)) => format!("{value:6.3} (no interval)"),
        (None, None) => "     - (no object)".into(),
    }
}

fn percent(level: f64) -> String {
    let text = format!("{:.4}", level * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A name cut to its columns.
fn cut(name: &str) -> String {
    match name.chars().count() > NAME {
        false => name.into(),
        true => name.chars().take(NAME - 1).chain(['~']).collect(),
    }
}

fn meaning(name: &str) -> &'static str {
    match name {
        "AP" => "IoU .50 to .95",
        "AP50" => "IoU .50",
        "AP75" => "IoU .75",
        "APs" | "ARs" => "small, up to 32 x 32",
        "APm" | "ARm" => "medium, up to 96 x 96",
        "APl" | "ARl" => "large",
        "AR1" => "1 detection",
        "AR10" => "10 detections",
        _ => "100 detections",
    }
}

impl DetectionDocument {
    /// For people.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.head(&mut out);
        figures(&mut out, &self.figures);
        if let Some(against) = &self.against {
            let _ = writeln!(out, "\nDifference to {}, paired:", cut(&against.against));
            figures(&mut out, &against.figures);
        }
        self.control(&mut out);
        self.errors(&mut out);
        self.categories(&mut out);
        let _ = writeln!(
            out,
            "\nGroups ({} attributes tested as one family):",
            self.groups.attributes.len()
        );
        for attribute in &self.groups.attributes {
            group(&mut out, attribute);
        }
        out
    }

    fn head(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "{} pictures, {} objects and {} crowds, {} detections ({})",
            self.pictures,
            self.objects,
            self.crowds,
            self.detections,
            match self.settings.shape {
                crate::Shape::Box => "boxes",
                crate::Shape::Mask => "masks",
            }
        );
        if self.beyond > 0 {
            let _ = writeln!(
                out,
                "{} detections beyond the 100 of a picture and category",
                self.beyond
            );
        }
        let level = percent(self.settings.level);
        let _ = writeln!(
            out,
            "intervals at {level} %, by {} ({})\n",
            cut(&self.unit),
            self.units
        );
    }

    fn control(&self, out: &mut String) {
        let Some((ap, most)) = self.control.ap.zip(self.control.largest_ap) else {
            return;
        };
        let _ = writeln!(
            out,
            "\nControl, the same detections given to other pictures ({} of them):",
            self.control.pictures
        );
        let _ = writeln!(
            out,
            "AP {ap:.3} on average of {}, {most:.3} at most",
            self.control.shuffles
        );
    }

    fn errors(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\nErrors at IoU .5, and what AP50 would gain without each kind:"
        );
        for error in &self.errors {
            let (name, count) = (error.kind.name(), error.count);
            let _ = writeln!(out, "{name:<12} {count:>7}  {}", shown(&error.cost));
        }
    }

    fn categories(&self, out: &mut String) {
        let mut rows: Vec<_> = self.categories.iter().filter(|c| c.objects > 0).collect();
        rows.sort_by(|a, b| {
            let ap = |c: &crate::CategoryFigures| c.ap.value().unwrap_or(0.0);
            ap(a).total_cmp(&ap(b))
        });
        let _ = writeln!(out, "\nAP by category, the worst first:");
        for row in rows.iter().take(MOST_CATEGORIES) {
            let name = cut(&row.name);
            let _ = writeln!(
                out,
                "{name:<NAME$} {:>6} objects  {}",
                row.objects,
                shown(&row.ap)
            );
        }
        if rows.len() > MOST_CATEGORIES {
            let _ = writeln!(
                out,
                "and {} more (--json or --out has all)",
                rows.len() - MOST_CATEGORIES
            );
        }
    }
}

fn figures(out: &mut String, figures: &[NamedFigure]) {
    for figure in figures {
        let value = shown(&figure.interval);
        let _ = writeln!(
            out,
            "{:<6} {value:<26} {}",
            figure.name,
            meaning(&figure.name)
        );
    }
}

fn group(out: &mut String, attribute: &AttributeGroups) {
    let p = |p: Option<f64>| p.map_or(String::new(), |p| format!(", p {p:.3}"));
    let _ = writeln!(
        out,
        "{}: {}{}",
        cut(&attribute.attribute),
        match attribute.outcome {
            Outcome::Shown => "a difference is shown",
            Outcome::Suspected => "a difference is suspected",
            Outcome::NotShown => "no difference is shown",
            Outcome::NotTestable => "not testable",
        },
        p(attribute.p_holm)
    );
    if let Some(reason) = &attribute.reason {
        let _ = writeln!(out, "  {reason}");
    }
    for group in &attribute.groups {
        let gap = group
            .gap
            .map_or(String::new(), |gap| format!("  {gap:+.3}"));
        let weak = if group.weak { "  weak" } else { "" };
        let name = cut(&group.group);
        let _ = writeln!(out, "  {name:<NAME$} {}{gap}{weak}", shown(&group.value));
    }
}
