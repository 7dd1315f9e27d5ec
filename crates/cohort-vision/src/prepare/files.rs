//! Preparation from the files of a model.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Cut, Preparation, Sizing};
use crate::error::VisionError;
use crate::resize::Filter;

/// Mean and standard deviation of OpenAI's pictures, which every CLIP takes where its files say nothing.
const CLIP: [[f64; 3]; 2] = [
    [0.481_454_66, 0.457_827_5, 0.408_210_73],
    [0.268_629_54, 0.261_302_58, 0.275_777_11],
];
/// Side where the files say nothing, in pixels.
const SIDE: usize = 224;
/// No side may be longer, in pixels.
const LONGEST: u64 = 1 << 14;

/// Fields of transformers that change no pixel of a colour picture.
const IDLE: [&str; 14] = [
    "image_processor_type",
    "feature_extractor_type",
    "processor_class",
    "_valid_processor_keys",
    "do_convert_rgb",
    "data_format",
    "input_data_format",
    "return_tensors",
    "device",
    "disable_grouping",
    "image_seq_length",
    "_name_or_path",
    "backend",
    "transformers_version",
];
/// Those that are read.
const READ: [&str; 10] = [
    "do_resize",
    "size",
    "resample",
    "do_center_crop",
    "crop_size",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
    "image_mean",
    "image_std",
];

impl Preparation {
    /// What the files in a model's folder state: `preprocessor_config.json`, the image processor in `processor_config.json`, or
    /// OpenCLIP's `open_clip_config.json`.
    ///
    /// # Errors
    /// [`VisionError::Preparation`] naming the file and the field that changes pixels in a way that is not known.
    pub fn open(folder: &Path) -> Result<Self, VisionError> {
        for (name, within) in [
            ("preprocessor_config.json", None),
            ("processor_config.json", Some("image_processor")),
            ("open_clip_config.json", None),
        ] {
            let path = folder.join(name);
            if !path.is_file() {
                continue;
            }
            let refused = |reason: String| VisionError::Preparation {
                path: path.clone(),
                reason,
            };
            let bytes = std::fs::read(&path).map_err(|e| refused(e.to_string()))?;
            let json: Value = serde_json::from_slice(&bytes).map_err(|e| refused(e.to_string()))?;
            let json = match within {
                None => &json,
                Some(key) => match json.get(key) {
                    Some(inner) => inner,
                    None => continue,
                },
            };
            let made = match name {
                "open_clip_config.json" => Self::from_open_clip(json),
                _ => Self::from_transformers(json),
            };
            return made.map_err(refused);
        }
        Err(VisionError::Preparation {
            path: folder.to_owned(),
            reason: "expected preprocessor_config.json, processor_config.json with an image_processor, or open_clip_config.json, found none of them".to_owned(),
        })
    }

    /// From transformers' `preprocessor_config.json` of a CLIP or SigLIP. What it leaves out is as in transformers: for a CLIP the
    /// shortest side to 224 pixels, bicubic, the middle 224 x 224, OpenAI's mean and deviation; for a SigLIP squashed to
    /// 224 x 224, bicubic, 0.5 and 0.5.
    ///
    /// # Errors
    /// The field, what was expected and what was found.
    pub fn from_transformers(json: &Value) -> Result<Self, String> {
        let fields = object(json)?;
        let class = ["image_processor_type", "feature_extractor_type"]
            .iter()
            .find_map(|key| fields.get(*key)?.as_str());
        let short = class.map(|class| {
            class
                .trim_end_matches("Fast")
                .trim_end_matches("Pil")
                .trim_end_matches("ImageProcessor")
                .trim_end_matches("FeatureExtractor")
        });
        let siglip = match short {
            Some("CLIP") => false,
            Some("Siglip") => true,
            // the first files of CLIP name no class, but its cut
            None if fields.contains_key("crop_size") => false,
            _ => {
                return Err(format!(
                    "image_processor_type: expected CLIPImageProcessor or SiglipImageProcessor, found {}",
                    class.unwrap_or("none")
                ));
            }
        };
        for (key, value) in fields {
            let off = matches!(value, Value::Null | Value::Bool(false));
            if !off && !READ.contains(&key.as_str()) && !IDLE.contains(&key.as_str()) {
                return Err(format!(
                    "{key}: expected nothing, found {value}, which is not supported"
                ));
            }
        }
        if !switch(fields, "do_resize", true)? {
            return Err("do_resize: expected true, found false, which is not supported".to_owned());
        }
        let sizing = match fields.get("size") {
            None | Some(Value::Null) if siglip => Sizing::Squash([SIDE; 2]),
            None | Some(Value::Null) => Sizing::Shortest(SIDE),
            Some(size @ Value::Number(_)) if !siglip => Sizing::Shortest(side("size", size)?),
            Some(Value::Object(size)) if size.len() == 1 && size.contains_key("shortest_edge") => {
                Sizing::Shortest(side("size", &size["shortest_edge"])?)
            }
            Some(size) => Sizing::Squash(both("size", size)?),
        };
        let cut = match switch(fields, "do_center_crop", !siglip)? {
            false => None,
            true => Some(Cut {
                sides: match fields.get("crop_size") {
                    None | Some(Value::Null) => [SIDE; 2],
                    Some(size @ Value::Number(_)) => [side("crop_size", size)?; 2],
                    Some(size) => both("crop_size", size)?,
                },
                half_to_even: false,
                fill: 0,
            }),
        };
        let least = match sizing {
            Sizing::Shortest(side) => [side; 2],
            Sizing::Squash(sides) | Sizing::Cover(sides) | Sizing::Contain(sides) => sides,
        };
        if let Some(cut) = cut.filter(|cut| cut.sides[0] > least[0] || cut.sides[1] > least[1]) {
            return Err(format!(
                "crop_size: expected at most the size of {least:?}, found {:?}",
                cut.sides
            ));
        }
        if cut.is_none() && matches!(sizing, Sizing::Shortest(_)) {
            return Err(
                "size: expected height and width, or a crop_size, found a shortest_edge alone, which is not supported"
                    .to_owned(),
            );
        }
        let filter = match fields.get("resample") {
            None | Some(Value::Null) => Filter::Bicubic,
            Some(value) => match value.as_u64() {
                Some(1) => Filter::Lanczos,
                Some(2) => Filter::Bilinear,
                Some(3) => Filter::Bicubic,
                Some(4) => Filter::Box,
                Some(5) => Filter::Hamming,
                _ => return Err(format!("resample: expected 1 to 5, found {value}")),
            },
        };
        let rescale = match (
            switch(fields, "do_rescale", true)?,
            fields.get("rescale_factor"),
        ) {
            (false, _) => 1.0,
            (true, None | Some(Value::Null)) => 1.0 / 255.0,
            (true, Some(value)) => match value.as_f64().filter(|v| v.is_finite() && *v > 0.0) {
                Some(factor) => factor,
                None => {
                    return Err(format!(
                        "rescale_factor: expected a positive number, found {value}"
                    ));
                }
            },
        };
        let plain = if siglip { [[0.5; 3]; 2] } else { CLIP };
        let [mean, std] = match switch(fields, "do_normalize", true)? {
            false => [[0.0; 3], [1.0; 3]],
            true => moments(fields, ["image_mean", "image_std"], plain)?,
        };
        Ok(Self {
            sizing,
            filter,
            cut,
            rescale,
            mean,
            std,
        })
    }

    /// From OpenCLIP's `open_clip_config.json`: `preprocess_cfg`, with the picture's size of `model_cfg` where that is stated. What it
    /// leaves out is as in OpenCLIP: 224 pixels, bicubic, shortest side and cut, OpenAI's mean and deviation.
    ///
    /// # Errors
    /// The field, what was expected and what was found.
    pub fn from_open_clip(json: &Value) -> Result<Self, String> {
        let empty = Map::new();
        let fields = match object(json)?.get("preprocess_cfg") {
            None | Some(Value::Null) => &empty,
            Some(fields) => object(fields)?,
        };
        for (key, value) in fields {
            let read = [
                "size",
                "mode",
                "mean",
                "std",
                "interpolation",
                "resize_mode",
                "fill_color",
            ];
            if !read.contains(&key.as_str()) && !value.is_null() {
                return Err(format!(
                    "preprocess_cfg: {key}: expected nothing, found {value}, which is not supported"
                ));
            }
        }
        let own = json.pointer("/model_cfg/vision_cfg/image_size");
        let size = own.or(fields.get("size")).filter(|size| !size.is_null());
        let sides = match size {
            None => [SIDE; 2],
            Some(size @ Value::Number(_)) => [side("image_size", size)?; 2],
            Some(size) => both("image_size", size)?,
        };
        let text = |key: &str, plain: &'static str| match fields.get(key) {
            None | Some(Value::Null) => Ok(plain.to_owned()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(format!("{key}: expected a name, found {other}")),
        };
        let mode = text("mode", "RGB")?;
        if mode != "RGB" {
            return Err(format!("mode: expected RGB, found {mode:?}"));
        }
        let mut filter = match text("interpolation", "bicubic")?.as_str() {
            // random in training only
            "bicubic" | "random" => Filter::Bicubic,
            "bilinear" => Filter::Bilinear,
            other => {
                return Err(format!(
                    "interpolation: expected bicubic or bilinear, found {other:?}"
                ));
            }
        };
        let fill = match fields.get("fill_color") {
            None | Some(Value::Null) => 0,
            Some(value) => value
                .as_u64()
                .and_then(|fill| u8::try_from(fill).ok())
                .ok_or_else(|| format!("fill_color: expected 0 to 255, found {value}"))?,
        };
        let cut = Some(Cut {
            sides,
            half_to_even: true,
            fill,
        });
        let (sizing, cut) = match text("resize_mode", "shortest")?.as_str() {
            "squash" => (Sizing::Squash(sides), None),
            "longest" => (Sizing::Contain(sides), cut),
            "shortest" if sides[0] == sides[1] => (Sizing::Shortest(sides[0]), cut),
            "shortest" => {
                // this form of OpenCLIP's heeds no interpolation
                filter = Filter::Bicubic;
                (Sizing::Cover(sides), cut)
            }
            other => {
                return Err(format!(
                    "resize_mode: expected shortest, longest or squash, found {other:?}"
                ));
            }
        };
        let [mean, std] = moments(fields, ["mean", "std"], CLIP)?;
        Ok(Self {
            sizing,
            filter,
            cut,
            rescale: 1.0 / 255.0,
            mean,
            std,
        })
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("expected fields, found {value}"))
}

fn switch(fields: &Map<String, Value>, key: &str, plain: bool) -> Result<bool, String> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(plain),
        Some(Value::Bool(on)) => Ok(*on),
        Some(other) => Err(format!("{key}: expected true or false, found {other}")),
    }
}

fn side(key: &str, value: &Value) -> Result<usize, String> {
    match value.as_u64().filter(|side| (1..=LONGEST).contains(side)) {
        Some(side) => Ok(side as usize),
        None => Err(format!(
            "{key}: expected a side of 1 to {LONGEST} pixels, found {value}"
        )),
    }
}

/// Height and width, by name or as a list.
fn both(key: &str, value: &Value) -> Result<[usize; 2], String> {
    let pair = match value {
        Value::Array(list) if list.len() == 2 => Some([&list[0], &list[1]]),
        Value::Object(size) if size.len() == 2 => size
            .get("height")
            .zip(size.get("width"))
            .map(<[_; 2]>::from),
        _ => None,
    };
    match pair {
        Some([height, width]) => Ok([side(key, height)?, side(key, width)?]),
        None => Err(format!(
            "{key}: expected height and width, or shortest_edge, found {value}, which is not supported"
        )),
    }
}

/// Mean and standard deviation of red, green and blue; one number stands for all three.
fn moments(
    fields: &Map<String, Value>,
    keys: [&str; 2],
    plain: [[f64; 3]; 2],
) -> Result<[[f64; 3]; 2], String> {
    let mut found = plain;
    for ((key, own), deviation) in keys.into_iter().zip(&mut found).zip([false, true]) {
        let Some(value) = fields.get(key).filter(|value| !value.is_null()) else {
            continue;
        };
        let numbers: Option<Vec<f64>> = match value {
            Value::Array(list) => list.iter().map(Value::as_f64).collect(),
            _ => value.as_f64().map(|number| vec![number; 3]),
        };
        let fits = |v: &f64| v.is_finite() && (!deviation || *v > 0.0);
        let three = numbers.and_then(|all| <[f64; 3]>::try_from(all).ok());
        *own = three.filter(|all| all.iter().all(fits)).ok_or_else(|| {
            let kind = if deviation {
                "positive numbers"
            } else {
                "numbers"
            };
            format!("{key}: expected three {kind}, found {value}")
        })?;
    }
    Ok(found)
}
