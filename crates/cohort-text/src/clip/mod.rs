//! Words to the token ids of a CLIP, and of the diffusion models that read texts through one.
//!
//! The ids are those of Hugging Face's tokenizers for the same files. OpenAI's and OpenCLIP's own code differs from
//! these: it repairs a text first (the Python package ftfy) and reads HTML entities. This is not done here, as it cannot be
//! done in part:
//!
//! | in a text | ids here and by Hugging Face | by OpenCLIP |
//! |---|---|---|
//! | `&amp;`, `&lt;b&gt;`, `&quot;` | of the characters as they stand | of `&`, `<b>`, `"` |
//! | ligatures, full-width letters: `ﬁ`, `Ａ` | their own | of `fi`, `a` |
//! | curly quotes | their own | of straight quotes |
//! | mis-decoded text: `schÃ¶n` | of the characters as they stand | of `schön` |
//! | `U+0000` and other controls | a piece of their own | none |
//! | `<\|startoftext\|>`, `<\|endoftext\|>` spelled out | the mark itself | their letters |
//!
//! Characters that only Unicode 17 knows may differ from a reference with older tables; all others were compared one by one.
//!
//! A mark that the files name as padding stands for itself in a text too, as with Hugging Face: in Stable Diffusion 2 and in
//! the second text encoder of SDXL that is `!`, so that `wow!` there has another last id than in the first one.

mod files;
mod marks;
mod merges;
mod text;

use std::path::{Path, PathBuf};

use crate::TextError;
use marks::Mark;
use merges::Merges;
use text::{Cutting, Step};

/// Longest text in tokens where the files say nothing, as in every CLIP of OpenAI and OpenCLIP.
const LENGTH: usize = 77;

/// CLIP's tokeniser: byte-pair encoding of small letters, a mark at both ends.
///
/// Files of other kinds of tokenisers (WordPiece, Unigram, GPT-2's pairs) are refused.
#[derive(Debug, Clone)]
pub struct ClipTokeniser {
    merges: Merges,
    steps: Vec<Step>,
    cutting: Cutting,
    marks: Vec<Mark>,
    start: u32,
    end: u32,
    pad: u32,
    max_tokens: usize,
    /// The files that it was read from.
    pub files: Vec<PathBuf>,
}

/// A text as CLIP's token ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipTokens {
    /// Ids, the marks at both ends included, without padding; 2 to [`ClipTokeniser::max_tokens`].
    pub ids: Vec<u32>,
    /// Where the first end mark is: CLIP's vector of a text is taken there, and no token behind it changes it, since each sees
    /// only those before it. The last place, unless the text itself spells the mark.
    pub end: usize,
    /// Tokens that were left out at the end because the model takes no longer text; the end mark is kept.
    pub cut: usize,
}

impl ClipTokens {
    /// Ids that a text tower has to be run on for the vector of the text: those up to the first end mark.
    #[must_use]
    pub fn needed(&self) -> &[u32] {
        &self.ids[..=self.end]
    }
}

impl ClipTokeniser {
    /// Reads the tokeniser of a model's folder: `tokenizer.json`, else `vocab.json` and `merges.txt`, else OpenCLIP's
    /// `bpe_simple_vocab_16e6.txt.gz`; or that file itself. Heeded beside the first two, as transformers does, are `tokenizer_config.json`
    /// (names of marks, `added_tokens_decoder`, `model_max_length`), `special_tokens_map.json` where that has no
    /// `added_tokens_decoder`, and `added_tokens.json`.
    ///
    /// `max_tokens`: the longest text in ids, at least 2, the marks at both ends included; none for what the files say, and 77 where
    /// they say nothing. Truncation and padding that `tokenizer.json` asks for are left out.
    ///
    /// # Errors
    /// [`TextError::Tokeniser`] naming the file, and the key that asks for what is not supported.
    pub fn open(path: &Path, max_tokens: Option<usize>) -> Result<Self, TextError> {
        files::open(path, max_tokens)
    }

    /// Longest text in tokens, the marks at both ends included.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The id that shorter texts are filled up with: the end mark's in CLIP, Stable Diffusion 1 and the first text encoder
    /// of SDXL, 0 (`!`) in Stable Diffusion 2, the second of SDXL and OpenCLIP.
    #[must_use]
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// The ids of a text, without padding.
    #[must_use]
    pub fn encode(&self, text: &str) -> ClipTokens {
        let mut ids = vec![self.start];
        marks::split(&self.marks, false, text, &mut |rest, mark| {
            let rest = text::clean(&self.steps, rest);
            marks::split(&self.marks, true, &rest, &mut |rest, mark| {
                text::words(self.cutting, rest, &mut |word| {
                    self.merges.word(word, &mut ids);
                });
                ids.extend(mark);
            });
            ids.extend(mark);
        });
        let cut = (ids.len() + 1).saturating_sub(self.max_tokens);
        ids.truncate(self.max_tokens - 1);
        ids.push(self.end);
        let end = ids.iter().position(|&id| id == self.end);
        let end = end.unwrap_or(ids.len() - 1);
        ClipTokens { ids, end, cut }
    }

    /// The ids of a text filled up to [`max_tokens`](Self::max_tokens) with [`pad`](Self::pad), for a network that reads
    /// every place, as the U-Nets of Stable Diffusion do.
    #[must_use]
    pub fn encode_padded(&self, text: &str) -> ClipTokens {
        let mut tokens = self.encode(text);
        tokens.ids.resize(self.max_tokens, self.pad);
        tokens
    }
}
