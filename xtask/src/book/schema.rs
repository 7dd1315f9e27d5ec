//! JSON Schemas of the documents, from the types that write them.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};
use syn::{GenericArgument, PathArguments, Type};

use super::types::{Field, Known, Place, Serde, Shape, Types, Variant, cased};

/// A document: its name and version, the type that writes it and its crate, and what writes it.
pub(super) struct Document {
    pub name: &'static str,
    pub ty: &'static str,
    pub krate: &'static str,
    /// Fields that are added under some condition: name, type (none: anything), the type's crate, and what it is.
    pub adds: &'static [[&'static str; 4]],
    pub by: &'static str,
}

/// Names that serde writes as text though no type of ours says so: those that macros make, and those of other crates.
const TEXTS: [&str; 12] = [
    "String",
    "str",
    "PathBuf",
    "Path",
    "char",
    "Metric",
    "Kind",
    "DeviceChoice",
    "Measure",
    "Modality",
    "Compared",
    "Backbone",
];

/// One schema in the making.
struct Making<'a> {
    types: &'a Types,
    /// Definitions of named types, by name.
    definitions: BTreeMap<String, Value>,
    /// Whose they are.
    places: BTreeMap<String, Place>,
    /// What the type parameters of the type in the making stand for.
    bound: Vec<(String, Value)>,
}

/// The schema of a document.
pub(super) fn schema(types: &Types, document: &Document) -> anyhow::Result<Value> {
    let known = types.of_crate(document.ty, document.krate)?;
    let mut making = Making {
        types,
        definitions: BTreeMap::new(),
        places: BTreeMap::new(),
        bound: Vec::new(),
    };
    let mut root = making.known(known)?;
    let root = root.as_object_mut().context("a document is an object")?;
    if let Some(schema) = root
        .get_mut("properties")
        .and_then(|all| all.get_mut("schema"))
    {
        *schema =
            json!({ "const": document.name, "description": "Name and version of this document." });
    }
    for &[name, ty, krate, what] in document.adds {
        let added = match ty {
            "" => json!({}),
            ty => making.named(types.of_crate(ty, krate)?, Vec::new())?,
        };
        root["properties"][name] = described(added, what);
    }
    let mut whole = Map::new();
    whole.insert(
        "$schema".into(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    whole.insert("title".into(), document.name.into());
    whole.append(root);
    if !making.definitions.is_empty() {
        whole.insert(
            "$defs".into(),
            Value::Object(making.definitions.into_iter().collect()),
        );
    }
    Ok(Value::Object(whole))
}

impl Making<'_> {
    fn known(&mut self, known: &Known) -> anyhow::Result<Value> {
        if known.serde.into.as_deref() == Some("String") {
            return Ok(described(json!({ "type": "string" }), &known.doc));
        }
        let value = match &known.shape {
            Shape::Newtype(inner, serde) => match is_entries(serde) {
                true => self.entries(inner, &known.place)?,
                false => self.ty(inner, &known.place)?,
            },
            Shape::Struct(fields) => self.object(fields, &known.place)?,
            Shape::Enum(_) => self.variants(known)?,
        };
        Ok(described(value, &known.doc))
    }

    fn object(&mut self, fields: &[Field], place: &Place) -> anyhow::Result<Value> {
        let mut properties = Map::new();
        let mut required: Vec<Value> = Vec::new();
        let mut others: Vec<Value> = Vec::new();
        for field in fields.iter().filter(|field| !field.serde.skip) {
            if field.serde.flatten {
                self.flattened(field, place, &mut properties, &mut required, &mut others)?;
                continue;
            }
            let value = match (is_entries(&field.serde), field.serde.with.is_some()) {
                (true, _) => self.entries(&field.ty, place)?,
                (false, true) => json!({}),
                // left out where it is none, so never null
                _ if field.serde.skip_if => {
                    self.ty(inner_of(&field.ty, "Option").unwrap_or(&field.ty), place)?
                }
                _ => self.ty(&field.ty, place)?,
            };
            properties.insert(field.name.clone(), described(value, &field.doc));
            if !field.serde.skip_if {
                required.push(field.name.clone().into());
            }
        }
        let others = match others.len() {
            0 => Value::Bool(false),
            1 => others.remove(0),
            _ => json!({ "anyOf": others }),
        };
        Ok(json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": others,
        }))
    }

    /// The fields of a field that stand among its owner's.
    fn flattened(
        &mut self,
        field: &Field,
        place: &Place,
        properties: &mut Map<String, Value>,
        required: &mut Vec<Value>,
        others: &mut Vec<Value>,
    ) -> anyhow::Result<()> {
        if is_entries(&field.serde) {
            let map = self.entries(&field.ty, place)?;
            others.push(map["additionalProperties"].clone());
            return Ok(());
        }
        let optional = inner_of(&field.ty, "Option");
        let mut value = self.ty(optional.unwrap_or(&field.ty), place)?;
        if let Some(name) = value.get("$ref").and_then(Value::as_str) {
            let name = name.trim_start_matches("#/$defs/").to_string();
            value = self.definitions[&name].clone();
        }
        match (value.get("properties"), value.get("additionalProperties")) {
            (Some(Value::Object(inner)), _) => {
                properties.extend(inner.clone());
                if let (None, Some(Value::Array(names))) = (optional, value.get("required")) {
                    required.extend(names.iter().cloned());
                }
            }
            (_, Some(map)) if map.is_object() => others.push(map.clone()),
            // one of several forms
            _ => others.push(json!({})),
        }
        Ok(())
    }

    /// Names and values that are written as an object.
    fn entries(&mut self, ty: &Type, place: &Place) -> anyhow::Result<Value> {
        if let Some(alias) = name_of(ty).and_then(|name| self.types.alias(&name, place)) {
            return self.entries(&alias.clone(), place);
        }
        let pair = inner_of(ty, "Vec");
        let Some(Type::Tuple(pair)) = pair else {
            bail!("entries of something else than a list of pairs");
        };
        let value = pair.elems.iter().nth(1).context("a pair")?;
        let value = self.ty(value, place)?;
        Ok(json!({ "type": "object", "additionalProperties": value }))
    }

    fn variants(&mut self, known: &Known) -> anyhow::Result<Value> {
        let Shape::Enum(variants) = &known.shape else {
            bail!("no enumeration");
        };
        let rule = known.serde.rename_all.as_deref();
        let name = |variant: &Variant| {
            variant
                .rename
                .clone()
                .unwrap_or_else(|| cased(&variant.name, rule))
        };
        let mut names = Vec::new();
        let mut told = Vec::new();
        let mut forms = Vec::new();
        for variant in variants {
            let has_data = variant.holds.is_some() || !variant.fields.is_empty();
            let tag = known.serde.tag.as_deref();
            match (has_data, tag, known.serde.untagged) {
                (false, None, false) => {
                    names.push(Value::String(name(variant)));
                    told.push(format!(
                        "`{}`: {}",
                        name(variant),
                        first_sentence(&variant.doc)
                    ));
                }
                (_, _, true) => {
                    let held = variant
                        .holds
                        .as_ref()
                        .context("an untagged variant of one field")?;
                    forms.push(self.ty(held, &known.place)?);
                }
                (_, Some(tag), _) => {
                    let mut form = match &variant.holds {
                        Some(held) => {
                            let mut form = self.ty(held, &known.place)?;
                            if let Some(name) = form.get("$ref").and_then(Value::as_str) {
                                let name = name.trim_start_matches("#/$defs/").to_string();
                                form = self.definitions[&name].clone();
                            }
                            form
                        }
                        None => self.object(&variant.fields, &known.place)?,
                    };
                    form["properties"][tag] = json!({ "const": name(variant) });
                    if let Some(Value::Array(required)) = form.get_mut("required") {
                        required.insert(0, tag.into());
                    }
                    forms.push(described(form, &variant.doc));
                }
                (true, None, false) => {
                    let held = match &variant.holds {
                        Some(held) => self.ty(held, &known.place)?,
                        None => self.object(&variant.fields, &known.place)?,
                    };
                    forms.push(json!({
                        "type": "object",
                        "properties": { name(variant): held },
                        "required": [name(variant)],
                        "additionalProperties": false,
                    }));
                }
            }
        }
        if !names.is_empty() {
            let value = json!({ "type": "string", "enum": names });
            forms.insert(0, described(value, &told.join("\n")));
        }
        Ok(match forms.len() {
            1 => forms.remove(0),
            _ => json!({ "anyOf": forms }),
        })
    }

    fn ty(&mut self, ty: &Type, place: &Place) -> anyhow::Result<Value> {
        let path = match ty {
            Type::Reference(reference) => return self.ty(&reference.elem, place),
            Type::Slice(slice) => {
                return Ok(json!({ "type": "array", "items": self.ty(&slice.elem, place)? }));
            }
            Type::Array(array) => {
                return Ok(json!({ "type": "array", "items": self.ty(&array.elem, place)? }));
            }
            Type::Tuple(tuple) => {
                let items: Result<Vec<Value>, _> =
                    tuple.elems.iter().map(|ty| self.ty(ty, place)).collect();
                let items = items?;
                let count = items.len();
                return Ok(
                    json!({ "type": "array", "prefixItems": items, "minItems": count, "maxItems": count }),
                );
            }
            Type::Path(path) => path,
            _ => bail!("a type that is not understood"),
        };
        let last = path
            .path
            .segments
            .last()
            .context("a path has a last part")?;
        let name = last.ident.to_string();
        let arguments = arguments_of(&last.arguments);
        Ok(match (name.as_str(), arguments.as_slice()) {
            ("bool", _) => json!({ "type": "boolean" }),
            ("usize" | "u8" | "u16" | "u32" | "u64", _) => {
                json!({ "type": "integer", "minimum": 0 })
            }
            ("isize" | "i8" | "i16" | "i32" | "i64", _) => json!({ "type": "integer" }),
            // what is not a number is written as null
            ("f32" | "f64", _) => json!({ "type": ["number", "null"] }),
            ("Value", _) => json!({}),
            ("Option", [inner]) => nullable(self.ty(inner, place)?),
            ("Vec" | "BTreeSet" | "VecDeque", [inner]) => {
                json!({ "type": "array", "items": self.ty(inner, place)? })
            }
            ("Box" | "Cow" | "Arc", [inner]) => self.ty(inner, place)?,
            ("BTreeMap" | "HashMap" | "Map", [_, value]) => {
                json!({ "type": "object", "additionalProperties": self.ty(value, place)? })
            }
            (text, _) if TEXTS.contains(&text) => json!({ "type": "string" }),
            (name, arguments) => {
                if let Some((_, value)) = self.bound.iter().find(|(parameter, _)| parameter == name)
                {
                    return Ok(value.clone());
                }
                if let Some(alias) = self.types.alias(name, place) {
                    return self.ty(&alias.clone(), place);
                }
                let arguments: Result<Vec<Value>, _> =
                    arguments.iter().map(|ty| self.ty(ty, place)).collect();
                let arguments = arguments?;
                let known = self.types.find(name, place).with_context(|| {
                    format!("{}: no type {name} that serde writes", place.file.display())
                })?;
                self.named(known, arguments)?
            }
        })
    }

    /// A named type: a reference to its definition, or the type itself where that is a word.
    fn named(&mut self, known: &Known, arguments: Vec<Value>) -> anyhow::Result<Value> {
        let mut name = known.name.clone();
        for argument in &arguments {
            let of = argument
                .get("$ref")
                .and_then(Value::as_str)
                .unwrap_or("value");
            name += &format!("Of{}", of.trim_start_matches("#/$defs/"));
        }
        // two types of one name in one document
        while self
            .places
            .get(&name)
            .is_some_and(|place| *place != known.place)
        {
            name.push('2');
        }
        if !self.definitions.contains_key(&name) {
            self.places.insert(name.clone(), known.place.clone());
            self.definitions.insert(name.clone(), Value::Null);
            let bound = known.parameters.iter().cloned().zip(arguments).collect();
            let outer = std::mem::replace(&mut self.bound, bound);
            let definition = self.known(known)?;
            self.bound = outer;
            self.definitions.insert(name.clone(), definition);
        }
        Ok(json!({ "$ref": format!("#/$defs/{name}") }))
    }
}

/// Whether a list of names and values is written as an object.
fn is_entries(serde: &Serde) -> bool {
    serde
        .with
        .as_deref()
        .is_some_and(|with| with.ends_with("entries"))
}

/// The last part of a type's path.
fn name_of(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

/// What a list, a map or an option holds.
fn arguments_of(arguments: &PathArguments) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// The type inside a `Vec<T>` or an `Option<T>`.
pub(super) fn inner_of<'a>(ty: &'a Type, outer: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else {
        return None;
    };
    let last = path.path.segments.last()?;
    let inner = (last.ident == outer).then(|| arguments_of(&last.arguments))?;
    inner.into_iter().next()
}

fn nullable(value: Value) -> Value {
    match value.get("type") {
        Some(Value::String(ty)) if value.get("properties").is_none() => {
            let mut value = value.clone();
            value["type"] = json!([ty, "null"]);
            value
        }
        Some(Value::Array(_)) => value,
        _ => json!({ "anyOf": [value, { "type": "null" }] }),
    }
}

/// With a description, unless it has one of its own that says more.
fn described(mut value: Value, doc: &str) -> Value {
    if doc.is_empty() {
        return value;
    }
    let text = plain(doc);
    if value.get("$ref").is_some() {
        // beside a reference: what the field is about, not what its type is
        return json!({ "$ref": value["$ref"], "description": text });
    }
    if let Some(object) = value.as_object_mut() {
        let own = object.get("description").and_then(Value::as_str);
        let joined = match own {
            Some(own) if !own.is_empty() => format!("{text}\n{own}"),
            _ => text,
        };
        object.insert("description".into(), joined.into());
    }
    value
}

/// Documentation as text: without links to other items.
pub(super) fn plain(doc: &str) -> String {
    let mut text = String::new();
    let mut rest = doc;
    while let Some(start) = rest.find("[`") {
        text += &rest[..start];
        let Some(end) = rest[start..].find("`]") else {
            break;
        };
        let name = &rest[start + 2..start + end];
        text += name.rsplit("::").next().unwrap_or(name);
        rest = &rest[start + end + 2..];
        // a link with its target behind it
        if rest.starts_with('(')
            && let Some(close) = rest.find(')')
        {
            rest = &rest[close + 1..];
        }
    }
    (text + rest).replace('\n', " ")
}

/// The first sentence of a text.
fn first_sentence(doc: &str) -> String {
    let text = plain(doc);
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    text[..end].to_string()
}
