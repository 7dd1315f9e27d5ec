//! Annotations: pictures, categories, and the objects in them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::error::{DetectionError, Findings};
use crate::id::Id;
use crate::json::{self, Annotation, Document, Real};
use crate::picture::Picture;
use crate::rle::Rle;
use crate::shape::{checked_box, mask_of};

/// What is matched: boxes, or masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Boxes (`bbox` of COCO).
    Box,
    /// Masks (`segm` of COCO).
    Mask,
}

impl Shape {
    /// Machine name: `box` or `mask`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Box => "box",
            Self::Mask => "mask",
        }
    }
}

/// A category.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// Its id.
    pub id: Id,
    /// Its name; the id is put behind a name that another category has too.
    pub name: String,
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The annotation's id.
    pub id: Id,
    /// Place of its picture.
    pub picture: u32,
    /// Place of its category.
    pub category: u32,
    /// `x, y, width, height` in pixels.
    pub place: [f64; 4],
    /// Area in square pixels, as annotated: what makes an object small or large.
    pub area: f64,
    /// Whether it stands for a crowd: detections in it are neither right nor wrong.
    pub crowd: bool,
    /// Its mask, where masks are read.
    pub mask: Option<Rle>,
}

/// Everything annotated.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Truth {
    /// Pictures in the order of their ids.
    pub pictures: Vec<Picture>,
    /// Categories in the order of their ids.
    pub categories: Vec<Category>,
    /// Objects by picture, then category, then as annotated.
    pub objects: Vec<Object>,
    /// What was odd but could be read.
    pub notes: Vec<String>,
}

impl Truth {
    /// Reads COCO's annotations and checks every box and mask. Masks are kept for [`Shape::Mask`] only; for boxes a mask that is wrong
    /// is told in [`Truth::notes`].
    ///
    /// # Errors
    /// [`DetectionError`] naming the file, the annotation, what was expected and what was found: ids that are missing, unknown or
    /// given twice, boxes that are not finite or have a negative side, masks that do not fit their picture.
    pub fn read(path: &Path, shape: Shape) -> Result<Self, DetectionError> {
        let document: Document =
            json::parse(path, "COCO annotations (images, annotations, categories)")?;
        let mut findings = Findings::default();
        let pictures = pictures(document.images, &mut findings);
        let categories = categories(document.categories, &mut findings);
        let place_of: HashMap<&Id, u32> = pictures.iter().map(|p| &p.id).zip(0..).collect();
        let category_of: HashMap<&Id, u32> = categories.iter().map(|c| &c.id).zip(0..).collect();
        let mut seen: HashSet<Id> = HashSet::with_capacity(document.annotations.len());
        let mut objects = Vec::with_capacity(document.annotations.len());
        for (row, annotation) in document.annotations.into_iter().enumerate() {
            let Some(id) = annotation.id.clone() else {
                findings.fault(format!(
                    "annotation {} of the list: expected an id, found none",
                    row + 1
                ));
                continue;
            };
            if !seen.insert(id.clone()) {
                findings.fault(format!(
                    "annotation {id}: expected every id once, found it again"
                ));
                continue;
            }
            let of = |id: &Option<Id>, known: &HashMap<&Id, u32>| {
                id.as_ref().and_then(|id| known.get(id).copied())
            };
            let named = |id: &Option<Id>| id.as_ref().map_or("none".into(), Id::to_string);
            let Some(picture) = of(&annotation.image_id, &place_of) else {
                let found = named(&annotation.image_id);
                findings.fault(format!(
                    "annotation {id}: expected a picture of the images, found {found}"
                ));
                continue;
            };
            let Some(category) = of(&annotation.category_id, &category_of) else {
                let found = named(&annotation.category_id);
                findings.fault(format!(
                    "annotation {id}: expected a category of the categories, found {found}"
                ));
                continue;
            };
            let at = (picture, category);
            objects.extend(object(
                annotation,
                id,
                at,
                &pictures[picture as usize],
                shape,
                &mut findings,
            ));
        }
        if pictures.is_empty() {
            findings.fault("expected at least one picture, found none");
        }
        if categories.is_empty() {
            findings.fault("expected at least one category, found none");
        }
        let notes = findings.settle(path)?;
        Ok(Self::new(pictures, categories, objects, notes))
    }

    /// Puts objects in their order.
    pub(crate) fn new(
        pictures: Vec<Picture>,
        categories: Vec<Category>,
        mut objects: Vec<Object>,
        notes: Vec<String>,
    ) -> Self {
        // stable: as annotated within a picture and category
        objects.sort_by_key(|object| (object.picture, object.category));
        Self {
            pictures,
            categories,
            objects,
            notes,
        }
    }
}

fn pictures(images: Vec<json::Image>, findings: &mut Findings) -> Vec<Picture> {
    let side = |value: Option<Real>| {
        let value = value?.0;
        let fits = value.fract() == 0.0 && (1.0..=f64::from(i32::MAX)).contains(&value);
        fits.then_some(value as u32)
    };
    let mut pictures = Vec::with_capacity(images.len());
    for image in images {
        let shown = |side: Option<Real>| side.map_or("none".into(), |side| side.0.to_string());
        let (Some(height), Some(width)) = (side(image.height), side(image.width)) else {
            findings.fault(format!(
                "picture {}: expected a width and a height in pixels, found {} x {}",
                image.id,
                shown(image.width),
                shown(image.height)
            ));
            continue;
        };
        pictures.push(Picture {
            id: image.id,
            file_name: image.file_name.unwrap_or_default(),
            height,
            width,
        });
    }
    pictures.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in pictures.windows(2) {
        if pair[0].id == pair[1].id {
            findings.fault(format!(
                "picture {}: expected every id once, found it again ({:?} and {:?})",
                pair[0].id, pair[0].file_name, pair[1].file_name
            ));
        }
    }
    pictures
}

fn categories(records: Vec<json::CategoryRecord>, findings: &mut Findings) -> Vec<Category> {
    let mut categories: Vec<Category> = records
        .into_iter()
        .map(|record| Category {
            id: record.id,
            name: record.name,
        })
        .collect();
    categories.sort_by(|a, b| a.id.cmp(&b.id));
    for pair in categories.windows(2) {
        if pair[0].id == pair[1].id {
            findings.fault(format!(
                "category {}: expected every id once, found it again ({:?} and {:?})",
                pair[0].id, pair[0].name, pair[1].name
            ));
        }
    }
    let mut times: HashMap<String, usize> = HashMap::new();
    for category in &categories {
        *times.entry(category.name.clone()).or_default() += 1;
    }
    for category in &mut categories {
        if times[&category.name] > 1 {
            findings.odd("categories with the name of another", || {
                format!("category {}, {:?}", category.id, category.name)
            });
            category.name = format!("{} ({})", category.name, category.id);
        }
    }
    categories
}

fn object(
    annotation: Annotation,
    id: Id,
    (picture, category): (u32, u32),
    of: &Picture,
    shape: Shape,
    findings: &mut Findings,
) -> Option<Object> {
    let who = || format!("annotation {id}");
    let crowd = match annotation.iscrowd {
        None => {
            findings.odd("annotations without iscrowd (taken as no crowds)", who);
            false
        }
        Some(Real(0.0)) => false,
        Some(Real(1.0)) => true,
        Some(Real(found)) => {
            findings.fault(format!(
                "{}: expected iscrowd to be 0 or 1, found {found}",
                who()
            ));
            return None;
        }
    };
    let mut mask = None;
    match (&annotation.segmentation, shape) {
        (Some(given), _) => match mask_of(given, of) {
            Ok(found) => mask = Some(found),
            Err(why) if shape == Shape::Mask => {
                findings.fault(format!("{}: {why}", who()));
                return None;
            }
            Err(why) => findings.odd("masks that are wrong (boxes are evaluated)", || {
                format!("{}: {why}", who())
            }),
        },
        (None, Shape::Mask) => {
            findings.fault(format!("{}: expected a segmentation, found none", who()));
            return None;
        }
        (None, Shape::Box) => {}
    }
    let place = match (&annotation.bbox, &mask) {
        (Some(given), _) => checked_box(given, of, &who, findings)?,
        (None, Some(mask)) => {
            findings.odd("annotations without a box (taken from the mask)", who);
            mask.to_bbox()
        }
        (None, None) => {
            findings.fault(format!("{}: expected a box (bbox), found none", who()));
            return None;
        }
    };
    let area = match annotation.area {
        Some(Real(area)) if area.is_finite() && area >= 0.0 => area,
        Some(Real(found)) => {
            findings.fault(format!(
                "{}: expected an area of at least 0, found {found}",
                who()
            ));
            return None;
        }
        None => {
            findings.odd(
                "annotations without an area (taken from the mask, else the box)",
                who,
            );
            mask.as_ref()
                .map_or(place[2] * place[3], |mask| mask.area() as f64)
        }
    };
    if area == 0.0 && place[2] * place[3] > 0.0 {
        findings.odd(
            "annotations with an area of 0, which counts as small, and a box that has one",
            who,
        );
    }
    if id.is_zero() {
        findings.odd("annotations with the id 0, which counts as never found, as in pycocotools: number from 1", who);
    }
    Some(Object {
        id,
        picture,
        category,
        place,
        area,
        crowd,
        mask: mask.filter(|_| shape == Shape::Mask),
    })
}
