//! A contact sheet: query pictures beside the pictures of their nearest neighbours, as data.

mod drawn;

pub use drawn::{DrawnSheet, sheet_png};

/// What a contact sheet shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    /// Title.
    pub title: String,
    /// What was searched and by which distance, in a sentence.
    pub subtitle: String,
    /// What the groups are, such as `AgeGroup`; none where no group is known.
    pub column: Option<String>,
    /// What is to be known of the sheet, a sentence each.
    pub notes: Vec<String>,
    /// The queries, in their order.
    pub queries: Vec<SheetQuery>,
}

/// A query and its neighbours.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SheetQuery {
    /// What was asked.
    pub query: Shown,
    /// The neighbours, nearest first, each with its distance.
    pub found: Vec<(Shown, f64)>,
}

/// A clip of a sheet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its group, for people; none where it is not known.
    pub group: Option<String>,
    /// Its picture; none: an empty frame with its name.
    pub picture: Option<SheetPicture>,
    /// Whether it is words, which have no picture; the name is what was asked.
    pub is_words: bool,
}

impl Shown {
    /// What stands in a frame without a picture.
    pub(crate) fn stand_in(&self) -> &'static str {
        match self.is_words {
            true => "words",
            false => "no picture",
        }
    }
}

/// A small picture.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetPicture {
    /// A `data:` address, as of [`crate::jpeg_address`].
    pub address: String,
    /// Its width in pixels, at least 1.
    pub width: usize,
    /// Its height in pixels, at least 1.
    pub height: usize,
}

impl Sheet {
    /// Longer side of the small pictures, in pixels.
    pub const SIDE: usize = 112;
    /// Most neighbours of one query on a sheet.
    pub const MOST_NEIGHBOURS: usize = 50;
    /// Most frames of a sheet, those of the queries among them: so the page stays below ten megabytes.
    pub const MOST_FRAMES: usize = 1_000;

    /// So many queries of `neighbours` neighbours each fit a sheet.
    pub fn most_queries(neighbours: usize) -> usize {
        Self::MOST_FRAMES / (neighbours.min(Self::MOST_NEIGHBOURS) + 1)
    }
}

impl SheetQuery {
    /// Whether a neighbour is of the query's group; none where either group is not known.
    pub(crate) fn is_right(&self, neighbour: &Shown) -> Option<bool> {
        Some(self.query.group.as_ref()? == neighbour.group.as_ref()?)
    }
}

/// `right` or `wrong`.
pub(crate) fn verdict(right: bool) -> &'static str {
    match right {
        true => "right",
        false => "wrong",
    }
}

/// A distance as sheets and terminals show it.
pub(crate) fn distance(value: f64) -> String {
    crate::format::fixed(value, 6)
}
