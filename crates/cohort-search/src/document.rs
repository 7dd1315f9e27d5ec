//! A map as a document: for machines, for people, and as a table.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::{Agreement, MapRecipe, Trustworthiness};

/// A map with everything that belongs to it (`cohort.map/1`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapDocument {
    /// `cohort.map/1`.
    pub schema: String,
    /// Name of the table.
    pub table: String,
    /// What made the table's vectors.
    pub producer: String,
    /// Vectors in the map.
    pub vectors: usize,
    /// Length of a vector.
    pub dim: usize,
    /// The split that the map was cut down to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Vectors that dwarf the rest, longest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub giants: Vec<Giant>,
    /// How the map was made.
    pub recipe: MapRecipe,
    /// How far it can be trusted.
    pub trustworthiness: Trustworthiness,
    /// PCA: share of the variance on each axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explained: Option<[f64; 2]>,
    /// t-SNE: divergence from the table's similarities, in nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divergence: Option<f64>,
    /// What the points are coloured by, which the map itself never saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labelling>,
    /// What was read otherwise than it was written, a line each; absent where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The points, in the table's order.
    pub points: Vec<PlacedClip>,
}

/// A vector that is more than 1,000 times as long as the median one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Giant {
    /// Its row in the table, from 1.
    pub row: usize,
    /// Its clip.
    pub clip: String,
    /// Its length over the median length.
    pub times: f64,
}

impl std::fmt::Display for Giant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { row, clip, times } = self;
        write!(f, "row {row} ({clip}): its length is ")?;
        match *times < 1e6 {
            true => write!(f, "{times:.0} times the median"),
            false => write!(f, "{times:.1e} times the median"),
        }
    }
}

/// Labels laid over a map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labelling {
    /// The label column.
    pub column: String,
    /// Whether the order of the groups means something.
    pub ordered: bool,
    /// The groups, in order.
    pub groups: Vec<Group>,
    /// Points without a label.
    pub unlabelled: usize,
    /// Whether neighbours share labels; absent when no two can be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
}

/// One group of a label column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Code in the label table.
    pub code: String,
    /// Name for people.
    pub name: String,
    /// Points of the group.
    pub points: usize,
}

/// One point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlacedClip {
    /// Clip id.
    pub clip: String,
    /// Horizontal coordinate.
    pub x: f32,
    /// Vertical coordinate.
    pub y: f32,
    /// Code of its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Code that a model predicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prediction: Option<String>,
}

impl MapDocument {
    /// What the map is worth, in sentences; one a line.
    pub fn verdicts(&self) -> Vec<String> {
        let t = &self.trustworthiness;
        let sample = if t.looked_at < self.vectors {
            format!(", from {} points chosen at random", t.looked_at)
        } else {
            String::new()
        };
        let mut lines = vec![format!(
            "Trustworthiness {:.3} (1: neighbours in the map are neighbours in the table; 0.5: chance), {} neighbours{sample}.",
            t.value, t.neighbours
        )];
        if let Some([x, y]) = self.explained {
            lines.push(format!(
                "The axes explain {:.1}% and {:.1}% of the variance.",
                x * 100.0,
                y * 100.0
            ));
        }
        let Some(labels) = &self.labels else {
            return lines;
        };
        match &labels.agreement {
            None => lines.push(format!(
                "No two points with {} can be compared.",
                labels.column
            )),
            Some(a) => {
                let apart = match a.subjects {
                    Some(subjects) => format!(" of other subjects ({subjects} subjects)"),
                    None => String::new(),
                };
                lines.push(format!(
                    "Of a point's {} nearest neighbours{apart}, {:.1}% share its {} in the map and {:.1}% in the table; by chance {:.1}% (95 in 100 shuffles stay below {:.1}%; p = {:.3}).",
                    a.neighbours,
                    a.map * 100.0,
                    labels.column,
                    a.table * 100.0,
                    a.chance * 100.0,
                    a.chance_p95 * 100.0,
                    a.p_value
                ));
                if a.p_value > 0.05 {
                    lines.push(format!(
                        "That is what chance alone would show: read no {} into this map.",
                        labels.column
                    ));
                }
            }
        }
        lines
    }

    /// Everything but the points, for a terminal.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{}: {} vectors of {}{}",
            self.table,
            self.vectors,
            self.dim,
            self.split
                .as_ref()
                .map_or_else(String::new, |s| format!(", split {s}"))
        );
        let _ = writeln!(text, "{}", self.recipe);
        if let Some(labels) = &self.labels {
            let _ = writeln!(text, "\n{}", labels.column);
            let width = labels.groups.iter().map(|g| g.name.chars().count()).max();
            let width = width.unwrap_or(0).max(10);
            for group in &labels.groups {
                let _ = writeln!(text, "  {:<width$} {:>7}", group.name, group.points);
            }
            if labels.unlabelled > 0 {
                let _ = writeln!(text, "  {:<width$} {:>7}", "unlabelled", labels.unlabelled);
            }
        }
        let _ = writeln!(text);
        for line in self.verdicts() {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// The points as CSV: `clip,x,y,label,prediction`; empty fields where there is none.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("clip,x,y,label,prediction\n");
        for point in &self.points {
            let code = |code: &Option<String>| code.as_deref().map_or_else(String::new, field);
            let (label, prediction) = (code(&point.label), code(&point.prediction));
            let clip = field(&point.clip);
            let _ = writeln!(csv, "{clip},{},{},{label},{prediction}", point.x, point.y);
        }
        csv
    }
}

/// A field as CSV, quoted where it must be.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MapSettings, Method, Metric, Points, map, quiet};

    fn document() -> MapDocument {
        let values: Vec<f32> = (0..60).map(|i| ((i * 7 % 13) as f32).sin()).collect();
        let points = Points::new(&values, 3, Metric::Euclidean).unwrap();
        let settings = MapSettings {
            method: Method::Pca,
            ..MapSettings::default()
        };
        let found = map(&points, &settings, &quiet).unwrap();
        MapDocument {
            schema: "cohort.map/1".into(),
            table: "x.parquet".into(),
            producer: "test".into(),
            vectors: 20,
            dim: 3,
            split: None,
            notes: Vec::new(),
            giants: vec![Giant {
                row: 3,
                clip: "c".into(),
                times: 1.23e20,
            }],
            recipe: found.recipe,
            trustworthiness: found.trustworthiness,
            explained: found.explained,
            divergence: found.divergence,
            labels: None,
            points: found
                .points
                .iter()
                .enumerate()
                .map(|(i, p)| PlacedClip {
                    clip: format!("a,\"{i}\""),
                    x: p[0],
                    y: p[1],
                    label: (i > 0).then(|| "1".into()),
                    prediction: None,
                })
                .collect(),
        }
    }

    #[test]
    fn documents_survive_json_and_quote_their_fields() {
        let document = document();
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(
            serde_json::from_str::<MapDocument>(&json).unwrap(),
            document
        );
        let csv = document.to_csv();
        assert_eq!(csv.lines().count(), 21);
        assert!(
            csv.lines().nth(1).unwrap().starts_with("\"a,\"\"0\"\"\","),
            "{csv}"
        );
        assert!(document.to_text().contains("PCA, euclidean metric, seed 0"));
        let told = "row 3 (c): its length is 1.2e20 times the median";
        assert_eq!(document.giants[0].to_string(), told);
    }
}
