//! The first screen: four questions and their answers.

use cohort_data::CheckReport;
use cohort_eval::{Audit, Beats, GroupRow, Interval, Measure, Metric, Outcome, Scheme, Verdict};
use cohort_fusion::{Ablation, Family};

use super::RunDocuments;
use super::audit::{named, sentence};
use super::estimate::Estimate;
use super::layout::Section;
use super::words::{Words, counted, inside, listed};
use crate::format;
use crate::markup::Markup;

/// How an answer is coloured. What was looked for and not found is never the colour of good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Good, and shown.
    Good,
    /// Something to look at.
    Unsure,
    /// Bad, and shown.
    Bad,
    /// Nothing is shown either way, or nothing can be.
    Open,
}

impl State {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "answer good",
            Self::Unsure => "answer unsure",
            Self::Bad => "answer bad",
            Self::Open => "answer open",
        }
    }
}

/// One question with its answer.
struct Answer {
    question: &'static str,
    state: State,
    /// The answer in a few words.
    short: String,
    /// Sentences under it.
    lines: Vec<String>,
    /// Where the page goes on about it, with words for the link.
    more: Option<(&'static str, &'static str)>,
}

/// The section; `None` where there is nothing to answer with.
pub(super) fn section(documents: &RunDocuments, words: &Words) -> Option<Section> {
    let audit = documents.audit.as_ref();
    let answers: Vec<Answer> = [
        audit.map(|audit| skill(audit, words)),
        audit.map(|audit| disadvantage(audit, words)),
        documents.check.as_ref().map(|check| data(check, words)),
        documents
            .ablation
            .as_ref()
            .filter(|ablation| ablation.modalities.len() > 1)
            .map(|ablation| help(ablation, audit, words)),
    ]
    .into_iter()
    .flatten()
    .collect();
    write(&answers)
}

/// The questions that an audit alone answers.
pub(super) fn of_audit(audit: &Audit, words: &Words) -> Option<Section> {
    write(&[skill(audit, words), disadvantage(audit, words)])
}

fn write(answers: &[Answer]) -> Option<Section> {
    if answers.is_empty() {
        return None;
    }
    let mut section = Section::new("answers", "In short");
    let out = &mut section.body;
    out.tag("div").attr("class", "answers").open();
    for answer in answers {
        write_answer(out, answer);
    }
    out.close("div");
    Some(section)
}

fn write_answer(out: &mut Markup, answer: &Answer) {
    out.tag("article")
        .attr("class", answer.state.class())
        .open();
    out.tag("p").attr("class", "question").text(answer.question);
    out.tag("p").attr("class", "short").text(&answer.short);
    for line in &answer.lines {
        out.element("p", line);
    }
    if let Some((section, text)) = answer.more {
        out.tag("p").attr("class", "more").open();
        out.tag("a").attr("href", &format!("#{section}")).text(text);
        out.close("p");
    }
    out.close("article");
}

fn share(interval: Option<&Interval>) -> String {
    let value = interval.and_then(Interval::value);
    value.map_or_else(|| format::NONE.to_owned(), |v| format::percent(v, 1))
}

fn skill(audit: &Audit, words: &Words) -> Answer {
    let skill = &audit.skill;
    let beats = [Some(skill.answers.accuracy), skill.answers.error];
    let better = beats.contains(&Some(Beats::Better));
    let (state, short) = match (skill.verdict, skill.information.shown) {
        (Verdict::Skill, _) if better => (
            State::Good,
            "Yes: it beats always naming the most common class",
        ),
        (Verdict::Skill, _) => (
            State::Unsure,
            "It knows more than chance; its answers are not shown to beat the most common class",
        ),
        (Verdict::NoSkill, true) => (
            State::Bad,
            "No: always naming the most common class errs less, though it knows something",
        ),
        (Verdict::NoSkill, false) => (State::Bad, "No skill is shown"),
    };
    let majority = skill.majority.get(&Metric::Accuracy).copied();
    let majority = majority.map_or_else(|| format::NONE.to_owned(), |v| format::percent(v, 1));
    let mut lines = vec![format!(
        "Right for {} of {}; always naming {} is right for {majority}.",
        share(audit.metrics.get(&Metric::Accuracy)),
        words.counts(audit.clips, audit.subjects),
        audit.majority_name(),
    )];
    let balanced = audit.metrics.get(&Metric::BalancedAccuracy);
    let balanced = balanced.map(Estimate::from);
    if let Some(balanced) = balanced {
        let classes = audit.classes.iter().filter(|c| c.clips > 0).count();
        lines.push(format!(
            "Averaged over the {}: {} ({}); a guess gets {}.",
            counted(classes, "class"),
            balanced.number(3),
            balanced.range(3),
            format::fixed(1.0 / classes.max(1) as f64, 3)
        ));
    }
    if let Some(reason) = &skill.reason {
        lines.push(format!("It cannot be judged here: {}.", words.say(reason)));
    }
    Answer {
        question: "Is it any good?",
        state,
        short: short.into(),
        lines,
        more: Some(("skill", "Every metric")),
    }
}

fn disadvantage(audit: &Audit, words: &Words) -> Answer {
    let fairness = &audit.fairness;
    let mut lines = Vec::new();
    let (state, short) = match fairness.outcome {
        Outcome::Shown => {
            let mut groups: Vec<String> = Vec::new();
            for finding in &audit.findings {
                let name = named(&finding.name, &finding.group).to_owned();
                if !groups.contains(&name) {
                    groups.push(name);
                }
            }
            lines.extend(audit.findings.iter().take(1).map(|f| sentence(f, words)));
            if audit.findings.len() > 1 {
                lines.push(format!(
                    "{} more below.",
                    counted(audit.findings.len() - 1, "finding")
                ));
            }
            (State::Bad, format!("Shown: {}", listed(&groups)))
        }
        Outcome::Suspected => {
            let suspected: Vec<String> = (fairness.attributes.iter())
                .filter(|a| a.outcome == Outcome::Suspected)
                .map(|a| a.attribute.clone())
                .collect();
            let state = (
                State::Unsure,
                format!("Suspected, not shown: by {}", listed(&suspected)),
            );
            lines.extend(widest(
                audit,
                |name| suspected.iter().any(|s| s == name),
                words,
            ));
            state
        }
        Outcome::NotShown => {
            lines.extend(widest(audit, |_| true, words));
            let least = fairness
                .attributes
                .iter()
                .filter_map(|a| a.minimum_detectable);
            if let Some(gap) = least.min_by(f64::total_cmp) {
                lines.push(format!(
                    "A gap below {} would often go unnoticed in data of this size.",
                    format::fixed(gap, 2)
                ));
            }
            (
                State::Open,
                "Nothing is shown; that is no proof of fairness".to_owned(),
            )
        }
        Outcome::NotTestable => {
            // of one attribute its own reason says more
            let own = match fairness.attributes.as_slice() {
                [only] => only.reason.as_ref(),
                _ => None,
            };
            if let Some(reason) = own.or(fairness.reason.as_ref()) {
                lines.push(super::words::sentence_case(&format!(
                    "{}.",
                    words.say(reason)
                )));
            }
            (State::Open, "Not testable".to_owned())
        }
    };
    let more = Some(("verdict", "Every group and gap"));
    Answer {
        question: "For whom not?",
        state,
        short,
        lines,
        more,
    }
}

/// The gap that chance explains least, whatever its p, among attributes that `wanted` names.
fn widest(audit: &Audit, wanted: impl Fn(&str) -> bool, words: &Words) -> Option<String> {
    let gap = audit
        .disparities
        .iter()
        .filter(|d| d.metric == Metric::Accuracy && d.measure == Measure::MaxMin)
        .filter(|d| d.scheme == Scheme::WithinTarget && wanted(&d.attribute))
        .min_by(|a, b| a.p_value.total_cmp(&b.p_value))?;
    let accuracy = |row: &&GroupRow| {
        row.metrics
            .get(&Metric::Accuracy)?
            .estimate()
            .map(|e| e.value)
    };
    let mut rows: Vec<(&GroupRow, f64)> = (audit.groups.iter())
        .filter(|row| row.attribute == gap.attribute)
        .filter_map(|row| Some((row, accuracy(&row)?)))
        .collect();
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ((low, least), (high, most)) = (rows.first()?, rows.last()?);
    if rows.len() < 2 {
        return None;
    }
    Some(format!(
        "Largest gap by {}: {} of {} right, {} of {}. At the same mix of classes it is {}; with groups shuffled among the \
         {} 95 of 100 stay below {} (p {}).",
        gap.attribute,
        format::percent(*least, 0),
        named(&low.name, &low.group),
        format::percent(*most, 0),
        named(&high.name, &high.group),
        format::fixed(gap.observed, 2),
        words.units(),
        format::fixed(gap.null_p95, 2),
        format::p_value(gap.p_value)
    ))
}

fn data(check: &CheckReport, words: &Words) -> Answer {
    let leaks = check.findings.iter().filter(|f| f.kind.is_leak()).count();
    let mut lines = Vec::new();
    let (state, short) = match (leaks, check.errors, check.warnings) {
        (1.., ..) => {
            let others = check.errors.saturating_sub(leaks);
            if others > 0 {
                lines.push(format!("{} beside that.", counted(others, "other error")));
            }
            (
                State::Bad,
                format!("No: the splits leak ({})", counted(leaks, "finding")),
            )
        }
        (0, 1.., _) => (
            State::Bad,
            format!("Not quite: {}", counted(check.errors, "error")),
        ),
        (0, 0, 1..) => (
            State::Unsure,
            format!(
                "No error; {} to look at",
                counted(check.warnings, "warning")
            ),
        ),
        (0, 0, 0) => (
            State::Open,
            "Nothing was found that would spoil a result".to_owned(),
        ),
    };
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    let told = check.findings.iter();
    for finding in told.filter(|f| f.severity != cohort_data::Severity::Note) {
        let name = finding.kind.name();
        match kinds.iter_mut().find(|k| k.0 == name) {
            Some(kind) => kind.1 += 1,
            None => kinds.push((name, 1)),
        }
    }
    if kinds.is_empty() {
        lines.push(words.either(
            "Looked for: clips or subjects in two splits, equal pictures and sounds, labels outside the schema, broken files.",
            "Looked for: clips in two splits, equal pictures and sounds, labels outside the schema, broken files.",
        ));
    } else {
        let kinds: Vec<String> = kinds
            .iter()
            .map(|(name, count)| format!("{} ({count})", name.replace('-', " ")))
            .collect();
        lines.push(format!(
            "{}.",
            super::words::sentence_case(&kinds.join(", "))
        ));
    }
    Answer {
        question: "Can the data be trusted?",
        state,
        short,
        lines,
        more: Some(("check", "What was looked at")),
    }
}

/// Metric that shares are told in.
const TOLD: Metric = Metric::BalancedAccuracy;

fn help(ablation: &Ablation, audit: Option<&Audit>, words: &Words) -> Answer {
    let of_everyone = |s: &&cohort_fusion::Shares| {
        s.family == "late" && s.attribute.is_none() && s.metric == TOLD.name()
    };
    let shares = ablation.shares.iter().find(of_everyone);
    let full = ablation.rows.iter().find(|row| row.name == ablation.full);
    let skilled = audit.is_none_or(|audit| audit.skill.information.shown);
    let mut lines = Vec::new();
    let mut parts = shares.map_or_else(Vec::new, |s| s.parts.iter().collect::<Vec<_>>());
    parts.sort_by(|a, b| b.value.total_cmp(&a.value));
    let metric = inside(&words.title(TOLD));
    let (state, short) = match (parts.as_slice(), skilled) {
        (_, false) => (
            State::Open,
            "Nothing to share out: no skill is shown".to_owned(),
        ),
        ([], true) => (State::Open, "Not known".to_owned()),
        ([first, ..], true) if first.value > 0.0 => {
            let told: Vec<String> = (parts.iter())
                .map(|part| format!("{} {}", part.modality, format::signed(part.value, 3)))
                .collect();
            lines.push(format!(
                "Gain in {metric} over always naming one class, shared out fairly: {}.",
                listed(&told)
            ));
            (State::Good, format!("Most: {}", first.modality))
        }
        _ => (State::Bad, "Nothing: no modality adds anything".to_owned()),
    };
    // the best single model beside the fusion of all, paired on the same clips
    let figure = |row: &cohort_fusion::AblationRow| {
        let mut figures = row.figures.iter();
        figures.find(|f| f.metric == TOLD.name()).cloned()
    };
    let singles = ablation.rows.iter().filter(|r| r.family == Family::Single);
    let best = singles
        .filter_map(|row| Some((row, figure(row)?)))
        .filter_map(|(row, figure)| Some((row, figure.value.value()?, figure.to_full?)))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let (Some((row, _, to_full)), true, true) = (best, full.is_some(), skilled) {
        let change = Estimate::from(&to_full);
        let gain = change.value.map(|v| -v);
        let ends = change.interval.map(|(low, high)| (-high, -low));
        let gain = Estimate {
            value: gain,
            interval: ends,
            caution: None,
        };
        let verb = match ends {
            Some((low, _)) if low > 0.0 => "beats",
            Some((_, high)) if high < 0.0 => "is worse than",
            _ => "is not shown to differ from",
        };
        lines.push(format!(
            "The fusion of all {verb} the best model of one modality, {} ({}, {}).",
            row.modalities.join(" + "),
            gain.signed(3),
            gain.range(3)
        ));
    }
    Answer {
        question: "What helps?",
        state,
        short,
        lines,
        more: Some(("ablation", "Every subset")),
    }
}
