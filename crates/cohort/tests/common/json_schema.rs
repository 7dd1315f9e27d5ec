//! JSON Schema (2020-12) as far as the project's schemas use it, to hold documents against them.

use serde_json::Value;

/// What of a document is not as its schema says; empty where all is. Keywords that are not known here are an error too.
pub fn faults(schema: &Value, document: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, schema, document, "", &mut faults);
    faults
}

const ANNOTATIONS: [&str; 4] = ["$schema", "$defs", "title", "description"];

fn check(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let Some(rules) = schema.as_object() else {
        if *schema == Value::Bool(false) {
            faults.push(format!("{at}: expected nothing here"));
        }
        return;
    };
    for (keyword, rule) in rules {
        match keyword.as_str() {
            known if ANNOTATIONS.contains(&known) => {}
            "$ref" => {
                let name = rule.as_str().and_then(|name| name.strip_prefix("#/$defs/"));
                match name.and_then(|name| root["$defs"].get(name)) {
                    Some(definition) => check(root, definition, value, at, faults),
                    None => faults.push(format!("{at}: the schema's {rule} is nowhere")),
                }
            }
            "type" => {
                let types: Vec<&str> = match rule {
                    Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
                    one => one.as_str().into_iter().collect(),
                };
                if !types.iter().any(|ty| is(value, ty)) {
                    faults.push(format!(
                        "{at}: expected {}, found {value}",
                        types.join(" or ")
                    ));
                }
            }
            "const" if rule != value => {
                faults.push(format!("{at}: expected {rule}, found {value}"))
            }
            "const" => {}
            "enum" => {
                if !rule.as_array().is_some_and(|words| words.contains(value)) {
                    faults.push(format!("{at}: expected one of {rule}, found {value}"));
                }
            }
            "minimum" => {
                if value
                    .as_f64()
                    .zip(rule.as_f64())
                    .is_some_and(|(value, least)| value < least)
                {
                    faults.push(format!("{at}: expected at least {rule}, found {value}"));
                }
            }
            "anyOf" => {
                let forms = rule.as_array().cloned().unwrap_or_default();
                let tried: Vec<Vec<String>> = forms
                    .iter()
                    .map(|form| {
                        let mut faults = Vec::new();
                        check(root, form, value, at, &mut faults);
                        faults
                    })
                    .collect();
                if !tried.iter().any(Vec::is_empty) {
                    faults.push(format!("{at}: no form fits: {tried:?}"));
                }
            }
            "items" => {
                for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{at}[{i}]"), faults);
                }
            }
            "prefixItems" => {
                let forms = rule.as_array().into_iter().flatten();
                for (i, (form, item)) in forms
                    .zip(value.as_array().into_iter().flatten())
                    .enumerate()
                {
                    check(root, form, item, &format!("{at}[{i}]"), faults);
                }
            }
            "minItems" | "maxItems" => {
                if let (Some(items), Some(bound)) = (value.as_array(), rule.as_u64()) {
                    let bound = bound as usize;
                    let holds = if keyword == "minItems" {
                        items.len() >= bound
                    } else {
                        items.len() <= bound
                    };
                    if !holds {
                        faults.push(format!("{at}: {keyword} {bound}, found {}", items.len()));
                    }
                }
            }
            "required" => {
                for name in rule
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                {
                    if value.is_object() && value.get(name).is_none() {
                        faults.push(format!("{at}: no {name}"));
                    }
                }
            }
            "properties" => {
                for (name, form) in rule.as_object().into_iter().flatten() {
                    if let Some(inner) = value.get(name) {
                        check(root, form, inner, &format!("{at}.{name}"), faults);
                    }
                }
            }
            "additionalProperties" => {
                let named = rules.get("properties").and_then(Value::as_object);
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if !named.is_some_and(|named| named.contains_key(name)) {
                        check(root, rule, inner, &format!("{at}.{name}"), faults);
                    }
                }
            }
            other => faults.push(format!("{at}: the keyword {other} is not known here")),
        }
    }
}

fn is(value: &Value, ty: &str) -> bool {
    match ty {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}
