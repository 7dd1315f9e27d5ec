//! Limits of a check.

use serde::{Deserialize, Serialize};

/// Limits of a check.
///
/// Two pictures are nearly the same when their 64-bit perceptual hashes (DCT of the grey picture at
/// 32 x 32, as ImageHash's `phash`) differ in at most [`CheckSettings::image_distance`] bits **and** their
/// grey pictures at 32 x 32 correlate by at least [`CheckSettings::image_correlation`]. The hash alone is
/// too coarse for faces, which all have the same layout: of 4.5 million pairs of different FairFace crops
/// 205 are within 10 bits, where random hashes would give none. With the correlation none of them remains
/// (at 95 % confidence less than 0.7 false alarms in a million pairs), while copies encoded again down to
/// JPEG quality 20, resized to 96 pixels, made 20 % brighter or turned grey are all found. Copies cropped
/// by more than one per cent of each side mostly are not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckSettings {
    /// Whether media are decoded and compared. Default yes; without it only files and tables are looked at.
    pub decode: bool,
    /// Most differing bits of two similar pictures, 0 to 64. Default 10.
    pub image_distance: u32,
    /// Least correlation of two similar pictures, -1 to 1. Default 0.98.
    pub image_correlation: f64,
}

impl Default for CheckSettings {
    fn default() -> Self {
        Self {
            decode: true,
            image_distance: 10,
            image_correlation: 0.98,
        }
    }
}
