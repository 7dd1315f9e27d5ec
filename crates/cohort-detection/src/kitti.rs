//! KITTI-MOTS's text files: a mask a row, `frame object_id class_id height width rle`, without a header.
//!
//! Boxes and areas come from the masks. Class 10 marks regions that are not annotated: they are crowds of both classes, so that what
//! is detected there is neither right nor wrong, and no class of their own.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DetectionError;
use crate::id::Id;
use crate::picture::Picture;
use crate::rle::Rle;
use crate::truth::{Category, Object, Truth};

/// The classes that are objects.
const CLASSES: [(u32, &str); 2] = [(1, "car"), (2, "pedestrian")];
/// The class of regions that are not annotated.
const IGNORED: u32 = 10;
/// Frames of a sequence are numbered below this: a picture's id is the sequence's number times this, plus the frame's.
const FRAMES: i64 = 100_000;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct KittiRow {
    /// Number of the frame in its sequence, from 0.
    pub frame: u32,
    /// Class times 1000 plus the number of the object.
    pub object: u32,
    /// 1 car, 2 pedestrian, 10 a region that is not annotated.
    pub class: u32,
    /// The mask.
    pub mask: Rle,
}

/// Reads every row of a file, the first with them.
///
/// # Errors
/// [`DetectionError`] naming the file and the line.
pub fn read_kitti(path: &Path) -> Result<Vec<KittiRow>, DetectionError> {
    let text = fs::read_to_string(path).map_err(|source| DetectionError::io(path, source))?;
    let mut rows = Vec::new();
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let row = parse(line).map_err(|(expected, found)| DetectionError::File {
            path: path.display().to_string(),
            line: Some(i + 1),
            expected,
            found,
        })?;
        rows.push(row);
    }
    Ok(rows)
}

fn parse(line: &str) -> Result<KittiRow, (String, String)> {
    let cells: Vec<&str> = line.split_ascii_whitespace().collect();
    let &[frame, object, class, height, width, counts] = cells.as_slice() else {
        let expected = "six cells: frame object_id class_id height width rle";
        return Err((expected.into(), format!("{}", cells.len())));
    };
    let number = |name: &str, text: &str| {
        let read = text.parse::<u32>();
        read.map_err(|_| {
            (
                format!("a whole number of at least 0 as {name}"),
                format!("{text:?}"),
            )
        })
    };
    let class = number("class_id", class)?;
    if class != IGNORED && CLASSES.iter().all(|known| known.0 != class) {
        let expected = "a class_id 1 (car), 2 (pedestrian) or 10 (not annotated)";
        return Err((expected.into(), class.to_string()));
    }
    let frame = number("frame", frame)?;
    if i64::from(frame) >= FRAMES {
        return Err((format!("a frame below {FRAMES}"), frame.to_string()));
    }
    let (height, width) = (number("height", height)?, number("width", width)?);
    let mask = Rle::from_compressed(counts, height, width);
    let mask = mask.map_err(|error| {
        (
            "a mask that fits".to_string(),
            format!("one that does not: {error}"),
        )
    })?;
    Ok(KittiRow {
        frame,
        object: number("object_id", object)?,
        class,
        mask,
    })
}

impl KittiRow {
    /// The row as it is written.
    pub fn to_line(&self) -> String {
        format!(
            "{} {} {} {} {} {}",
            self.frame,
            self.object,
            self.class,
            self.mask.height(),
            self.mask.width(),
            self.mask.to_compressed()
        )
    }
}

impl Truth {
    /// The objects of a file of KITTI-MOTS, or of every `NNNN.txt` in a folder. The sequence is the number that the file is called by; a
    /// picture's id is that times 100,000 plus its frame, its name `NNNN/FFFFFF.png`. Frames without a row are not in the files, so
    /// they are no pictures here.
    ///
    /// # Errors
    /// [`DetectionError`] naming the file and the line.
    pub fn read_kitti(path: &Path) -> Result<Self, DetectionError> {
        let mut pictures: BTreeMap<i64, Picture> = BTreeMap::new();
        let mut rows = Vec::new();
        for file in files(path)? {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let Ok(sequence) = stem.parse::<u16>() else {
                let expected = "a file called by the number of its sequence, such as 0002.txt";
                return Err(DetectionError::file(&file, expected, format!("{stem:?}")));
            };
            for row in read_kitti(&file)? {
                let id = i64::from(sequence) * FRAMES + i64::from(row.frame);
                let picture = pictures.entry(id).or_insert_with(|| Picture {
                    id: Id::Number(id),
                    file_name: format!("{sequence:04}/{:06}.png", row.frame),
                    height: row.mask.height(),
                    width: row.mask.width(),
                });
                if (picture.height, picture.width) != (row.mask.height(), row.mask.width()) {
                    let expected = format!(
                        "masks of frame {} to be {} x {} (height x width), as its first is",
                        row.frame, picture.height, picture.width
                    );
                    let found = format!("{} x {}", row.mask.height(), row.mask.width());
                    return Err(DetectionError::file(&file, expected, found));
                }
                rows.push((id, row));
            }
        }
        if rows.is_empty() {
            return Err(DetectionError::file(path, "at least one row", "none"));
        }
        let place: HashMap<i64, u32> = pictures.keys().copied().zip(0..).collect();
        let mut objects = Vec::with_capacity(rows.len());
        for (id, row) in rows {
            let of = (0..)
                .zip(CLASSES)
                .filter(|(_, known)| [known.0, IGNORED].contains(&row.class));
            for (category, _) in of {
                objects.push(Object {
                    id: Id::Number(objects.len() as i64 + 1),
                    picture: place[&id],
                    category,
                    place: row.mask.to_bbox(),
                    area: row.mask.area() as f64,
                    crowd: row.class == IGNORED,
                    mask: Some(row.mask.clone()),
                });
            }
        }
        let categories = CLASSES.map(|(id, name)| Category {
            id: Id::Number(i64::from(id)),
            name: name.into(),
        });
        let pictures = pictures.into_values().collect();
        Ok(Self::new(pictures, categories.into(), objects, Vec::new()))
    }
}

fn files(path: &Path) -> Result<Vec<PathBuf>, DetectionError> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let io = |source| DetectionError::io(path, source);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let file = entry.map_err(io)?.path();
        if file.extension().is_some_and(|ending| ending == "txt") {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        false => Ok(files),
        true => Err(DetectionError::file(path, "files NNNN.txt", "none")),
    }
}
