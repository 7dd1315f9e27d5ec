//! Plans of pictures against the reference's numbers and on its real captions.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use cohort_diffusion::{Balance, Topic, prompts, shortfalls};
use serde_json::Value;

use crate::common::generation;

/// The reference's counts before any picture was made.
const COUNTS: [(&str, usize); 6] = [
    ("horse", 9437),
    ("zebra", 6555),
    ("cow", 4967),
    ("elephant", 7799),
    ("sheep", 3994),
    ("giraffe", 8943),
];
/// Its numbers of captions, which bound what cow and sheep get.
const CAPTIONS: [usize; 6] = [9153, 6328, 4817, 7336, 3840, 8665];

fn topics(captions: impl Fn(&str, usize) -> Vec<String>) -> Vec<Topic> {
    let topic = |(&(name, count), n): (&(&str, usize), usize)| Topic {
        name: name.into(),
        count,
        captions: captions(name, n),
    };
    COUNTS.iter().zip(CAPTIONS).map(topic).collect()
}

fn made_up() -> Vec<Topic> {
    topics(|name, n| (0..n).map(|i| format!("{name} {i}")).collect())
}

#[test]
fn the_reference_s_counts_come_out() {
    let balance = Balance {
        extra: 2,
        ..Balance::to(10_000)
    };
    let found: Vec<usize> = shortfalls(&made_up(), balance)
        .unwrap()
        .iter()
        .map(|s| s.missing)
        .collect();
    assert_eq!(found, [565, 3447, 4817, 2203, 3840, 1059]);
    assert_eq!(found.iter().sum::<usize>(), 15_931);
    // without the two beyond the target, and what captions cannot fill is told
    let plain = shortfalls(&made_up(), Balance::to(10_000)).unwrap();
    assert_eq!(
        plain.iter().map(|s| s.missing).collect::<Vec<_>>(),
        [563, 3445, 4817, 2201, 3840, 1057]
    );
    assert_eq!(
        plain.iter().map(|s| s.left).collect::<Vec<_>>(),
        [0, 0, 216, 0, 2166, 0]
    );
    let again = shortfalls(
        &made_up(),
        Balance {
            once: false,
            ..Balance::to(10_000)
        },
    )
    .unwrap();
    assert_eq!(
        again
            .iter()
            .map(|s| s.count + s.missing)
            .collect::<Vec<_>>(),
        [10_000; 6]
    );
    let full = shortfalls(
        &made_up(),
        Balance {
            extra: 2,
            ..Balance::to(5_000)
        },
    )
    .unwrap();
    assert_eq!(
        full.iter().map(|s| s.missing).collect::<Vec<_>>(),
        [0, 0, 35, 0, 1008, 0]
    );
}

/// 2,002 pictures of each of three animals: with keys of topic and number no caption is another's. Keys of the number alone, as the
/// reference had them, give two thirds of the pictures a caption of the last topic.
#[test]
fn pictures_and_captions_do_not_get_mixed_up() {
    let Some(folder) = generation() else { return };
    let file = std::fs::File::open(folder.join("../../captions/animal_captions.json.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let real: Value = serde_json::from_str(&text).unwrap();
    let all = topics(|name, n| {
        let captions = real[name].as_array().unwrap();
        assert_eq!(captions.len(), n);
        captions
            .iter()
            .map(|c| c["caption"].as_str().unwrap().into())
            .collect()
    });
    let three: Vec<Topic> = all
        .into_iter()
        .filter(|t| ["cow", "zebra", "sheep"].contains(&t.name.as_str()))
        .collect();
    let plan = prompts(&three, &[2002; 3], 1).unwrap();
    assert_eq!(plan.len(), 6006);
    let by = |key: &dyn Fn(usize) -> String| {
        let written: BTreeMap<String, (&str, usize)> = plan
            .iter()
            .enumerate()
            .map(|(i, p)| (key(i), (p.topic.as_str(), p.caption)))
            .collect();
        plan.iter()
            .enumerate()
            .filter(|(i, p)| written[&key(*i)] != (p.topic.as_str(), p.caption))
            .count()
    };
    assert_eq!(by(&|i| plan[i].key.clone()), 0);
    assert_eq!(by(&|i| plan[i].number.to_string()), 4004);
    for p in &plan {
        let topic = three.iter().find(|t| t.name == p.topic).unwrap();
        assert_eq!(p.prompt, topic.captions[p.caption]);
    }
}

#[test]
fn every_caption_is_used_before_any_is_used_again() {
    let topics = [Topic {
        name: "a".into(),
        count: 0,
        captions: (0..7).map(|i| format!("c{i}")).collect(),
    }];
    let plan = prompts(&topics, &[17], 5).unwrap();
    for round in plan.chunks(7) {
        let used: BTreeSet<usize> = round.iter().map(|p| p.caption).collect();
        assert_eq!(used.len(), round.len());
    }
    assert_ne!(
        plan[..7].iter().map(|p| p.caption).collect::<Vec<_>>(),
        plan[7..14].iter().map(|p| p.caption).collect::<Vec<_>>()
    );
    assert_eq!(
        plan.iter().map(|p| p.seed).collect::<BTreeSet<_>>().len(),
        17
    );
    assert!(plan.iter().all(|p| p.seed <= u64::from(u32::MAX)));
}

#[test]
fn other_topics_and_more_pictures_change_nothing() {
    let topics = made_up();
    let few = prompts(&topics[1..3], &[5, 9], 3).unwrap();
    let many = prompts(&topics, &[1, 50, 9, 0, 2, 3], 3).unwrap();
    for p in &few {
        assert!(many.contains(p), "{p:?}");
    }
    assert_eq!(few, prompts(&topics[1..3], &[5, 9], 3).unwrap());
    let other = prompts(&topics[1..3], &[5, 9], 4).unwrap();
    assert_ne!(few[0].prompt, other[0].prompt);
    assert_ne!(few[0].seed, other[0].seed);
}

#[test]
fn topics_that_no_picture_can_be_made_for_are_refused() {
    let topic = |name: &str, captions: &[&str]| Topic {
        name: name.into(),
        count: 1,
        captions: captions.iter().map(|c| (*c).into()).collect(),
    };
    for name in [
        "",
        ".",
        "../x",
        "a/b",
        "a\\b",
        "a\nb",
        " a",
        &"x".repeat(101),
    ] {
        let message = shortfalls(&[topic(name, &["c"])], Balance::to(5))
            .unwrap_err()
            .to_string();
        assert!(message.contains("name of topic 1"), "{message}");
    }
    let twice = [topic("Cow", &["c"]), topic("cow", &["c"])];
    assert!(
        prompts(&twice, &[1, 1], 0)
            .unwrap_err()
            .to_string()
            .contains("name of topic 2")
    );
    let bare = [topic("cow", &[])];
    assert!(
        shortfalls(&bare, Balance::to(5))
            .unwrap_err()
            .to_string()
            .contains("captions of topic cow")
    );
    assert!(shortfalls(&bare, Balance::to(1)).is_ok());
    assert!(
        prompts(&bare, &[3], 0)
            .unwrap_err()
            .to_string()
            .contains("3 pictures")
    );
    assert!(prompts(&bare, &[0], 0).unwrap().is_empty());
    let empty = [topic("cow", &["a cow", " \t"])];
    assert!(
        prompts(&empty, &[1], 0)
            .unwrap_err()
            .to_string()
            .contains("caption 2 of topic cow")
    );
    assert!(prompts(&bare, &[], 0).is_err());
}
