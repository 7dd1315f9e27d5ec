//! Pictures made worse: blur, darkness, occlusion.

use cohort_vision::Degradation;

use super::super::damage::{Change, Damage};
use crate::modality::Modality;

/// In this order in tables and charts.
pub(crate) const DAMAGES: [Damage; 3] = [
    Damage {
        name: "blur",
        modality: Modality::Image,
        unit: "sigma in % of the picture's side",
        severities: &[0.0, 1.0, 2.0, 4.0, 8.0],
        change: Change::Picture(|picture, severity| {
            let side = picture.width().max(picture.height());
            Degradation::Blur(severity / 100.0 * side as f64).apply(picture, 0)
        }),
    },
    Damage {
        name: "darkness",
        modality: Modality::Image,
        unit: "share of the light removed",
        severities: &[0.0, 0.25, 0.5, 0.75, 0.9],
        change: Change::Picture(|picture, severity| {
            Degradation::Darkness(1.0 - severity).apply(picture, 0)
        }),
    },
    Damage {
        name: "occlusion",
        modality: Modality::Image,
        unit: "share of the picture hidden",
        severities: &[0.0, 0.1, 0.25, 0.5, 0.75],
        change: Change::Picture(|picture, severity| {
            Degradation::Occlusion(severity).apply(picture, 0)
        }),
    },
];
