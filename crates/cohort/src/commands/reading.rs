//! The arguments that say how a data set is read.

use std::path::PathBuf;

use clap::Args;
use cohort_data::{Layout, OpenOptions};

use super::named::named;

/// How a data set is read.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// How it lies on disk [default: by what lies there]
    #[arg(long, value_name = "LAYOUT", value_parser = named::<Layout>(Layout::ALL.map(Layout::name)))]
    layout: Option<Layout>,
    /// Column of the target in a table of paths [default: label, class, target, ...]
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// List of the paths of the training split, one a line; what no list names is left out
    #[arg(long, value_name = "LIST")]
    train: Option<PathBuf>,
    /// List of the validation split
    #[arg(long, value_name = "LIST")]
    valid: Option<PathBuf>,
    /// List of the test split
    #[arg(long, value_name = "LIST")]
    test: Option<PathBuf>,
    /// Seed of a validation or test split that is made since none is there [default: 0]
    #[arg(long, value_name = "S")]
    split_seed: Option<u64>,
}

impl Reading {
    /// The first option that was given.
    #[cfg(feature = "networks")]
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        [
            ("--layout", self.layout.is_some()),
            ("--target", self.target.is_some()),
            ("--train", self.train.is_some()),
            ("--valid", self.valid.is_some()),
            ("--test", self.test.is_some()),
            ("--split-seed", self.split_seed.is_some()),
        ]
        .into_iter()
        .find_map(|(option, given)| given.then_some(option))
    }

    /// As data are opened.
    pub(crate) fn options(&self) -> OpenOptions {
        OpenOptions {
            layout: self.layout,
            target: self.target.clone(),
            seed: self.split_seed.unwrap_or(0),
            ..OpenOptions::default()
        }
        .with_lists([&self.train, &self.valid, &self.test].map(Option::clone))
    }

    /// Puts what is said over the configuration's.
    #[cfg(feature = "networks")]
    pub(crate) fn apply(&self, config: &mut cohort_pipeline::ReadingConfig) {
        config.layout = self.layout.or(config.layout);
        let lists = [
            (&mut config.train, &self.train),
            (&mut config.valid, &self.valid),
            (&mut config.test, &self.test),
        ];
        for (list, given) in lists {
            if given.is_some() {
                list.clone_from(given);
            }
        }
        if self.target.is_some() {
            config.target.clone_from(&self.target);
        }
        if let Some(seed) = self.split_seed {
            config.split_seed = seed;
        }
    }
}
