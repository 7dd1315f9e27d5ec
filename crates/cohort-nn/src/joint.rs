//! Joint fusion: one network over what several models see, that answers for any subset of them.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::checks::{at_least, share};
use crate::dropout::dropout;
use crate::init::{derive_seed, rng, uniform};
use crate::output::Output;
use crate::standardise::Standardise;
use crate::{Moments, NnError};

/// How the modalities' tokens become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JointKind {
    /// Side by side, with the presence flags.
    Concat,
    /// Their mean under softmax gates that see all of them (gated multimodal units, Arevalo et al. 2017); a missing
    /// modality has gate 0.
    Gated,
    /// Each token attends to those that are there (scaled dot product, one head), adds what it finds, and the mean of
    /// those that are there goes on.
    #[default]
    Attention,
}

/// One modality of a [`JointConfig`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointInput {
    /// Name, e.g. `image`.
    pub name: String,
    /// Values of its embedding, at least 1; its K logits come on top.
    pub embedding: usize,
}

/// Settings of a [`Joint`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointConfig {
    /// The modalities, in the order of the sample's blocks.
    pub inputs: Vec<JointInput>,
    /// Number of classes K.
    pub classes: usize,
    /// How the tokens become one vector.
    pub fusion: JointKind,
    /// Width of a token. Default 32.
    pub token: usize,
    /// Width of the hidden layer. Default 64.
    pub hidden: usize,
    /// Dropout of tokens' values and of the hidden layer, in [0, 1). Default 0.3.
    pub dropout: f64,
    /// Share of a modality's samples, in [0, 1), that are trained as if it were missing. Default 0.3.
    pub modality_dropout: f64,
}

impl JointConfig {
    /// Defaults for these modalities and K classes.
    pub fn new(inputs: Vec<JointInput>, classes: usize) -> Self {
        Self {
            inputs,
            classes,
            fusion: JointKind::default(),
            token: 32,
            hidden: 64,
            dropout: 0.3,
            modality_dropout: 0.3,
        }
    }

    /// Length of a sample: for each modality a presence flag (1 or 0), its embedding and its K logits.
    pub fn width(&self) -> usize {
        let blocks = self.inputs.iter();
        blocks.map(|m| 1 + m.embedding + self.classes).sum()
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first setting that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        at_least("inputs", self.inputs.len(), 1)?;
        for input in &self.inputs {
            at_least("embedding", input.embedding, 1)?;
        }
        at_least("classes", self.classes, 2)?;
        at_least("token", self.token, 1)?;
        at_least("hidden", self.hidden, 1)?;
        share("dropout", self.dropout)?;
        share("modality_dropout", self.modality_dropout)
    }

    /// Builds the network with initial weights from `seed`.
    ///
    /// # Errors
    /// As [`Self::validate`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Joint, NnError> {
        self.validate()?;
        let (modalities, token) = (self.inputs.len(), self.token);
        let side_by_side = modalities * token + modalities;
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        let joint = Joint {
            standardise: Standardise::identity(self.width(), device),
            tokens: (self.inputs.iter())
                .map(|m| linear(m.embedding + self.classes, token))
                .collect(),
            missing: Param::from_tensor(Tensor::zeros([modalities, token], device)),
            trust: Param::from_tensor(Tensor::ones([modalities], device)),
            gate: (self.fusion == JointKind::Gated).then(|| linear(side_by_side, modalities)),
            attention: (self.fusion == JointKind::Attention).then(|| Attention {
                query: linear(token, token),
                key: linear(token, token),
                value: linear(token, token),
            }),
            hidden: match self.fusion {
                JointKind::Concat => linear(side_by_side, self.hidden),
                _ => linear(token + modalities, self.hidden),
            },
            output: linear(self.hidden, self.classes),
            embeddings: self.inputs.iter().map(|m| m.embedding).collect(),
            classes: self.classes,
            dropout: self.dropout,
            modality_dropout: self.modality_dropout,
        };
        Ok(crate::init::seeded(joint, seed))
    }
}

/// Fusion of several models' embeddings and logits; made by [`JointConfig::init`].
///
/// Each modality's block becomes a token (linear, ReLU), or a learnt one where it is missing; tokens become one vector
/// ([`JointKind`]), and a hidden layer over it corrects the sum of the logits of the modalities that are there,
/// each times a learnt trust that begins at 1. So the network starts as the sum of logits and learns where to leave it.
#[derive(Module, Debug)]
pub struct Joint {
    standardise: Standardise,
    tokens: Vec<Linear>,
    missing: Param<Tensor<2>>,
    trust: Param<Tensor<1>>,
    gate: Option<Linear>,
    attention: Option<Attention>,
    hidden: Linear,
    output: Linear,
    #[module(skip)]
    embeddings: Vec<usize>,
    classes: usize,
    dropout: f64,
    modality_dropout: f64,
}

#[derive(Module, Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
}

/// Added to the score of a modality that is missing: its weight in a softmax is 0 in `f32`.
const ABSENT: f64 = -1e4;

impl Joint {
    /// Samples as [`JointConfig::width`] says, `[batch, width]`, to logits `[batch, K]` and the hidden layer
    /// `[batch, hidden]`. What a block holds where its flag is 0 does not matter.
    ///
    /// `dropout_seed` switches both dropouts on (training); none leaves them out (evaluation).
    pub fn forward(&self, input: Tensor<2>, dropout_seed: Option<u64>) -> Output {
        let [batch, _] = input.dims();
        let scaled = self.standardise.forward(input.clone());
        let kept = dropout_seed.map(|seed| self.kept(batch, seed, &input.device()));
        let (mut tokens, mut flags) = (Vec::new(), Vec::new());
        let mut sum = Tensor::<2>::zeros([batch, self.classes], &input.device());
        let mut from = 0;
        for (m, (layer, &embedding)) in self.tokens.iter().zip(&self.embeddings).enumerate() {
            let logits_at = from + 1 + embedding;
            let to = logits_at + self.classes;
            let mut flag = input.clone().slice([0..batch, from..from + 1]);
            if let Some(kept) = &kept {
                flag = flag * kept.clone().slice([0..batch, m..m + 1]);
            }
            let logits = input.clone().slice([0..batch, logits_at..to]);
            let trust = self.trust.val().slice_dim(0, m..m + 1).unsqueeze::<2>();
            sum = sum + logits * trust * flag.clone();
            let block = scaled.clone().slice([0..batch, from + 1..to]);
            let seen = dropout(
                relu(layer.forward(block)),
                self.dropout,
                dropout_seed,
                m as u64,
            );
            let [_, width] = seen.dims();
            let missing = self.missing.val().slice([m..m + 1, 0..width]);
            let absent = flag.clone().neg().add_scalar(1.0);
            tokens.push(seen * flag.clone() + missing * absent);
            flags.push(flag);
            from = to;
        }
        let flags = Tensor::cat(flags, 1);
        let fused = self.fuse(tokens, flags.clone());
        let hidden = relu(self.hidden.forward(Tensor::cat(vec![fused, flags], 1)));
        let layer = self.tokens.len() as u64;
        let dropped = dropout(hidden.clone(), self.dropout, dropout_seed, layer);
        Output {
            logits: sum + self.output.forward(dropped),
            embedding: hidden,
        }
    }

    /// Tokens `[batch, token]`, one a modality, and flags `[batch, M]` to one vector a sample.
    fn fuse(&self, tokens: Vec<Tensor<2>>, flags: Tensor<2>) -> Tensor<2> {
        let score_of_absent = flags.clone().neg().add_scalar(1.0).mul_scalar(ABSENT);
        if let Some(gate) = &self.gate {
            let mut seen = tokens.clone();
            seen.push(flags);
            let scores = gate.forward(Tensor::cat(seen, 1)) + score_of_absent;
            return weighted(tokens, softmax(scores, 1));
        }
        let Some(attention) = &self.attention else {
            return Tensor::cat(tokens, 1);
        };
        let [_, width] = tokens[0].dims();
        let all: Tensor<3> = Tensor::stack(tokens, 1);
        let keys = attention.key.forward(all.clone()).swap_dims(1, 2);
        let scores = attention.query.forward(all.clone()).matmul(keys);
        let scores =
            scores.div_scalar((width as f64).sqrt()) + score_of_absent.unsqueeze_dim::<3>(1);
        let found = softmax(scores, 2).matmul(attention.value.forward(all.clone()));
        let all = all + found;
        let [batch, _, width] = all.dims();
        let counted = flags.clone().sum_dim(1).clamp_min(1.0);
        let present = flags.unsqueeze_dim::<3>(2);
        (all * present).sum_dim(1).reshape([batch, width]) / counted
    }

    /// `[batch, M]`, 0 where modality dropout hides a modality. Never all of them.
    fn kept(&self, batch: usize, seed: u64, device: &Device) -> Tensor<2> {
        let modalities = self.tokens.len();
        let mut rng = rng(derive_seed(seed, "modality dropout", &[]));
        let mut values = Vec::with_capacity(batch * modalities);
        for _ in 0..batch {
            let from = values.len();
            let spared = ((uniform(&mut rng) * modalities as f32) as usize).min(modalities - 1);
            let drawn = (0..modalities).map(|_| uniform(&mut rng) >= self.modality_dropout as f32);
            values.extend(drawn.map(|keep| if keep { 1.0_f32 } else { 0.0 }));
            if values[from..].iter().all(|&keep| keep == 0.0) {
                values[from + spared] = 1.0;
            }
        }
        Tensor::from_data(TensorData::new(values, [batch, modalities]), device)
    }

    /// Fixes the input standardisation to the training set's moments.
    pub(crate) fn with_moments(mut self, moments: &Moments, device: &Device) -> Self {
        self.standardise = Standardise::from_moments(moments, device);
        self
    }
}

/// The sum of the tokens, each times its column of `weights` `[batch, M]`.
fn weighted(tokens: Vec<Tensor<2>>, weights: Tensor<2>) -> Tensor<2> {
    let [batch, _] = weights.dims();
    let mut sum: Option<Tensor<2>> = None;
    for (m, token) in tokens.into_iter().enumerate() {
        let part = token * weights.clone().slice([0..batch, m..m + 1]);
        sum = Some(match sum {
            Some(sum) => sum + part,
            None => part,
        });
    }
    sum.unwrap_or(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModuleWeights;
    use cohort_weights::Weights;

    const KINDS: [JointKind; 3] = [JointKind::Concat, JointKind::Gated, JointKind::Attention];

    fn config(fusion: JointKind) -> JointConfig {
        let input = |name: &str, embedding| JointInput {
            name: name.into(),
            embedding,
        };
        let inputs = vec![input("image", 4), input("audio", 2), input("text", 3)];
        JointConfig {
            fusion,
            token: 5,
            hidden: 6,
            ..JointConfig::new(inputs, 3)
        }
    }

    /// A sample with these flags; `salt` changes its values.
    fn sample(config: &JointConfig, flags: [bool; 3], salt: usize) -> Vec<f32> {
        let mut values = Vec::new();
        for (input, flag) in config.inputs.iter().zip(flags) {
            values.push(f32::from(u8::from(flag)));
            let n = input.embedding + config.classes;
            values.extend((0..n).map(|i| ((i * 7 + salt * 3) % 11) as f32 / 5.0 - 1.0));
        }
        values
    }

    fn logits(joint: &Joint, rows: &[Vec<f32>], seed: Option<u64>) -> Vec<f32> {
        let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]);
        let output = joint.forward(Tensor::from_data(data, &Device::flex()), seed);
        output.logits.into_data().try_to_vec().unwrap()
    }

    #[test]
    fn a_missing_modality_s_values_change_nothing_and_a_present_one_s_do() {
        for kind in KINDS {
            let config = config(kind);
            let joint = config.init(3, &Device::flex()).unwrap();
            let flags = [true, false, true];
            let a = sample(&config, flags, 1);
            let mut b = a.clone();
            b[9..13].fill(77.0); // inside the second block, 8 to 13
            assert_eq!(
                logits(&joint, std::slice::from_ref(&a), None),
                logits(&joint, &[b], None),
                "{kind:?}"
            );
            let mut c = a.clone();
            c[2] += 1.0;
            assert_ne!(
                logits(&joint, &[a], None),
                logits(&joint, &[c], None),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn without_correction_it_is_the_sum_of_the_logits_that_are_there() {
        for kind in KINDS {
            let config = config(kind);
            let mut weights = Weights::collect(&config.init(3, &Device::flex()).unwrap());
            for (name, array) in &mut weights.0 {
                if name.starts_with("output.") {
                    array.values.fill(0.0);
                }
            }
            let joint = weights
                .apply(config.init(4, &Device::flex()).unwrap())
                .unwrap();
            for flags in [[true; 3], [false, true, true], [false; 3]] {
                let row = sample(&config, flags, 2);
                let blocks = [&row[5..8], &row[11..14], &row[18..21]];
                let expected: Vec<f32> = (0..3)
                    .map(|k| {
                        let present = blocks.iter().zip(flags).filter(|(_, flag)| *flag);
                        present.map(|(block, _)| block[k]).sum()
                    })
                    .collect();
                for (a, b) in logits(&joint, &[row], None).iter().zip(&expected) {
                    assert!((a - b).abs() < 1e-5, "{kind:?} {flags:?}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn samples_do_not_see_each_other_and_nothing_present_is_still_an_answer() {
        for kind in KINDS {
            let config = config(kind);
            let joint = config.init(5, &Device::flex()).unwrap();
            let rows = [
                sample(&config, [true; 3], 1),
                sample(&config, [false; 3], 2),
                sample(&config, [false, false, true], 3),
            ];
            let together = logits(&joint, &rows, None);
            assert!(together.iter().all(|x| x.is_finite()), "{kind:?}");
            for (i, row) in rows.iter().enumerate() {
                let alone = logits(&joint, std::slice::from_ref(row), None);
                for (a, b) in alone.iter().zip(&together[i * 3..]) {
                    assert!((a - b).abs() < 1e-5, "{kind:?} {i}");
                }
            }
        }
    }

    #[test]
    fn modality_dropout_hides_its_share_and_never_everything() {
        let config = JointConfig {
            modality_dropout: 0.4,
            ..config(JointKind::Gated)
        };
        let joint = config.init(1, &Device::flex()).unwrap();
        let kept: Vec<f32> = joint
            .kept(20_000, 9, &Device::flex())
            .into_data()
            .try_to_vec()
            .unwrap();
        assert!(kept.chunks_exact(3).all(|row| row.contains(&1.0)));
        let hidden = kept.iter().filter(|&&k| k == 0.0).count() as f64 / kept.len() as f64;
        // All three are drawn hidden with 0.4^3, and one of them is then spared.
        let expected = 0.4 - 0.4_f64.powi(3) / 3.0;
        assert!((hidden - expected).abs() < 0.01, "{hidden} {expected}");
        let row = [sample(&config, [true; 3], 1)];
        assert_eq!(logits(&joint, &row, Some(7)), logits(&joint, &row, Some(7)));
    }

    #[test]
    fn settings_are_checked() {
        let good = config(JointKind::Concat);
        let cases = [
            (
                JointConfig {
                    inputs: vec![],
                    ..good.clone()
                },
                "inputs",
            ),
            (
                JointConfig {
                    token: 0,
                    ..good.clone()
                },
                "token",
            ),
            (
                JointConfig {
                    modality_dropout: 1.0,
                    ..good
                },
                "modality_dropout",
            ),
        ];
        for (config, field) in cases {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(field), "{error}");
        }
    }
}
