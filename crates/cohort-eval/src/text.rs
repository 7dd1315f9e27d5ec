//! The audit in words and in tables laid out as NIST's reports on age estimation are: a row a group, its size, its errors.

use std::fmt::Write as _;

use cohort_tables::{Nouns, text_columns};

use crate::finding::{Finding, Rule};
use crate::gaps::{Disparity, Scheme};
use crate::measure::Measure;
use crate::outcome::percent;
use crate::{AttributeOutcome, Audit, Beats, Compared, Interval, Metric, Outcome, Verdict};

impl Audit {
    /// The audit as plain text, 100 columns wide at most where names are short.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        let nouns = &self.settings.nouns;
        writeln!(
            out,
            "AUDIT of {}\nIntervals hold with {:.0} % confidence{}.\n",
            nouns.counts(self.clips, self.subjects, |count| count.to_string()),
            100.0 * self.settings.level,
            match nouns.items_are_units() {
                true => String::new(),
                false => nouns.say(" and count subjects, not clips"),
            }
        )?;
        if let Some(meanings) = &self.settings.meanings {
            writeln!(out, "Meanings: {meanings}.\n")?;
        }
        self.write_skill(out)?;
        self.write_findings(out)?;
        self.write_groups(out)?;
        self.write_by_class(out)?;
        if let Some(selection) = &self.selection {
            selection.write_text(out, nouns)?;
        }
        self.write_gaps(out)?;
        self.write_class_gaps(out)?;
        self.write_abstention(out)?;
        self.write_comparison(out)?;
        self.write_reference(out)?;
        self.write_notes(out)
    }

    /// Name of the class that is most frequent among the clips.
    pub fn majority_name(&self) -> &str {
        let code = &self.skill.majority_class;
        let found = self.classes.iter().find(|class| class.code == *code);
        found.map_or(code, |class| &class.name)
    }

    fn write_skill(&self, out: &mut String) -> std::fmt::Result {
        let skill = &self.skill;
        let verdict = match (skill.verdict, skill.information.shown) {
            (Verdict::Skill, _) => "the model has SKILL: it knows more than chance",
            (Verdict::NoSkill, true) => {
                "NO SKILL: the model knows something, but always answering the majority class errs less"
            }
            (Verdict::NoSkill, false) => {
                "NO SKILL: the model is not shown to know more than chance"
            }
        };
        writeln!(out, "1. SKILL\n   Verdict: {verdict}")?;
        if let Some(reason) = &skill.reason {
            let reason = self.settings.nouns.say(reason);
            writeln!(out, "   It cannot be judged here: {reason}.")?;
        }
        writeln!(
            out,
            "   Information: {} ({} {}; 0 is chance, 1 perfect)",
            if skill.information.shown {
                "shown"
            } else {
                "not shown"
            },
            skill.metric.title().to_lowercase(),
            cell(Some(&skill.kappa))
        )?;
        if let Some(likelihood) = &skill.information.likelihood {
            writeln!(
                out,
                "   Negative log likelihood less that of stating the prevalences: {} (below 0 is better)",
                cell(Some(likelihood))
            )?;
        }
        let answers = [
            (Metric::Accuracy, Some(skill.answers.accuracy)),
            (Metric::MaeGroups, skill.answers.error),
        ];
        for (metric, beats) in answers {
            let Some(beats) = beats else { continue };
            writeln!(
                out,
                "   {} less the majority's: {}, {}",
                metric.title(),
                cell(skill.over_majority.get(&metric)),
                match beats {
                    Beats::Better => "better",
                    Beats::Worse => "worse",
                    Beats::Undecided => "not shown to differ",
                }
            )?;
        }
        writeln!(out)?;
        let nouns = &self.settings.nouns;
        let units = !self.subject_metrics.is_empty() && !nouns.items_are_units();
        let mut header = row(&["", &format!("by {}", nouns.item)]);
        header.extend(units.then(|| format!("by {}", nouns.unit)));
        header.extend(row(&["majority", "by prevalence"]));
        let mut rows = vec![header];
        for (metric, by_clip) in &self.metrics {
            let plain = |value: Option<&f64>| value.map_or("-".into(), |v| format!("{v:.3}"));
            let mut cells = vec![self.settings.title(*metric), cell(Some(by_clip))];
            cells.extend(units.then(|| cell(self.subject_metrics.get(metric))));
            cells.push(plain(self.skill.majority.get(metric)));
            cells.push(plain(self.skill.prior.get(metric)));
            rows.push(cells);
        }
        out.push_str(&text_columns(&rows));
        writeln!(
            out,
            "   majority: always answer {}; by prevalence: guess each class as often as it occurs.\n   {}\n",
            self.majority_name(),
            nouns.say("* coverage of this interval is not assured (few subjects, or classes of few subjects)")
        )
    }

    fn write_findings(&self, out: &mut String) -> std::fmt::Result {
        let fairness = &self.fairness;
        let whole = match fairness.outcome {
            Outcome::Shown => "a disadvantage is SHOWN",
            Outcome::Suspected => "a disadvantage is SUSPECTED, not shown",
            Outcome::NotTestable => "NOT TESTABLE",
            Outcome::NotShown => "no group is shown to be at a disadvantage",
        };
        let reason = fairness.reason.as_deref();
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        writeln!(out, "2. WHO IS AT A DISADVANTAGE\n   {whole}{reason}")?;
        if !self.skill.information.shown {
            writeln!(
                out,
                "   The model is not shown to carry information: gaps are not interpretable but for those that are shown."
            )?;
        }
        for attribute in &fairness.attributes {
            writeln!(out, "   {}", self.outcome(attribute))?;
            for finding in &self.findings {
                if finding.attribute == attribute.attribute {
                    writeln!(out, "   - {}", finding.sentence(&self.settings.nouns))?;
                }
            }
        }
        writeln!(
            out,
            "   Chance of any finding where nobody is at a disadvantage: {}. Groups are compared within true classes, in how often\n   \
             and how far answers err, in which direction, and class by class; one p value an attribute. Suspected: that p value\n   \
             is below {}, but not small enough for all attributes together. Nothing shown is no proof of fairness.\n",
            percent(fairness.level),
            fairness.suspected_below
        )
    }

    fn outcome(&self, of: &AttributeOutcome) -> String {
        let mut line = format!("{}: {}", of.attribute, of.outcome.title());
        if let (Some(p), Some(holm)) = (of.p_value, of.p_holm) {
            line += &format!(" (p {}, {} after correction)", p_value(p), p_value(holm));
        }
        if let (Outcome::NotShown, Some(gap)) = (of.outcome, of.minimum_detectable) {
            line += &format!("; a gap of {gap:.3} in accuracy would be found in 4 of 5 cases");
        }
        if let Some(reason) = &of.reason {
            line += &format!("; {}", self.settings.nouns.say(reason));
        }
        line
    }

    fn write_groups(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "3. EVERY GROUP\n")?;
        let shown: Vec<Metric> = [
            Metric::Accuracy,
            Metric::MaeGroups,
            Metric::SignedError,
            Metric::WithinOne,
        ]
        .into_iter()
        .filter(|metric| self.metrics.contains_key(metric))
        .collect();
        let nouns = &self.settings.nouns;
        let units = !nouns.items_are_units();
        let decided = units && !self.subject_metrics.is_empty();
        let mut header = row(&["", &nouns.items()]);
        header.extend(units.then(|| nouns.units()));
        header.extend(shown.iter().map(|metric| short(*metric).to_string()));
        header.push("pooled accuracy".into());
        header.extend(decided.then(|| format!("accuracy by {}", nouns.unit)));
        let mut rows = vec![header];
        let mut last = "";
        for group in &self.groups {
            if group.attribute != last {
                last = &group.attribute;
                rows.push(vec![last.to_string()]);
            }
            let mut cells = vec![format!("  {}", group.name), group.clips.to_string()];
            cells.extend(units.then(|| group.subjects.to_string()));
            cells.extend(shown.iter().map(|metric| cell(group.metrics.get(metric))));
            cells.push(group.pooled_accuracy.as_ref().map_or("-".into(), |pooled| {
                format!(
                    "{:.3} [{:.3}, {:.3}]",
                    pooled.value, pooled.low, pooled.high
                )
            }));
            cells.extend(decided.then(|| cell(group.by_subject.get(&Metric::Accuracy))));
            rows.push(cells);
        }
        out.push_str(&text_columns(&rows));
        if shown.contains(&Metric::SignedError) {
            writeln!(out, "   signed error above 0: guessed {}.", self.too_high())?;
        }
        let by_subject = match decided {
            true => nouns.say(" by subject: one decision for all clips of a subject."),
            false => String::new(),
        };
        writeln!(
            out,
            "   pooled: drawn towards all groups, the more the smaller the group.{by_subject}\n   \
             n/e: not estimable, fewer than {} {} or no difference between them.\n",
            crate::FEWEST_SUBJECTS,
            nouns.units()
        )
    }

    /// The name of the row about everything.
    pub(crate) fn all_items(&self) -> String {
        format!("all {}", self.settings.nouns.items())
    }

    /// Which way a signed error above 0 lies.
    pub(crate) fn too_high(&self) -> &'static str {
        match self.settings.is_about_ages() {
            true => "too high (too old)",
            false => "too high",
        }
    }

    fn write_gaps(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "5. GAPS AGAINST CHANCE\n")?;
        if !self.skill.information.shown {
            writeln!(
                out,
                "   No information is shown: gaps are not interpretable.\n"
            )?;
        }
        let shown = |d: &&Disparity| {
            d.measure == Measure::MaxMin
                && matches!(
                    d.metric,
                    Metric::Accuracy | Metric::MaeGroups | Metric::SignedError
                )
        };
        let mut rows = vec![row(&[
            "largest gap between groups",
            "metric",
            "compared",
            "found",
            "by chance",
            "95 % below",
            "p",
            "p (Holm)",
            "detectable",
        ])];
        for d in self.disparities.iter().filter(shown) {
            rows.push(vec![
                d.attribute.clone(),
                short(d.metric).into(),
                match d.scheme {
                    Scheme::Plain => "as is".into(),
                    Scheme::WithinTarget => "same classes".into(),
                },
                format!("{:.3}", d.observed),
                format!("{:.3}", d.null_mean),
                format!("{:.3}", d.null_p95),
                p_value(d.p_value),
                p_value(d.p_holm),
                d.minimum_detectable
                    .map_or("-".into(), |gap| format!("{gap:.3}")),
            ]);
        }
        out.push_str(&text_columns(&rows));
        writeln!(
            out,
            "   by chance: mean gap when {} are relabelled at random, what a perfectly fair model would show.\n   detectable: the gap that these data would have found in 4 of 5 cases.\n",
            self.settings.nouns.units()
        )
    }

    fn write_class_gaps(&self, out: &mut String) -> std::fmt::Result {
        let mut rows = vec![row(&[
            "gaps by class",
            "class",
            "recall gap",
            "p",
            "false alarm gap",
            "p",
            "p (Holm)",
        ])];
        let number = |value: Option<f64>| value.map_or("n/e".into(), |v| format!("{v:.3}"));
        let p = |value: Option<f64>| value.map_or("-".into(), p_value);
        for gap in &self.class_gaps {
            rows.push(vec![
                gap.attribute.clone(),
                gap.name.clone(),
                number(gap.true_positive_gap),
                p(gap.true_positive_p),
                number(gap.false_positive_gap),
                p(gap.false_positive_p),
                p(gap.p_holm),
            ]);
        }
        if rows.len() > 1 {
            out.push_str(&text_columns(&rows));
            writeln!(
                out,
                "   p: of the largest studentised contrast of a group with the others; p (Holm): in the family of section 2.\n"
            )?;
        }
        Ok(())
    }

    fn write_abstention(&self, out: &mut String) -> std::fmt::Result {
        let Some(curves) = &self.risk_coverage else {
            return Ok(());
        };
        writeln!(out, "6. IF THE MODEL MAY DECLINE\n")?;
        let mut rows = vec![row(&[
            "accuracy when accepted",
            "all",
            "80 %",
            "50 %",
            "20 %",
        ])];
        for curve in curves {
            // Points stand at 10 %, 20 %, .. 100 % of all clips.
            let at = |i: usize| {
                curve.points.get(i).map_or("-".into(), |point| {
                    let share = 100.0 * point.coverage;
                    match point.accuracy.as_ref().and_then(Interval::value) {
                        Some(accuracy) => format!("{accuracy:.3} of {share:.0} %"),
                        None => "none".into(),
                    }
                })
            };
            let name = if curve.group.is_empty() {
                self.all_items()
            } else {
                curve.name.clone()
            };
            rows.push(vec![name, at(9), at(7), at(4), at(1)]);
        }
        out.push_str(&text_columns(&rows));
        writeln!(out)?;
        let Some(conformal) = &self.conformal else {
            return Ok(());
        };
        let mut rows = vec![row(&[
            "prediction sets",
            "one threshold",
            "classes",
            "own threshold",
            "classes",
        ])];
        for all in &conformal.marginal {
            let own = conformal
                .by_group
                .iter()
                .find(|own| own.attribute == all.attribute && own.group == all.group);
            let name = if all.group.is_empty() {
                self.all_items()
            } else {
                all.name.clone()
            };
            rows.push(vec![
                name,
                cell(Some(&all.coverage)),
                format!("{:.2}", all.mean_size),
                own.map_or("-".into(), |own| cell(Some(&own.coverage))),
                own.map_or("-".into(), |own| format!("{:.2}", own.mean_size)),
            ]);
        }
        out.push_str(&text_columns(&rows));
        let neighbouring = if conformal.contiguous {
            "neighbouring "
        } else {
            ""
        };
        let share = 100.0 * conformal.target;
        let nouns = &self.settings.nouns;
        if nouns.items_are_units() {
            return writeln!(
                out,
                "   sets of {neighbouring}classes made to hold the truth for {share:.0} % of the {}.\n",
                nouns.items()
            );
        }
        let said = nouns.say("of a subject's clips, on average over subjects");
        writeln!(
            out,
            "   sets of {neighbouring}classes made to hold the truth for {share:.0} % {said}\n   \
             (all {}: {}); the table counts {}.\n",
            nouns.units(),
            cell(
                conformal
                    .marginal
                    .first()
                    .map(|all| &all.coverage_by_subject)
            ),
            nouns.items()
        )
    }

    fn write_comparison(&self, out: &mut String) -> std::fmt::Result {
        let Some(comparison) = &self.comparison else {
            return Ok(());
        };
        writeln!(
            out,
            "7. AGAINST {} ({} {} in both, {} only here, {} only there)\n",
            comparison.against,
            comparison.clips,
            self.settings.nouns.items(),
            comparison.only_here,
            comparison.only_there
        )?;
        let mut rows = vec![row(&["this minus the other", &self.all_items()])];
        for (metric, interval) in &comparison.metrics {
            rows.push(vec![self.settings.title(*metric), cell(Some(interval))]);
        }
        out.push_str(&text_columns(&rows));
        writeln!(out)?;
        let shown: Vec<Metric> = [Metric::Accuracy, Metric::MaeGroups, Metric::SignedError]
            .into_iter()
            .filter(|metric| comparison.metrics.contains_key(metric))
            .collect();
        let mut header = row(&["by group"]);
        header.extend(shown.iter().map(|metric| short(*metric).to_string()));
        let mut rows = vec![header];
        for group in &comparison.groups {
            let mut cells = vec![format!("{} {}", group.attribute, group.name)];
            cells.extend(shown.iter().map(|metric| cell(group.metrics.get(metric))));
            rows.push(cells);
        }
        out.push_str(&text_columns(&rows));
        writeln!(out)
    }

    fn write_reference(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "REFERENCE BIAS (mean difference of accuracies, as the reference system prints it)"
        )?;
        for (attribute, bias) in &self.reference_bias.attributes {
            writeln!(out, "   {attribute} {bias:.4}")?;
        }
        writeln!(out, "   average {:.4}", self.reference_bias.average)?;
        writeln!(
            out,
            "   Mostly noise at this size: compare with \"by chance\" above before reading anything into it.\n"
        )
    }

    fn write_notes(&self, out: &mut String) -> std::fmt::Result {
        let mut notes = self.notes.clone();
        if self.labels_without_prediction > 0 {
            notes.push(format!(
                "{} labels have no prediction",
                self.labels_without_prediction
            ));
        }
        if self.unnormalised_rows > 0 {
            notes.push(format!(
                "{} rows of probabilities did not sum to 1 and were divided by their sum",
                self.unnormalised_rows
            ));
        }
        if !notes.is_empty() {
            writeln!(out, "NOTES")?;
        }
        for note in notes {
            writeln!(out, "   {note}")?;
        }
        Ok(())
    }
}

impl Finding {
    /// The finding as a sentence.
    pub fn sentence(&self, nouns: &Nouns) -> String {
        let class = self.class_name.as_ref();
        let what = match (self.metric, class) {
            (Compared::TruePositiveRate, Some(class)) => {
                format!("share of {class} that is recognised")
            }
            (Compared::FalsePositiveRate, Some(class)) => {
                format!("share of others taken for {class}")
            }
            (metric, _) => metric.title().to_lowercase(),
        };
        let direction = match self.metric {
            Compared::SignedError => format!(", guessed {}", self.direction),
            _ => String::new(),
        };
        let error = match self.rule {
            Rule::Studentised => format!("+- {:.3}", self.standard_error),
            Rule::Unstudentised => "without a standard error: exact permutation test".into(),
        };
        format!(
            "{} {}: {what} {:.3} against {:.3} for the others{direction} (difference {:+.3} {error}; {}; p {} after correction)",
            self.attribute,
            self.name,
            self.value,
            self.rest,
            self.difference,
            nouns.counts(self.clips, self.subjects, |count| count.to_string()),
            p_value(self.p_holm)
        )
    }
}

fn short(metric: Metric) -> &'static str {
    match metric {
        Metric::MaeGroups => "error (classes)",
        Metric::SignedError => "signed error",
        Metric::WithinOne => "within one",
        other => other.title(),
    }
}

pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 {
        "<0.001".into()
    } else {
        format!("{p:.3}")
    }
}

/// `value [low, high]`, with a star where the interval has a caution.
pub(crate) fn cell(interval: Option<&Interval>) -> String {
    match interval {
        None => "-".into(),
        Some(Interval::Estimated(e)) => format!(
            "{:.3} [{:.3}, {:.3}]{}",
            e.value,
            e.low,
            e.high,
            if e.caution.is_some() { "*" } else { "" }
        ),
        Some(Interval::NotEstimable(none)) => none
            .value
            .map_or("n/e".into(), |value| format!("{value:.3} n/e")),
    }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}
