//! Detections: COCO's results files.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::error::{DetectionError, Findings};
use crate::id::Id;
use crate::json::{self, Annotation, Real};
use crate::picture::Picture;
use crate::rle::Rle;
use crate::shape::{checked_box, mask_of, mask_of_box};
use crate::truth::{Shape, Truth};

/// Detections that are left out.
const UNKNOWN: &str =
    "detections of categories that the truth does not have (left out, as pycocotools does)";

/// What a detector says is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Place of its picture in the truth.
    pub picture: u32,
    /// Place of its category in the truth.
    pub category: u32,
    /// `x, y, width, height` in pixels.
    pub place: [f64; 4],
    /// Area in square pixels.
    pub area: f64,
    /// How sure it is; any finite number, only the order counts.
    pub score: f64,
    /// Its mask, where masks are read.
    pub mask: Option<Rle>,
}

/// Everything detected.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Results {
    /// Detections by picture, then category, then falling score; equals as they are in the file.
    pub detections: Vec<Detection>,
    /// What was odd but could be read.
    pub notes: Vec<String>,
}

impl Results {
    /// Reads a list of detections of the pictures of `truth` and checks every box and mask.
    ///
    /// As pycocotools does: where the first detection has a box, every one must, and its area is the box's, for masks too; else the
    /// area is the mask's and a missing box is taken from the mask. For [`Shape::Mask`] a detection without one is its box, filled.
    /// Detections of categories that the truth does not have are left out.
    ///
    /// # Errors
    /// [`DetectionError`] naming the file, the detection (from 1), what was expected and what was found.
    pub fn read(path: &Path, truth: &Truth, shape: Shape) -> Result<Self, DetectionError> {
        let records: Vec<Annotation> = json::parse(
            path,
            "COCO results, a list of {image_id, category_id, bbox or segmentation, score}",
        )?;
        let mut reader = Reader {
            place_of: truth.pictures.iter().map(|p| &p.id).zip(0..).collect(),
            category_of: truth.categories.iter().map(|c| &c.id).zip(0..).collect(),
            pictures: &truth.pictures,
            boxed: has_box(records.first()),
            shape,
            findings: Findings::default(),
            unknown: 0,
        };
        let all = records.len();
        let mut detections = Vec::with_capacity(all);
        for (row, record) in records.into_iter().enumerate() {
            detections.extend(reader.detection(record, row + 1));
        }
        if all > 0 && reader.unknown == all {
            reader.findings.fault(format!(
                "expected detections of the truth's categories ({}), found none among {all}; {}",
                some(truth.categories.iter().map(|c| &c.id)),
                reader.findings.first_of(UNKNOWN).unwrap_or_default()
            ));
        }
        let known = detections.len();
        let is_whole = |d: &Detection| d.place.iter().all(|value| value.fract() == 0.0);
        if detections.iter().all(is_share) && !detections.iter().all(is_whole) {
            reader.findings.fault(format!(
                "expected boxes in pixels, found {known} with numbers from 0 to 1 alone, as shares of a picture are"
            ));
        }
        let mut notes = reader.findings.settle(path)?;
        let mut tell = |note: String| notes.push(format!("{}: {note}", path.display()));
        if let Some(note) = as_corners(&detections, &truth.pictures) {
            tell(note);
        }
        let seen: HashSet<u32> = detections.iter().map(|d| d.picture).collect();
        let unseen = truth.pictures.len() - seen.len();
        match (known, unseen) {
            (0, _) => tell("no detection".into()),
            (_, 0) => {}
            _ => tell(format!(
                "{unseen} of {} pictures without a detection: what is there counts as missed",
                truth.pictures.len()
            )),
        }
        Ok(Self::new(detections, notes))
    }

    /// Puts detections in their order.
    pub(crate) fn new(mut detections: Vec<Detection>, notes: Vec<String>) -> Self {
        detections.sort_by(|a, b| {
            let place = (a.picture, a.category).cmp(&(b.picture, b.category));
            // -0 and 0 are the same score
            place.then((b.score + 0.0).total_cmp(&(a.score + 0.0)))
        });
        Self { detections, notes }
    }
}

/// Whether a box lies within the first pixel of its picture.
fn is_share(detection: &Detection) -> bool {
    let [_, _, width, height] = detection.place;
    let inside = |value: &f64| (0.0..=1.0).contains(value);
    detection.place.iter().all(inside) && width > 0.0 && height > 0.0
}

/// Says so where boxes reach out of their pictures and would not if they were corners.
fn as_corners(detections: &[Detection], pictures: &[Picture]) -> Option<String> {
    let sides = |d: &Detection| {
        let picture = &pictures[d.picture as usize];
        (f64::from(picture.width), f64::from(picture.height))
    };
    let reaches_out = |d: &&Detection| {
        let ([x, y, width, height], (w, h)) = (d.place, sides(d));
        x + width > w + 1.0 || y + height > h + 1.0
    };
    let could_be_corners = |d: &Detection| {
        let ([x, y, right, bottom], (w, h)) = (d.place, sides(d));
        x <= right && y <= bottom && right <= w + 1.0 && bottom <= h + 1.0
    };
    let out = detections.iter().filter(reaches_out).count();
    let many = 10 * out > detections.len();
    (many && detections.iter().all(could_be_corners)).then(|| {
        format!(
            "{out} of {} boxes reach out of their picture, and none would if they were x1, y1, x2, y2: they are taken as COCO's x, y, width, height",
            detections.len()
        )
    })
}

fn has_box(record: Option<&Annotation>) -> bool {
    let given = record.and_then(|record| record.bbox.as_ref());
    given.is_some_and(|given| !given.is_empty())
}

/// The first few of some ids.
fn some<'a>(ids: impl ExactSizeIterator<Item = &'a Id>) -> String {
    const SHOWN: usize = 5;
    let more = match ids.len() > SHOWN {
        true => ", ..",
        false => "",
    };
    let first: Vec<String> = ids.take(SHOWN).map(Id::to_string).collect();
    first.join(", ") + more
}

struct Reader<'a> {
    place_of: HashMap<&'a Id, u32>,
    category_of: HashMap<&'a Id, u32>,
    pictures: &'a [Picture],
    /// Whether boxes are given, so that areas are theirs.
    boxed: bool,
    shape: Shape,
    findings: Findings,
    /// Detections of categories that the truth does not have.
    unknown: usize,
}

impl Reader<'_> {
    fn detection(&mut self, record: Annotation, row: usize) -> Option<Detection> {
        let who = || format!("detection {row}");
        let named = |id: &Option<Id>| id.as_ref().map_or("none".into(), Id::to_string);
        let picture = record
            .image_id
            .as_ref()
            .and_then(|id| self.place_of.get(id));
        let Some(&picture) = picture else {
            let found = named(&record.image_id);
            self.findings.fault(format!(
                "{}: expected a picture of the truth, such as {}, found {found}",
                who(),
                self.pictures
                    .first()
                    .map_or("none".into(), |p| p.id.to_string())
            ));
            return None;
        };
        if record.category_id.is_none() {
            self.findings
                .fault(format!("{}: expected a category_id, found none", who()));
            return None;
        }
        let Some(Real(score)) = record.score.filter(|score| score.0.is_finite()) else {
            let found = record
                .score
                .map_or("none".into(), |score| score.0.to_string());
            self.findings
                .fault(format!("{}: expected a finite score, found {found}", who()));
            return None;
        };
        let of = &self.pictures[picture as usize];
        let mut mask = None;
        // an empty list is no mask
        let given = record
            .segmentation
            .as_ref()
            .filter(|given| !matches!(given, json::Segmentation::Polygons(of) if of.is_empty()));
        if let Some(given) = given {
            match mask_of(given, of) {
                Ok(found) => mask = Some(found),
                Err(why) if self.shape == Shape::Mask || !self.boxed => {
                    self.findings.fault(format!("{}: {why}", who()));
                    return None;
                }
                Err(why) => self
                    .findings
                    .odd("masks that are wrong (boxes are evaluated)", || {
                        format!("{}: {why}", who())
                    }),
            }
        }
        let given = record.bbox.as_deref().filter(|given| !given.is_empty());
        let place = match (given, &mask) {
            (Some(given), _) => checked_box(given, of, &who, &mut self.findings)?,
            (None, Some(mask)) if !self.boxed => mask.to_bbox(),
            _ => {
                let why = match self.boxed {
                    true => "expected a box (bbox), as the first detection has",
                    false => "expected a box (bbox) or a segmentation",
                };
                self.findings.fault(format!("{}: {why}, found none", who()));
                return None;
            }
        };
        let area = match (&mask, self.boxed) {
            (Some(mask), false) => mask.area() as f64,
            (None, false) => {
                let why = "expected a segmentation, as the first detection has no box";
                self.findings.fault(format!("{}: {why}, found none", who()));
                return None;
            }
            (_, true) => place[2] * place[3],
        };
        let Some(&category) = self.category_of.get(record.category_id.as_ref()?) else {
            self.unknown += 1;
            let found = named(&record.category_id);
            self.findings
                .odd(UNKNOWN, || format!("{}: category {found}", who()));
            return None;
        };
        if self.shape == Shape::Mask && mask.is_none() {
            let kind = "detections without a mask (their boxes are filled, as pycocotools does)";
            self.findings.odd(kind, who);
            match mask_of_box(&place, of) {
                Ok(found) => mask = Some(found),
                Err(why) => {
                    self.findings.fault(format!("{}: {why}", who()));
                    return None;
                }
            }
        }
        if self.shape == Shape::Mask && mask.as_ref().is_some_and(|mask| mask.area() == 0) {
            self.findings.odd("detections whose mask has no pixel", who);
        }
        Some(Detection {
            picture,
            category,
            place,
            area,
            score,
            mask: mask.filter(|_| self.shape == Shape::Mask),
        })
    }
}
