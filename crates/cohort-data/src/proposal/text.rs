//! A proposed schema as TOML with comments.

use std::fmt::Write;

use cohort_tables::{code, counted, have_evident_order, range_of};

use super::Recognised;
use crate::dataset::Dataset;
use crate::layout::Layout;
use crate::schema::Attribute;

/// Levels beyond which they are left to the tables.
const MOST_LEVELS: usize = 60;

/// The file. `opened` is the data set as it is read with the schema, which has the levels of every attribute.
pub(super) fn write(found: &Recognised, opened: &Dataset) -> String {
    let schema = &found.schema;
    let mut text = String::new();
    let mut line = |written: String| {
        text += &written;
        text.push('\n');
    };
    line(format!(
        "# What lies in this folder: {}.",
        plain(&found.what)
    ));
    line(
        "# Written by `cohort init`; change what is not so. Lines that begin with # are comments."
            .into(),
    );
    line("#".into());
    line("#   cohort data stats .       who is in the data".into());
    line("#   cohort data check .       what is wrong with it".into());
    for call in &found.calls {
        line(format!("#   {}", plain(call)));
    }
    line(String::new());
    let mut key = |name: &str, value: String, comment: &str| {
        line(format!("{:<45} # {comment}", format!("{name} = {value}")));
    };
    key("name", quoted(&schema.name), "shown in reports");
    key(
        "layout",
        quoted(found.layout.name()),
        "how it lies on disk: label-tables, class-folders, table or coco",
    );
    key(
        "target",
        match found.layout {
            Layout::Coco => quoted("none"),
            _ => quoted(&schema.target),
        },
        match found.layout {
            Layout::ClassFolders => "what models predict: the folders' names",
            Layout::Coco => "COCO pictures have no single class: nothing to train a classifier on",
            _ => "the column that models predict",
        },
    );
    let has_columns = matches!(found.layout, Layout::LabelTables | Layout::Table);
    if has_columns {
        key(
            "name_column",
            quoted(&schema.name_column),
            match found.layout {
                Layout::Table => "the column of paths",
                _ => "the column with the name of the clip",
            },
        );
        key(
            "subject_column",
            quoted(&schema.subject_column),
            match schema.items_are_units() {
                true => {
                    "who it is of, and must not be in two splits; here every item is one of its own"
                }
                false => "who it is of, and must not be in two splits",
            },
        );
    }
    key(
        "item",
        quoted(&opened.schema.item),
        "what one of them is called",
    );
    if !opened.schema.items_are_units() {
        key(
            "unit",
            quoted(&opened.schema.unit),
            "what the subject is called",
        );
    }
    if found.layout == Layout::LabelTables {
        let splits: Vec<String> = opened
            .splits
            .iter()
            .map(|split| quoted(&split.name))
            .collect();
        key(
            "splits",
            format!("[{}]", splits.join(", ")),
            "in order: training, validation, test",
        );
        key(
            "labels",
            quoted(&schema.labels),
            "the label table of a split",
        );
        key(
            "folder",
            quoted(&schema.folder),
            "where the media of a clip lie; {split} and {target} stand for its own",
        );
    }
    let attributes = match found.layout {
        // pictures have no single class, and nothing else is said of them
        Layout::Coco => &[],
        _ => opened.schema.attributes.as_slice(),
    };
    for attribute in attributes {
        write_attribute(&mut text, attribute, opened);
    }
    text
}

fn write_attribute(text: &mut String, attribute: &Attribute, opened: &Dataset) {
    let codes = attribute.codes();
    let is_target = attribute.column == opened.schema.target;
    // ranges have an order; codes that are numbers may have one, or be mere names
    let ranges = codes.len() > 1
        && have_evident_order(&codes)
        && codes
            .iter()
            .any(|code| range_of(code).is_some_and(|(low, high)| low < high));
    let ordered = attribute.ordered || ranges;
    let why = match (ordered, have_evident_order(&codes) && codes.len() > 2) {
        (true, _) => "their order means something; false where it does not",
        (false, true) => "these are numbers: true where their order means something",
        (false, false) => "true where the order of the levels means something",
    };
    // writing to a string cannot fail
    let _ = writeln!(
        text,
        "\n[[attribute]]{}",
        match is_target {
            true => "                                 # the target",
            false => "",
        }
    );
    let _ = writeln!(text, "column = {}", quoted(&attribute.column));
    let _ = writeln!(text, "{:<45} # {why}", format!("ordered = {ordered}"));
    if let Some(scale) = &attribute.scale {
        let _ = writeln!(
            text,
            "{:<45} # what midpoints are in",
            format!("scale = {}", quoted(scale))
        );
    }
    if codes.len() > MOST_LEVELS || codes.is_empty() {
        let _ = writeln!(text, "# {} levels, taken from the tables", codes.len());
        return;
    }
    let _ = writeln!(text, "levels = [");
    let at = opened.schema.attribute_index(&attribute.column);
    for (place, level) in attribute.levels.iter().enumerate() {
        let clips = opened.splits.iter().flat_map(|split| &split.clips);
        let count = clips
            .filter(|clip| at.and_then(|at| clip.levels.get(at)) == Some(&place))
            .count();
        let midpoint = level
            .midpoint
            .map_or(String::new(), |value| format!(", midpoint = {value:?}"));
        let entry = format!(
            "  {{ code = {}, name = {}{midpoint} }},",
            quoted(&code(&level.code)),
            quoted(&level.name)
        );
        let _ = writeln!(
            text,
            "{entry:<45} # {}",
            counted(count, &opened.schema.item)
        );
    }
    let _ = writeln!(text, "]");
}

/// A text as a value of TOML, on one line.
fn quoted(text: &str) -> String {
    let mut value = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => value.extend(['\\', c]),
            // control characters are all below U+10000
            c if c.is_control() => value += &format!("\\u{:04X}", u32::from(c)),
            c => value.push(c),
        }
    }
    value + "\""
}

/// A text that cannot end its line.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_one_value_on_one_line() {
        for odd in [
            "a\"b",
            "a\nb = 1",
            "'",
            "\u{7f}\u{0}",
            "# no comment",
            "ünï",
        ] {
            let read: toml::Table = format!("key = {}", quoted(odd)).parse().unwrap();
            assert_eq!(read["key"].as_str(), Some(odd));
            assert!(!quoted(odd).contains('\n') && !plain(odd).contains('\n'));
        }
    }
}
