//! Faces in pictures: multi-task cascaded convolutional networks (Zhang et al. 2016), with the
//! thresholds, resampling and rounding of facenet-pytorch, whose weights it takes.

mod boxes;
mod nets;
mod resample;

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use cohort_kernels::frozen::Plan;

use crate::{LoadReport, Naming, NnError, load};
use boxes::{Candidate, Grid, Overlap, non_maximum_suppression, probability};
use cohort_weights::Checkpoint;
use nets::{ONet, PNet, RNet};
use resample::Raster;

/// Crops that go through a network at a time.
const BATCH: usize = 256;

/// How faces are searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MtcnnSettings {
    /// Smallest face in pixels, at least 12. Default 20.
    pub min_face_size: f64,
    /// Least probability after each of the three stages. Default 0.6, 0.7, 0.7.
    pub thresholds: [f32; 3],
    /// Ratio of neighbouring scales of the search, in (0, 1). Default 0.709.
    pub factor: f64,
}

impl Default for MtcnnSettings {
    fn default() -> Self {
        Self {
            min_face_size: 20.0,
            thresholds: [0.6, 0.7, 0.7],
            factor: 0.709,
        }
    }
}

/// A face in a picture; coordinates in pixels from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Left, top, right and bottom; may reach beyond the picture.
    pub rectangle: [f32; 4],
    /// How sure the last network is that it is one, in [0, 1].
    pub probability: f32,
    /// Left eye, right eye, nose, left and right corner of the mouth (as the viewer sees them).
    pub landmarks: [[f32; 2]; 5],
}

/// The three networks and how they are asked.
#[derive(Debug)]
pub struct Mtcnn {
    pnet: PNet,
    rnet: RNet,
    onet: ONet,
    /// How the CPU computes the second and the third network.
    plans: [Option<Plan>; 2],
    settings: MtcnnSettings,
    device: Device,
}

impl Mtcnn {
    /// Reads `pnet.pt`, `rnet.pt` and `onet.pt` from a folder.
    ///
    /// # Errors
    /// [`NnError::Format`] and [`NnError::Load`] for a file that is absent, damaged or does not fill its
    /// network; [`NnError::Config`] for a setting out of its range.
    pub fn open(folder: &Path, settings: MtcnnSettings, device: &Device) -> Result<Self, NnError> {
        check(&settings)?;
        let read = |name: &str| Checkpoint::open(&folder.join(name));
        let (pnet, p) = load(PNet::new(device), &read("pnet.pt")?, Naming::SAME)?;
        let (rnet, r) = load(RNet::new(device), &read("rnet.pt")?, Naming::SAME)?;
        let (onet, o) = load(ONet::new(device), &read("onet.pt")?, Naming::SAME)?;
        [p, r, o]
            .into_iter()
            .try_for_each(|r| LoadReport::complete(r).map(drop))?;
        let plans = [rnet.plan(), onet.plan()];
        Ok(Self {
            pnet,
            rnet,
            onet,
            plans,
            settings,
            device: device.clone(),
        })
    }

    /// The faces of a picture, the largest first. `rgb` holds the pixels row by row, three bytes each.
    ///
    /// # Errors
    /// [`NnError::Config`] when `rgb` has another length than the sides say.
    pub fn detect(&self, width: usize, height: usize, rgb: &[u8]) -> Result<Vec<Face>, NnError> {
        self.detect_from(self.settings.min_face_size, width, height, rgb)
    }

    /// [`Self::detect`] with another smallest face, in pixels. The larger it is, the smaller the copies of the picture that
    /// the first stage looks at: the longest takes `12 / min_face_size` of its sides.
    ///
    /// # Errors
    /// As [`Self::detect`], and when `min_face_size` is below 12.
    pub fn detect_from(
        &self,
        min_face_size: f64,
        width: usize,
        height: usize,
        rgb: &[u8],
    ) -> Result<Vec<Face>, NnError> {
        check(&MtcnnSettings {
            min_face_size,
            ..self.settings
        })?;
        let picture = Raster::new(width, height, rgb)?;
        let found = self.propose(&picture, min_face_size);
        let found = self.refine(&picture, found);
        let mut faces = self.finish(&picture, found);
        // Stable on the reversed order, so that equal areas come as a reversed ascending sort gives them.
        let area = |f: &Face| {
            let [left, top, right, bottom] = f.rectangle;
            (right - left) * (bottom - top)
        };
        faces.reverse();
        faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
        Ok(faces)
    }

    /// First stage: a fully convolutional network over the picture at every scale.
    fn propose(&self, picture: &Raster, min_face_size: f64) -> Vec<Candidate> {
        let mut scale = 12.0 / min_face_size;
        let mut least = picture.width.min(picture.height) as f64 * scale;
        let mut all = Vec::new();
        while least >= 12.0 {
            let side = |n: usize| (n as f64 * scale + 1.0) as usize;
            let (width, height) = (side(picture.width), side(picture.height));
            let mut input = Vec::with_capacity(3 * width * height);
            picture.sample(
                [0, 0, picture.width, picture.height],
                width,
                height,
                &mut input,
            );
            let seen = self.pnet_on(input, [height, width]);
            let found = boxes::from_grid(&seen, scale, self.settings.thresholds[0]);
            all.extend(non_maximum_suppression(found, 0.5, Overlap::Iou));
            scale *= self.settings.factor;
            least *= self.settings.factor;
        }
        let mut kept = non_maximum_suppression(all, 0.7, Overlap::Iou);
        for candidate in &mut kept {
            candidate.shift_by_size();
            candidate.square();
        }
        kept
    }

    /// Second stage: keep what the network takes for a face, and move its sides.
    fn refine(&self, picture: &Raster, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let mut kept = Vec::new();
        let crops = crops(picture, candidates);
        for batch in crops.chunks(BATCH) {
            let crops = (self.crops(picture, batch, 24), 24);
            let rows = self.on_crops(self.plans[0].as_ref(), |x| self.rnet.forward(x), crops);
            for ((candidate, _), row) in batch.iter().zip(rows.as_chunks::<6>().0) {
                let score = probability([row[4], row[5]]);
                if score > self.settings.thresholds[1] {
                    kept.push(candidate.seen(score, &row[..4]));
                }
            }
        }
        let mut kept = non_maximum_suppression(kept, 0.7, Overlap::Iou);
        for candidate in &mut kept {
            candidate.shift_by_pixels();
            candidate.square();
        }
        kept
    }

    /// Third stage: the same again, with the landmarks.
    fn finish(&self, picture: &Raster, candidates: Vec<Candidate>) -> Vec<Face> {
        let mut kept = Vec::new();
        let crops = crops(picture, candidates);
        for batch in crops.chunks(BATCH) {
            let crops = (self.crops(picture, batch, 48), 48);
            let rows = self.on_crops(self.plans[1].as_ref(), |x| self.onet.forward(x), crops);
            for ((candidate, _), row) in batch.iter().zip(rows.as_chunks::<16>().0) {
                let score = probability([row[14], row[15]]);
                if score > self.settings.thresholds[2] {
                    let mut seen = candidate.seen(score, &row[..4]);
                    seen.place_landmarks(&row[4..14]);
                    seen.shift_by_pixels();
                    kept.push(seen);
                }
            }
        }
        let kept = non_maximum_suppression(kept, 0.7, Overlap::OverSmaller);
        let face = |c: Candidate| Face {
            rectangle: c.sides,
            probability: c.score,
            landmarks: c.landmarks,
        };
        kept.into_iter().map(face).collect()
    }

    /// What the first network says of a picture of `size` (height, width), given as planes.
    fn pnet_on(&self, input: Vec<f32>, size: [usize; 2]) -> Grid {
        let [height, width] = size;
        // one for each size of the copies: its weights are few
        let plan = self.plans[0].as_ref().and_then(|_| self.pnet.plan(size));
        let (shape, values) = match plan {
            Some(plan) => (plan.size(), plan.run(&input)),
            None => {
                let input = TensorData::new(input, [1, 3, height, width]);
                let out = self.pnet.forward(Tensor::from_data(input, &self.device));
                let [_, _, rows, columns] = out.dims();
                ([rows, columns], to_host(out.permute([0, 2, 3, 1])))
            }
        };
        Grid {
            columns: shape[1],
            values,
        }
    }

    /// What a network says of crops of `side` pixels, some values each: by its plan, or by the network itself.
    fn on_crops(
        &self,
        plan: Option<&Plan>,
        network: impl Fn(Tensor<4>) -> Tensor<2>,
        (crops, side): (Vec<f32>, usize),
    ) -> Vec<f32> {
        match plan {
            Some(plan) => plan.run(&crops),
            None => {
                let shape = [crops.len() / (3 * side * side), 3, side, side];
                let crops = TensorData::new(crops, shape);
                to_host(network(Tensor::from_data(crops, &self.device)))
            }
        }
    }

    /// Crops resampled to squares of `side`, plane by plane, one after another.
    fn crops(&self, picture: &Raster, batch: &[(Candidate, [usize; 4])], side: usize) -> Vec<f32> {
        let mut input = Vec::with_capacity(batch.len() * 3 * side * side);
        for (_, area) in batch {
            picture.sample(*area, side, side, &mut input);
        }
        input
    }
}

/// Candidates with the part of the picture that they cover: left, top, right, bottom, the last two
/// excluded. Those that lie outside are dropped.
fn crops(picture: &Raster, candidates: Vec<Candidate>) -> Vec<(Candidate, [usize; 4])> {
    let crop = |c: Candidate| Some((c, c.within(picture.width, picture.height)?));
    candidates.into_iter().filter_map(crop).collect()
}

fn check(settings: &MtcnnSettings) -> Result<(), NnError> {
    let bad = |field, expected: &str, found: f64| NnError::Config {
        field,
        expected: expected.to_owned(),
        found: found.to_string(),
    };
    if !(settings.min_face_size >= 12.0 && settings.min_face_size.is_finite()) {
        return Err(bad(
            "min_face_size",
            "at least 12 pixels",
            settings.min_face_size,
        ));
    }
    if !(settings.factor > 0.0 && settings.factor < 1.0) {
        return Err(bad("factor", "between 0 and 1", settings.factor));
    }
    Ok(())
}

fn to_host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_folders_are_checked() {
        let device = Device::flex();
        let open = |settings| Mtcnn::open(Path::new("/no/such"), settings, &device);
        let ok = MtcnnSettings::default();
        for (settings, part) in [
            (
                MtcnnSettings {
                    min_face_size: 5.0,
                    ..ok
                },
                "min_face_size",
            ),
            (MtcnnSettings { factor: 1.0, ..ok }, "factor"),
            (ok, "pnet.pt"),
        ] {
            let error = open(settings).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
