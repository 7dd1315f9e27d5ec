//! The records in words and tables.

use cohort_eval::{Interval, Metric};
use cohort_tables::{Nouns, csv_field, text_columns};

use crate::ablation::{Ablation, AblationFigure};
use crate::aggregate::{Aggregation, Figure};
use crate::candidates::Family;
use crate::curves::Curves;
use crate::fuse::{FUSION_METRICS, FusionRecord, SplitRecord};
use crate::model::Form;

impl FusionRecord {
    /// The rule, temperatures, weights and scores as text, which calls items and units by `nouns`.
    pub fn to_text(&self, nouns: &Nouns) -> String {
        let mut text = format!("Fusion: {}\n", self.rule);
        if !nouns.items_are_units() {
            text += &format!("{}: {}\n", nouns.say("Subjects"), self.subjects);
        }
        if let Some(chosen) = &self.model.selection {
            text += &format!(
                "Chosen by {} folds by {} on {} validation {}: class weights ^ {}, penalty {}{}\n",
                chosen.folds,
                nouns.unit,
                chosen.clips,
                nouns.items(),
                chosen.tilt,
                chosen.weight_penalty,
                chosen
                    .stacking_penalty
                    .map_or(String::new(), |p| format!(", stacking penalty {p}")),
            );
        }
        let weights = match self.model.parts.last().map(|part| &part.form) {
            Some(Form::Weighted { weights, .. }) => Some(weights),
            _ => None,
        };
        let mut rows = vec![vec![
            "modality".into(),
            "temperature".into(),
            "weight".to_string(),
        ]];
        for (m, name) in self.model.modalities.iter().enumerate() {
            let weight = weights.and_then(|weights| weights.get(m));
            rows.push(vec![
                name.clone(),
                self.model
                    .temperatures
                    .get(m)
                    .map_or(String::new(), |t| format!("{t:.3}")),
                weight.map_or("-".into(), |w| format!("{w:.3}")),
            ]);
        }
        text += "\n";
        text += &text_columns(&rows);
        for (name, split) in [("Validation", &self.valid), ("Test", &self.test)] {
            text += &split_text(name, split, nouns);
        }
        text + &notes_text(&self.notes)
    }
}

/// Notes at the end of a document; nothing without any.
fn notes_text(notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = notes.iter().map(|note| format!("- {note}\n")).collect();
    format!("\nNotes\n{}", lines.concat())
}

fn split_text(name: &str, split: &SplitRecord, nouns: &Nouns) -> String {
    let counts = nouns.counts(split.clips, split.subjects, |count| count.to_string());
    let mut text = format!("\n{name}: {counts}");
    for (modality, missing) in split.missing.iter().filter(|(_, n)| **n > 0) {
        text += &format!("; {missing} without {modality}");
    }
    text += "\n";
    if split.scores.is_empty() {
        return text;
    }
    if split.cross_fitted {
        text += &match nouns.items_are_units() {
            true => format!(
                "Fused decisions come from fits that had not seen the {}.\n",
                nouns.item
            ),
            false => {
                nouns.say("Fused decisions come from fits that had not seen the clip's subject.\n")
            }
        };
    }
    let metrics: Vec<Metric> = FUSION_METRICS
        .into_iter()
        .filter(|metric| {
            split
                .scores
                .iter()
                .any(|s| s.metrics.contains_key(metric.name()))
        })
        .collect();
    let mut rows = vec![header("model", metrics.iter().map(|m| m.name()))];
    for scores in &split.scores {
        let mut row = vec![scores.model.clone()];
        row.extend(metrics.iter().map(|metric| {
            scores
                .metrics
                .get(metric.name())
                .map_or("-".into(), |value| format!("{value:.3}"))
        }));
        rows.push(row);
    }
    text + &text_columns(&rows)
}

impl Aggregation {
    /// Both units, the agreement and the gains as text, which calls items and units by `nouns`.
    pub fn to_text(&self, nouns: &Nouns) -> String {
        let counts = nouns.counts(self.clips, self.subjects, |count| count.to_string());
        let mut text = format!(
            "Aggregation by {} ({}): {counts}\n",
            nouns.unit, self.subjects_by
        );
        if let (Some(unanimous), Some(pairs)) = (self.agreement.unanimous, self.agreement.pairs) {
            text += &format!(
                "Of {} {} with several {}, {:.1} % get one decision for all; two {} of a {} agree in {:.1} %.\n",
                self.agreement.subjects,
                nouns.units(),
                nouns.items(),
                100.0 * unanimous,
                nouns.items(),
                nouns.unit,
                100.0 * pairs
            );
        }
        if self.agreement.contradicting_truth > 0 {
            text += &format!(
                "{} {} carry more than one true class; the most frequent counts.\n",
                self.agreement.contradicting_truth,
                nouns.units()
            );
        }
        let names = || self.by_clip.iter().map(|figure| figure.metric.as_str());
        let line = |name: String, figures: &[Figure]| -> Vec<String> {
            std::iter::once(name)
                .chain(figures.iter().map(|f| number(&f.interval)))
                .collect()
        };
        let mut rows = vec![header("decision, unit", names())];
        rows.push(line(nouns.say("each clip, per clip"), &self.by_clip));
        for rule in &self.rules {
            rows.push(line(
                format!("{}, per {}", rule.rule.title(), nouns.item),
                &rule.by_clip,
            ));
            rows.push(line(
                format!("{}, per {}", rule.rule.title(), nouns.unit),
                &rule.by_subject,
            ));
        }
        text += "\n";
        text += &text_columns(&rows);
        text += &nouns.say("\nGain per clip over each clip's own decision (paired):\n");
        let mut rows = vec![header("decision", names())];
        for rule in &self.rules {
            let figures = rule.gain.iter().map(|f| signed(&f.interval));
            rows.push(
                std::iter::once(rule.rule.title().to_string())
                    .chain(figures)
                    .collect(),
            );
        }
        text + &text_columns(&rows)
    }
}

impl Ablation {
    /// Values, differences to the full fusion and shares as text, which calls items and units by `nouns`.
    pub fn to_text(&self, nouns: &Nouns) -> String {
        let counts = nouns.counts(self.clips, self.subjects, |count| count.to_string());
        let by = match nouns.items_are_units() {
            true => String::new(),
            false => format!(" ({})", self.subjects_by),
        };
        let mut text = format!(
            "Ablation of {} on the test split: {counts}{by}\nLate fusion: {}\n",
            self.modalities.join(", "),
            self.rule
        );
        for (modality, missing) in self.missing.iter().filter(|(_, n)| **n > 0) {
            text += &format!("{missing} {} without {modality}.\n", nouns.items());
        }
        text += &nouns.say("Intervals by subject; \"-\" where none can be given.\n\n");
        let names = || self.metrics.iter().map(String::as_str);
        let mut rows = vec![header("model", names())];
        for row in &self.rows {
            let figures = row.figures.iter().map(|f| number(&f.value));
            rows.push(std::iter::once(row.name.clone()).chain(figures).collect());
        }
        text += &text_columns(&rows);
        let mut differences = |title: &str, of: fn(&AblationFigure) -> Option<&Interval>| {
            let mut rows = vec![header("model", names())];
            for row in self
                .rows
                .iter()
                .filter(|r| r.figures.iter().any(|f| of(f).is_some()))
            {
                let figures = row.figures.iter().map(|f| of(f).map_or("-".into(), signed));
                rows.push(std::iter::once(row.name.clone()).chain(figures).collect());
            }
            if rows.len() > 1 {
                text += &format!("\n{title}:\n{}", text_columns(&rows));
            }
        };
        differences(
            &format!(
                "Difference to late fusion of {} (paired on the same {})",
                self.full,
                nouns.items()
            ),
            |f| f.to_full.as_ref(),
        );
        if self.rows.iter().any(|row| row.family == Family::Joint) {
            differences(
                "Joint models less late fusion of the same modalities",
                |f| f.to_late.as_ref(),
            );
            differences(
                "Joint models less late fusion that was fitted for all modalities, with the same one missing",
                |f| f.to_late_unchanged.as_ref(),
            );
        }
        text + &self.shares_text(nouns)
    }

    fn shares_text(&self, nouns: &Nouns) -> String {
        let mut text = String::from(
            "\nShapley values: what each modality gains over always answering the majority\nclass, in units of the metric; they sum to the gain of all together, and one\nbelow 0 does harm:\n",
        );
        let mut rows = vec![header(
            "models",
            ["metric", "group", &nouns.items(), &nouns.units(), "gain"].into_iter(),
        )];
        if let Some(first) = rows.first_mut() {
            first.extend(self.modalities.iter().cloned());
        }
        for shares in &self.shares {
            let group = match (&shares.attribute, &shares.group) {
                (Some(attribute), Some(group)) => format!("{attribute} {group}"),
                _ => "all".to_string(),
            };
            let mut row = vec![
                shares.family.clone(),
                shares.metric.clone(),
                group,
                shares.clips.to_string(),
                shares.subjects.to_string(),
                shares
                    .skill
                    .map_or("-".into(), |skill| format!("{skill:+.3}")),
            ];
            for part in &shares.parts {
                let ends = part.low.zip(part.high);
                row.push(match ends {
                    Some((low, high)) => format!("{:+.3} [{low:+.3}, {high:+.3}]", part.value),
                    None => format!("{:+.3} [-]", part.value),
                });
            }
            row.resize(6 + self.modalities.len(), "-".to_string());
            rows.push(row);
        }
        text += &text_columns(&rows);
        text + &notes_text(&self.notes)
    }

    /// One line a row and metric: values and differences with their intervals.
    pub fn to_csv(&self) -> String {
        let ends = |interval: Option<&Interval>| {
            let estimate = interval.and_then(Interval::estimate);
            [
                interval.and_then(Interval::value),
                estimate.map(|e| e.low),
                estimate.map(|e| e.high),
            ]
            .map(|value| value.map_or(String::new(), |v| v.to_string()))
            .join(",")
        };
        let mut csv = String::from(
            "model,modalities,metric,value,low,high,to_full,to_full_low,to_full_high,to_late,to_late_low,to_late_high,to_late_unchanged,to_late_unchanged_low,to_late_unchanged_high\n",
        );
        for row in &self.rows {
            for figure in &row.figures {
                csv += &format!(
                    "{},{},{},{},{},{},{}\n",
                    csv_field(&row.name),
                    csv_field(&row.modalities.join("+")),
                    figure.metric,
                    ends(Some(&figure.value)),
                    ends(figure.to_full.as_ref()),
                    ends(figure.to_late.as_ref()),
                    ends(figure.to_late_unchanged.as_ref()),
                );
            }
        }
        csv
    }
}

impl Curves {
    /// One table a degradation.
    pub fn to_text(&self) -> String {
        let nouns = &self.nouns;
        let by = match nouns.items_are_units() {
            true => String::new(),
            false => format!(", {}: {}", nouns.units(), self.subjects_by),
        };
        let mut text = format!("{} {}{by}\n", self.clips, nouns.items());
        let mut at = 0;
        while let Some(first) = self.points.get(at) {
            let same = self.points.iter().skip(at);
            let points: Vec<_> = same
                .take_while(|p| p.degradation == first.degradation)
                .collect();
            at += points.len();
            let names = first.figures.iter().map(|f| f.metric.as_str());
            let mut rows = vec![header(
                "model",
                std::iter::once(first.unit.as_str()).chain(names),
            )];
            for point in points {
                let mut row = vec![point.model.clone(), point.severity.to_string()];
                row.extend(point.figures.iter().map(|f| number(&f.interval)));
                rows.push(row);
            }
            text += &format!("\n{}\n{}", first.degradation, text_columns(&rows));
        }
        text
    }

    /// One line a point and metric.
    pub fn to_csv(&self) -> String {
        let mut csv = String::from("degradation,model,severity,unit,metric,value,low,high\n");
        for point in &self.points {
            for figure in &point.figures {
                let estimate = figure.interval.estimate();
                let cell = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
                csv += &format!(
                    "{},{},{},{},{},{},{},{}\n",
                    csv_field(&point.degradation),
                    csv_field(&point.model),
                    point.severity,
                    csv_field(&point.unit),
                    figure.metric,
                    cell(figure.interval.value()),
                    cell(estimate.map(|e| e.low)),
                    cell(estimate.map(|e| e.high)),
                );
            }
        }
        csv
    }
}

fn header<'a>(first: &str, rest: impl Iterator<Item = &'a str>) -> Vec<String> {
    std::iter::once(first.to_string())
        .chain(rest.map(|name| name.replace('_', " ")))
        .collect()
}

/// `0.531 [0.501, 0.560]`.
fn number(interval: &Interval) -> String {
    match (interval.value(), interval.estimate()) {
        (Some(value), Some(e)) => format!("{value:.3} [{:.3}, {:.3}]", e.low, e.high),
        (Some(value), None) => format!("{value:.3} [-]"),
        (None, _) => "-".into(),
    }
}

/// `+0.031 [+0.001, +0.060]`.
fn signed(interval: &Interval) -> String {
    match (interval.value(), interval.estimate()) {
        (Some(value), Some(e)) => format!("{value:+.3} [{:+.3}, {:+.3}]", e.low, e.high),
        (Some(value), None) => format!("{value:+.3} [-]"),
        (None, _) => "-".into(),
    }
}
