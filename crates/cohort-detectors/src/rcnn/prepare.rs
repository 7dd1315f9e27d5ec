//! A picture as the network takes it.

use cohort_vision::{Filter, IMAGENET_MEAN, IMAGENET_STD, Picture, resize_with};
use rayon::prelude::*;

use super::layout::{Dialect, Layout, Trunk};
use super::settings::RcnnSettings;
use crate::DetectorError;
use crate::parts::{neighbours, padded, resized_by_flooring, resized_by_rounding};

/// detectron2's means of blue, green and red in bytes.
pub(super) const BGR_MEAN: [f32; 3] = [103.53, 116.28, 123.675];
/// Sides are padded to multiples of it below and right, but for a fourth stage.
const STEP: usize = 32;

/// A picture at the network's size.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Planes `[channel, row, column]` of the padded size; zeros beyond the resized picture, which is the mean colour.
    pub planes: Vec<f32>,
    /// `[height, width]` of the planes.
    pub padded: [usize; 2],
    /// `[height, width]` that the picture was brought to.
    pub resized: [usize; 2],
    /// `[height, width]` of the picture.
    pub original: [usize; 2],
}

/// Brings a picture to the network's size, colours and range: torchvision normalises, then takes four neighbours; detectron2 filters
/// bytes as Pillow does, then subtracts the mean.
pub(super) fn prepare(
    picture: &Picture,
    layout: &Layout,
    settings: &RcnnSettings,
) -> Result<Prepared, DetectorError> {
    let original = [picture.height(), picture.width()];
    let resize = match layout.dialect {
        Dialect::Torchvision => resized_by_flooring,
        Dialect::Detectron2 => resized_by_rounding,
    };
    let resized = resize(original, settings.short, settings.long);
    let size = match layout.trunk {
        Trunk::Pyramid => padded(resized, STEP),
        Trunk::FourthStage => resized,
    };
    let mut planes = vec![0.0; 3 * size[0] * size[1]];
    match layout.dialect {
        Dialect::Torchvision => normalised(picture, resized, size, &mut planes),
        Dialect::Detectron2 => {
            let smooth = resize_with(picture, resized[1], resized[0], Filter::Bilinear)?;
            let plane = size[0] * size[1];
            for (i, pixel) in smooth.rgb().chunks_exact(3).enumerate() {
                let place = i / resized[1] * size[1] + i % resized[1];
                for (channel, mean) in BGR_MEAN.iter().enumerate() {
                    planes[channel * plane + place] = f32::from(pixel[2 - channel]) - mean;
                }
            }
        }
    }
    Ok(Prepared {
        planes,
        padded: size,
        resized,
        original,
    })
}

/// Writes a picture's normalised values at another size into padded planes. A byte's normalised value is one of 256, so that the whole
/// picture is never held in single precision.
fn normalised(picture: &Picture, resized: [usize; 2], size: [usize; 2], planes: &mut [f32]) {
    let original = [picture.height(), picture.width()];
    let [rows, columns] = [0, 1].map(|axis| {
        let places = 0..resized[axis];
        let each = places.map(|place| neighbours(original[axis], resized[axis], place));
        each.collect::<Vec<_>>()
    });
    let table: Vec<[f32; 256]> = (0..3)
        .map(|c| {
            let value = |byte: usize| (byte as f32 / 255.0 - IMAGENET_MEAN[c]) / IMAGENET_STD[c];
            std::array::from_fn(value)
        })
        .collect();
    let lines = planes.par_chunks_exact_mut(size[1]).enumerate();
    lines.for_each(|(line, out)| {
        let (channel, y) = (line / size[0], line % size[0]);
        let Some(&(above, below, down)) = rows.get(y) else {
            return;
        };
        let values = &table[channel];
        let row = |y: usize| &picture.rgb()[y * original[1] * 3..][..original[1] * 3];
        let (above, below) = (row(above), row(below));
        for (out, &(left, right, along)) in out.iter_mut().zip(&columns) {
            let at = |row: &[u8], x: usize| values[usize::from(row[x * 3 + channel])];
            let mix = |row: &[u8]| at(row, left) * (1.0 - along) + at(row, right) * along;
            *out = mix(above) * (1.0 - down) + mix(below) * down;
        }
    });
}
