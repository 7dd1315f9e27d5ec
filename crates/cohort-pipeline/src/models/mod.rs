//! Trained models at work: what each sees, late fusion, the joint model.

mod joint_record;
mod predictor;
mod seen;

pub use predictor::{Answer, Predictor};

pub(crate) use joint_record::{JointPart, JointRecord, SCHEMA as JOINT_SCHEMA};
pub(crate) use seen::{Seen, joint_samples, seen_by};
