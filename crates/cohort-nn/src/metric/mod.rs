//! Losses, miners and a memory of metric learning: what pulls embeddings of one class together and pushes others away.
//!
//! All of it is arithmetic on plain rows in `f64`, values and gradients in closed form; [`attach`] hands a gradient to a network's
//! embeddings. Definitions, defaults and reducers are those of pytorch-metric-learning 2.9.0 (Musgrave et al. 2020), against
//! which tests hold every one of them (`scripts/metric_losses.py` made the values). Where it differs on purpose, the item says so.

mod arc_face;
mod attach;
mod classes;
mod contrastive;
mod loss;
mod memory;
mod miner;
mod multi_similarity;
mod nt_xent;
mod pairs;
mod proxies;
mod proxy_anchor;
mod row_miner;
mod score_scale;
mod space;
mod sup_con;
mod triplet;
mod tuples;

pub use arc_face::ArcFace;
pub use attach::attach;
pub use classes::Classes;
pub use contrastive::{Contrastive, ContrastiveForm};
pub use loss::{Graded, MetricLoss};
pub use memory::CrossBatchMemory;
pub use miner::{MarginTriplets, Miner};
pub use multi_similarity::MultiSimilarity;
pub use nt_xent::NtXent;
pub use pairs::{GradedPairs, HardestNegative, InfoNce, PairLoss, ShiftedTriplet, Sigmoid};
pub use proxies::Proxies;
pub use proxy_anchor::ProxyAnchor;
pub use row_miner::Pick;
pub use score_scale::ScoreScale;
pub use space::{Closeness, Space};
pub use sup_con::SupCon;
pub use triplet::TripletMargin;
pub use tuples::Tuples;
