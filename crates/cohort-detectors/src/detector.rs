//! Any of the networks, told by its file.

use std::path::{Path, PathBuf};

use cohort_vision::Picture;
use cohort_weights::Checkpoint;

use crate::rcnn::{self, Dialect, Layout, Rcnn, RcnnSettings, Trunk};
use crate::yolox::{self, Settings, Yolox};
use crate::{COCO, Detected, DetectorError};

/// The longer side may be as much longer than the shorter one as 1333 pixels are than 800.
const LONGER: f64 = 1333.0 / 800.0;

/// How pictures are to be looked at; what is not asked is as the network was published.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Asked {
    /// Pixels: the side of YOLOX's square, a multiple of 32 (416 or 640); the shorter side of an R-CNN's pictures (800), whose longer
    /// one is then at most 5/3 of it.
    pub size: Option<usize>,
    /// A detection's score is above this, from 0 to 1 (YOLOX: .001, R-CNNs: .05).
    pub score: Option<f64>,
    /// Detections of one class overlap by no more than this, as intersection over union from 0 to 1 (YOLOX: .65, R-CNNs: .5).
    pub nms: Option<f64>,
    /// Most detections of a picture, 1 or more (YOLOX: 300, R-CNNs: 100).
    pub most: Option<usize>,
    /// What is added to the variances of an R-CNN's norms ([`RcnnSettings::norm_epsilon`]); none of YOLOX, whose is .001.
    pub norm_epsilon: Option<f64>,
}

/// A network and how it looks at pictures.
#[derive(Debug)]
pub struct Detector {
    path: PathBuf,
    network: Network,
}

#[derive(Debug)]
enum Network {
    Yolox(Yolox, Settings),
    Rcnn(Box<Rcnn>),
}

impl Detector {
    /// Reads a file: a YOLOX (`.onnx`, `.pth`, safetensors), or an R-CNN of torchvision or detectron2 (`.pth`, `.pkl`, safetensors).
    ///
    /// # Errors
    /// [`DetectorError`] naming the file when it cannot be read or is of another network, and [`DetectorError::Setting`].
    pub fn open(path: &Path, asked: &Asked) -> Result<Self, DetectorError> {
        if asked.most == Some(0) {
            return Err(setting("most detections", "1 or more", 0));
        }
        let network = match yolox::weights::is_onnx(path) {
            true => square(Yolox::open(path)?, asked)?,
            false => Network::of(&Checkpoint::open(path)?, asked)?,
        };
        Ok(Self {
            path: path.to_owned(),
            network,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it is, and at which size it looks at pictures.
    pub fn described(&self) -> String {
        match &self.network {
            Network::Yolox(yolox, settings) => {
                let name = yolox.architecture().name();
                let name = name.unwrap_or("a YOLOX of another size");
                format!("{name}, {} pixels", settings.side)
            }
            Network::Rcnn(rcnn) => {
                let layout = rcnn.layout();
                let kind = if layout.masks { "Mask" } else { "Faster" };
                let trunk = match layout.trunk {
                    Trunk::Pyramid => "R50-FPN",
                    Trunk::FourthStage => "R50-C4",
                };
                let whose = match layout.dialect {
                    Dialect::Torchvision => "torchvision",
                    Dialect::Detectron2 => "detectron2",
                };
                let settings = rcnn.settings();
                format!(
                    "{kind} R-CNN {trunk} as {whose} has it, the shorter side {} pixels and the longer at most {}",
                    settings.short, settings.long
                )
            }
        }
    }

    /// Classes without a background.
    pub fn classes(&self) -> usize {
        match &self.network {
            Network::Yolox(yolox, _) => yolox.architecture().classes,
            Network::Rcnn(rcnn) => rcnn.layout().classes,
        }
    }

    /// COCO's category (id and name) of a class, where the network has as many classes as those that are published; none for a class
    /// that COCO left out.
    pub fn category(&self, class: usize) -> Option<(u32, &'static str)> {
        match &self.network {
            Network::Yolox(yolox, _) => match yolox.architecture().classes == COCO.len() {
                true => COCO.get(class).copied(),
                false => None,
            },
            Network::Rcnn(rcnn) => rcnn.layout().category(class),
        }
    }

    /// What is added to the variances of an R-CNN's norms.
    pub fn norm_epsilon(&self) -> Option<f32> {
        match &self.network {
            Network::Yolox(..) => None,
            Network::Rcnn(rcnn) => Some(rcnn.settings().norm_epsilon),
        }
    }

    /// Everything but the file and the picture that detections depend on.
    pub fn settings(&self) -> String {
        match &self.network {
            Network::Yolox(_, settings) => format!("{settings:?}"),
            Network::Rcnn(rcnn) => format!("{:?}", rcnn.settings()),
        }
    }

    /// The objects in a picture, by falling score.
    ///
    /// # Errors
    /// [`DetectorError`] for a picture that cannot be brought to the network's size.
    pub fn detect(&self, picture: &Picture) -> Result<Vec<Detected>, DetectorError> {
        match &self.network {
            Network::Yolox(yolox, settings) => yolox.detect(picture, settings),
            Network::Rcnn(rcnn) => rcnn.detect(picture),
        }
    }
}

impl Network {
    fn of(checkpoint: &Checkpoint, asked: &Asked) -> Result<Self, DetectorError> {
        if yolox::weights::is_yolox(checkpoint) {
            return square(Yolox::load(checkpoint)?, asked);
        }
        if !Layout::is_in(checkpoint) {
            return Err(DetectorError::Network {
                path: checkpoint.path().to_owned(),
                expected: format!("{}, or {}", yolox::weights::expected(), Layout::expected()),
                found: rcnn::others(checkpoint),
            });
        }
        let layout = Layout::of(checkpoint)?;
        let mut settings = RcnnSettings::published(&layout);
        if let Some(size) = asked.size {
            settings.short = size;
            settings.long = (size as f64 * LONGER).round() as usize;
        }
        settings.score = asked.score.map_or(settings.score, |score| score as f32);
        settings.overlap = asked.nms.unwrap_or(settings.overlap);
        settings.detections = asked.most.unwrap_or(settings.detections);
        let epsilon = asked.norm_epsilon.map(|epsilon| epsilon as f32);
        settings.norm_epsilon = epsilon.unwrap_or(settings.norm_epsilon);
        let rcnn = Rcnn::load(checkpoint, layout, settings)?;
        Ok(Self::Rcnn(Box::new(rcnn)))
    }
}

fn square(yolox: Yolox, asked: &Asked) -> Result<Network, DetectorError> {
    if let Some(epsilon) = asked.norm_epsilon {
        return Err(setting("norm epsilon", "none for a YOLOX", epsilon));
    }
    let mut settings = Settings::of(yolox.architecture());
    settings.side = asked.size.unwrap_or(settings.side);
    settings.score = asked.score.unwrap_or(settings.score);
    settings.nms = asked.nms.unwrap_or(settings.nms);
    settings.most = asked.most.unwrap_or(settings.most);
    settings.check()?;
    Ok(Network::Yolox(yolox, settings))
}

fn setting(name: &'static str, expected: &str, found: impl ToString) -> DetectorError {
    DetectorError::Setting {
        name,
        expected: expected.to_owned(),
        found: found.to_string(),
    }
}
