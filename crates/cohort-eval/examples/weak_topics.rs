//! How often a search without a weak topic is said to have one, and how often one that is planted is found: the table in
//! `docs/statistics.md`. `cargo run --release -p cohort-eval --example weak_topics`

use cohort_eval::{
    EvalError, IntervalSettings, Outcome, TopicQueries, TopicSettings, topic_recall,
};

/// Numbers between 0 and 1 (PCG's multiplier, upper bits).
struct Draw(u64);

impl Draw {
    fn unit(&mut self) -> f64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Pictures with five or six captions each, of one topic for the most part; topics of unequal sizes, pictures found with unequal
/// ease. The recall of the third topic is lower by `weaker`.
fn world(seed: u64, pictures: usize, topics: usize, weaker: f64) -> [Vec<f64>; 3] {
    let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
    for _ in 0..8 {
        draw.unit();
    }
    let [mut answered, mut topic, mut unit] = [const { Vec::new() }; 3];
    for picture in 0..pictures {
        // small numbers are more frequent
        let any = |draw: &mut Draw| (draw.unit() * draw.unit().sqrt() * topics as f64).floor();
        let main = any(&mut draw);
        let ease = 0.5 * (draw.unit() - 0.5);
        let captions = 5 + usize::from(draw.unit() < 0.2);
        for _ in 0..captions {
            let own = if draw.unit() < 0.8 {
                main
            } else {
                any(&mut draw)
            };
            let recall = 0.65 + ease - if own == 2.0 { weaker } else { 0.0 };
            answered.push(f64::from(u8::from(draw.unit() < recall)));
            topic.push(own);
            unit.push(picture as f64);
        }
    }
    [answered, topic, unit]
}

fn main() -> Result<(), EvalError> {
    println!(
        "| pictures | topics | recall lower by | tries | any topic called weak | the planted one | another one |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (pictures, topics, weaker, tries) in [
        (80, 8, 0.0, 2000),
        (500, 12, 0.0, 2000),
        (500, 30, 0.0, 2000),
        (500, 12, 0.1, 400),
        (500, 12, 0.2, 400),
        (500, 12, 0.3, 400),
    ] {
        let (mut any, mut planted, mut other) = (0, 0, 0);
        for seed in 0..tries {
            let [answered, topic, unit] = world(seed, pictures, topics, weaker);
            let topics: Vec<[usize; 1]> = topic.iter().map(|topic| [*topic as usize]).collect();
            let unit: Vec<usize> = unit.iter().map(|unit| *unit as usize).collect();
            let settings = TopicSettings {
                intervals: IntervalSettings {
                    resamples: 100,
                    seed,
                    ..IntervalSettings::default()
                },
                permutations: 499,
                ..TopicSettings::default()
            };
            let queries = TopicQueries {
                answered: &answered,
                topics: &topics,
                unit: &unit,
                stratum: &vec![0; unit.len()],
            };
            let found = topic_recall(&queries, &settings)?;
            let weak = found.iter().filter(|t| t.outcome == Outcome::Shown);
            let weak: Vec<usize> = weak.map(|t| t.topic).collect();
            any += u64::from(!weak.is_empty());
            planted += u64::from(weak.contains(&2));
            other += u64::from(weak.iter().any(|&topic| topic != 2));
        }
        let share = |count: u64| format!("{:.1} %", 100.0 * count as f64 / tries as f64);
        println!(
            "| {pictures} | {topics} | {weaker} | {tries} | {} | {} | {} |",
            share(any),
            share(planted),
            share(other)
        );
    }
    Ok(())
}
