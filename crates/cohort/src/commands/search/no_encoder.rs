//! What stands for encoders in a program without networks: a refusal that says so.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use cohort_search::{EncoderRecord, Index};
use cohort_tables::EmbeddingTable;

use super::making::Making;
use crate::shell::Shell;

/// No options.
#[derive(Debug, Args)]
pub(super) struct EncoderArgs {}

impl EncoderArgs {
    pub(super) fn given(&self) -> Option<&'static str> {
        None
    }
}

/// No options.
#[derive(Debug, Args)]
pub(super) struct LookArgs {}

/// What is never made.
pub(super) struct Encoded {
    pub(super) table: EmbeddingTable,
    pub(super) record: EncoderRecord,
    pub(super) distance: &'static str,
}

fn refused<T>(path: &Path) -> anyhow::Result<T> {
    bail!(
        "{}: expected an embedding table, found a {}; this program was built without networks, which look at pictures",
        path.display(),
        if path.is_dir() { "folder" } else { "picture" }
    )
}

pub(super) fn encode(
    folders: &[PathBuf],
    _encoder: &EncoderArgs,
    _look: &LookArgs,
    _making: &Making,
    _shell: &Shell,
) -> anyhow::Result<Encoded> {
    refused(&folders[0])
}

pub(super) fn encode_more(
    _index: &Index,
    folders: &[PathBuf],
    _look: &LookArgs,
    _making: &Making,
    _shell: &Shell,
) -> anyhow::Result<Encoded> {
    refused(&folders[0])
}

/// Query pictures, each a name and a file, and their vectors.
pub(super) type Queries = (Vec<(String, PathBuf)>, Vec<f32>);

pub(super) fn encode_queries(
    _index: &Index,
    paths: &[&PathBuf],
    _look: &LookArgs,
    _shell: &Shell,
) -> anyhow::Result<Queries> {
    refused(paths[0])
}

pub(super) fn encode_words(
    _index: &Index,
    [words, _others]: [&[&str]; 2],
    _look: &LookArgs,
    _shell: &Shell,
) -> anyhow::Result<[Vec<f32>; 2]> {
    bail!(
        "{:?}: expected a picture of the index or vectors, found words; this program was built without networks, which read them",
        words[0]
    )
}
