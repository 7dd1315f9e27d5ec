//! Boxes and masks as they are written, checked and made into plain data.

use crate::error::Findings;
use crate::json::{Counts, Real, Segmentation};
use crate::picture::Picture;
use crate::rle::{PolygonError, Rle, polygons};

/// Boxes are rounded to hundredths of a pixel in COCO's own files, so only what reaches further out is told.
const ROUNDING: f64 = 1.0;

/// Four numbers that make a box, or what is wrong with them.
pub(crate) fn checked_box(
    given: &[Real],
    picture: &Picture,
    who: &dyn Fn() -> String,
    findings: &mut Findings,
) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = given.iter().map(|value| value.0).collect();
    let Ok(numbers) = <[f64; 4]>::try_from(numbers) else {
        findings.fault(format!(
            "{}: expected a box of four numbers x, y, width, height, found {}",
            who(),
            given.len()
        ));
        return None;
    };
    let shown = || numbers.map(|v| v.to_string()).join(", ");
    if numbers.iter().any(|v| !v.is_finite()) {
        findings.fault(format!(
            "{}: expected a box of finite numbers, found {}",
            who(),
            shown()
        ));
        return None;
    }
    let [x, y, width, height] = numbers;
    if width < 0.0 || height < 0.0 {
        findings.fault(format!(
            "{}: expected a box with a width and a height of at least 0, found {} (x, y, width, height)",
            who(),
            shown()
        ));
        return None;
    }
    if width == 0.0 || height == 0.0 {
        findings.odd("boxes without an area", || {
            format!("{}: {}", who(), shown())
        });
    }
    let (w, h) = (f64::from(picture.width), f64::from(picture.height));
    if x >= w || y >= h || x + width <= 0.0 || y + height <= 0.0 {
        findings.odd("boxes that lie outside their picture", || {
            format!("{}: {} in {w} x {h}", who(), shown())
        });
    } else if x < -ROUNDING
        || y < -ROUNDING
        || x + width > w + ROUNDING
        || y + height > h + ROUNDING
    {
        findings.odd("boxes that reach out of their picture", || {
            format!("{}: {} in {w} x {h}", who(), shown())
        });
    }
    Some(numbers)
}

/// The mask as it is written, where it fits the picture; else why not.
pub(crate) fn mask_of(given: &Segmentation, picture: &Picture) -> Result<Rle, String> {
    let (height, width) = (picture.height, picture.width);
    match given {
        Segmentation::Polygons(of) => polygons(of, height, width).map_err(|error| match error {
            PolygonError::None => "expected a mask, found an empty list of polygons".into(),
            other => other.to_string(),
        }),
        Segmentation::Runs { size, counts } => {
            if *size != [f64::from(height), f64::from(width)] {
                let found: Vec<String> = size.iter().map(f64::to_string).collect();
                return Err(format!(
                    "expected a mask of the picture's size [{height}, {width}] (height, width), found [{}]",
                    found.join(", ")
                ));
            }
            let mask = match counts {
                Counts::Compressed(text) => Rle::from_compressed(text, height, width),
                Counts::Plain(list) => {
                    let bad =
                        |v: &&f64| !(0.0..=f64::from(u32::MAX)).contains(*v) || v.fract() != 0.0;
                    if let Some(found) = list.iter().find(bad) {
                        return Err(format!(
                            "expected run lengths that are whole numbers of at least 0, found {found}"
                        ));
                    }
                    Rle::new(height, width, list.iter().map(|v| *v as u32).collect())
                }
            };
            mask.map_err(|error| error.to_string())
        }
    }
}

/// The mask of a box: its four corners as a polygon, as pycocotools does with detections that have none.
pub(crate) fn mask_of_box(of: &[f64; 4], picture: &Picture) -> Result<Rle, String> {
    let [left, top, width, height] = *of;
    let (right, bottom) = (left + width, top + height);
    let corners = vec![left, top, left, bottom, right, bottom, right, top];
    polygons(&[corners], picture.height, picture.width).map_err(|error| error.to_string())
}
