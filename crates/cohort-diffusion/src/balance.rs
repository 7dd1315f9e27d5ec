//! How many pictures each topic of a data set lacks.

use std::collections::BTreeSet;

use crate::DiffusionError;

/// A topic of a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name: part of pictures' keys and of file names, so 1 to 100 bytes without separators of folders, control characters and a leading
    /// dot, and no other topic's.
    pub name: String,
    /// Pictures, or pairs of picture and caption, that it has.
    pub count: usize,
    /// Its own captions: the prompts of its pictures.
    pub captions: Vec<String>,
}

/// Up to where topics are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// What every topic should have.
    pub target: usize,
    /// Made beyond the target for each topic that lacks any. Default 0; the reference made 2 more.
    pub extra: usize,
    /// Whether a caption serves for one picture at most, so that a topic gets no more pictures than it has captions. Default true; otherwise captions
    /// are used again, each as often as any other.
    pub once: bool,
}

impl Balance {
    /// Fills topics to `target`, each caption once.
    pub fn to(target: usize) -> Self {
        Self {
            target,
            extra: 0,
            once: true,
        }
    }
}

/// What a topic lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The topic.
    pub topic: String,
    /// What it has.
    pub count: usize,
    /// Pictures to make.
    pub missing: usize,
    /// Pictures that it will lack still, as it has too few captions.
    pub left: usize,
}

/// Counts what every topic lacks, in the topics' order.
///
/// # Errors
/// A topic's name that is none or another's, a topic that lacks pictures and has no captions.
pub fn shortfalls(topics: &[Topic], balance: Balance) -> Result<Vec<Shortfall>, DiffusionError> {
    check_names(topics)?;
    topics
        .iter()
        .map(|topic| shortfall(topic, balance))
        .collect()
}

fn shortfall(topic: &Topic, balance: Balance) -> Result<Shortfall, DiffusionError> {
    let wanted = match balance.target.checked_sub(topic.count) {
        Some(lacks) if lacks > 0 => lacks.saturating_add(balance.extra),
        _ => 0,
    };
    let captions = topic.captions.len();
    if wanted > 0 && captions == 0 {
        let name = format!("captions of topic {}", topic.name);
        return Err(DiffusionError::setting(
            name,
            format!("one or more, as {wanted} pictures are missing"),
            "none",
        ));
    }
    let missing = if balance.once {
        wanted.min(captions)
    } else {
        wanted
    };
    Ok(Shortfall {
        topic: topic.name.clone(),
        count: topic.count,
        missing,
        left: balance
            .target
            .saturating_sub(topic.count.saturating_add(missing)),
    })
}

/// Names that can be parts of keys and of file names, each once.
pub(crate) fn check_names(topics: &[Topic]) -> Result<(), DiffusionError> {
    let mut seen = BTreeSet::new();
    for (i, Topic { name, .. }) in topics.iter().enumerate() {
        let plain = !name.is_empty()
            && name.len() <= 100
            && !name.starts_with('.')
            && name.trim() == name
            && !name
                .chars()
                .any(|c| c.is_control() || "/\\:*?\"<>|".contains(c));
        if !plain {
            let expected = "1 to 100 bytes that can be part of a file's name";
            return Err(DiffusionError::setting(
                format!("name of topic {}", i + 1),
                expected,
                format!("{name:?}"),
            ));
        }
        // file systems that do not tell capitals would put two topics into one
        if !seen.insert(name.to_lowercase()) {
            return Err(DiffusionError::setting(
                format!("name of topic {}", i + 1),
                "a name of its own",
                format!("{name} again"),
            ));
        }
    }
    Ok(())
}
