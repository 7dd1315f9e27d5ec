//! What classes are called, and their ids.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, ensure};
use cohort_detection::{Id, Truth};
use cohort_detectors::COCO;
use cohort_tables::counted;

/// Longest list of classes that is read.
const MOST_BYTES: u64 = 1 << 20;

/// Id and name of each class of a network.
pub(super) struct Categories {
    all: Vec<(Id, String)>,
}

impl Categories {
    /// The names of a file, or COCO's for a network of 80 classes. Ids are those that the truth has for these names; without one
    /// COCO's, or for names of a file the line.
    pub(super) fn new(
        classes: usize,
        file: Option<&Path>,
        truth: Option<&(&Path, Truth)>,
    ) -> anyhow::Result<(Self, Vec<String>)> {
        let all: Vec<(Id, String)> = match file {
            Some(path) => {
                let numbers = (1..).map(Id::Number);
                numbers.zip(names(path, classes)?).collect()
            }
            None => {
                ensure!(
                    classes == COCO.len(),
                    "--classes: expected a file with the names of the network's {}, found none; only for {} classes COCO's are taken",
                    counted(classes, "class"),
                    COCO.len()
                );
                let of = |(id, name): (u32, &str)| (Id::Number(id.into()), name.to_owned());
                COCO.map(of).to_vec()
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
        for (id, name) in &mut self.all {
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
            strangers.len() < self.all.len(),
            "{}: expected categories called as the network's classes ({}, ...), found none of them; --classes names them",
            path.display(),
            self.all[0].1
        );
        let Some(first) = strangers.first() else {
            return Ok(Vec::new());
        };
        Ok(vec![format!(
            "{}: {} of {} classes of the network are no category of it, the first: {first}; their id is their name",
            path.display(),
            strangers.len(),
            self.all.len()
        )])
    }

    pub(super) fn id(&self, class: usize) -> &Id {
        &self.all[class].0
    }

    pub(super) fn name(&self, class: usize) -> &str {
        &self.all[class].1
    }

    /// Everything that ids and labels depend on.
    pub(super) fn key(&self) -> String {
        self.all
            .iter()
            .map(|(id, name)| format!("{id} {name}\n"))
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
