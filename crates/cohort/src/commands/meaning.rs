//! What states the meaning of codes on the command line.

use std::path::PathBuf;

use clap::Args;
use cohort_audit::{Stated, StatedError};

/// What states the meaning of codes on the command line.
#[derive(Debug, Args)]
pub(super) struct Meaning {
    /// The classes have no order
    #[arg(long, conflicts_with = "order")]
    unordered: bool,
    /// The classes in their order, by code, e.g. child,adult,senior [default: the schema's, else that of their numbers]
    #[arg(long, value_name = "CODE,CODE,..", value_delimiter = ',')]
    order: Vec<String>,
    /// What codes mean: a schema file, or first-impressions [default: First Impressions where ids and codes are its own,
    /// else nothing: codes as they are]
    #[arg(long, value_name = "SCHEMA.toml")]
    schema: Option<PathBuf>,
}

impl Meaning {
    /// What is stated; an order that is given is one.
    pub(super) fn stated(&self) -> Stated {
        Stated {
            schema: self.schema.clone(),
            classes: self.order.clone(),
            ordered: match self.unordered {
                true => Some(false),
                false => (!self.order.is_empty()).then_some(true),
            },
        }
    }
}

/// Names the option that states classes.
pub(super) fn of_order(error: &StatedError) -> anyhow::Error {
    anyhow::anyhow!("--order: {error}")
}
