//! Single pictures of an audit, for whoever wants one without the page.

use cohort_eval::Audit;

use super::super::words::Words;
use super::{gaps, groups, named};
use crate::ReportError;
use crate::canvas::Style;

/// A picture of an audit. Groups are named by code; an empty attribute and group stand for everything together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFigure<'a> {
    /// Accuracy of the groups of an attribute, with intervals, beside that of all.
    Groups {
        /// The label column.
        attribute: &'a str,
    },
    /// Gaps between the groups of an attribute beside those of random shuffles.
    Gaps {
        /// The label column.
        attribute: &'a str,
    },
    /// Confusion matrix of a group.
    Confusion {
        /// The label column.
        attribute: &'a str,
        /// Code of the group.
        group: &'a str,
    },
    /// Calibration of a group.
    Calibration {
        /// The label column.
        attribute: &'a str,
        /// Code of the group.
        group: &'a str,
    },
}

/// Draws one picture of an audit as SVG, the same that the page shows.
///
/// # Errors
/// [`ReportError::Data`] where the audit has no such attribute or group, or nothing to draw of it.
pub fn audit_figure(
    audit: &Audit,
    figure: AuditFigure<'_>,
    style: &Style,
) -> Result<String, ReportError> {
    let words = Words::of(audit);
    let none = |expected: String, found: Vec<String>| ReportError::Data {
        operation: "figure of an audit",
        expected,
        found: match found.is_empty() {
            true => "none".into(),
            false => found.join(", "),
        },
    };
    match figure {
        AuditFigure::Groups { attribute } => {
            if audit.groups.iter().any(|row| row.attribute == attribute) {
                return Ok(groups::accuracy_chart(audit, attribute, &words, style));
            }
            let found = each_once(audit.groups.iter().map(|row| row.attribute.clone()));
            Err(none(format!("groups of an attribute {attribute:?}"), found))
        }
        AuditFigure::Gaps { attribute } => {
            gaps::chart(&audit.disparities, attribute, &words, style).ok_or_else(|| {
                let found = audit.disparities.iter().map(|gap| gap.attribute.clone());
                none(
                    format!("gaps between groups of an attribute {attribute:?}"),
                    each_once(found),
                )
            })
        }
        AuditFigure::Confusion { attribute, group } => {
            let mut all = audit.confusion.iter();
            match all.find(|table| table.attribute == attribute && table.group == group) {
                Some(table) => Ok(groups::confusion(audit, table, style)?.1),
                None => {
                    let found = audit.confusion.iter();
                    let found = found.map(|t| of_group(&t.attribute, named(&t.name, &t.group)));
                    let expected = format!("a confusion matrix of {}", of_group(attribute, group));
                    Err(none(expected, found.collect()))
                }
            }
        }
        AuditFigure::Calibration { attribute, group } => {
            let mut all = audit.calibration.iter();
            match all.find(|row| row.attribute == attribute && row.group == group) {
                Some(row) => Ok(groups::calibration_chart(row, &words, style).1),
                None => {
                    let found = audit.calibration.iter();
                    let found = found.map(|row| of_group(&row.attribute, &row.group));
                    let expected = format!(
                        "probabilities, and the calibration of {}",
                        of_group(attribute, group)
                    );
                    Err(none(expected, found.collect()))
                }
            }
        }
    }
}

fn of_group(attribute: &str, group: &str) -> String {
    match attribute {
        "" => "all".into(),
        _ => format!("{attribute} {group}"),
    }
}

fn each_once(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::made;
    use super::*;

    #[test]
    fn every_picture_is_one_of_the_page_and_what_is_not_there_is_told() {
        let audit = made::audit();
        let attribute = audit.groups[0].attribute.as_str();
        let style = Style::page(400.0);
        let svg = audit_figure(&audit, AuditFigure::Groups { attribute }, &style).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains(&format!("Accuracy by {attribute}")));
        let error = audit_figure(&audit, AuditFigure::Groups { attribute: "Hair" }, &style);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("expected groups of an attribute \"Hair\", found"));
        assert!(error.contains(attribute), "{error}");
        for figure in [
            AuditFigure::Gaps { attribute: "Hair" },
            AuditFigure::Confusion {
                attribute,
                group: "none",
            },
            AuditFigure::Calibration {
                attribute,
                group: "none",
            },
        ] {
            assert!(audit_figure(&audit, figure, &style).is_err(), "{figure:?}");
        }
    }
}
