//! Losses of two towers: pictures and captions, of which each caption is one picture's and a picture may have several.

use serde::{Deserialize, Serialize};

use super::space::{Closeness, Space, log_sum_exp};
use crate::NnError;
use crate::checks::number;

/// Largest factor of the cosines, as in CLIP.
const LARGEST_SCALE: f64 = 100.0;
/// What PyTorch's `pairwise_distance` adds to every difference.
const EPSILON: f64 = 1e-6;

/// A loss of two towers, by name in a configuration: `kind = "info-nce"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PairLoss {
    /// See [`InfoNce`].
    InfoNce(InfoNce),
    /// See [`Sigmoid`].
    Sigmoid(Sigmoid),
    /// See [`HardestNegative`].
    HardestNegative(HardestNegative),
    /// See [`ShiftedTriplet`].
    ShiftedTriplet(ShiftedTriplet),
}

/// Cross-entropy of a picture's captions among all captions of the batch, and of a caption's picture among all pictures, by
/// scaled cosines (Oord et al. 2018; Radford et al. 2021): half the mean over the pictures and half the mean over the captions. Of
/// a picture with several captions the mean over them counts (the form of Khosla et al. 2020 with the mean outside the
/// logarithm), so that no caption of it is anybody's negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InfoNce {
    /// What cosines are divided by as training begins, above 0; its inverse is learnt and stays at most 100. Default 0.07.
    pub temperature: f64,
}

/// The logistic loss of every picture with every caption: scaled cosine plus a bias, both learnt (Zhai et al. 2023); the sum over
/// all pairs, divided by the number of captions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sigmoid {
    /// What cosines are divided by as training begins, above 0. Default 0.1.
    pub temperature: f64,
    /// What is added as training begins. Default -10.
    pub bias: f64,
}

/// Of every pair the hardest caption of another picture and the hardest other picture (VSE++, Faghri et al. 2018): what the cosine
/// with it exceeds the pair's own less a margin. The mean over the pairs; the authors take the sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardestNegative {
    /// The margin, at least 0. Default 0.2.
    pub margin: f64,
}

/// A triplet margin loss on Euclidean distances of the vectors as they are, whose negative is what belongs to the next pair of the
/// batch: whatever that is, a caption of the same picture too. The mean over the pairs, as PyTorch's `TripletMarginLoss`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShiftedTriplet {
    /// The margin, at least 0. Default 0.5.
    pub margin: f64,
    /// Whether the caption is the anchor and pictures are compared with it. Default false: the picture is.
    pub from_captions: bool,
}

impl Default for InfoNce {
    fn default() -> Self {
        Self { temperature: 0.07 }
    }
}

impl Default for Sigmoid {
    fn default() -> Self {
        Self {
            temperature: 0.1,
            bias: -10.0,
        }
    }
}

impl Default for HardestNegative {
    fn default() -> Self {
        Self { margin: 0.2 }
    }
}

impl Default for ShiftedTriplet {
    fn default() -> Self {
        Self {
            margin: 0.5,
            from_captions: false,
        }
    }
}

impl Default for PairLoss {
    fn default() -> Self {
        Self::InfoNce(InfoNce::default())
    }
}

/// What a loss of two towers says of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct GradedPairs {
    /// The loss.
    pub value: f64,
    /// Its derivative by every value of the pictures' vectors, row by row.
    pub pictures: Vec<f64>,
    /// By every value of the captions' vectors.
    pub captions: Vec<f64>,
    /// By the logarithm of the factor of the cosines, and by the bias.
    pub scale: [f64; 2],
    /// How many pictures, captions or pairs cost something.
    pub active: usize,
    /// How many there were.
    pub tuples: usize,
}

/// A loss and its derivative by every cosine.
struct Part {
    value: f64,
    gradient: Vec<f64>,
    scale: [f64; 2],
    active: usize,
    tuples: usize,
}

impl PairLoss {
    /// All names.
    pub const NAMES: [&str; 4] = ["info-nce", "sigmoid", "hardest-negative", "shifted-triplet"];

    /// The loss of a name with its default settings.
    ///
    /// # Errors
    /// [`NnError::Loss`] for another name.
    pub fn by_name(name: &str) -> Result<Self, NnError> {
        Ok(match name {
            "info-nce" => Self::InfoNce(InfoNce::default()),
            "sigmoid" => Self::Sigmoid(Sigmoid::default()),
            "hardest-negative" => Self::HardestNegative(HardestNegative::default()),
            "shifted-triplet" => Self::ShiftedTriplet(ShiftedTriplet::default()),
            _ => {
                return Err(NnError::Loss {
                    what: "name",
                    expected: Self::NAMES.join(", "),
                    found: name.to_owned(),
                });
            }
        })
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`NnError::Config`] naming the first that does not fit.
    pub fn validate(&self) -> Result<(), NnError> {
        let positive = |t: f64| number("loss.temperature", t, |t| t > 0.0, "above 0");
        let margin = |m: f64| number("loss.margin", m, |m| m >= 0.0, "at least 0");
        match self {
            Self::InfoNce(loss) => positive(loss.temperature),
            Self::Sigmoid(loss) => {
                positive(loss.temperature)?;
                number("loss.bias", loss.bias, |_| true, "a finite number")
            }
            Self::HardestNegative(loss) => margin(loss.margin),
            Self::ShiftedTriplet(loss) => margin(loss.margin),
        }
    }

    /// Logarithm of the factor of the cosines, and the bias, as training begins; none of a loss that learns neither.
    pub fn begins_with(&self) -> Option<[f64; 2]> {
        match self {
            Self::InfoNce(loss) => Some([-loss.temperature.ln(), 0.0]),
            Self::Sigmoid(loss) => Some([-loss.temperature.ln(), loss.bias]),
            Self::HardestNegative(_) | Self::ShiftedTriplet(_) => None,
        }
    }

    /// Whether vectors are compared by their directions alone.
    pub fn is_cosine(&self) -> bool {
        !matches!(self, Self::ShiftedTriplet(_))
    }

    /// The loss of a batch: vectors of `width` values a row, the picture of each caption, and what [`Self::begins_with`] has
    /// become in training.
    ///
    /// # Errors
    /// [`NnError::Loss`] when rows and `picture_of` contradict each other.
    pub fn grade(
        &self,
        pictures: &[f32],
        captions: &[f32],
        width: usize,
        picture_of: &[usize],
        scale: [f64; 2],
    ) -> Result<GradedPairs, NnError> {
        let count = pictures.len() / width.max(1);
        let fits = width > 0
            && pictures.len() == count * width
            && captions.len() == picture_of.len() * width
            && picture_of.iter().all(|&picture| picture < count);
        if !fits {
            return Err(NnError::Loss {
                what: "batch",
                expected: format!("rows of {width} values, captions of pictures of the batch"),
                found: format!(
                    "{} and {} values, pictures up to {:?}",
                    pictures.len(),
                    captions.len(),
                    picture_of.iter().max()
                ),
            });
        }
        let compared = |grade: &dyn Fn(&Closeness) -> Part| {
            let closeness = Space::Cosine.compare(pictures, captions, width);
            let part = grade(&closeness);
            let (of_pictures, of_captions) = closeness.back(&part.gradient);
            GradedPairs {
                value: part.value,
                pictures: of_pictures,
                captions: of_captions,
                scale: part.scale,
                active: part.active,
                tuples: part.tuples,
            }
        };
        Ok(match self {
            Self::InfoNce(_) => compared(&|closeness| info_nce(closeness, picture_of, scale[0])),
            Self::Sigmoid(_) => compared(&|closeness| sigmoid(closeness, picture_of, scale)),
            Self::HardestNegative(loss) => compared(&|closeness| loss.grade(closeness, picture_of)),
            Self::ShiftedTriplet(loss) => loss.grade(pictures, captions, width, picture_of),
        })
    }
}

/// The captions of each picture.
fn captions_of(picture_of: &[usize], pictures: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new(); pictures];
    for (caption, &picture) in picture_of.iter().enumerate() {
        all[picture].push(caption);
    }
    all
}

fn info_nce(closeness: &Closeness, picture_of: &[usize], log_scale: f64) -> Part {
    let (pictures, captions) = (closeness.rows(), closeness.columns());
    let most = LARGEST_SCALE.ln();
    let scale = log_scale.min(most).exp();
    let own = captions_of(picture_of, pictures);
    let with_captions = own.iter().filter(|own| !own.is_empty()).count();
    let mut part = Part {
        value: 0.0,
        gradient: vec![0.0; pictures * captions],
        scale: [0.0; 2],
        active: 0,
        tuples: with_captions + captions,
    };
    let term = |i: usize, j: usize| scale * closeness.at(i, j);
    let to_captions = 0.5 / with_captions.max(1) as f64;
    for (i, own) in own.iter().enumerate().filter(|(_, own)| !own.is_empty()) {
        let sum = log_sum_exp((0..captions).map(|j| term(i, j)));
        let mean = own.iter().map(|&j| term(i, j)).sum::<f64>() / own.len() as f64;
        part.value += to_captions * (sum - mean);
        part.active += usize::from(sum > mean);
        for j in 0..captions {
            part.gradient[i * captions + j] += to_captions * (term(i, j) - sum).exp();
        }
        for &j in own {
            part.gradient[i * captions + j] -= to_captions / own.len() as f64;
        }
    }
    let to_pictures = 0.5 / captions.max(1) as f64;
    for (j, &own) in picture_of.iter().enumerate() {
        let sum = log_sum_exp((0..pictures).map(|i| term(i, j)));
        part.value += to_pictures * (sum - term(own, j));
        part.active += usize::from(sum > term(own, j));
        for i in 0..pictures {
            part.gradient[i * captions + j] += to_pictures * (term(i, j) - sum).exp();
        }
        part.gradient[own * captions + j] -= to_pictures;
    }
    // so far by the scaled cosines
    if log_scale <= most {
        let terms = part.gradient.iter().enumerate();
        part.scale[0] = terms
            .map(|(at, g)| g * term(at / captions, at % captions))
            .sum();
    }
    part.gradient.iter_mut().for_each(|g| *g *= scale);
    part
}

/// ln(1 + e^x), without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// 1 / (1 + e^-x), without overflow.
fn logistic(x: f64) -> f64 {
    match x >= 0.0 {
        true => 1.0 / (1.0 + (-x).exp()),
        false => x.exp() / (1.0 + x.exp()),
    }
}

fn sigmoid(closeness: &Closeness, picture_of: &[usize], [log_scale, bias]: [f64; 2]) -> Part {
    let (pictures, captions) = (closeness.rows(), closeness.columns());
    let scale = log_scale.exp();
    let share = 1.0 / captions.max(1) as f64;
    let mut part = Part {
        value: 0.0,
        gradient: vec![0.0; pictures * captions],
        scale: [0.0; 2],
        active: pictures * captions,
        tuples: pictures * captions,
    };
    for i in 0..pictures {
        for (j, &own) in picture_of.iter().enumerate() {
            let cosine = closeness.at(i, j);
            let sign = if own == i { 1.0 } else { -1.0 };
            let margin = sign * (scale * cosine + bias);
            part.value += share * softplus(-margin);
            let slope = -share * sign * logistic(-margin);
            part.gradient[i * captions + j] = slope * scale;
            part.scale[0] += slope * scale * cosine;
            part.scale[1] += slope;
        }
    }
    part
}

impl HardestNegative {
    fn grade(&self, closeness: &Closeness, picture_of: &[usize]) -> Part {
        let (pictures, captions) = (closeness.rows(), closeness.columns());
        let share = 1.0 / captions.max(1) as f64;
        let mut part = Part {
            value: 0.0,
            gradient: vec![0.0; pictures * captions],
            scale: [0.0; 2],
            active: 0,
            tuples: 2 * captions,
        };
        let nearer = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0));
        for (j, &own) in picture_of.iter().enumerate() {
            let pair = closeness.at(own, j);
            let others = (0..pictures).filter(|&i| i != own);
            let picture = others.map(|i| (i, closeness.at(i, j))).max_by(nearer);
            let others = (0..captions).filter(|&other| picture_of[other] != own);
            let caption = others
                .map(|other| (other, closeness.at(own, other)))
                .max_by(nearer);
            let places = [
                picture.map(|(i, near)| (i * captions + j, near)),
                caption.map(|(other, near)| (own * captions + other, near)),
            ];
            for (at, near) in places.into_iter().flatten() {
                let cost = self.margin + near - pair;
                if cost > 0.0 {
                    part.active += 1;
                    part.value += share * cost;
                    part.gradient[at] += share;
                    part.gradient[own * captions + j] -= share;
                }
            }
        }
        part
    }
}

impl ShiftedTriplet {
    fn grade(
        &self,
        pictures: &[f32],
        captions: &[f32],
        width: usize,
        picture_of: &[usize],
    ) -> GradedPairs {
        let pairs = picture_of.len();
        let share = 1.0 / pairs.max(1) as f64;
        let mut graded = GradedPairs {
            value: 0.0,
            pictures: vec![0.0; pictures.len()],
            captions: vec![0.0; captions.len()],
            scale: [0.0; 2],
            active: 0,
            tuples: pairs,
        };
        let differences = |a: &[f32], b: &[f32]| -> (Vec<f64>, f64) {
            let pairs = a.iter().zip(b);
            let all: Vec<f64> = pairs
                .map(|(a, b)| f64::from(*a) - f64::from(*b) + EPSILON)
                .collect();
            let length = all.iter().map(|d| d * d).sum::<f64>().sqrt();
            (all, length.max(f64::MIN_POSITIVE))
        };
        let row = |of: &[f32], at: usize| of[at * width..(at + 1) * width].to_vec();
        for pair in 0..pairs {
            let next = (pair + 1) % pairs;
            // places of anchor, positive and negative among the pictures or captions
            let (anchor, own, other) = match self.from_captions {
                false => (picture_of[pair], pair, next),
                true => (pair, picture_of[pair], picture_of[next]),
            };
            let (anchors, others) = match self.from_captions {
                false => (pictures, captions),
                true => (captions, pictures),
            };
            let at = row(anchors, anchor);
            let (to_own, near) = differences(&at, &row(others, own));
            let (to_other, far) = differences(&at, &row(others, other));
            let cost = near - far + self.margin;
            if cost <= 0.0 {
                continue;
            }
            graded.active += 1;
            graded.value += share * cost;
            let (of_anchors, of_others) = match self.from_captions {
                false => (&mut graded.pictures, &mut graded.captions),
                true => (&mut graded.captions, &mut graded.pictures),
            };
            for i in 0..width {
                let towards = share * to_own[i] / near;
                let away = share * to_other[i] / far;
                of_anchors[anchor * width + i] += towards - away;
                of_others[own * width + i] -= towards;
                of_others[other * width + i] += away;
            }
        }
        graded
    }
}
