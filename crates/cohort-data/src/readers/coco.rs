//! COCO's JSON: pictures with boxes, categories and captions (<https://cocodataset.org/#format-data>).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use cohort_tables::{LabelColumn, LabelTable, counted, id_key};
use serde::Deserialize;

use super::contents::Contents;
use super::objects::{Box2d, Caption, Category, Objects};
use super::path_index::{Found, PathIndex};
use crate::error::{DataError, quoted, shorten};
use crate::files;
use crate::finding::{Finding, Kind};
use crate::folder;
use crate::label_file::{LabelFile, SplitTable};
use crate::layout::{Layout, Part};
use crate::media::{self, Media, MediaKind};
use crate::schema::Schema;

/// A number or a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text}"),
        }
    }
}

#[derive(Deserialize)]
struct Document {
    images: Vec<ImageRecord>,
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<CategoryRecord>,
}

#[derive(Deserialize)]
struct ImageRecord {
    id: Id,
    file_name: String,
    width: Option<f64>,
    height: Option<f64>,
}

#[derive(Deserialize)]
struct Annotation {
    id: Option<Id>,
    image_id: Id,
    category_id: Option<Id>,
    bbox: Option<Vec<f64>>,
    #[serde(default)]
    iscrowd: Option<f64>,
    caption: Option<String>,
}

#[derive(Deserialize)]
struct CategoryRecord {
    id: Id,
    name: String,
}

/// Pictures of one split, from all its files.
#[derive(Default)]
struct SplitRecords {
    /// Files they are from, for messages.
    shown: String,
    path: PathBuf,
    /// Item by the id of a picture.
    items: BTreeMap<Id, usize>,
    names: Vec<String>,
    /// Ids of boxes that were met.
    boxes: HashSet<Id>,
    /// Ids of captions that were met, and the place of each among all annotations.
    captions: HashMap<Id, usize>,
}

impl SplitRecords {
    /// Notes the id of an annotation that will stand at `place`. One that was met is given back with the place of the first: the
    /// key points of a person repeat the box that the instances have.
    fn met(&mut self, annotation: &Annotation, place: usize) -> Option<Met> {
        let id = annotation.id.clone()?;
        if annotation.caption.is_none() {
            return (!self.boxes.insert(id)).then_some(Met::Box);
        }
        match self.captions.entry(id) {
            Entry::Occupied(before) => Some(Met::Caption(*before.get())),
            Entry::Vacant(free) => {
                free.insert(place);
                None
            }
        }
    }
}

/// An annotation whose id was met before.
enum Met {
    Box,
    /// The place of the one before.
    Caption(usize),
}

pub(crate) fn read(
    root: &Path,
    files: &[PathBuf],
    schema: Option<Schema>,
) -> Result<Contents, DataError> {
    if files.is_empty() {
        let expected = "COCO annotations (annotations/*.json)";
        return Err(DataError::file(root, expected, "none"));
    }
    let mut splits: BTreeMap<(Option<Part>, String), SplitRecords> = BTreeMap::new();
    let mut objects = Objects::default();
    let mut categories: BTreeMap<Id, String> = BTreeMap::new();
    let mut rows: Vec<(Annotation, String, String, Option<[f64; 2]>)> = Vec::new();
    let mut findings = Vec::new();
    for path in files {
        let shown = path
            .strip_prefix(root)
            .unwrap_or(path)
            .display()
            .to_string();
        let document = parse(path)?;
        for category in document.categories {
            let before = categories.insert(category.id.clone(), category.name.clone());
            if let Some(before) = before.filter(|before| *before != category.name) {
                let expected = format!(
                    "category {} to be {}, as another file has it",
                    category.id,
                    quoted(&before)
                );
                return Err(DataError::file(path, expected, quoted(&category.name)));
            }
        }
        let name = split_name(root, path);
        let split = splits.entry((Part::of(&name), name.clone())).or_default();
        if split.path.as_os_str().is_empty() {
            (split.path, split.shown) = (path.clone(), shown.clone());
        }
        let mut sizes: HashMap<Id, Option<[f64; 2]>> = HashMap::new();
        for image in document.images {
            let size = image
                .width
                .zip(image.height)
                .map(|(width, height)| [width, height]);
            sizes.insert(image.id.clone(), size);
            if let Some(size) = size {
                objects.sizes.insert(id_key(&image.file_name), size);
            }
            let ids = objects.ids.entry(id_key(&image.file_name));
            ids.or_insert_with(|| image.id.to_string());
            if let Some(&known) = split.items.get(&image.id) {
                if split.names[known] != image.file_name {
                    let expected =
                        format!("picture {} to be {}", image.id, quoted(&split.names[known]));
                    return Err(DataError::file(path, expected, quoted(&image.file_name)));
                }
                continue;
            }
            split.items.insert(image.id, split.names.len());
            split.names.push(image.file_name);
        }
        for annotation in document.annotations {
            let Some(&item) = split.items.get(&annotation.image_id) else {
                let message = format!(
                    "annotation of the picture {}, which is not among the images",
                    annotation.image_id
                );
                findings.push(Finding::of_file(
                    Kind::BadAnnotation,
                    Some(&name),
                    &shown,
                    message,
                ));
                continue;
            };
            match split.met(&annotation, rows.len()) {
                None => {}
                Some(Met::Box) => continue,
                Some(Met::Caption(before)) => {
                    let before = &rows[before].0;
                    let same = before.caption == annotation.caption;
                    if !same || before.image_id != annotation.image_id {
                        findings.push(Finding::of_file(
                            Kind::CaptionIdAgain,
                            Some(&name),
                            &shown,
                            again(&annotation),
                        ));
                    }
                    continue;
                }
            }
            let size = sizes.get(&annotation.image_id).copied().flatten();
            rows.push((annotation, id_key(&split.names[item]), name.clone(), size));
        }
    }
    objects.categories = categories
        .iter()
        .map(|(id, name)| Category {
            id: id.to_string(),
            name: name.clone(),
        })
        .collect();
    let place: HashMap<&Id, usize> = categories
        .keys()
        .enumerate()
        .map(|(i, id)| (id, i))
        .collect();
    for (annotation, item, split, size) in rows {
        add(
            &mut objects,
            &place,
            annotation,
            &item,
            &split,
            size,
            &mut findings,
        );
    }
    contents(root, schema, splits, objects, findings)
}

fn again(caption: &Annotation) -> String {
    let id = caption.id.as_ref().map_or(String::new(), Id::to_string);
    format!("caption {id} again with another text or picture; the first is kept")
}

/// One annotation, or why it is none.
fn add(
    objects: &mut Objects,
    categories: &HashMap<&Id, usize>,
    annotation: Annotation,
    item: &str,
    split: &str,
    size: Option<[f64; 2]>,
    findings: &mut Vec<Finding>,
) {
    let mut say = |kind, message: String| {
        let finding = Finding::of_file(kind, Some(split), item, message);
        findings.push(Finding {
            clip: Some(item.to_string()),
            file: None,
            ..finding
        });
    };
    let own_id = annotation.id.map(|id| id.to_string());
    let id = own_id.clone().unwrap_or("without an id".to_string());
    if let Some(text) = annotation.caption {
        if text.trim().is_empty() {
            say(Kind::OddAnnotation, format!("caption {id} without a word"));
        }
        objects.captions.push(Caption {
            id: own_id,
            item: item.to_string(),
            text,
        });
        return;
    }
    let Some(corners) = annotation.bbox else {
        return;
    };
    let Ok(corners) = <[f64; 4]>::try_from(corners) else {
        say(
            Kind::BadAnnotation,
            format!("box {id}: expected four numbers"),
        );
        return;
    };
    let category = annotation
        .category_id
        .as_ref()
        .and_then(|id| categories.get(id));
    let Some(&category) = category else {
        let category = annotation
            .category_id
            .map_or("none".to_string(), |id| id.to_string());
        say(
            Kind::BadAnnotation,
            format!("box {id}: expected a known category, found {category}"),
        );
        return;
    };
    let [x, y, width, height] = corners;
    if !corners.iter().all(|number| number.is_finite()) || width <= 0.0 || height <= 0.0 {
        say(
            Kind::OddAnnotation,
            format!("box {id} without an area: {width} x {height}"),
        );
    } else if let Some([w, h]) = size
        // annotations are rounded to hundredths of a pixel
        && (x < -1.0 || y < -1.0 || x + width > w + 1.0 || y + height > h + 1.0)
    {
        say(
            Kind::OddAnnotation,
            format!(
                "box {id} reaches out of the picture: {x}, {y}, {width} x {height} in {w} x {h}"
            ),
        );
    }
    objects.boxes.push(Box2d {
        item: item.to_string(),
        category,
        place: corners,
        crowd: annotation.iscrowd.is_some_and(|crowd| crowd != 0.0),
    });
}

fn parse(path: &Path) -> Result<Document, DataError> {
    let file = files::open(path)?;
    serde_json::from_reader(BufReader::new(file)).map_err(|error| {
        let row = error.line().max(1) as u64;
        DataError::row(path, row, "COCO annotations", error.to_string())
    })
}

/// `train2017` of `annotations/instances_train2017.json`, the folder of `train/_annotations.coco.json`, else the file's name.
fn split_name(root: &Path, path: &Path) -> String {
    let stem = path
        .file_stem()
        .map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
    let last = stem.rsplit(['_', '-']).next().unwrap_or(&stem).to_string();
    if Part::of(&last).is_some() {
        return last;
    }
    let folder = path.parent().filter(|parent| *parent != root);
    let folder = folder
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy());
    match folder {
        Some(folder) if Part::of(&folder).is_some() => folder.into_owned(),
        _ => stem,
    }
}

fn contents(
    root: &Path,
    schema: Option<Schema>,
    splits: BTreeMap<(Option<Part>, String), SplitRecords>,
    objects: Objects,
    mut findings: Vec<Finding>,
) -> Result<Contents, DataError> {
    let listing = folder::search(root, MediaKind::Picture.extensions())?;
    let index = PathIndex::new(&listing.files);
    let mut schema = schema.unwrap_or_else(|| Schema {
        item: "picture".into(),
        unit: "picture".into(),
        ..Schema::found(root, "")
    });
    // a picture has any number of categories, so none is its class
    schema.target.clear();
    schema.attributes.clear();
    schema.name_column = "file_name".into();
    schema.subject_column = "file_name".into();
    schema.splits = splits.keys().map(|(_, name)| name.clone()).collect();
    let (mut tables, mut notes) = (Vec::new(), Vec::new());
    for ((_, name), split) in splits {
        if split.names.is_empty() {
            return Err(DataError::file(&split.path, "at least one picture", "none"));
        }
        let mut missing = Vec::new();
        let mut found: Vec<Media> = Vec::new();
        for file in &split.names {
            // the folder of a split is called as the split is
            let in_split = index.find(&format!("{name}/{file}"));
            let files = match in_split {
                Found::Files(files) => files,
                _ => match index.find(file) {
                    Found::Files(files) => files,
                    _ => Vec::new(),
                },
            };
            if files.is_empty() {
                missing.push(file.clone());
            }
            found.push(media::join(
                files.iter().map(|&file| listing.files[file].path.as_path()),
            ));
        }
        if !missing.is_empty() {
            notes.push(format!(
                "{}: {} of {} without a file: {}",
                split.path.display(),
                counted(missing.len(), "picture"),
                split.names.len(),
                shorten(&missing, 3)
            ));
        }
        let own = LabelColumn {
            name: "file_name".into(),
            values: split.names.clone(),
        };
        tables.push(SplitTable {
            split: name.clone(),
            file: Ok(LabelFile {
                split: name,
                path: split.path,
                shown: split.shown,
                table: LabelTable {
                    names: split.names,
                    columns: vec![own],
                },
                lines: Vec::new(),
                problems: Vec::new(),
                notes: Vec::new(),
                media: Some(found),
            }),
        });
    }
    findings.sort_by_key(|finding| finding.kind);
    Ok(Contents {
        root: root.to_path_buf(),
        layout: Layout::Coco,
        schema,
        tables,
        unused: Vec::new(),
        notes,
        findings,
        objects: Some(objects),
        made: None,
    })
}
