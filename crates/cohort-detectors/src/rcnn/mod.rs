//! Faster and Mask R-CNN with a ResNet-50 as torchvision (v1) and detectron2 publish them, on the CPU.
//!
//! [`Rcnn::open`] reads a file of either; which one it is, the names of its tensors tell ([`Layout`]). Every stage can be asked for
//! alone: [`Rcnn::prepare`], [`Rcnn::features`], [`Rcnn::proposals`], [`Rcnn::regions`], [`Rcnn::masks`]; [`Rcnn::detect`] is all of
//! them. Results do not depend on the number of threads. `docs/rcnn.md` in this crate has the rules, their sources and what was measured.

mod body;
mod box_head;
mod detect;
mod features;
mod layout;
mod mask_head;
mod model;
mod prepare;
mod proposals;
mod pyramid;
mod settings;
mod tensors;

pub use box_head::Regions;
pub use features::Features;
pub(crate) use layout::others;
pub use layout::{Dialect, Layout, Trunk};
pub use model::Rcnn;
pub use prepare::Prepared;
pub use proposals::Proposals;
pub use settings::RcnnSettings;
