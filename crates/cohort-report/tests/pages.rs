//! Pages as a whole: well formed, self-contained, the same every time, and safe whatever the data holds.

mod common;

use std::path::Path;
use std::sync::OnceLock;

use cohort_data::{CheckReport, STATS_SCHEMA, Statistics, Unit};
use cohort_eval::{Audit, EpochMetrics, Headline, Metric, Outcome, Verdict};
use cohort_fusion::{Ablation, FusionRecord};
use cohort_report::{
    Mistake, Mistakes, ModelDocument, Planted, ReportError, RunDocuments, RunRecord, audit_page,
    run_page,
};
use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Documents of a whole run on a small corpus (`cohort-pipeline/examples/report_documents.rs`).
fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/documents")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn document<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&text(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn epochs(model: &str) -> Vec<EpochMetrics> {
    let lines = text(&format!("metrics-{model}.jsonl"));
    let lines = lines.lines();
    lines.map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// What the stages write of the made clips.
fn written() -> &'static (Audit, FusionRecord, Ablation) {
    static WRITTEN: OnceLock<(Audit, FusionRecord, Ablation)> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let (fusion, ablation) = common::fused();
        (common::audited(), fusion, ablation)
    })
}

fn documents() -> RunDocuments {
    let (audit, fusion, ablation) = written().clone();
    let model = |name: &str| ModelDocument {
        name: name.to_owned(),
        epochs: epochs(name),
        best_epoch: Some(3),
        selected_by: Some("valid_loss".into()),
        changes: Vec::new(),
        audit: None,
    };
    RunDocuments {
        title: "Apparent age".into(),
        headline: Some(document("headline.json")),
        stats: Some(document("stats.json")),
        check: Some(document("check.json")),
        models: ["image", "audio", "text", "joint"].map(model).to_vec(),
        fusion: Some(fusion),
        ablation: Some(ablation),
        degradation: None,
        audit: Some(audit),
        mistakes: Some(mistakes()),
        planted: Some(document("planted.json")),
        record: Some(document("provenance.json")),
    }
}

/// A document that its type writes otherwise than it stands here is one that the page would read otherwise.
#[test]
fn the_documents_are_as_their_types_write_them() {
    fn again<T: Serialize + DeserializeOwned>(name: &str) {
        let typed: T = document(name);
        let written = serde_json::to_string_pretty(&typed).unwrap() + "\n";
        assert!(
            written == text(name),
            "{name} is not as its type writes it; run cohort-pipeline's example report_documents"
        );
    }
    again::<Headline>("headline.json");
    again::<Statistics>("stats.json");
    again::<CheckReport>("check.json");
    again::<Planted>("planted.json");
    again::<RunRecord>("provenance.json");
    for model in ["image", "audio", "text", "joint"] {
        for (line, epoch) in text(&format!("metrics-{model}.jsonl"))
            .lines()
            .zip(epochs(model))
        {
            assert_eq!(serde_json::to_string(&epoch).unwrap(), line, "{model}");
        }
    }
}

/// Two mistakes, one of which lost its picture.
fn mistakes() -> Mistakes {
    let one = |clip: &str, address: Option<&str>| Mistake {
        clip: clip.into(),
        truth: "coast".into(),
        predicted: "open <country>".into(),
        probability: 0.934,
        truth_probability: 0.05,
        picture: "mistakes/01.jpg".into(),
        address: address.map(str::to_owned),
    };
    Mistakes {
        schema: Mistakes::SCHEMA.into(),
        model: "fused".into(),
        wrong: 12,
        clips: 1200,
        mistakes: vec![
            one("a/1", Some("data:image/jpeg;base64,AAAA")),
            one("a/2", None),
        ],
    }
}

#[test]
fn mistakes_are_shown_with_what_was_taken_for_what() {
    let page = run_page(&documents()).unwrap();
    let parsed = parse(&page);
    let said = words(section(&parsed, "mistakes"));
    assert!(
        said.contains("12 of 1,200 clips are answered wrongly by the model fused"),
        "{said}"
    );
    assert_eq!(
        said.matches("coast taken for open <country> (93%)").count(),
        2,
        "{said}"
    );
    assert_eq!(page.matches("<img").count(), 1);
    assert!(page.contains("alt=\"coast, taken for open &lt;country&gt;\""));
}

fn parse(html: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        nodes_limit: u32::MAX,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(html, options).unwrap_or_else(|e| panic!("{e}"))
}

fn words(node: Node) -> String {
    node.descendants()
        .filter(Node::is_text)
        .filter_map(|n| n.text())
        .collect()
}

fn section<'a>(page: &'a Document, id: &str) -> Node<'a, 'a> {
    page.descendants()
        .find(|n| n.has_tag_name("section") && n.attribute("id") == Some(id))
        .unwrap_or_else(|| panic!("no section {id}"))
}

/// The cells of a row by its name, in the table whose caption begins with `caption`.
fn row(section: Node, caption: &str, name: &str) -> Vec<String> {
    let table = section
        .descendants()
        .find(|n| {
            n.has_tag_name("table")
                && n.children()
                    .any(|c| c.has_tag_name("caption") && words(c).starts_with(caption))
        })
        .unwrap_or_else(|| panic!("no table {caption}"));
    let cells = |r: Node| {
        r.children()
            .filter(Node::is_element)
            .map(words)
            .collect::<Vec<_>>()
    };
    table
        .descendants()
        .filter(|n| n.has_tag_name("tr"))
        .map(cells)
        .find(|c| c.first().is_some_and(|f| f == name))
        .unwrap_or_else(|| panic!("no row {name} in {caption}"))
}

#[test]
fn a_page_is_well_formed_and_self_contained() {
    let documents = documents();
    let mut alone = documents.clone();
    let audit = alone.audit.as_mut().unwrap();
    (audit.groups, audit.disparities, audit.class_gaps) = (Vec::new(), Vec::new(), Vec::new());
    alone.ablation.as_mut().unwrap().modalities.truncate(1);
    for html in [
        run_page(&documents).unwrap(),
        run_page(&alone).unwrap(),
        audit_page(documents.audit.as_ref().unwrap()).unwrap(),
    ] {
        let page = parse(&html);
        let mut ids = Vec::new();
        for node in page.descendants().filter(Node::is_element) {
            let tag = node.tag_name().name();
            assert!(
                !["script", "link", "iframe", "object", "embed", "form"].contains(&tag),
                "{tag}"
            );
            for attribute in node.attributes() {
                let (name, value) = (attribute.name(), attribute.value());
                assert!(!name.starts_with("on"), "{name}");
                if ["href", "src", "action", "data"].contains(&name) {
                    assert!(
                        value.starts_with('#')
                            || value.starts_with("data:image/png;base64,")
                            || value.starts_with("data:image/jpeg;base64,"),
                        "{value}"
                    );
                }
                if name == "id" {
                    ids.push(value.to_owned());
                }
            }
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "ids occur once");
        let style = page
            .descendants()
            .find(|n| n.has_tag_name("style"))
            .map(words)
            .unwrap();
        assert!(!style.contains("url(") && !style.contains("@import"));
        // The name of the SVG namespace is the only address, and it is never fetched.
        assert!(
            !html
                .replace("http://www.w3.org/2000/svg", "")
                .contains("http://")
        );
        assert!(!html.contains("https://"));
        for link in page
            .descendants()
            .filter_map(|n| n.attribute("href"))
            .filter_map(|h| h.strip_prefix('#'))
        {
            assert!(ids.iter().any(|id| id == link), "{link} leads somewhere");
        }
    }
}

#[test]
fn every_picture_has_a_name_and_every_table_is_a_rectangle() {
    let html = run_page(&documents()).unwrap();
    let page = parse(&html);
    let (mut pictures, mut tables) = (0, 0);
    for node in page.descendants() {
        if node.has_tag_name(("http://www.w3.org/2000/svg", "svg")) {
            pictures += 1;
            assert!(node.attribute("aria-label").is_some_and(|l| !l.is_empty()));
            let child = |name| {
                node.children()
                    .find(|c| c.has_tag_name(("http://www.w3.org/2000/svg", name)))
            };
            assert!(child("title").is_some() && child("desc").is_some());
            for number in
                ["width", "height"].map(|a| node.attribute(a).unwrap().parse::<f64>().unwrap())
            {
                assert!(number.is_finite() && number > 0.0);
            }
        }
        if node.has_tag_name("table") {
            tables += 1;
            let widths: Vec<usize> = node
                .descendants()
                .filter(|n| n.has_tag_name("tr"))
                .map(|r| r.children().filter(Node::is_element).count())
                .collect();
            assert!(
                widths.len() > 1 && widths.iter().all(|w| *w == widths[0]),
                "{widths:?}"
            );
        }
    }
    assert!(
        pictures > 30 && tables > 15,
        "{pictures} pictures, {tables} tables"
    );
    assert!(!html.contains("NaN") && !html.contains(">inf"));
}

#[test]
fn numbers_reach_the_page_as_they_are() {
    let documents = documents();
    let html = run_page(&documents).unwrap();
    let page = parse(&html);
    let headline = documents.headline.as_ref().unwrap();
    let fused = headline.rows.last().unwrap();
    let cell = |interval: &cohort_eval::Interval| {
        let e = interval.estimate().unwrap();
        format!("{:.3}{:.3} to {:.3}", e.value, e.low, e.high).replace('-', "\u{2212}")
    };
    assert_eq!(
        row(section(&page, "headline"), "Every model", "fused"),
        [
            "fused".to_owned(),
            fused.clips.to_string(),
            fused.subjects.to_string(),
            cell(&fused.accuracy),
            cell(&fused.balanced_accuracy),
            cell(fused.quadratic_kappa.as_ref().unwrap()),
        ]
    );
    let stats = documents.stats.as_ref().unwrap();
    let all = row(section(&page, "data"), "Splits", "all");
    let counts = [stats.pooled.clips, stats.pooled.subjects].map(|n| n.to_string());
    assert_eq!(all[1..3], counts);
    let (audit, fusion, ablation) = written();
    let weights = fusion.model.weights().unwrap();
    for (i, name) in fusion.model.modalities.iter().enumerate() {
        let shown = row(section(&page, "fusion"), "Models", name);
        assert_eq!(shown[1], format!("{:.2}", weights[i]));
        assert_eq!(shown[2], format!("{:.2}", fusion.model.temperatures[i]));
    }
    let bias = format!("{:.4}", audit.reference_bias.average);
    let caption = "Mean absolute difference";
    assert_eq!(
        row(section(&page, "verdict"), caption, "average"),
        ["average", bias.as_str()]
    );
    let audio = ablation.rows.iter().find(|r| r.name == "audio").unwrap();
    let figure = &audio.figures[0];
    let (value, to_full) = (
        figure.value.estimate().unwrap(),
        figure.to_full.as_ref().and_then(|i| i.estimate()).unwrap(),
    );
    let signed = |v: f64| format!("{}{:.3}", if v < 0.0 { "\u{2212}" } else { "+" }, v.abs());
    let plain = |v: f64| format!("{}{:.3}", if v < 0.0 { "\u{2212}" } else { "" }, v.abs());
    assert_eq!(
        row(section(&page, "ablation"), "Every subset", "audio")[2],
        format!(
            "{:.3}{:.3} to {:.3}Δ {}{} to {}",
            value.value,
            value.low,
            value.high,
            signed(to_full.value),
            plain(to_full.low),
            plain(to_full.high)
        )
    );
    let finding = &audit.findings[0];
    assert_eq!(
        (finding.name.as_str(), finding.metric.name()),
        ("Female", "accuracy")
    );
    let sentence = format!(
        "Gender Female does worse in accuracy: {:.3} against {:.3} for the others",
        finding.value, finding.rest
    );
    for place in ["verdict", "answers"] {
        let said = words(section(&page, place));
        assert!(said.contains(&sentence), "{place}: {said}");
    }
    let accuracy = &audit.metrics[&Metric::Accuracy];
    assert_eq!(
        row(section(&page, "skill"), "Every metric", "Accuracy")[1],
        cell(accuracy)
    );
}

/// A number that two documents hold has one interval on the page: the audit's.
#[test]
fn a_model_that_was_audited_has_one_interval() {
    let mut documents = documents();
    let ablation = documents.ablation.as_ref().unwrap();
    let metric = Metric::BalancedAccuracy;
    let full = ablation
        .rows
        .iter()
        .find(|r| r.name == ablation.full)
        .unwrap();
    let figure = full.figures.iter().find(|f| f.metric == metric.name());
    let value = figure.unwrap().value.clone();
    let estimate = value.estimate().unwrap().clone();
    // the same value with another interval, as another draw of resamples gives
    let own = cohort_eval::Estimate {
        low: estimate.low - 0.011,
        high: estimate.high + 0.013,
        ..estimate.clone()
    };
    let said = format!("{:.3} to {:.3}", own.low, own.high);
    let audit = documents.audit.as_mut().unwrap();
    audit.clips = ablation.clips;
    audit
        .metrics
        .insert(metric, cohort_eval::Interval::Estimated(own));
    let html = run_page(&documents).unwrap();
    assert!(html.matches(&said).count() >= 3, "{said}");
    assert!(!html.contains(&format!("{:.3} to {:.3}", estimate.low, estimate.high)));
}

#[test]
fn the_groups_of_the_statistics_are_all_there() {
    let documents = documents();
    let html = run_page(&documents).unwrap();
    let page = parse(&html);
    let stats = documents.stats.unwrap();
    let data = section(&page, "data");
    for table in &stats.pooled.tables {
        let caption = format!("{} by {}", table.column, table.rows.join(" and "));
        for (at, levels) in table.row_levels.iter().enumerate() {
            let cells = row(data, &caption, &levels.join(" · "));
            assert_eq!(cells.len(), 1 + table.column_levels.len());
            for (column, cell) in cells[1..].iter().enumerate() {
                let clips = table.count(Unit::Clips, at, column).to_string();
                let subjects = table.count(Unit::Subjects, at, column);
                assert!(cell.starts_with(&clips), "{caption} {levels:?}: {cell}");
                assert!(cell.ends_with(&format!("{subjects} subjects")), "{cell}");
            }
        }
    }
    // and in the picture, by subjects
    let picture = data
        .descendants()
        .find(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "svg")))
        .unwrap();
    let hints: Vec<String> = picture
        .descendants()
        .filter(|n| n.has_tag_name(("http://www.w3.org/2000/svg", "title")))
        .map(words)
        .collect();
    let gender = &stats.pooled.tables[0];
    for (at, levels) in gender.row_levels.iter().enumerate() {
        for (column, class) in gender.column_levels.iter().enumerate() {
            let count = gender.count(Unit::Subjects, at, column);
            let hint = format!("{}, {class}: {count} subjects", levels[0]);
            assert!(hints.iter().any(|h| h.starts_with(&hint)), "{hint}");
        }
    }
}

#[test]
fn the_same_documents_give_the_same_bytes() {
    assert_eq!(
        run_page(&documents()).unwrap(),
        run_page(&documents()).unwrap()
    );
}

#[test]
fn any_part_may_be_missing() {
    let page = run_page(&RunDocuments::default()).unwrap();
    parse(&page);
    let full = documents();
    let parts: [(&str, fn(&mut RunDocuments)); 8] = [
        ("headline", |d| d.headline = None),
        ("data", |d| d.stats = None),
        ("check", |d| d.check = None),
        ("training", |d| d.models.clear()),
        ("fusion", |d| d.fusion = None),
        ("ablation", |d| d.ablation = None),
        ("verdict", |d| d.audit = None),
        ("made", |d| d.record = None),
    ];
    for (id, remove) in parts {
        let mut documents = full.clone();
        remove(&mut documents);
        let html = run_page(&documents).unwrap();
        let page = parse(&html);
        assert!(
            !page
                .descendants()
                .any(|n| n.has_tag_name("section") && n.attribute("id") == Some(id)),
            "{id}"
        );
    }
}

#[test]
fn another_schema_is_an_error() {
    let mut audit = written().0.clone();
    audit.schema = "cohort.audit/2".into();
    let found = audit_page(&audit).unwrap_err();
    assert!(matches!(found, ReportError::Schema { .. }));
    assert_eq!(
        found.to_string(),
        "audit: expected schema \"cohort.audit/1\", found \"cohort.audit/2\""
    );
    let mut wrong: Value = document("stats.json");
    wrong["schema"] = json!("cohort.stats/2");
    let found = serde_json::from_value::<Statistics>(wrong).unwrap_err();
    let expected = format!("expected schema {STATS_SCHEMA:?}, found \"cohort.stats/2\"");
    assert_eq!(found.to_string(), expected);
}

#[test]
fn composed_data_is_named_on_top() {
    let mut documents = documents();
    assert!(run_page(&documents).unwrap().contains("Composed data."));
    documents.record.as_mut().unwrap().composed = false;
    assert!(!run_page(&documents).unwrap().contains("Composed data."));
}

#[test]
fn without_skill_the_page_says_so_and_names_nobody() {
    let mut audit = written().0.clone();
    audit.skill.verdict = Verdict::NoSkill;
    audit.skill.information.shown = false;
    audit.fairness.outcome = Outcome::NotTestable;
    let html = audit_page(&audit).unwrap();
    assert!(html.contains("No skill: gaps are not interpretable."));
    assert!(!html.contains("does worse"));
    // the first thing on the page
    let page = parse(&html);
    let header = page.descendants().find(|n| n.has_tag_name("header"));
    assert!(words(header.unwrap()).contains("No skill is shown."));
}

/// Keys whose strings are names of the program's own, not data.
const OWN: [&str; 15] = [
    "metric",
    "measure",
    "scheme",
    "method",
    "verdict",
    "outcome",
    "accuracy",
    "error",
    "promised_by",
    "family",
    "form",
    "severity",
    "kind",
    "fit",
    "reading",
];

/// The same document after `change`; `None` where it is no such document any more.
fn changed<T: Serialize + DeserializeOwned>(
    document: &T,
    change: impl FnOnce(&mut Value),
) -> Option<T> {
    let mut value = serde_json::to_value(document).unwrap();
    change(&mut value);
    serde_json::from_value(value).ok()
}

/// Adds `hostile` to every string but the schema and the program's own names.
fn poison(value: &mut Value, hostile: &str) {
    match value {
        Value::String(s) if !s.starts_with("cohort.") => *s = format!("{s}{hostile}"),
        Value::Array(items) => items.iter_mut().for_each(|i| poison(i, hostile)),
        Value::Object(map) => {
            let data = map
                .iter_mut()
                .filter(|(key, value)| !value.is_string() || !OWN.contains(&key.as_str()));
            data.for_each(|(_, value)| poison(value, hostile));
        }
        _ => {}
    }
}

/// Breaks a value of a document: `seed` says where and how.
fn damage(value: &mut Value, seed: &mut u64) {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let dice = *seed >> 33;
    match value {
        Value::Object(map) if dice % 4 != 0 && !map.is_empty() => {
            let at = (dice / 4) as usize % map.len();
            if let Some((key, inner)) = map.iter_mut().nth(at)
                && key != "schema"
            {
                damage(inner, seed);
            }
        }
        Value::Array(items) if dice % 4 != 0 && !items.is_empty() => {
            let at = (dice / 4) as usize % items.len();
            damage(&mut items[at], seed);
        }
        Value::Object(map) if map.contains_key("schema") => {}
        other => {
            *other = match dice % 7 {
                0 => Value::Null,
                1 => json!(-1e308),
                2 => json!("text"),
                3 => json!([]),
                4 => json!({}),
                5 => json!([{"value": 1e308}, 3, null]),
                _ => json!(18_446_744_073_709_551_615u64),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn strings_of_the_data_stay_text(hostile in prop_oneof![
        Just("<script>alert(1)</script>".to_owned()),
        Just("\" onload=\"alert(1)".to_owned()),
        Just("'/><img src=x onerror=alert(1)>".to_owned()),
        Just("</style></title></svg><script>".to_owned()),
        Just("]]>&lt;script&gt;\u{0}\u{7}\u{ffff}\u{202e}".to_owned()),
        ".{0,12}",
    ]) {
        let mut documents = documents();
        let poisoned = |value: &mut Value| poison(value, &hostile);
        documents.headline = changed(documents.headline.as_ref().unwrap(), poisoned);
        // the cells of a table name its columns
        documents.stats.as_mut().unwrap().dataset += &hostile;
        for counts in &mut documents.stats.as_mut().unwrap().pooled.counts {
            for level in &mut counts.levels {
                level.name += &hostile;
            }
        }
        documents.check = changed(documents.check.as_ref().unwrap(), |value| {
            poison(value, &hostile);
        });
        documents.planted = changed(documents.planted.as_ref().unwrap(), poisoned);
        documents.record = changed(documents.record.as_ref().unwrap(), poisoned);
        prop_assert!(documents.headline.is_some() && documents.check.is_some() && documents.record.is_some());
        let audit = written().0.clone();
        // A rule of a finding is a name of the program's own, that of a fusion is words.
        documents.audit = changed(&audit, |value| {
            poison(value, &hostile);
            for finding in value["findings"].as_array_mut().unwrap() {
                finding["rule"] = json!("studentised");
            }
        });
        documents.fusion = changed(&written().1, |value| {
            let rule = value["model"]["rule"].clone();
            poison(value, &hostile);
            value["model"]["rule"] = rule;
        });
        documents.ablation = changed(&written().2, |value| poison(value, &hostile));
        prop_assert!(documents.audit.is_some() && documents.fusion.is_some() && documents.ablation.is_some());
        for one in &mut documents.mistakes.as_mut().unwrap().mistakes {
            for text in [&mut one.clip, &mut one.truth, &mut one.predicted] {
                text.push_str(&hostile);
            }
        }
        documents.title += &hostile;
        documents.models[0].name += &hostile;
        let clean = run_page(&self::documents()).unwrap();
        let html = run_page(&documents).unwrap();
        let page = parse(&html);
        // No element and no attribute that the program itself does not write.
        let tags = |d: &Document| -> std::collections::BTreeSet<(String, String)> {
            d.descendants()
                .filter(Node::is_element)
                .flat_map(|n| {
                    let tag = n.tag_name().name().to_owned();
                    n.attributes().map(move |a| (tag.clone(), a.name().to_owned())).collect::<Vec<_>>()
                })
                .collect()
        };
        let allowed = tags(&parse(&clean));
        let found = tags(&page);
        prop_assert!(found.is_subset(&allowed), "{:?}", found.difference(&allowed).collect::<Vec<_>>());
        prop_assert!(!page.descendants().any(|n| n.has_tag_name("script")));
        prop_assert_eq!(page.descendants().filter(|n| n.has_tag_name("img")).count(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn damaged_documents_never_break_the_page(seed in any::<u64>()) {
        let mut documents = documents();
        let mut state = seed;
        // What is no document any more is told where files are read.
        documents.headline = changed(documents.headline.as_ref().unwrap(), |value| damage(value, &mut state));
        documents.stats = changed(documents.stats.as_ref().unwrap(), |value| damage(value, &mut state));
        documents.check = changed(documents.check.as_ref().unwrap(), |value| damage(value, &mut state));
        documents.record = changed(documents.record.as_ref().unwrap(), |value| damage(value, &mut state));
        documents.audit = changed(&written().0, |value| damage(value, &mut state));
        documents.fusion = changed(&written().1, |value| damage(value, &mut state));
        documents.ablation = changed(&written().2, |value| damage(value, &mut state));
        // An error is allowed, a panic or broken markup is not.
        if let Ok(html) = run_page(&documents) {
            parse(&html);
        }
    }
}
