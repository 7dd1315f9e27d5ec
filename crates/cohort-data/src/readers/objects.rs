//! What lies in pictures and is said of them: boxes, categories and captions.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

/// What lies in and is said of the pictures of a data set, keyed by item.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Objects {
    /// The categories, in the order of their ids.
    pub categories: Vec<Category>,
    /// Boxes in the order of the files.
    pub boxes: Vec<Box2d>,
    /// Captions in the order of the files.
    pub captions: Vec<Caption>,
    /// Width and height of each picture in pixels as the annotations have them, by item.
    pub sizes: BTreeMap<String, [f64; 2]>,
    /// Id of each picture in the annotations, by item; of several the first.
    pub ids: BTreeMap<String, String>,
}

/// A category of boxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its id in the annotations.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A box around an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Box2d {
    /// Id of the picture's item.
    pub item: String,
    /// Place of its category in [`Objects::categories`].
    pub category: usize,
    /// Left, top, width and height in pixels.
    pub place: [f64; 4],
    /// Whether it is drawn around a crowd, which is not counted as one object.
    pub crowd: bool,
}

/// A sentence about a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// Its id in the annotations, where it has one.
    pub id: Option<String>,
    /// Id of the picture's item.
    pub item: String,
    /// The sentence.
    pub text: String,
}

/// Counts of [`Objects`] for statistics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectsCounts {
    /// Each split by name, in the data set's order.
    pub splits: Vec<SplitObjects>,
}

/// Counts of one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitObjects {
    /// Name of the split.
    pub split: String,
    /// Pictures.
    pub pictures: usize,
    /// Pictures without a box.
    pub without_boxes: usize,
    /// Boxes, those of crowds among them.
    pub boxes: usize,
    /// Boxes around a crowd.
    pub crowds: usize,
    /// Captions.
    pub captions: usize,
    /// Name, pictures with it and boxes of each category that occurs, the most boxes first.
    pub categories: Vec<(String, usize, usize)>,
}

impl Objects {
    /// Counts by split, each given by its name and the ids of its items.
    pub(crate) fn counts<'a>(
        &self,
        splits: impl Iterator<Item = (&'a str, HashSet<&'a str>)>,
    ) -> ObjectsCounts {
        let splits = splits.map(|(split, items)| {
            let boxes = self.boxes.iter().filter(|one| items.contains(&*one.item));
            let mut with: HashSet<&str> = HashSet::new();
            let mut by_category: BTreeMap<usize, (HashSet<&str>, usize)> = BTreeMap::new();
            let (mut count, mut crowds) = (0, 0);
            for one in boxes {
                count += 1;
                crowds += usize::from(one.crowd);
                with.insert(&one.item);
                let (pictures, boxes) = by_category.entry(one.category).or_default();
                pictures.insert(&one.item);
                *boxes += 1;
            }
            let name = |category: usize| self.categories[category].name.clone();
            let mut categories: Vec<(String, usize, usize)> = by_category
                .into_iter()
                .map(|(category, (pictures, boxes))| (name(category), pictures.len(), boxes))
                .collect();
            categories.sort_by(|a, b| b.2.cmp(&a.2).then(a.0.cmp(&b.0)));
            let captions = self
                .captions
                .iter()
                .filter(|one| items.contains(&*one.item));
            SplitObjects {
                split: split.to_string(),
                pictures: items.len(),
                without_boxes: items.len() - with.len(),
                boxes: count,
                crowds,
                captions: captions.count(),
                categories,
            }
        });
        ObjectsCounts {
            splits: splits.collect(),
        }
    }
}
