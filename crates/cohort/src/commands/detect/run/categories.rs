//! What classes are called, and their ids.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, ensure};
use cohort_detection::{Id, Truth};
use cohort_detectors::{COCO, Detector};
use cohort_tables::counted;

/// Longest list of classes that is read.
const MOST_BYTES: u64 = 1 << 20;

/// Id and name of each class of a network.
pub(super) struct Categories {
    all: Vec<Category>,
}

struct Category {
    id: Id,
    name: String,
    /// COCO left out some ids, whose classes torchvision's networks have all the same.
    is_left_out: bool,
}

impl Category {
    fn new(id: u32, name: impl Into<String>) -> Self {
        Self {
            id: Id::Number(id.into()),
            name: name.into(),
            is_left_out: false,
        }
    }
}

impl Categories {
    /// The names of a file, or COCO's for a network of its classes. Ids are those that the truth has for these names; without one
    /// COCO's, or for names of a file the line.
    pub(super) fn new(
        detector: &Detector,
        file: Option<&Path>,
        truth: Option<&(&Path, Truth)>,
    ) -> anyhow::Result<(Self, Vec<String>)> {
        let classes = detector.classes();
        let all: Vec<Category> = match file {
            Some(path) => {
                let numbered = (1..).zip(names(path, classes)?);
                numbered.map(|(id, name)| Category::new(id, name)).collect()
            }
            None => {
                let known = (0..classes).filter_map(|class| detector.category(class));
                ensure!(
                    known.count() == COCO.len(),
                    "--classes: expected a file with the names of the network's {}, found none; COCO's are taken for networks of its {} classes alone",
                    counted(classes, "class"),
                    COCO.len()
                );
                let of = |class| match detector.category(class) {
                    Some((id, name)) => Category::new(id, name),
                    None => {
                        let id = class as u32 + 1;
                        let mut unnamed = Category::new(id, format!("left out {id}"));
                        unnamed.is_left_out = true;
                        unnamed
                    }
                };
                (0..classes).map(of).collect()
            }
        };
        let mut own = Self { all };
        let notes = match truth {
            None => Vec::new(),
            Some((path, truth)) => own.take_ids(path, truth)?,
        };
        Ok((own, notes))
    }

    /// The truth's ids; a class that it does not have keeps its own, if that is nobody's.
    fn take_ids(&mut self, path: &Path, truth: &Truth) -> anyhow::Result<Vec<String>> {
        let categories = truth.categories.iter();
        let ids: HashMap<&str, &Id> = categories.map(|c| (c.name.as_str(), &c.id)).collect();
        let mut strangers = Vec::new();
        let named = self.all.iter_mut().filter(|c| !c.is_left_out);
        for Category { id, name, .. } in named {
            match ids.get(name.as_str()) {
                Some(known) => *id = (*known).clone(),
                None => {
                    strangers.push(name.clone());
                    // a name of its own, so that it is not taken for another category
                    *id = Id::Text(name.clone());
                }
            }
        }
        ensure!(
            strangers.len() < self.named().count(),
            "{}: expected categories called as the network's classes ({}, ...), found none of them; --classes names them",
            path.display(),
            self.name(0)
        );
        let Some(first) = strangers.first() else {
            return Ok(Vec::new());
        };
        Ok(vec![format!(
            "{}: {} of {} classes of the network are no category of it, the first: {first}; their id is their name",
            path.display(),
            strangers.len(),
            self.named().count()
        )])
    }

    fn named(&self) -> impl Iterator<Item = &Category> {
        self.all.iter().filter(|c| !c.is_left_out)
    }

    pub(super) fn id(&self, class: usize) -> &Id {
        &self.all[class].id
    }

    pub(super) fn name(&self, class: usize) -> &str {
        &self.all[class].name
    }

    /// Everything that ids and labels depend on.
    pub(super) fn key(&self) -> String {
        self.all
            .iter()
            .map(|Category { id, name, .. }| format!("{id} {name}\n"))
            .collect()
    }
}

/// The names in a file, a line each, as many as there are classes.
fn names(path: &Path, classes: usize) -> anyhow::Result<Vec<String>> {
    let at = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).with_context(at)?.len();
    ensure!(
        size <= MOST_BYTES,
        "{}: expected a list of {classes} names, found {size} bytes",
        path.display()
    );
    let text = std::fs::read_to_string(path).with_context(at)?;
    let text = text.trim_start_matches('\u{feff}').trim_end();
    let names: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    ensure!(
        names.len() == classes,
        "{}: expected {}, one for each class of the network, found {}",
        path.display(),
        counted(classes, "name"),
        names.len()
    );
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (line, name) in names.iter().enumerate() {
        ensure!(
            !name.is_empty(),
            "{}: line {}: expected a name, found none",
            path.display(),
            line + 1
        );
        if let Some(before) = seen.insert(name, line) {
            anyhow::bail!(
                "{}: line {}: expected each name once, found {name:?} of line {} again",
                path.display(),
                line + 1,
                before + 1
            );
        }
    }
    Ok(names)
}
