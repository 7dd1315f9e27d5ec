//! The document of a joint model.

use cohort_fusion::FusionModel;
use serde::{Deserialize, Serialize};

use crate::modality::Modality;

/// Version of the document.
pub(crate) const SCHEMA: &str = "cohort.joint/2";

/// `joint.json`: how the network's answers are weighed against the single models', for each subset.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JointRecord {
    pub(crate) schema: String,
    /// Name of the family.
    pub(crate) family: String,
    /// The modalities in the order of the network's blocks.
    pub(crate) modalities: Vec<Modality>,
    /// One a subset.
    pub(crate) parts: Vec<JointPart>,
}

/// A subset's calibration, fitted on the validation split: a fusion of the network, by the name `joint`, and of the subset's
/// single models.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JointPart {
    pub(crate) modalities: Vec<Modality>,
    pub(crate) calibration: FusionModel,
}
