//! Recall by topic against brute force, and topics that are weak on purpose.
#![allow(clippy::unwrap_used)]

use cohort_eval::Outcome;
use cohort_search::{
    CaptionTopics, CommunitySettings, Direction, Metric, PairsQuestion, PairsSettings, Points,
    TopicsDocument, TopicsSettings, by_topic, communities, measure_pairs, quiet, topics,
};

const DIM: usize = 16;
const TOPICS: usize = 5;

/// Numbers from 0 to 1 that look random.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }

    /// About normal.
    fn normal(&mut self) -> f32 {
        let sum: f64 = (0..6).map(|_| self.next() - 0.5).sum();
        (sum * std::f64::consts::SQRT_2) as f32
    }
}

/// Pictures of topics, captions near them; the captions of the first topic are as much farther from their pictures as `weaker` says.
struct World {
    pictures: Vec<f32>,
    captions: Vec<f32>,
    picture_of: Vec<Option<u32>>,
    of_caption: Vec<Vec<usize>>,
    names: Vec<String>,
}

impl World {
    fn new(seed: u64, pictures: usize, weaker: f32) -> Self {
        let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 5);
        (0..8).for_each(|_| {
            draw.next();
        });
        let centres: Vec<f32> = (0..TOPICS * DIM).map(|_| draw.normal()).collect();
        let mut world = Self {
            pictures: Vec::new(),
            captions: Vec::new(),
            picture_of: Vec::new(),
            of_caption: Vec::new(),
            names: (0..TOPICS).map(|topic| format!("topic {topic}")).collect(),
        };
        for picture in 0..pictures {
            let topic = picture % TOPICS;
            let own: Vec<f32> = (0..DIM)
                .map(|d| centres[topic * DIM + d] + 0.7 * draw.normal())
                .collect();
            let noise = 0.55 + if topic == 0 { weaker } else { 0.0 };
            for _ in 0..3 + picture % 2 {
                let caption = own.iter().map(|v| v + noise * draw.normal());
                world.captions.extend(caption);
                world.picture_of.push(Some(picture as u32));
                world.of_caption.push(vec![topic]);
            }
            world.pictures.extend(own);
        }
        world
    }

    fn document(&self, seed: u64, settings: TopicsSettings) -> TopicsDocument {
        let question = PairsQuestion {
            dim: DIM,
            pictures: &self.pictures,
            captions: &self.captions,
            picture_of: &self.picture_of,
        };
        let pairs = PairsSettings {
            ks: vec![settings.k],
            shuffles: 3,
            resamples: 200,
            seed,
            ..PairsSettings::default()
        };
        let measured = measure_pairs(&question, &pairs, &quiet).unwrap();
        let topics = CaptionTopics {
            names: &self.names,
            of_caption: &self.of_caption,
        };
        by_topic(&question, &measured, topics, &pairs, settings).unwrap()
    }
}

fn settings() -> TopicsSettings {
    TopicsSettings {
        k: 3,
        permutations: 199,
        ..TopicsSettings::default()
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let each = a.iter().zip(b);
        each.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Captions of several topics and of none, all ranks by brute force.
#[test]
fn recall_by_topic_is_that_of_brute_force() {
    let mut world = World::new(3, 40, 0.6);
    for (caption, topics) in world.of_caption.iter_mut().enumerate() {
        match caption % 9 {
            0 => topics.clear(),
            1 => topics.push((topics[0] + 2) % TOPICS),
            _ => {}
        }
    }
    world.picture_of[4] = None;
    let document = world.document(1, settings());
    let (pictures, captions): (Vec<&[f32]>, Vec<&[f32]>) = (
        world.pictures.chunks_exact(DIM).collect(),
        world.captions.chunks_exact(DIM).collect(),
    );
    let is_hit = |query: &[f32], gallery: &[&[f32]], right: &dyn Fn(usize) -> bool| {
        let scores: Vec<f64> = gallery.iter().map(|item| cosine(query, item)).collect();
        let best = (0..gallery.len())
            .filter(|&i| right(i))
            .map(|i| scores[i])
            .fold(f64::MIN, f64::max);
        scores.iter().filter(|score| **score > best).count() < 3
    };
    for direction in &document.directions {
        let queries: Vec<(bool, Vec<usize>, usize)> = match direction.direction {
            Direction::TextToImage => (0..captions.len())
                .filter_map(|c| {
                    let own = world.picture_of[c]? as usize;
                    let hit = is_hit(captions[c], &pictures, &|p| p == own);
                    Some((hit, world.of_caption[c].clone(), own))
                })
                .collect(),
            Direction::ImageToText => (0..pictures.len())
                .map(|p| {
                    let own = |c: &usize| world.picture_of[*c] == Some(p as u32);
                    let hit = is_hit(pictures[p], &captions, &|c| own(&c));
                    let all = (0..captions.len()).filter(own);
                    let all: Vec<usize> = all.flat_map(|c| world.of_caption[c].clone()).collect();
                    (hit, all, p)
                })
                .collect(),
        };
        for topic in &direction.topics {
            let is = |of: &&(bool, Vec<usize>, usize)| match topic.topic {
                Some(number) => of.1.contains(&(number - 1)),
                None => of.1.is_empty(),
            };
            let own: Vec<_> = queries.iter().filter(is).collect();
            let rest: Vec<_> = queries.iter().filter(|of| !is(of)).collect();
            let mean = |of: &[&(bool, Vec<usize>, usize)]| {
                of.iter().filter(|of| of.0).count() as f64 / of.len() as f64
            };
            let mut units: Vec<usize> = own.iter().map(|of| of.2).collect();
            units.dedup();
            assert_eq!((topic.queries, topic.pictures), (own.len(), units.len()));
            let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{}", topic.name);
            near(topic.recall.value().unwrap(), mean(&own));
            let elsewhere = topic.elsewhere.as_ref().unwrap();
            near(elsewhere.value().unwrap(), mean(&rest));
            let apart = topic.difference.as_ref().unwrap();
            near(apart.value().unwrap(), mean(&own) - mean(&rest));
        }
        let values: Vec<f64> = (direction.topics.iter())
            .map(|topic| topic.recall.value().unwrap())
            .collect();
        assert!(values.is_sorted(), "{values:?}");
    }
    let none = document.directions[0].topics.iter();
    assert_eq!(none.filter(|topic| topic.topic.is_none()).count(), 1);
    assert_eq!(
        (document.captions_of_no_topic, document.captions_of_several),
        (16, 16)
    );
    let text = document.to_text();
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn a_planted_weak_topic_is_found_and_none_where_there_is_none() {
    let (mut found, mut alarms, tries) = (0, 0, 100);
    let weak = |document: &TopicsDocument| -> Vec<Option<usize>> {
        let topics = document.directions[0].topics.iter();
        let shown = topics.filter(|topic| topic.outcome == Outcome::Shown);
        shown.map(|topic| topic.topic).collect()
    };
    for seed in 0..tries {
        let document = World::new(seed, 100, 0.0).document(seed, settings());
        alarms += usize::from(!weak(&document).is_empty());
        if seed < 20 {
            let document = World::new(seed, 100, 0.8).document(seed, settings());
            found += usize::from(weak(&document) == [Some(1)]);
        }
    }
    // 5 % of 100 with a standard deviation of 2.2
    assert!(
        found >= 19 && alarms <= 12,
        "{found} of 20, {alarms} of 100"
    );
}

/// Captions whose pictures are others': no topic's silence says anything.
#[test]
fn a_search_that_guesses_is_not_testable() {
    let mut world = World::new(1, 60, 0.0);
    let mut draw = Draw(9);
    world.pictures.fill_with(|| draw.normal());
    let document = world.document(1, settings());
    for direction in &document.directions {
        assert!(!direction.above_chance);
        let told = |of: Outcome| direction.topics.iter().filter(|t| t.outcome == of).count();
        assert_eq!((told(Outcome::NotShown), told(Outcome::Shown)), (0, 0));
        assert!(direction.topics.len() >= TOPICS);
    }
    assert!(document.to_text().contains("not shown to be above chance"));
}

#[test]
fn communities_with_ids_are_the_same_topics_in_any_order() {
    let world = World::new(2, 100, 0.0);
    let n = world.captions.len() / DIM;
    let to = CommunitySettings {
        threshold: 0.75,
        least: 5,
    };
    let found = |order: &[usize]| {
        let values: Vec<f32> = (order.iter())
            .flat_map(|&row| &world.captions[row * DIM..(row + 1) * DIM])
            .copied()
            .collect();
        let ids: Vec<u64> = order.iter().map(|&row| row as u64).collect();
        let points = Points::new(&values, DIM, Metric::Cosine).unwrap();
        let found = communities(&points, Some(&ids), to, &quiet).unwrap();
        assert!(found.len() >= TOPICS);
        let of = topics(&found, n);
        let mut by_caption = vec![None; n];
        for (place, &row) in order.iter().enumerate() {
            by_caption[row] = of[place];
        }
        by_caption
    };
    let straight: Vec<usize> = (0..n).collect();
    let mixed: Vec<usize> = (0..n).map(|i| (i * 97 + 11) % n).collect();
    assert_eq!(found(&straight), found(&mixed));
}

#[test]
fn what_does_not_fit_is_named() {
    let mut world = World::new(1, 20, 0.0);
    let refused = |world: &World, k: usize| {
        let question = PairsQuestion {
            dim: DIM,
            pictures: &world.pictures,
            captions: &world.captions,
            picture_of: &world.picture_of,
        };
        let pairs = PairsSettings {
            ks: vec![1, 5],
            shuffles: 1,
            resamples: 100,
            ..PairsSettings::default()
        };
        let measured = measure_pairs(&question, &pairs, &quiet).unwrap();
        let topics = CaptionTopics {
            names: &world.names,
            of_caption: &world.of_caption,
        };
        let to = TopicsSettings { k, ..settings() };
        let found = by_topic(&question, &measured, topics, &pairs, to);
        found.unwrap_err().to_string()
    };
    let error = refused(&world, 3);
    assert!(
        error.contains("k: expected one of those measured"),
        "{error}"
    );
    world.of_caption[2] = vec![7];
    let error = refused(&world, 5);
    assert!(
        error.contains("expected topics below 5, found 7"),
        "{error}"
    );
    world.of_caption.pop();
    let error = refused(&world, 5);
    assert!(
        error.contains("topics of captions: expected 70, found 69"),
        "{error}"
    );
}
