//! What an attribute puts forward to be named: its contrasts as one family of tests, and what of them becomes a finding.

use crate::attribute::Attribute;
use crate::compared::{Compared, Item, QUESTIONS};
use crate::family::{Family, Score, Test};
use crate::finding::{ClassGap, Finding, Rule};
use crate::frame::Frame;
use crate::gaps::{Gaps, Scheme};
use crate::measure::Measure;
use crate::permute::{Contrast, MOST_CLASSES, Relabelling, WITHOUT_ERROR, rates};

/// One mean with its contrasts and its distribution under relabelling.
struct Tested {
    item: Item,
    test: Test,
    contrasts: Vec<Option<Contrast>>,
    largest: f64,
}

/// What one attribute puts forward.
pub(crate) struct Candidates {
    attribute: String,
    /// Code and name of each group compared.
    groups: Vec<(String, String)>,
    /// Code and name of each class.
    classes: Vec<(String, String)>,
    tested: Vec<Tested>,
    /// Family of each question, and of the questions.
    questions: Vec<Family>,
    whole: Family,
    p_value: f64,
    /// `[class]`: gap of true and of false positive rates as they are.
    gaps: Vec<(f64, f64)>,
}

impl Candidates {
    /// `largest[item]` are the largest contrasts of the labels as they are, `null` those of relabellings.
    pub(crate) fn new<'n>(
        frame: &Frame,
        attribute: &Attribute,
        included: &[usize],
        items: &[Item],
        relabelling: &Relabelling,
        largest: &[f64],
        null: impl Iterator<Item = &'n [f64]> + Clone,
    ) -> Self {
        let pairs = |codes: &[String], names: &[String]| -> Vec<(String, String)> {
            codes.iter().cloned().zip(names.iter().cloned()).collect()
        };
        let of_attribute = pairs(&attribute.codes, &attribute.names);
        let groups = included
            .iter()
            .map(|&group| of_attribute[group].clone())
            .collect();
        let mut tested = Vec::with_capacity(items.len());
        let mut scores: Vec<Vec<Vec<Score>>> = vec![Vec::new(); QUESTIONS];
        for (place, ((&item, column), &found)) in items
            .iter()
            .zip(&relabelling.contrasts)
            .zip(largest)
            .enumerate()
        {
            // The labels as they are, first, count as one of the relabellings.
            let mut values = vec![found];
            values.extend(null.clone().map(|null| null[place]));
            let test = Test::new(values.clone());
            let question = &mut scores[item.compared.question()];
            question.push(values.iter().map(|&value| test.score(value)).collect());
            tested.push(Tested {
                item,
                test,
                contrasts: relabelling.observed_contrasts(column),
                largest: found,
            });
        }
        let (questions, of_questions): (Vec<Family>, Vec<Vec<Score>>) =
            scores.iter().map(|scores| Family::new(scores)).unzip();
        let asked: Vec<Vec<Score>> = of_questions
            .into_iter()
            .filter(|scores| !scores.is_empty())
            .collect();
        let (whole, of_whole) = Family::new(&asked);
        let p_value = of_whole.first().map_or(1.0, |&score| whole.p_value(score));
        Self {
            attribute: attribute.name.clone(),
            groups,
            classes: pairs(&frame.classes, &frame.class_names),
            tested,
            questions,
            whole,
            p_value,
            gaps: rate_gaps(items, relabelling),
        }
    }

    /// The attribute's own p value.
    pub(crate) fn p_value(&self) -> f64 {
        self.p_value
    }

    /// Single-step p value of a statistic of one item among all of the attribute.
    fn adjusted(&self, tested: &Tested, statistic: f64) -> f64 {
        let score = tested.test.score(statistic.abs());
        let question = self.questions.get(tested.item.compared.question());
        let score = question.map_or(score, |family| family.score(score));
        self.whole.p_value(self.whole.score(score))
    }

    /// Adds findings, gaps by class, and the corrected p values of the contrasts, given the attribute's p value after Holm's
    /// correction.
    pub(crate) fn report(&self, p_holm: f64, alpha: f64, gaps: &mut Gaps) {
        // A group's own p value gets the factor that Holm's correction gave the attribute's.
        let corrected = |tested: &Tested, statistic: f64| {
            (self.adjusted(tested, statistic) * p_holm / self.p_value)
                .min(1.0)
                .max(p_holm)
        };
        for tested in &self.tested {
            for disparity in &mut gaps.disparities {
                if disparity.attribute == self.attribute
                    && tested.item.compared.metric() == Some(disparity.metric)
                    && disparity.measure == Measure::LargestContrast
                    && disparity.scheme == Scheme::WithinTarget
                {
                    disparity.p_holm = corrected(tested, tested.largest);
                }
            }
            let mut named: Vec<Finding> = Vec::new();
            let mut differs: Option<Finding> = None;
            for (contrast, group) in tested.contrasts.iter().zip(&self.groups) {
                let Some(contrast) = contrast else { continue };
                let p = corrected(tested, contrast.statistic);
                if p > alpha {
                    continue;
                }
                let finding = self.finding(tested, contrast, group, p);
                if tested.item.compared.is_worse(contrast) {
                    named.push(finding);
                } else if tested.item.compared == Compared::SignedError
                    && differs.as_ref().is_none_or(|other| p < other.p_holm)
                {
                    differs = Some(finding);
                }
            }
            // A signed error that differs is one, whichever side lies nearer to 0.
            if named.is_empty() {
                named.extend(differs);
            }
            gaps.findings.append(&mut named);
        }
        self.report_classes(corrected, gaps);
    }

    fn finding(
        &self,
        tested: &Tested,
        contrast: &Contrast,
        group: &(String, String),
        p_holm: f64,
    ) -> Finding {
        let class = tested.item.class.and_then(|class| self.classes.get(class));
        let unseen = contrast.statistic.abs() >= WITHOUT_ERROR;
        let difference = contrast.value - contrast.rest;
        Finding {
            attribute: self.attribute.clone(),
            group: group.0.clone(),
            name: group.1.clone(),
            metric: tested.item.compared,
            class: class.map(|class| class.0.clone()),
            class_name: class.map(|class| class.1.clone()),
            direction: match tested.item.compared {
                Compared::SignedError if difference > 0.0 => "higher",
                Compared::SignedError => "lower",
                _ => "worse",
            }
            .into(),
            value: contrast.value,
            rest: contrast.rest,
            difference,
            standard_error: if unseen { 0.0 } else { contrast.error },
            rule: if unseen {
                Rule::Unstudentised
            } else {
                Rule::Studentised
            },
            clips: contrast.rows as usize,
            subjects: contrast.subjects as usize,
            p_value: tested.test.p_value(contrast.statistic.abs()),
            p_holm,
        }
    }

    fn report_classes(&self, corrected: impl Fn(&Tested, f64) -> f64, gaps: &mut Gaps) {
        for (class, (&(hit, wrong), (code, name))) in
            self.gaps.iter().zip(&self.classes).enumerate()
        {
            let of = |compared: Compared| {
                let class = Some(class);
                let mut all = self.tested.iter();
                all.find(|t| t.item == Item { compared, class })
            };
            let (hits, wrongs) = (
                of(Compared::TruePositiveRate),
                of(Compared::FalsePositiveRate),
            );
            let own = |tested: Option<&Tested>| tested.map(|t| t.test.p_value(t.largest));
            let in_family = |tested: Option<&Tested>| tested.map(|t| corrected(t, t.largest));
            let finite = |value: f64| Some(value).filter(|value| value.is_finite());
            let p_holm = [in_family(hits), in_family(wrongs)].into_iter().flatten();
            gaps.class_gaps.push(ClassGap {
                attribute: self.attribute.clone(),
                class: code.clone(),
                name: name.clone(),
                true_positive_gap: finite(hit),
                true_positive_p: own(hits),
                false_positive_gap: finite(wrong),
                false_positive_p: own(wrongs),
                equalised_odds: finite(hit).zip(finite(wrong)).map(|(a, b)| a.max(b)),
                p_holm: p_holm.min_by(f64::total_cmp),
            });
        }
    }
}

/// Largest minus smallest true and false positive rate of the groups, as they are; NaN with fewer than two.
fn rate_gaps(items: &[Item], relabelling: &Relabelling) -> Vec<(f64, f64)> {
    if items.is_empty() || relabelling.classes() > MOST_CLASSES {
        return Vec::new();
    }
    let of_groups: Vec<Vec<(f64, f64)>> = relabelling
        .observed_counts()
        .iter()
        .map(|counts| rates(relabelling.tally.cells(), counts, relabelling.classes()))
        .collect();
    let gap = |compared: Compared, class: usize, of: fn(&(f64, f64)) -> f64| {
        let wanted = Item {
            compared,
            class: Some(class),
        };
        let Some(place) = items.iter().position(|item| *item == wanted) else {
            return f64::NAN;
        };
        let compared = &relabelling.contrasts[place].compared;
        let of_compared: Vec<f64> = of_groups
            .iter()
            .zip(compared)
            .filter(|(_, compared)| **compared)
            .map(|(rates, _)| of(&rates[class]))
            .collect();
        let high = of_compared
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let low = of_compared.iter().copied().fold(f64::INFINITY, f64::min);
        high - low
    };
    (0..relabelling.classes())
        .map(|class| {
            (
                gap(Compared::TruePositiveRate, class, |rates| rates.0),
                gap(Compared::FalsePositiveRate, class, |rates| rates.1),
            )
        })
        .collect()
}
