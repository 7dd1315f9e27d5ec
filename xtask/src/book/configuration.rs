//! The configuration of a run, key by key, from its types; the defaults are those that the program writes.

use std::fmt::Write as _;

use anyhow::bail;
use syn::Type;
use toml::{Table, Value};

use super::schema::{inner_of, plain};
use super::types::{Known, Shape, Types, cased};

/// The page. `defaults` is a whole default configuration as TOML.
pub(super) fn page(types: &Types, defaults: &str) -> anyhow::Result<String> {
    let defaults: Table = defaults.parse()?;
    let root = types.of_crate("RunConfig", "cohort-pipeline")?;
    let page = String::from(
        "# Configuration, key by key\n\n\
         <!-- Made from the types by `cargo xtask book`; edits are lost. -->\n\n\
         `cohort run`, `train` and `sweep` take a file in place of a folder: `cohort run settings.toml --out my-run`. Whatever it does\n\
         not say keeps its default. Options of the command line stand above it. A run writes what it used, every value resolved, as\n\
         `config.toml` into its folder; that file is itself a configuration. The only key that must be there is `data`.\n\n\
         ```toml\n\
         data = \"DATA\"            # the folder, or a table of paths\n\
         seed = 3\n\
         modalities = [\"image\"]\n\n\
         [image]\n\
         backbone = \"resnet18\"\n\n\
         [image.train]\n\
         epochs = 40\n\
         learning_rate = 0.001\n\
         ```\n\n\
         A key that there is not is an error that names its line, the keys that there are and the one that was probably meant.\n\
         \"None\" as a default means that the key is left out.\n",
    );
    let mut writer = Writer {
        types,
        page,
        written: Vec::new(),
    };
    writer.table("", root, Some(&Value::Table(defaults)))?;
    Ok(writer.page)
}

struct Writer<'a> {
    types: &'a Types,
    page: String,
    /// Types that were listed, with their place and its defaults.
    written: Vec<(String, String, Option<Value>)>,
}

impl Writer<'_> {
    /// The keys of a table, then those of the tables below it.
    fn table(&mut self, path: &str, known: &Known, defaults: Option<&Value>) -> anyhow::Result<()> {
        let Shape::Struct(fields) = &known.shape else {
            bail!("{}: a table is a struct", known.name);
        };
        let heading = match path {
            "" => "The run".to_string(),
            path => format!("`[{path}]`"),
        };
        let _ = write!(self.page, "\n## {heading}\n\n{}\n\n", meaning(&known.doc));
        let before = self.written.iter().find(|(name, ..)| *name == known.name);
        let before = before.cloned();
        if defaults.is_none() {
            self.page += "This table is not there unless it is written.\n\n";
        }
        let mut rows = String::new();
        let mut tables = Vec::new();
        for field in fields {
            let ty = inner_of(&field.ty, "Option").unwrap_or(&field.ty);
            let value = defaults.and_then(|table| table.get(&field.name));
            if let Some(inner) = self
                .named(ty, known)
                .filter(|inner| matches!(inner.shape, Shape::Struct(_)))
            {
                let below = match path {
                    "" => field.name.clone(),
                    path => format!("{path}.{}", field.name),
                };
                tables.push((below, inner.clone(), value.cloned()));
                continue;
            }
            if let Some((_, _, Some(other))) = &before
                && other.get(&field.name) == value
            {
                continue;
            }
            let shown = value.map_or("none".to_string(), |value| {
                format!("`{}`", value.to_string().trim())
            });
            let words = self.words(ty, known);
            let _ = writeln!(
                rows,
                "| `{}` | {shown} | {}{words} |",
                field.name,
                without_default(&meaning(&field.doc))
            );
        }
        let header = "| key | default | meaning |\n|---|---|---|\n";
        let _ = match &before {
            None => write!(self.page, "{header}{rows}"),
            Some((_, place, _)) => {
                let keys = format!("[`[{place}]`](#{})", anchor(place));
                match rows.is_empty() {
                    true => writeln!(self.page, "The keys and defaults are those of {keys}."),
                    false => write!(
                        self.page,
                        "The keys are those of {keys}. Here these defaults are others:\n\n{header}{rows}"
                    ),
                }
            }
        };
        if before.is_none() {
            self.written
                .push((known.name.clone(), path.to_string(), defaults.cloned()));
        }
        for (path, inner, value) in tables {
            // what is nowhere else is not listed twice
            self.table(&path, &inner, value.as_ref())?;
        }
        Ok(())
    }

    /// The type of a field where it is one of ours.
    fn named(&self, ty: &Type, from: &Known) -> Option<&Known> {
        let Type::Path(path) = ty else {
            return None;
        };
        self.types
            .find(&path.path.segments.last()?.ident.to_string(), &from.place)
    }

    /// The words that a value may be, and what they mean.
    fn words(&self, ty: &Type, from: &Known) -> String {
        let one = inner_of(ty, "Vec").unwrap_or(ty);
        let Some(known) = self.named(one, from) else {
            return String::new();
        };
        let Shape::Enum(variants) = &known.shape else {
            return String::new();
        };
        let rule = known.serde.rename_all.as_deref();
        let words = variants.iter().map(|variant| {
            let name = variant
                .rename
                .clone()
                .unwrap_or_else(|| cased(&variant.name, rule));
            format!("<br>`{name}`: {}", meaning(&variant.doc))
        });
        words.collect()
    }
}

/// Documentation on one line of a table.
fn meaning(doc: &str) -> String {
    plain(doc).replace('|', "\\|").replace('<', "&lt;")
}

/// A meaning without the sentence that states a default, which has a column of its own; not where it says more.
fn without_default(meaning: &str) -> String {
    let Some(at) = meaning.find("Default ") else {
        return meaning.to_string();
    };
    let (before, sentence) = meaning.split_at(at);
    let end = sentence.find(". ").map_or(sentence.len(), |end| end + 2);
    let (sentence, after) = sentence.split_at(end);
    match sentence.contains(':') || sentence.contains(',') || sentence.contains(';') {
        true => meaning.to_string(),
        false => format!("{before}{after}").trim_end().to_string(),
    }
}

/// The anchor of a table's heading.
fn anchor(path: &str) -> String {
    path.chars()
        .filter(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}
