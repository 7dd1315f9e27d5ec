//! Who is given the class that people want: selection rates, demographic parity, four fifths.
//!
//! These compare answers, not errors: they ask nothing of the truth, so the base rates stand beside them. They are made only
//! where somebody says which class is the favourable one. A file each has what is known of a measure.

mod apart;
mod chance;
mod difference;
mod rate;
mod ratio;
mod text;

use cohort_tables::{WithinUnits, code, did_you_mean};
use serde::{Deserialize, Serialize};

use crate::attribute::Attribute;
use crate::bootstrap::NO_ERROR;
use crate::frame::Frame;
use crate::interval::tally_intervals;
use crate::random::Stream;
use crate::support::FEWEST_SUBJECTS;
use crate::tally::Tally;
use crate::{AuditSettings, EvalError, Interval, IntervalSettings, Metric, Sample};

use apart::Rate;
pub use chance::ByChance;

/// Below this share of the highest rate a selection rate is evidence of adverse impact in the United States' Uniform
/// Guidelines on Employee Selection Procedures (29 CFR 1607.4 D, 1978).
pub const FOUR_FIFTHS: f64 = 0.8;

/// A measure of how often the favourable class is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SelectionMeasure {
    /// Share of rows that are given the favourable class.
    Rate,
    /// Largest less smallest selection rate of the groups.
    Difference,
    /// Smallest over largest selection rate of the groups.
    Ratio,
}

/// What is known of a measure.
pub(crate) struct Definition {
    pub name: &'static str,
    pub title: &'static str,
    pub meaning: &'static str,
    pub formula: &'static str,
    pub source: &'static str,
    pub range: (f64, f64),
    /// The value where no group is preferred.
    pub equal: Option<f64>,
}

impl SelectionMeasure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rate, Self::Difference, Self::Ratio];

    fn definition(self) -> &'static Definition {
        match self {
            Self::Rate => &rate::DEFINITION,
            Self::Difference => &difference::DEFINITION,
            Self::Ratio => &ratio::DEFINITION,
        }
    }

    /// Machine name: `selection_rate`, `demographic_parity_difference` or `demographic_parity_ratio`.
    pub fn name(self) -> &'static str {
        self.definition().name
    }

    /// Name for a reader.
    pub fn title(self) -> &'static str {
        self.definition().title
    }

    /// What it means, in plain words.
    pub fn meaning(self) -> &'static str {
        self.definition().meaning
    }

    /// How it is computed.
    pub fn formula(self) -> &'static str {
        self.definition().formula
    }

    /// Where the definition comes from.
    pub fn source(self) -> &'static str {
        self.definition().source
    }

    /// Least and largest value.
    pub fn range(self) -> (f64, f64) {
        self.definition().range
    }

    /// The value where all groups are alike; none for the rate itself.
    pub fn equal(self) -> Option<f64> {
        self.definition().equal
    }
}

/// Selection rates of an audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Code of the favourable class.
    pub favourable: String,
    /// Its name for people.
    pub name: String,
    /// Share of all rows that are given it.
    pub selection_rate: Interval,
    /// Share of all rows whose truth it is.
    pub base_rate: Interval,
    /// The attributes, in the audit's order; the target is none of them.
    pub attributes: Vec<AttributeSelection>,
}

/// Selection rates of the groups of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeSelection {
    /// The label column (`A x B` for an intersection).
    pub attribute: String,
    /// Every group; none is left out for being small.
    pub groups: Vec<GroupSelection>,
    /// Demographic parity difference: largest less smallest rate of the groups that are compared, those of at least 5
    /// subjects. Its interval holds for all pairs of groups at once.
    pub difference: Interval,
    /// Demographic parity ratio: smallest over largest rate of those groups; likewise.
    pub ratio: Interval,
    /// Code of the group of the smallest rate among them; absent with fewer than two groups to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest: Option<String>,
    /// Code of the group of the largest rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest: Option<String>,
    /// The difference and the ratio that relabelled subjects show; absent with fewer than two groups to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_chance: Option<ByChance>,
    /// Whether the ratio lies below four fifths.
    pub four_fifths: FourFifths,
    /// Why something is not given, or to be read with care.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Selection rate of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupSelection {
    /// Code of the group.
    pub group: String,
    /// Its name for people.
    pub name: String,
    /// Rows.
    pub clips: usize,
    /// Subjects.
    pub subjects: usize,
    /// Share of its rows that are given the favourable class.
    pub selection_rate: Interval,
    /// Share of its rows whose truth is the favourable class.
    pub base_rate: Interval,
    /// Its rate over the highest of the groups that are compared; absent for groups that are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_highest: Option<f64>,
}

/// Whether a ratio of selection rates lies below four fifths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FourFifths {
    /// The whole interval lies below 0.8.
    Below,
    /// The whole interval lies at 0.8 or above.
    Met,
    /// The interval holds 0.8: these data do not say.
    Open,
    /// There is no interval.
    NotEstimable,
}

impl FourFifths {
    fn of(ratio: &Interval) -> Self {
        match ratio.estimate() {
            None => Self::NotEstimable,
            Some(found) if found.high < FOUR_FIFTHS => Self::Below,
            Some(found) if found.low >= FOUR_FIFTHS => Self::Met,
            Some(_) => Self::Open,
        }
    }

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Below => "below four fifths",
            Self::Met => "at four fifths or above",
            Self::Open => "open: the interval holds four fifths",
            Self::NotEstimable => "not estimable",
        }
    }
}

/// Selection rates, where the settings name a favourable class.
pub(crate) fn selection(
    frame: &Frame,
    settings: &AuditSettings,
) -> Result<Option<Selection>, EvalError> {
    let Some(wanted) = &settings.favourable else {
        return Ok(None);
    };
    let class = class_of(frame, wanted)?;
    // A row is right where it is given (or has) the favourable class: its accuracy is then the rate, with all that is known
    // of the intervals of a share.
    let all_of_it = vec![1_usize; frame.truth.len()];
    let is = |classes: &[usize]| -> Vec<usize> {
        classes
            .iter()
            .map(|&of_row| usize::from(of_row == class))
            .collect()
    };
    let (given, had) = (is(&frame.predicted), is(&frame.truth));
    let given = Sample::new(2, &all_of_it, &given, &frame.subject)?.unordered();
    let had = Sample::new(2, &all_of_it, &had, &frame.subject)?.unordered();
    let intervals = settings.intervals();
    let rate = |sample: &Sample, rows: Option<&[usize]>, names: &[&str]| {
        share(&Tally::new(sample, rows), &intervals, names)
    };
    let attributes = frame
        .attributes
        .iter()
        .filter(|attribute| !attribute.is_target);
    let attributes =
        attributes.map(|attribute| of_attribute(frame, attribute, &given, &had, settings));
    Ok(Some(Selection {
        favourable: frame.classes[class].clone(),
        name: frame.class_names[class].clone(),
        selection_rate: rate(&given, None, &["selection"]),
        base_rate: rate(&had, None, &["base rate"]),
        attributes: attributes.collect(),
    }))
}

/// The class of a code or a name.
fn class_of(frame: &Frame, wanted: &str) -> Result<usize, EvalError> {
    let of_code = frame
        .classes
        .iter()
        .position(|class| code(class) == code(wanted));
    let of_name = || frame.class_names.iter().position(|name| name == wanted);
    of_code.or_else(of_name).ok_or_else(|| {
        let names = frame.classes.iter().chain(&frame.class_names);
        EvalError::Setting {
            name: "favourable",
            expected: "one of the classes",
            found: format!(
                "{wanted}{}; there are {}",
                did_you_mean(wanted, names.map(String::as_str)),
                frame.classes.join(", ")
            ),
        }
    })
}

/// The interval of the share of rows that are right.
fn share(tally: &Tally, settings: &IntervalSettings, names: &[&str]) -> Interval {
    let stream = Stream::new(settings.seed, names);
    let found = tally_intervals(&[Metric::Accuracy], tally, settings, stream).pop();
    found.unwrap_or_else(|| Interval::none(f64::NAN, tally, "nothing to measure".into()))
}

fn of_attribute(
    frame: &Frame,
    attribute: &Attribute,
    given: &Sample,
    had: &Sample,
    settings: &AuditSettings,
) -> AttributeSelection {
    let rows = attribute.rows();
    let of_subject = frame.by_subject(&attribute.of_row, attribute.codes.len());
    let intervals = settings.intervals();
    let mut groups: Vec<GroupSelection> = Vec::with_capacity(rows.len());
    let mut tallies = Vec::with_capacity(rows.len());
    for ((code, name), rows) in attribute.codes.iter().zip(&attribute.names).zip(&rows) {
        let tally = Tally::new(given, Some(rows));
        let stream = |what| ["group", what, &attribute.name, code];
        groups.push(GroupSelection {
            group: code.clone(),
            name: name.clone(),
            clips: tally.rows(),
            subjects: tally.subjects(),
            selection_rate: share(&tally, &intervals, &stream("selection")),
            base_rate: share(
                &Tally::new(had, Some(rows)),
                &intervals,
                &stream("base rate"),
            ),
            to_highest: None,
        });
        tallies.push(tally);
    }
    // those that are compared: subjects count under their most frequent group, as in the tests of gaps
    let mut counted = vec![0_usize; rows.len()];
    for &group in &of_subject {
        counted[group] += 1;
    }
    let compared: Vec<usize> = (0..rows.len())
        .filter(|&group| counted[group] >= FEWEST_SUBJECTS)
        .collect();
    let all = Tally::new(given, None);
    if compared.len() < 2 {
        let reason = format!("fewer than two groups have {FEWEST_SUBJECTS} subjects");
        let none = || Interval::none(f64::NAN, &all, reason.clone());
        return AttributeSelection {
            attribute: attribute.name.clone(),
            groups,
            difference: none(),
            ratio: none(),
            lowest: None,
            highest: None,
            by_chance: None,
            four_fifths: FourFifths::NotEstimable,
            note: Some(reason),
        };
    }
    // one interval for the largest of all differences: every pair at a level such that all hold together
    let pairs = (compared.len() * (compared.len() - 1) / 2) as f64;
    let together = IntervalSettings {
        level: 1.0 - (1.0 - settings.level) / pairs,
        ..intervals
    };
    let rates: Vec<Rate> = compared
        .iter()
        .map(|&group| {
            let code = &attribute.codes[group];
            let names = ["compared", &attribute.name, code];
            Rate::of(&share(&tallies[group], &together, &names))
        })
        .collect();
    let (lowest, highest) = apart::ends(&rates);
    let support = (
        compared.iter().map(|&group| tallies[group].rows()).sum(),
        compared.iter().map(|&group| counted[group]).sum(),
    );
    let difference = apart::difference(&rates, support);
    let ratio = apart::ratio(&rates, support);
    let top = rates[highest].value;
    for (&group, rate) in compared.iter().zip(&rates) {
        groups[group].to_highest = Some(rate.value / top).filter(|_| top > NO_ERROR);
    }
    let within = WithinUnits::of(&frame.subject, &attribute.of_row);
    let note = (within.mixed > 0).then(|| {
        format!(
            "{} subjects are in several groups; the intervals of difference and ratio take the groups for independent",
            within.mixed
        )
    });
    AttributeSelection {
        attribute: attribute.name.clone(),
        four_fifths: FourFifths::of(&ratio),
        groups,
        difference,
        ratio,
        lowest: Some(attribute.codes[compared[lowest]].clone()),
        highest: Some(attribute.codes[compared[highest]].clone()),
        by_chance: Some(chance::by_chance(
            &all,
            attribute,
            &of_subject,
            &compared,
            settings,
        )),
        note,
    }
}
