//! The likeliest token after the likeliest token.

use burn::tensor::Tensor;

use crate::{NnError, Whisper};

/// How a window's text is read out of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greedy {
    /// Marks before the text; the first is the start of the transcript.
    pub prefix: Vec<u32>,
    /// The mark after the text.
    pub end: u32,
    /// Tokens that are never chosen.
    pub suppress: Vec<u32>,
    /// Tokens that are not chosen as the first of the text.
    pub begin_suppress: Vec<u32>,
    /// The mark that stands for a window without speech.
    pub no_speech: Option<u32>,
    /// Most tokens, the prefix included.
    pub limit: usize,
}

/// What was heard in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// Tokens of the text, without the marks around it.
    pub ids: Vec<u32>,
    /// Probability that the network gives the mark of a window without speech; 0 where it knows none.
    pub no_speech: f32,
    /// Mean log-probability of the tokens, the end included, among those that could be chosen.
    pub log_probability: f32,
    /// Whether the end mark was chosen; else the text was broken off at the limit.
    pub ended: bool,
}

/// Least times that the end of a text is repeated for it to be a loop, and least tokens that the repetitions take.
const LOOP: (usize, usize) = (4, 16);

impl Spoken {
    /// The tokens; of a text that was broken off in a loop, what stands before it and the repeated part once.
    ///
    /// Greedy decoding may say the same again and again where it is unsure. A loop is an end of at least four equal parts and
    /// at least sixteen tokens, the last part perhaps broken off.
    pub fn without_loop(&self) -> &[u32] {
        let (ids, n) = (&self.ids, self.ids.len());
        if self.ended {
            return ids;
        }
        for period in 1..=n / LOOP.0 {
            let equal = (period..n).rev().take_while(|&i| ids[i] == ids[i - period]);
            let looped = equal.count() + period;
            if looped >= (LOOP.0 * period).max(LOOP.1) {
                return &ids[..n - looped + period];
            }
        }
        ids
    }
}

impl Greedy {
    /// The texts of windows that [`Whisper::encode`] heard, `[windows, frames / 2, width]`.
    ///
    /// Each window ends with its own end mark or at the limit; what a window says does not depend on the others.
    ///
    /// # Errors
    /// [`NnError::Config`] for marks beyond the vocabulary and for a network whose logits are no numbers.
    pub fn run(&self, network: &Whisper, heard: &Tensor<3>) -> Result<Vec<Spoken>, NnError> {
        let windows = heard.dims()[0];
        let mut memory = network.remember(heard);
        let vocabulary = network.config().vocab_size;
        let limit = self.limit.min(network.config().max_target_positions);
        let mut next = self.prefix.repeat(windows);
        let mut spoken: Vec<Spoken> = Vec::new();
        let mut ended = vec![false; windows];
        for step in 0.. {
            if self.prefix.len() + step >= limit || ended.iter().all(|ended| *ended) {
                break;
            }
            let logits = network.forward(&next, &mut memory)?;
            let n = next.len() / windows.max(1);
            let mut values: Vec<f32> = logits.into_data().convert::<f32>().iter().collect();
            if step == 0 {
                let rows = values.chunks_exact(n * vocabulary);
                spoken = rows.map(|row| self.start(&row[..vocabulary])).collect();
            }
            next.clear();
            for (window, rows) in values.chunks_exact_mut(n * vocabulary).enumerate() {
                if ended[window] {
                    next.push(self.end);
                    continue;
                }
                let row = &mut rows[(n - 1) * vocabulary..];
                let (id, log_probability) = self.choose(row, step == 0)?;
                spoken[window].log_probability += log_probability;
                if id == self.end {
                    ended[window] = true;
                } else {
                    spoken[window].ids.push(id);
                }
                next.push(id);
            }
        }
        for (one, ended) in spoken.iter_mut().zip(ended) {
            one.ended = ended;
            let chosen = one.ids.len() + usize::from(ended);
            one.log_probability /= chosen.max(1) as f32;
        }
        Ok(spoken)
    }

    /// A window of which no token is known yet; `logits` follow the first mark.
    fn start(&self, logits: &[f32]) -> Spoken {
        let mark = self.no_speech.and_then(|id| logits.get(id as usize));
        Spoken {
            ids: Vec::new(),
            no_speech: mark.map_or(0.0, |mark| (mark - log_sum(logits)).exp()),
            log_probability: 0.0,
            ended: false,
        }
    }

    /// The likeliest token that may be chosen (of equals the first) and its log-probability.
    fn choose(&self, logits: &mut [f32], first: bool) -> Result<(u32, f32), NnError> {
        let begin = self.begin_suppress.iter().filter(|_| first);
        for &id in self.suppress.iter().chain(begin) {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        let id = likeliest(logits.iter().copied().enumerate())?;
        Ok((id as u32, logits[id] - log_sum(logits)))
    }
}

/// Position of the largest logit, of equals the first.
///
/// # Errors
/// [`NnError::Config`] when none is a number.
pub(super) fn likeliest(logits: impl Iterator<Item = (usize, f32)>) -> Result<usize, NnError> {
    let mut best: Option<(usize, f32)> = None;
    for (id, logit) in logits {
        if logit.is_finite() && best.is_none_or(|(_, largest)| logit > largest) {
            best = Some((id, logit));
        }
    }
    best.map(|(id, _)| id).ok_or_else(|| NnError::Config {
        field: "weights",
        expected: "a network that gives some token a finite logit".to_owned(),
        found: "none".to_owned(),
    })
}

/// Logarithm of the sum of exponentials.
fn log_sum(logits: &[f32]) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&l| f64::from(l - largest).exp()).sum();
    largest + sum.ln() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_cut_where_a_text_was_broken_off() {
        let text = |ids: Vec<u32>, ended| Spoken {
            ids,
            no_speech: 0.0,
            log_probability: 0.0,
            ended,
        };
        let mut ids = vec![7, 1, 8];
        ids.extend([1, 2, 3].repeat(6));
        assert_eq!(text(ids.clone(), false).without_loop(), [7, 1, 8, 1, 2, 3]);
        ids.extend([1, 2]);
        assert_eq!(text(ids.clone(), false).without_loop(), [7, 1, 8, 1, 2, 3]);
        assert_eq!(text(ids.clone(), true).without_loop(), ids);
        assert_eq!(text([5].repeat(16), false).without_loop(), [5]);
        // too few tokens, too few repetitions, none
        for ids in [
            [5].repeat(15),
            (0..9).collect::<Vec<u32>>().repeat(3),
            vec![],
        ] {
            assert_eq!(text(ids.clone(), false).without_loop(), ids);
        }
    }

    #[test]
    fn suppressed_tokens_are_passed_over_and_numbers_asked_for() {
        let greedy = Greedy {
            prefix: vec![0],
            end: 9,
            suppress: vec![3, 400],
            begin_suppress: vec![1],
            no_speech: Some(2),
            limit: 5,
        };
        let logits = [0.0, 2.0, 1.0, 5.0, 2.0];
        let (id, probability) = greedy.choose(&mut logits.clone(), true).unwrap();
        assert_eq!(id, 4);
        // e^2 over 1 + e + e^2
        let expected = 2.0 - (1.0 + 1f32.exp() + 2f32.exp()).ln();
        assert!((probability - expected).abs() < 1e-6);
        assert_eq!(greedy.choose(&mut logits.clone(), false).unwrap().0, 1);
        let share = 1f32.exp() / logits.iter().map(|l| l.exp()).sum::<f32>();
        assert!((greedy.start(&logits).no_speech - share).abs() < 1e-6);
        let error = greedy.choose(&mut [f32::NAN; 3], true).unwrap_err();
        assert!(error.to_string().contains("finite logit"), "{error}");
    }
}
