//! The types of the workspace that are written as JSON or read as TOML, as their source states them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use syn::{Attribute, Fields, Item, Meta, Type, UseTree};

/// Where a type stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Its crate.
    pub krate: String,
    /// Its file.
    pub file: PathBuf,
}

/// A type that serde writes.
#[derive(Clone)]
pub(super) struct Known {
    pub place: Place,
    pub name: String,
    pub doc: String,
    /// Names of its type parameters.
    pub parameters: Vec<String>,
    pub shape: Shape,
    pub serde: Serde,
}

#[derive(Clone)]
pub(super) enum Shape {
    Struct(Vec<Field>),
    /// A tuple of one field, written as that field; with what serde is told of the field.
    Newtype(Box<Type>, Serde),
    Enum(Vec<Variant>),
}

/// A field of a struct.
#[derive(Clone)]
pub(super) struct Field {
    /// Its name as it is written.
    pub name: String,
    pub doc: String,
    pub ty: Type,
    pub serde: Serde,
}

/// A variant of an enumeration.
#[derive(Clone)]
pub(super) struct Variant {
    pub name: String,
    pub doc: String,
    pub fields: Vec<Field>,
    /// The type of a variant of one field without a name.
    pub holds: Option<Type>,
    pub rename: Option<String>,
}

/// What serde is told.
#[derive(Debug, Clone, Default)]
pub(super) struct Serde {
    pub rename: Option<String>,
    pub rename_all: Option<String>,
    pub tag: Option<String>,
    pub into: Option<String>,
    pub with: Option<String>,
    pub untagged: bool,
    pub transparent: bool,
    pub flatten: bool,
    pub skip: bool,
    /// Left out of what is written under some condition.
    pub skip_if: bool,
}

/// Every known type by its name.
#[derive(Default)]
pub(super) struct Types {
    known: BTreeMap<String, Vec<Known>>,
    /// Other names for types, by crate and name.
    aliases: BTreeMap<(String, String), Type>,
    /// The crate that a file takes a name from, by file and name.
    imports: BTreeMap<(PathBuf, String), String>,
}

impl Types {
    /// Reads the sources of all crates.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(root.join("crates"))? {
            rust_files(&entry?.path().join("src"), &mut files)?;
        }
        files.sort();
        let mut types = Self::default();
        for file in files {
            let text = std::fs::read_to_string(&file)?;
            let parsed = syn::parse_file(&text)
                .with_context(|| format!("cannot parse {}", file.display()))?;
            let below = file.strip_prefix(root.join("crates"))?;
            let krate = below
                .components()
                .next()
                .map(|part| part.as_os_str().to_string_lossy().into_owned());
            let place = Place {
                krate: krate.unwrap_or_default(),
                file: below.to_path_buf(),
            };
            types.add(&place, &parsed.items);
        }
        Ok(types)
    }

    fn add(&mut self, place: &Place, items: &[Item]) {
        for item in items {
            let known = match item {
                Item::Struct(item) if derives(&item.attrs) => Known {
                    place: place.clone(),
                    name: item.ident.to_string(),
                    doc: doc(&item.attrs),
                    parameters: parameters(&item.generics),
                    serde: serde(&item.attrs),
                    shape: match &item.fields {
                        Fields::Unnamed(fields) => match fields.unnamed.first() {
                            Some(field) => {
                                Shape::Newtype(Box::new(field.ty.clone()), serde(&field.attrs))
                            }
                            None => continue,
                        },
                        fields => Shape::Struct(named(fields)),
                    },
                },
                Item::Enum(item) if derives(&item.attrs) => Known {
                    place: place.clone(),
                    name: item.ident.to_string(),
                    doc: doc(&item.attrs),
                    parameters: parameters(&item.generics),
                    serde: serde(&item.attrs),
                    shape: Shape::Enum(item.variants.iter().map(variant).collect()),
                },
                Item::Mod(item) if !is_test(&item.attrs) => {
                    if let Some((_, items)) = &item.content {
                        self.add(place, items);
                    }
                    continue;
                }
                Item::Type(item) => {
                    let name = (place.krate.clone(), item.ident.to_string());
                    self.aliases.insert(name, (*item.ty).clone());
                    continue;
                }
                Item::Use(item) => {
                    self.import(place, &item.tree, None);
                    continue;
                }
                _ => continue,
            };
            self.known
                .entry(known.name.clone())
                .or_default()
                .push(known);
        }
    }

    /// Keeps which of the workspace's crates the names of a `use` are from.
    fn import(&mut self, place: &Place, tree: &UseTree, krate: Option<&str>) {
        match tree {
            UseTree::Path(path) => {
                let first = path.ident.to_string();
                let krate = krate.map_or_else(|| first.replace('_', "-"), String::from);
                self.import(place, &path.tree, Some(&krate));
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(place, tree, krate);
                }
            }
            UseTree::Name(name) => {
                if let Some(krate) = krate.filter(|krate| krate.starts_with("cohort-")) {
                    let key = (place.file.clone(), name.ident.to_string());
                    self.imports.insert(key, krate.to_string());
                }
            }
            UseTree::Rename(_) | UseTree::Glob(_) => {}
        }
    }

    /// The type of a name as a file means it: its own, else that of the crate that the file takes it from, else its crate's,
    /// else the only one.
    pub fn find(&self, name: &str, from: &Place) -> Option<&Known> {
        let all = self.known.get(name)?;
        let own = all.iter().find(|known| known.place.file == from.file);
        let taken = self.imports.get(&(from.file.clone(), name.to_string()));
        let taken = || all.iter().find(|known| Some(&known.place.krate) == taken);
        let own = own.or_else(taken);
        let own = own.or_else(|| all.iter().find(|known| known.place.krate == from.krate));
        own.or(match all.as_slice() {
            [only] => Some(only),
            // a name that several crates have is taken from the crate that others depend on most
            several => several
                .iter()
                .find(|known| known.place.krate == "cohort-eval"),
        })
    }

    /// What another name for a type stands for.
    pub fn alias(&self, name: &str, from: &Place) -> Option<&Type> {
        self.aliases.get(&(from.krate.clone(), name.to_string()))
    }

    /// The type of a name in one crate.
    pub fn of_crate(&self, name: &str, krate: &str) -> anyhow::Result<&Known> {
        let all = self.known.get(name).map(Vec::as_slice).unwrap_or_default();
        let found = all.iter().find(|known| known.place.krate == krate);
        found.with_context(|| format!("no type {name} that serde writes in {krate}"))
    }
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether serde writes or reads a type.
fn derives(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .filter(|a| a.path().is_ident("derive"))
        .any(|attribute| {
            let Meta::List(list) = &attribute.meta else {
                return false;
            };
            let text = list.tokens.to_string();
            text.contains("Serialize") || text.contains("Deserialize")
        })
}

fn parameters(generics: &syn::Generics) -> Vec<String> {
    generics
        .type_params()
        .map(|parameter| parameter.ident.to_string())
        .collect()
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

/// The documentation, its lines joined.
fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let syn::Expr::Lit(literal) = &pair.value
            && let syn::Lit::Str(line) = &literal.lit
        {
            if !text.is_empty() {
                text.push('\n');
            }
            text += line.value().trim();
        }
    }
    text
}

fn named(fields: &Fields) -> Vec<Field> {
    let fields = fields.iter().filter_map(|field| {
        let serde = serde(&field.attrs);
        let name = field.ident.as_ref()?.to_string();
        Some(Field {
            name: serde.rename.clone().unwrap_or(name),
            doc: doc(&field.attrs),
            ty: field.ty.clone(),
            serde,
        })
    });
    fields.collect()
}

fn variant(variant: &syn::Variant) -> Variant {
    let serde = serde(&variant.attrs);
    Variant {
        name: variant.ident.to_string(),
        doc: doc(&variant.attrs),
        holds: match &variant.fields {
            Fields::Unnamed(fields) => fields.unnamed.first().map(|field| field.ty.clone()),
            _ => None,
        },
        fields: match &variant.fields {
            Fields::Named(_) => named(&variant.fields),
            _ => Vec::new(),
        },
        rename: serde.rename,
    }
}

fn serde(attributes: &[Attribute]) -> Serde {
    let mut found = Serde::default();
    for attribute in attributes.iter().filter(|a| a.path().is_ident("serde")) {
        // what is not understood changes nothing of what is written
        let _ = attribute.parse_nested_meta(|meta| {
            let name = meta
                .path
                .get_ident()
                .map(ToString::to_string)
                .unwrap_or_default();
            let mut value = None;
            if meta.input.peek(syn::Token![=]) {
                let literal: syn::Expr = meta.value()?.parse()?;
                if let syn::Expr::Lit(literal) = literal
                    && let syn::Lit::Str(text) = literal.lit
                {
                    value = Some(text.value());
                }
            } else if meta.input.peek(syn::token::Paren) {
                let inner;
                syn::parenthesized!(inner in meta.input);
                let _: passed_over::Tokens = inner.parse()?;
            }
            match name.as_str() {
                "rename" => found.rename = value,
                "rename_all" => found.rename_all = value,
                "tag" => found.tag = value,
                "into" => found.into = value,
                "with" | "serialize_with" => found.with = value,
                "untagged" => found.untagged = true,
                "transparent" => found.transparent = true,
                "flatten" => found.flatten = true,
                "skip" | "skip_serializing" => found.skip = true,
                "skip_serializing_if" => found.skip_if = true,
                _ => {}
            }
            Ok(())
        });
    }
    found
}

/// Tokens that are passed over.
mod passed_over {
    use syn::parse::{Parse, ParseStream};

    pub(super) struct Tokens;

    impl Parse for Tokens {
        fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
            input.step(|cursor| {
                let mut rest = *cursor;
                while let Some((_, next)) = rest.token_tree() {
                    rest = next;
                }
                Ok((Self, rest))
            })
        }
    }
}

/// A name in the case that serde is told.
pub(super) fn cased(name: &str, rule: Option<&str>) -> String {
    let words = |between: char| {
        let mut text = String::new();
        for (i, c) in name.chars().enumerate() {
            if c.is_uppercase() && i > 0 {
                text.push(between);
            }
            text.extend(c.to_lowercase());
        }
        text
    };
    match rule {
        Some("lowercase") => name.to_lowercase(),
        Some("snake_case") => words('_'),
        Some("kebab-case") => words('-'),
        _ => name.to_string(),
    }
}
