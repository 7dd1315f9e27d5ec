use super::*;
use crate::random::{below, unit as uniform};

/// A made search: pictures of one topic mostly, five captions each, some found more easily than others; the recall of topic 0
/// is lower by `weaker`.
fn world(seed: usize, pictures: usize, weaker: f64) -> (Vec<f64>, Vec<usize>, Vec<usize>) {
    let mut g = Stream::new(11, &["topics", "world"]).item(seed);
    let (mut answered, mut topic, mut unit) = (Vec::new(), Vec::new(), Vec::new());
    for picture in 0..pictures {
        let main = below(&mut g, 10);
        let ease = 0.4 * (uniform(&mut g) - 0.5);
        for _ in 0..5 + below(&mut g, 2) {
            let own = if uniform(&mut g) < 0.8 {
                main
            } else {
                below(&mut g, 10)
            };
            let recall = 0.65 + ease - if own == 0 { weaker } else { 0.0 };
            answered.push(f64::from(u8::from(uniform(&mut g) < recall)));
            topic.push(own);
            unit.push(picture);
        }
    }
    (answered, topic, unit)
}

fn quick(seed: u64) -> TopicSettings {
    TopicSettings {
        intervals: IntervalSettings {
            resamples: 100,
            seed,
            ..IntervalSettings::default()
        },
        permutations: 199,
        ..TopicSettings::default()
    }
}

#[test]
fn a_planted_weak_topic_is_found_and_comes_first() {
    let mut found = 0;
    for seed in 0..20 {
        let (answered, topic, unit) = world(seed, 300, 0.3);
        let all = topic_recall(&answered, &topic, &unit, &quick(seed as u64)).unwrap();
        assert_eq!(all.len(), 10);
        found += usize::from(all[0].topic == 0 && all[0].weak);
    }
    assert!(found >= 19, "{found} of 20");
}

#[test]
fn where_none_is_planted_alarms_keep_their_level() {
    let tries = 400;
    let alarms = (0..tries).filter(|&seed| {
        let (answered, topic, unit) = world(1000 + seed, 80, 0.0);
        let all = topic_recall(&answered, &topic, &unit, &quick(seed as u64)).unwrap();
        all.iter().any(|topic| topic.weak)
    });
    let share = alarms.count() as f64 / tries as f64;
    // standard deviation .011
    assert!((0.02..=0.085).contains(&share), "{share}");
}

/// The statistic of each topic by its definition, unit by unit.
#[test]
fn contrasts_are_those_of_the_definition() {
    let (answered, topic, unit) = world(3, 40, 0.2);
    let rows = Rows::new(&answered, &topic, &unit);
    for (k, contrast) in rows.contrasts(&rows.topic).iter().enumerate() {
        let is = |row: usize| topic[row] == k;
        let of = |own: bool, what: &dyn Fn(usize) -> f64| -> f64 {
            (0..topic.len())
                .filter(|&row| is(row) == own)
                .map(what)
                .sum()
        };
        let [n, m] = [true, false].map(|own| of(own, &|_| 1.0));
        let [a, b] = [
            of(true, &|r| answered[r]) / n,
            of(false, &|r| answered[r]) / m,
        ];
        let square: f64 = (0..40)
            .map(|picture| {
                let within = |row: usize| f64::from(u8::from(unit[row] == picture));
                let inside = of(true, &|r| within(r) * (answered[r] - a)) / n;
                let outside = of(false, &|r| within(r) * (answered[r] - b)) / m;
                (inside - outside).powi(2)
            })
            .sum();
        let expected = (b - a) / (square * 40.0 / 39.0).sqrt();
        assert!((contrast.statistic - expected).abs() < 1e-9, "{k}");
        assert!((contrast.rest - b).abs() < 1e-12);
    }
}

#[test]
fn exchanges_keep_the_topics_of_a_unit_together() {
    let (answered, topic, unit) = world(4, 30, 0.0);
    let rows = Rows::new(&answered, &topic, &unit);
    let moved = rows.exchanged(&rows.strata(), Stream::new(1, &["x"]), 0);
    assert_ne!(moved, rows.topic);
    let units = |topic: &[usize]| {
        let parts = rows
            .starts
            .windows(2)
            .map(|ends| topic[ends[0]..ends[1]].to_vec());
        let mut parts: Vec<Vec<usize>> = parts.collect();
        parts.sort();
        parts
    };
    assert_eq!(units(&moved), units(&rows.topic));
}

#[test]
fn topics_of_few_units_are_not_judged_and_bad_input_is_named() {
    let (answered, mut topic, unit) = world(5, 60, 0.0);
    for row in 0..3 {
        topic[row] = 70;
    }
    let all = topic_recall(&answered, &topic, &unit, &quick(0)).unwrap();
    let few = all.iter().find(|t| t.topic == 70).unwrap();
    assert_eq!(
        (few.queries, few.p_value, few.p_family, few.weak),
        (3, None, None, false)
    );
    let one = topic_recall(&answered, &vec![4; topic.len()], &unit, &quick(0)).unwrap();
    assert_eq!(
        (one.len(), one[0].elsewhere, one[0].p_family),
        (1, None, None)
    );
    let error = |answered: &[f64], settings| {
        topic_recall(answered, &[0, 0], &[0, 1], &settings)
            .unwrap_err()
            .to_string()
    };
    let bad = error(&[0.5, 1.5], quick(0));
    assert_eq!(
        bad,
        "queries: row 2: expected a number from 0 to 1, found 1.5"
    );
    let bad = error(&[0.5], quick(0));
    assert!(bad.contains("topics"), "{bad}");
    let few = TopicSettings {
        permutations: 5,
        ..quick(0)
    };
    assert!(error(&[0.5, 0.5], few).contains("permutations"));
    let wide = TopicSettings {
        alpha: 0.5,
        ..quick(0)
    };
    assert!(error(&[0.5, 0.5], wide).contains("alpha"));
}

#[test]
fn the_same_seed_gives_the_same_whatever_the_number_of_threads() {
    let (answered, topic, unit) = world(6, 60, 0.1);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| topic_recall(&answered, &topic, &unit, &quick(9)).unwrap())
    };
    assert_eq!(run(1), run(3));
}
