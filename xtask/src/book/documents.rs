//! The documents: a schema each, and a page that lists their fields.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use super::schema::{Document, schema};
use super::types::Types;

const DOCUMENTS: [Document; 22] = [
    Document {
        name: "cohort.audit/1",
        ty: "Audit",
        krate: "cohort-eval",
        adds: &[],
        by: "`cohort audit --json`, `audit.json` of a run",
    },
    Document {
        name: "cohort.headline/1",
        ty: "Headline",
        krate: "cohort-eval",
        adds: &[],
        by: "`headline.json` of a run",
    },
    Document {
        name: "cohort.stats/1",
        ty: "DocumentForm",
        krate: "cohort-data",
        adds: &[],
        by: "`cohort data stats --json`, `stats.json` of a run",
    },
    Document {
        name: "cohort.check/1",
        ty: "CheckReport",
        krate: "cohort-data",
        adds: &[],
        by: "`cohort data check --json`, `check.json` of a run",
    },
    Document {
        name: "cohort.words/1",
        ty: "Words",
        krate: "cohort-data",
        adds: &[],
        by: "`cohort data words --json`",
    },
    Document {
        name: "cohort.augmented/1",
        ty: "Augmented",
        krate: "cohort-data",
        adds: &[],
        by: "`cohort data augment --json`",
    },
    Document {
        name: "cohort.acoustic/1",
        ty: "Document",
        krate: "cohort",
        adds: &[],
        by: "`cohort audio features --json`",
    },
    Document {
        name: "cohort.fusion/1",
        ty: "FusionRecord",
        krate: "cohort-fusion",
        adds: &[
            [
                "aggregation",
                "Aggregation",
                "cohort-fusion",
                "One decision a subject; printed with `--by`.",
            ],
            [
                "settings",
                "",
                "",
                "In a run: what decided the models that it was fitted for.",
            ],
            [
                "checksum",
                "",
                "",
                "In a run: of the document, by which a damaged one is found.",
            ],
        ],
        by: "`cohort fuse --json`, `fusion.json`",
    },
    Document {
        name: "cohort.aggregation/1",
        ty: "Aggregation",
        krate: "cohort-fusion",
        adds: &[],
        by: "`aggregation.json` of `cohort fuse --by`",
    },
    Document {
        name: "cohort.ablation/1",
        ty: "Ablation",
        krate: "cohort-fusion",
        adds: &[],
        by: "`cohort ablate --json`, `ablation.json` of a run",
    },
    Document {
        name: "cohort.degradation/1",
        ty: "Curves",
        krate: "cohort-fusion",
        adds: &[],
        by: "`cohort degrade --json`, `degradation.json` of a run",
    },
    Document {
        name: "cohort.predict/1",
        ty: "Answers",
        krate: "cohort-pipeline",
        adds: &[],
        by: "`cohort predict --json`",
    },
    Document {
        name: "cohort.sweep/2",
        ty: "Sweep",
        krate: "cohort-pipeline",
        adds: &[],
        by: "`cohort sweep --json`, `sweep.json`",
    },
    Document {
        name: "cohort.tuning/1",
        ty: "Searched",
        krate: "cohort-pipeline",
        adds: &[],
        by: "`cohort sweep --space --json`",
    },
    Document {
        name: "cohort.map/1",
        ty: "MapDocument",
        krate: "cohort-search",
        adds: &[],
        by: "`cohort map --json`",
    },
    Document {
        name: "cohort.search/1",
        ty: "SearchDocument",
        krate: "cohort-search",
        adds: &[],
        by: "`cohort search query --json`",
    },
    Document {
        name: "cohort.retrieval/1",
        ty: "RetrievalDocument",
        krate: "cohort-search",
        adds: &[],
        by: "`cohort search evaluate --json`",
    },
    Document {
        name: "cohort.pairs/1",
        ty: "PairsDocument",
        krate: "cohort-search",
        adds: &[],
        by: "`cohort search pairs --json`",
    },
    Document {
        name: "cohort.detection/1",
        ty: "DetectionDocument",
        krate: "cohort-detection",
        adds: &[],
        by: "`cohort detect evaluate --json`",
    },
    Document {
        name: "cohort.topics/1",
        ty: "TopicsDocument",
        krate: "cohort-search",
        adds: &[],
        by: "`cohort search topics --json`",
    },
    Document {
        name: "cohort.provenance/1",
        ty: "RunRecord",
        krate: "cohort-report",
        adds: &[],
        by: "`provenance.json` of a run",
    },
    Document {
        name: "cohort.mistakes/1",
        ty: "Mistakes",
        krate: "cohort-report",
        adds: &[],
        by: "`mistakes.json` of a run",
    },
];

/// `audit-1.json` for `cohort.audit/1`.
fn file_of(name: &str) -> String {
    format!(
        "{}.json",
        name.trim_start_matches("cohort.").replace('/', "-")
    )
}

/// The schemas and the page.
pub(super) fn pages(types: &Types) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut pages = Vec::new();
    let mut page = String::from(
        "# Documents\n\n\
         <!-- Made from the types by `cargo xtask book`; edits are lost. -->\n\n\
         Every command that prints JSON prints one document, which names its kind and version in `schema`. A version changes when a\n\
         reader of the old one would go wrong; fields may be added without. Each document has a\n\
         [JSON Schema](https://json-schema.org) (draft 2020-12) in `docs/schemas`, made from the types that write it; tests hold\n\
         documents of real commands against them. \"Optional\" fields are left out where they have nothing to say. A number that is\n\
         not defined is `null`. Without a schema yet are what is kept for the program itself and for\n\
         records: `run.json`, `joint.json`, `planted.json`, `truth.json`, `transcripts.json`, and what `cohort features --json` prints.\n\n| document | written by | schema |\n|---|---|---|\n",
    );
    for document in &DOCUMENTS {
        let file = file_of(document.name);
        let _ = writeln!(
            page,
            "| [`{0}`](#{1}) | {2} | [{file}](schemas/{file}) |",
            document.name,
            anchor(document.name),
            document.by
        );
    }
    for document in &DOCUMENTS {
        let schema = schema(types, document)?;
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\n",
            document.name,
            text(&schema["description"])
        );
        write_fields(&mut page, &schema);
        if let Some(Value::Object(definitions)) = schema.get("$defs") {
            for (name, definition) in definitions {
                if definition.get("properties").is_some() {
                    let _ = write!(
                        page,
                        "\n**{name}**. {}\n\n",
                        text(&definition["description"])
                    );
                    write_fields(&mut page, definition);
                } else {
                    let _ = write!(
                        page,
                        "\n**{name}**. {}{}\n",
                        text(&definition["description"]),
                        words(definition)
                    );
                }
            }
        }
        let json = serde_json::to_string_pretty(&schema)? + "\n";
        pages.push((
            PathBuf::from("docs/schemas").join(file_of(document.name)),
            json,
        ));
    }
    pages.push(("docs/documents.md".into(), page));
    Ok(pages)
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
        .collect()
}

/// The words that a text may be.
fn words(definition: &Value) -> String {
    let Some(Value::Array(words)) = definition.get("enum") else {
        return String::new();
    };
    let words: Vec<String> = words
        .iter()
        .filter_map(Value::as_str)
        .map(|word| format!("`{word}`"))
        .collect();
    format!(" One of {}.", words.join(", "))
}

fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default().replace('|', "\\|");
    // what looks like a tag or a link is neither
    text.replace('<', "&lt;").replace('\n', " ")
}

fn write_fields(page: &mut String, object: &Value) {
    *page += "| field | type | meaning |\n|---|---|---|\n";
    let required: Vec<&str> = object["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if let Some(Value::Object(properties)) = object.get("properties") {
        for (name, value) in properties {
            let optional = if required.contains(&name.as_str()) {
                ""
            } else {
                ", optional"
            };
            let _ = writeln!(
                page,
                "| `{name}` | {}{optional} | {} |",
                kind(value),
                text(&value["description"])
            );
        }
    }
    if let Some(others) = object
        .get("additionalProperties")
        .filter(|others| others.is_object())
    {
        let _ = writeln!(page, "| any other name | {} | by name |", kind(others));
    }
}

/// The type of a value in a few words.
fn kind(value: &Value) -> String {
    if let Some(name) = value.get("$ref").and_then(Value::as_str) {
        return name.trim_start_matches("#/$defs/").to_string();
    }
    if let Some(constant) = value.get("const").and_then(Value::as_str) {
        return format!("`\"{constant}\"`");
    }
    if let Some(Value::Array(forms)) = value.get("anyOf") {
        let forms: Vec<String> = forms.iter().map(kind).collect();
        return forms.join(" or ");
    }
    let one = |ty: &str| match ty {
        "array" => match value.get("items") {
            Some(items) => format!("list of {}", kind(items)),
            None => "list".to_string(),
        },
        "object" => match value
            .get("additionalProperties")
            .filter(|others| others.is_object())
        {
            Some(others) => format!("{} by name", kind(others)),
            None => "object".to_string(),
        },
        "string" => "text".to_string(),
        "boolean" => "true or false".to_string(),
        other => other.to_string(),
    };
    match value.get("type") {
        Some(Value::String(ty)) => one(ty),
        Some(Value::Array(types)) => {
            let types: Vec<String> = types.iter().filter_map(Value::as_str).map(one).collect();
            types.join(" or ")
        }
        _ => "anything".to_string(),
    }
}
