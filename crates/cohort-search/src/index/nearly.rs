//! Approximate search: by the graphs of the segments that have one, exactly in the others.

use std::path::Path;

use cohort_tables::{content_hash, write_atomic};
use rayon::prelude::*;

use super::graph::{Graph, Walk};
use super::manifest::Stored;
use super::recall::Recall;
use super::segment::Written;
use super::space::Space;
use super::{Hit, Index, IndexError, Mask, scan};
use crate::random::Random;
use crate::{Progress, go_on, nearer};

/// Queries between two looks at whether to stop.
const WAVE: usize = 256;
/// Neighbours and rows that the width of a search is found out by.
const TUNED_K: usize = 10;
const TUNED_BY: usize = 200;
/// Widths that [`Index::width_for`] tries.
const WIDTHS: [usize; 14] = [16, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384, 512, 768];

/// Reads a graph of so many rows.
pub(super) fn read(path: &Path, stored: &Stored, rows: usize) -> Result<Graph, IndexError> {
    let bytes = std::fs::read(path).map_err(|source| IndexError::read(path, source))?;
    let damaged = || {
        let expected = "the content that was written";
        IndexError::file(path, expected, "another: the file is damaged")
    };
    if content_hash(&bytes) != stored.checksum {
        return Err(damaged());
    }
    let words: Vec<u32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| u32::from_le_bytes(*b))
        .collect();
    Graph::from_words(&words, rows).ok_or_else(damaged)
}

impl Index {
    /// Builds the graphs of an approximate search for all segments of at least `from` rows that have none, and finds out how wide
    /// a search must be for the recall `wanted` of ten neighbours, on 200 of the index's own rows.
    ///
    /// # Errors
    /// [`IndexError`] when another process writes the index, a file cannot be written, or the caller asks to stop; the index is
    /// then as before.
    pub fn build_graphs(
        &mut self,
        from: usize,
        wanted: f64,
        progress: &Progress,
    ) -> Result<(), IndexError> {
        let _lock = self.take()?;
        let mut next = self.manifest.clone();
        next.changes += 1;
        for (s, part) in next.segments.iter_mut().enumerate() {
            if part.graph.is_some() || part.rows < from {
                continue;
            }
            let graph = Graph::build(self.space(s), progress)?;
            let bytes: Vec<u8> = graph
                .to_words()
                .iter()
                .flat_map(|w| w.to_le_bytes())
                .collect();
            let file = format!("{:06}-{s}.graph", next.changes);
            write_atomic(&self.folder.join(&file), &bytes)?;
            let written = Written {
                bytes: bytes.len() as u64,
                checksum: content_hash(&bytes),
            };
            part.graph = Some(Stored::new(file, written));
        }
        self.replace(next)?;
        if self.has_graph() {
            let mut next = self.manifest.clone();
            next.recall = Some(self.width_for(wanted, TUNED_K, TUNED_BY, progress)?);
            self.replace(next)?;
        }
        Ok(())
    }

    /// What the graphs were seen to find of the index's own rows when they were built.
    pub fn known_recall(&self) -> Option<Recall> {
        self.manifest.recall
    }

    /// The codes of a segment, made when they are first needed.
    fn space(&self, segment: usize) -> &Space {
        let make = || Space::new(self.distance(), &self.segments[segment]);
        self.spaces[segment].get_or_init(make)
    }

    /// Whether any part of the index is searched by a graph.
    pub fn has_graph(&self) -> bool {
        self.graphs.iter().any(Option::is_some)
    }

    /// As [`Index::search`] without a mask, nearly: rows that lie in a segment with a graph are looked for by walks that keep
    /// `width` vectors in sight (at least `k`). Distances are exact.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn search_nearly(
        &self,
        queries: &[f32],
        k: usize,
        width: usize,
        progress: &Progress,
    ) -> Result<Vec<Vec<Hit>>, IndexError> {
        self.check(queries, k)?;
        let rows: Vec<&[f32]> = queries.chunks_exact(self.dim()).collect();
        let mut rest = self.live.clone();
        for (s, graph) in self.graphs.iter().enumerate() {
            if graph.is_some() {
                (self.starts[s]..self.starts[s + 1]).for_each(|row| rest.remove(row));
            }
        }
        let mut found: Vec<Vec<(f64, u32)>> = match rest.rows().next() {
            Some(_) => scan::search(self, queries, k, &rest, progress)?,
            None => vec![Vec::new(); rows.len()],
        };
        for (s, graph) in self.graphs.iter().enumerate() {
            let Some(graph) = graph else { continue };
            let space = self.space(s);
            let (first, width) = (self.starts[s], width.max(k));
            for (wave, rows) in rows.chunks(WAVE).enumerate() {
                go_on(progress, "searching", wave * WAVE, rows.len())?;
                let near: Vec<Vec<(f64, u32)>> = rows
                    .par_iter()
                    .map_init(
                        || Walk::new(space.len()),
                        |walk, query| {
                            graph.walk(space, &space.query(query), width, walk);
                            let live = walk.found().map(|row| first as u32 + row);
                            let live = live.filter(|&row| self.live.has(row as usize));
                            // more than k, as codes are rounded
                            let live = live.take(2 * k + 16);
                            live.map(|row| (self.key(query, row as usize), row))
                                .collect()
                        },
                    )
                    .collect();
                for (own, near) in found[wave * WAVE..].iter_mut().zip(near) {
                    own.extend(near);
                }
            }
        }
        for own in &mut found {
            own.sort_unstable_by(nearer);
            own.truncate(k);
        }
        // walks that met deleted rows in the main
        let wanted = k.min(self.live.count());
        let short: Vec<usize> = (0..rows.len())
            .filter(|&query| found[query].len() < wanted)
            .collect();
        if !short.is_empty() {
            let again: Vec<f32> = short
                .iter()
                .flat_map(|&query| rows[query])
                .copied()
                .collect();
            let exact = scan::search(self, &again, k, &self.live, progress)?;
            for (query, own) in short.into_iter().zip(exact) {
                found[query] = own;
            }
        }
        Ok(self.hits(found))
    }

    /// The recall of [`Index::search_nearly`] on some queries, which are asked exactly too; a row at the distance of the last
    /// exact one counts as found.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn recall(
        &self,
        queries: &[f32],
        k: usize,
        width: usize,
        progress: &Progress,
    ) -> Result<Recall, IndexError> {
        let exact = self.search(queries, k, None, progress)?;
        self.recall_against(queries, &exact, k, width, progress)
    }

    fn recall_against(
        &self,
        queries: &[f32],
        exact: &[Vec<Hit>],
        k: usize,
        width: usize,
        progress: &Progress,
    ) -> Result<Recall, IndexError> {
        let near = self.search_nearly(queries, k, width, progress)?;
        let (mut hits, mut all) = (0, 0);
        for (near, exact) in near.iter().zip(exact) {
            let last = exact.last().map_or(f64::NEG_INFINITY, |hit| hit.distance);
            hits += near.iter().filter(|hit| hit.distance <= last).count();
            all += exact.len();
        }
        Ok(Recall {
            value: if all == 0 {
                1.0
            } else {
                hits as f64 / all as f64
            },
            queries: exact.len(),
            k,
            width,
        })
    }

    /// The least width that finds the share `wanted` of the `k` nearest, on up to `sample` of the index's own rows chosen by
    /// seed 0 (each finds itself, so one more is asked); the largest tried where none does.
    ///
    /// # Errors
    /// As [`Index::search`].
    pub fn width_for(
        &self,
        wanted: f64,
        k: usize,
        sample: usize,
        progress: &Progress,
    ) -> Result<Recall, IndexError> {
        let mut rows: Vec<usize> = self.live.rows().collect();
        Random::new(0, "recall", 0).shuffle(&mut rows);
        rows.truncate(sample);
        let queries: Vec<f32> = rows
            .iter()
            .flat_map(|&row| self.vector(row))
            .copied()
            .collect();
        let k = k + 1;
        let exact = self.search(&queries, k, None::<&Mask>, progress)?;
        let mut best = None;
        for width in WIDTHS.into_iter().filter(|&width| width >= k) {
            let found = self.recall_against(&queries, &exact, k, width, progress)?;
            best = Some(found);
            if found.value >= wanted {
                break;
            }
        }
        match best {
            Some(found) => Ok(found),
            None => self.recall_against(&queries, &exact, k, k, progress),
        }
    }
}
