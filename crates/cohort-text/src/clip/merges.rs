//! Byte-pair encoding of one word (Sennrich et al. 2016), with CLIP's alphabet of bytes.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// What the last piece of a word ends in.
pub(super) const SUFFIX: &str = "</w>";

/// The pairs of pieces that become one, and the pieces that a word begins as.
#[derive(Debug, Clone)]
pub(super) struct Merges {
    /// Rank and new piece of a pair.
    pairs: HashMap<(u32, u32), (u32, u32)>,
    /// Pieces of a byte within a word and at its end.
    bytes: Box<[[u32; 2]; 256]>,
}

/// The character that stands for a byte: itself where it is seen on paper, else one from U+0100 on.
pub(super) fn characters() -> [char; 256] {
    let seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut spare = (0x100..).filter_map(char::from_u32);
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        match seen(byte) {
            true => char::from(byte),
            false => spare.next().unwrap_or_default(),
        }
    })
}

/// The bytes in the order in which CLIP numbers their characters: those seen on paper first.
pub(super) fn byte_order() -> impl Iterator<Item = u8> {
    let characters = characters();
    let mut order: Vec<u8> = (0..=255).collect();
    order.sort_by_key(|&byte| (characters[usize::from(byte)] as u32 > 0xff, byte));
    order.into_iter()
}

impl Merges {
    /// From a vocabulary and pairs of pieces, the first to be merged first; a pair twice counts where it comes last.
    /// `unknown` stands for bytes that the vocabulary lacks.
    ///
    /// # Errors
    /// The number of a pair, counted from 0, and the piece that the vocabulary lacks; or a byte's character.
    pub(super) fn new<'a>(
        vocabulary: &HashMap<String, u32>,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
        unknown: Option<u32>,
    ) -> Result<Self, String> {
        let characters = characters();
        let mut bytes = Box::new([[0; 2]; 256]);
        for (ids, character) in bytes.iter_mut().zip(characters) {
            for (id, piece) in ids
                .iter_mut()
                .zip([character.to_string(), format!("{character}{SUFFIX}")])
            {
                let found = vocabulary.get(&piece).copied().or(unknown);
                *id = found.ok_or_else(|| {
                    format!(
                        "vocab: expected {piece:?} or a token for what is unknown, found neither"
                    )
                })?;
            }
        }
        let mut ranks = HashMap::new();
        let mut joined = String::new();
        for (rank, (first, second)) in pairs.enumerate() {
            joined.clear();
            joined.extend([first, second]);
            let id = |piece: &str| {
                let found = vocabulary.get(piece).copied();
                found.ok_or_else(|| {
                    format!(
                        "merge {rank} ({first:?} and {second:?}): expected {piece:?} in the vocabulary, found none"
                    )
                })
            };
            let pair = (id(first)?, id(second)?);
            ranks.insert(pair, (rank as u32, id(&joined)?));
        }
        Ok(Self {
            pairs: ranks,
            bytes,
        })
    }

    /// Adds the pieces of a word: of all pairs that may be merged always the one of the lowest rank, of two such the left one.
    /// Takes `n log n` steps for n bytes, however the word is made.
    pub(super) fn word(&self, word: &str, ids: &mut Vec<u32>) {
        let last = word.len().saturating_sub(1);
        let bytes = word.bytes().enumerate();
        let mut pieces: Vec<u32> = bytes
            .map(|(at, byte)| self.bytes[usize::from(byte)][usize::from(at == last)])
            .collect();
        let mut before: Vec<usize> = (0..pieces.len()).map(|at| at.wrapping_sub(1)).collect();
        let mut after: Vec<usize> = (1..=pieces.len()).collect();
        let mut gone = vec![false; pieces.len()];
        let mut waiting = BinaryHeap::new();
        for (at, pair) in pieces.windows(2).enumerate() {
            if let Some(&(rank, made)) = self.pairs.get(&(pair[0], pair[1])) {
                waiting.push(Reverse((rank, at, made)));
            }
        }
        while let Some(Reverse((_, at, made))) = waiting.pop() {
            let next = after[at];
            if gone[at] || next >= pieces.len() {
                continue;
            }
            // the pair may have become another since it was noted
            let now = self.pairs.get(&(pieces[at], pieces[next]));
            if now.is_none_or(|&(_, id)| id != made) {
                continue;
            }
            pieces[at] = made;
            gone[next] = true;
            after[at] = after[next];
            if let Some(place) = before.get_mut(after[at]) {
                *place = at;
            }
            let mut note = |left: usize, right: usize| {
                if let (Some(&a), Some(&b)) = (pieces.get(left), pieces.get(right))
                    && let Some(&(rank, made)) = self.pairs.get(&(a, b))
                {
                    waiting.push(Reverse((rank, left, made)));
                }
            };
            note(before[at], at);
            note(at, after[at]);
        }
        let left = pieces.iter().zip(&gone).filter(|(_, gone)| !**gone);
        ids.extend(left.map(|(id, _)| *id));
    }
}
