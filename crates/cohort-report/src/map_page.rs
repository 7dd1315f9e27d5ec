//! A map as a page: one file, without network, that one can zoom into and ask who is where.

use serde_json::json;

use crate::charts::{ScatterPoint, scatter_order};
use crate::format;
use crate::markup::Markup;
use crate::palette::{self, Colour};

const STYLE: &str = include_str!("map_page/map.css");
const SCRIPT: &str = include_str!("map_page/map.js");

/// Nothing may be fetched; the only script is the page's own, and data is never run.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Steps that the longer side of the map is divided into.
const STEPS: f64 = 30_000.0;

/// A map to be shown as a page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MapPage {
    /// Title of the page.
    pub title: String,
    /// What it is a map of and how it was made, in a sentence.
    pub subtitle: String,
    /// What the groups are, such as `AgeGroup`.
    pub column: String,
    /// Names of the groups, in order; empty when points have none.
    pub groups: Vec<String>,
    /// Whether the order of the groups means something.
    pub ordered: bool,
    /// The points.
    pub points: Vec<MapPoint>,
    /// Paragraphs under the map.
    pub caption: Vec<String>,
}

/// One point, and what is shown when it is pointed at.
#[derive(Debug, Clone, PartialEq)]
pub struct MapPoint {
    /// Where it lies, and its group.
    pub at: ScatterPoint,
    /// Clip id.
    pub clip: String,
    /// What a model predicted, for people.
    pub prediction: Option<String>,
    /// What was said.
    pub text: Option<String>,
    /// A small picture, as a `data:` address.
    pub picture: Option<String>,
}

/// Writes the page.
pub fn map_page(page: &MapPage) -> String {
    let mut out = Markup::new();
    out.raw("<!DOCTYPE html>\n");
    out.tag("html").attr("lang", "en").open();
    out.open("head");
    for (name, content) in [
        ("viewport", "width=device-width, initial-scale=1"),
        ("color-scheme", "light dark"),
        ("generator", concat!("cohort ", env!("CARGO_PKG_VERSION"))),
    ] {
        out.tag("meta")
            .attr("name", name)
            .attr("content", content)
            .empty();
    }
    out.tag("meta").attr("charset", "utf-8").empty();
    out.tag("meta")
        .attr("http-equiv", "Content-Security-Policy")
        .attr("content", POLICY)
        .empty();
    out.element("title", &page.title);
    out.open("style").style(&format!(
        ":root{{{}}}@media (prefers-color-scheme:dark){{:root{{{}}}}}\n",
        palette::declarations(false),
        palette::declarations(true)
    ));
    out.raw(STYLE)
        .close("style")
        .close("head")
        .raw("\n")
        .open("body");
    out.open("header");
    out.tag("p").attr("class", "brand").text("cohort");
    out.element("h1", &page.title);
    out.tag("p").attr("class", "subtitle").text(&page.subtitle);
    out.close("header").open("main");
    stage(&mut out);
    out.tag("aside")
        .attr("aria-label", "Groups and quality")
        .open();
    legend(&mut out, page);
    for paragraph in &page.caption {
        out.element("p", paragraph);
    }
    out.close("aside").close("main");
    out.tag("script")
        .attr("type", "application/json")
        .attr("id", "data")
        .open();
    out.json(&data(page));
    out.close("script")
        .open("script")
        .raw(SCRIPT)
        .close("script");
    out.close("body").close("html").raw("\n");
    out.into_string()
}

/// The canvas, its buttons, and the card that says what is pointed at.
fn stage(out: &mut Markup) {
    out.tag("div").attr("id", "stage").open();
    out.tag("canvas")
        .attr("id", "map")
        .attr("tabindex", "0")
        .attr("role", "img")
        .attr(
            "aria-label",
            "Map of clips. Arrow keys move, plus and minus zoom, 0 shows all.",
        )
        .text("");
    out.tag("div").attr("id", "tools").open();
    for (id, label, sign) in [
        ("in", "Zoom in", "+"),
        ("out", "Zoom out", "\u{2212}"),
        ("all", "Show the whole map", "\u{2922}"),
    ] {
        out.tag("button")
            .attr("type", "button")
            .attr("id", id)
            .attr("aria-label", label)
            .text(sign);
    }
    out.close("div");
    out.tag("div")
        .attr("id", "card")
        .attr("role", "status")
        .attr("hidden", "")
        .text("");
    out.element(
        "noscript",
        "This map needs JavaScript; the SVG of the same map does not.",
    );
    out.close("div");
}

/// A button a group, which hides or shows it.
fn legend(out: &mut Markup, page: &MapPage) {
    let count = |group| page.points.iter().filter(|p| p.at.group == group).count();
    out.tag("input")
        .attr("id", "find")
        .attr("type", "search")
        .attr("placeholder", "Find a clip")
        .attr("aria-label", "Find a clip by a part of its id")
        .empty();
    if page.groups.is_empty() {
        return;
    }
    out.element("h2", &page.column);
    out.tag("div").attr("id", "legend").open();
    let names = page
        .groups
        .iter()
        .enumerate()
        .map(|(i, name)| (Some(i), name.as_str()));
    let rest = (count(None) > 0).then_some((None, "unlabelled"));
    for (group, name) in names.chain(rest) {
        let place = group.map_or("-1".to_owned(), |g| g.to_string());
        out.tag("button")
            .attr("type", "button")
            .attr("aria-pressed", "true")
            .attr("data-group", &place)
            .open();
        out.tag("i").text("");
        out.element("span", name);
        out.element("b", &format::count(count(group) as u64))
            .close("button");
    }
    out.close("div");
    out.tag("p")
        .attr("class", "aside")
        .text("Click hides or shows a group; double click shows it alone.");
}

/// What the script draws: columns, with coordinates as whole numbers.
fn data(page: &MapPage) -> serde_json::Value {
    let axis = |value: fn(&ScatterPoint) -> f64| {
        let values = page.points.iter().map(|p| value(&p.at));
        crate::charts::axes::extent(values).unwrap_or((0.0, 1.0))
    };
    let (x, y) = (axis(|p| p.x), axis(|p| p.y));
    let side = (x.1 - x.0).max(y.1 - y.0);
    let step = if side > 0.0 { STEPS / side } else { 0.0 };
    let place = |v: f64| if v.is_finite() { v.round() as i64 } else { 0 };
    let colours = Colour::of_groups(page.groups.len(), page.ordered);
    let pair = |colour: &Colour| json!([colour.light(), colour.dark()]);
    let alone = if colours.is_empty() {
        Colour::Kind(0)
    } else {
        Colour::Unlabelled
    };
    // a column that no point has is left out
    let column = |value: &dyn Fn(&MapPoint) -> Option<&str>| {
        let used = page.points.iter().any(|p| value(p).is_some());
        let cells = page.points.iter().map(|p| value(p).unwrap_or(""));
        if used {
            json!(cells.collect::<Vec<_>>())
        } else {
            json!([])
        }
    };
    json!({
        "column": page.column,
        "groups": page.groups,
        "colours": colours.iter().map(pair).collect::<Vec<_>>(),
        "none": pair(&alone),
        "x": page.points.iter().map(|p| place((p.at.x - x.0) * step)).collect::<Vec<_>>(),
        "y": page.points.iter().map(|p| place((y.1 - p.at.y) * step)).collect::<Vec<_>>(),
        "group": page.points.iter().map(|p| p.at.group.map_or(-1, |g| g as i64)).collect::<Vec<_>>(),
        "order": scatter_order(page.points.len()),
        "clip": page.points.iter().map(|p| p.clip.as_str()).collect::<Vec<_>>(),
        "prediction": column(&|p| p.prediction.as_deref()),
        "text": column(&|p| p.text.as_deref()),
        "picture": column(&|p| p.picture.as_deref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> MapPage {
        let point = |i: usize| MapPoint {
            at: ScatterPoint {
                x: i as f64,
                y: -(i as f64),
                group: (i > 0).then_some(i % 2),
            },
            clip: format!("c{i}</script><script>alert(1)</script>"),
            prediction: Some("19-24".into()),
            text: None,
            picture: None,
        };
        MapPage {
            title: "A & B".into(),
            column: "AgeGroup".into(),
            groups: vec!["<i>young</i>".into(), "old".into()],
            points: (0..5).map(point).collect(),
            ..MapPage::default()
        }
    }

    #[test]
    fn data_cannot_end_its_element_and_reads_back() {
        let html = map_page(&page());
        assert_eq!(html.matches("<script").count(), 2);
        assert_eq!(html.matches("</script>").count(), 2);
        assert!(!html.contains("<i>young"));
        let json = html
            .split("id=\"data\">")
            .nth(1)
            .unwrap()
            .split("</script>")
            .next()
            .unwrap();
        let data: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(data["clip"][3], "c3</script><script>alert(1)</script>");
        assert_eq!(data["x"], json!([0, 7500, 15000, 22500, 30000]));
        assert_eq!(data["group"], json!([-1, 1, 0, 1, 0]));
        assert_eq!(
            (
                data["text"].clone(),
                data["prediction"].as_array().map(Vec::len)
            ),
            (json!([]), Some(5))
        );
    }

    #[test]
    fn nothing_points_to_the_network() {
        let html = map_page(&page());
        assert!(!html.contains("http://") && !html.contains("https://"));
    }
}
