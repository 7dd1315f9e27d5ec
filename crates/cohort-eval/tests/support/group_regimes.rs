//! Made tables in which something differs between groups of people, or nothing does: for studies of false alarms and power.

use cohort_tables::{LabelColumn, LabelTable, Predictions};

use super::Draw;

/// How the groups of the first attribute differ, or how clips are spread over subjects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Regime {
    /// Nothing differs.
    Alike,
    /// The second group holds far more of the first classes, which are harder.
    OtherClasses,
    /// The second group has three times as many clips a subject.
    MoreClips,
    /// The second group's subjects differ more, with the same error on average.
    OtherSpread,
    /// Every clip has a true class of its own.
    ClassesChange,
    /// One subject has about 30 % of the clips.
    OneHeavy,
    /// Three subjects have about 20 % of the clips each.
    ThreeHeavy,
    /// Clips a subject follow a Pareto distribution (shape 1.2).
    Pareto,
    /// Group and class go together: no true class in both groups.
    Confounded,
    /// Answers of the second group are replaced by guesses with this chance.
    Worse(f64),
    /// Answers to the upper two classes are replaced by guesses in the second group, those to the lower two in the first.
    Crossing(f64),
    /// The second group is guessed as many classes higher.
    Older(f64),
    /// The second group is always wrong, the first always right.
    Separable,
}

impl Regime {
    /// Whether a disadvantage is planted in the first attribute.
    pub fn plants(self) -> bool {
        matches!(
            self,
            Regime::Worse(_) | Regime::Crossing(_) | Regime::Older(_) | Regime::Separable
        )
    }
}

const PREVALENCE: [f64; 4] = [0.1, 0.25, 0.4, 0.25];

/// Four ordered classes; attributes `A` (two groups, 2 to 1), `B` (three, 4 to 85 to 11) and `C` (four alike).
pub fn made(draw: &mut Draw, subjects: usize, regime: Regime) -> (Predictions, LabelTable) {
    let classes = PREVALENCE.len();
    let centre: f64 = (0..classes).map(|c| c as f64 * PREVALENCE[c]).sum();
    let (mut truth, mut predicted, mut rows) = (Vec::new(), Vec::new(), Vec::<[String; 5]>::new());
    for s in 0..subjects {
        let mut a = draw.index(&[1.0, 0.5]);
        let (b, c) = (draw.index(&[0.04, 0.85, 0.11]), draw.index(&[1.0; 4]));
        let mut weights = PREVALENCE;
        if a == 1 && regime == Regime::OtherClasses {
            for (class, weight) in weights.iter_mut().enumerate() {
                *weight *= ((classes - class) * (classes - class)) as f64;
            }
        }
        let class = draw.index(&weights);
        if regime == Regime::Confounded {
            a = usize::from(class >= 2);
        }
        let (mut between, mut within) = (0.6, 0.5);
        if a == 1 && regime == Regime::OtherSpread {
            (between, within) = (0.61_f64.sqrt(), 0.0);
        }
        let clips = 1 + draw.index(&[0.16, 0.21, 0.22, 0.17, 0.14, 0.10]);
        let times = match regime {
            Regime::MoreClips if a == 1 => 3.0,
            Regime::OneHeavy if s == 0 => 0.3 / 0.7 * subjects as f64,
            Regime::ThreeHeavy if s < 3 => 0.2 / 0.4 * subjects as f64,
            Regime::Pareto => draw.uniform().powf(-1.0 / 1.2).min(subjects as f64),
            _ => 1.0,
        };
        let offset = between * draw.normal();
        for clip in 0..(times * clips as f64).round() as usize {
            let class = if regime == Regime::ClassesChange {
                draw.index(&weights)
            } else {
                class
            };
            let mut score =
                centre + 0.6 * (class as f64 - centre) + offset + within * draw.normal();
            if let (Regime::Older(by), 1) = (regime, a) {
                score += by;
            }
            let mut answer = score.round().clamp(0.0, 3.0) as usize;
            let chance = match regime {
                Regime::Worse(chance) if a == 1 => chance,
                Regime::Crossing(chance) if (a == 1) == (class >= 2) => chance,
                _ => 0.0,
            };
            if draw.uniform() < chance {
                answer = draw.index(&PREVALENCE);
            }
            if regime == Regime::Separable {
                answer = if a == 1 { (class + 1) % classes } else { class };
            }
            truth.push(class);
            predicted.push(answer);
            rows.push([
                format!("s{s}.{clip}.mp4"),
                format!("s{s}"),
                a.to_string(),
                b.to_string(),
                c.to_string(),
            ]);
        }
    }
    let column = |i: usize| {
        rows.iter()
            .map(|row| row[i].clone())
            .collect::<Vec<String>>()
    };
    let names = ["UserID", "A", "B", "C"];
    let columns = names.iter().zip(1..).map(|(name, i)| LabelColumn {
        name: name.to_string(),
        values: column(i),
    });
    let labels = LabelTable {
        names: column(0),
        columns: columns.collect(),
    };
    let predictions = Predictions {
        names: column(0),
        classes: (0..classes).map(|k| k.to_string()).collect(),
        truth: Some(truth),
        predicted,
        probabilities: None,
    };
    (predictions, labels)
}
