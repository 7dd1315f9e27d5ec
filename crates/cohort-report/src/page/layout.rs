//! The frame of every page: head, style, title, menu, groups of sections.

use crate::markup::Markup;
use crate::palette;

const STYLE: &str = include_str!("page.css");

/// Nothing may be fetched and nothing may run: the browser itself holds the page to it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A card of a page.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) body: Markup,
    /// Identifiers of metrics and words that the section shows, for the glossary.
    pub(super) metrics: Vec<String>,
}

impl Section {
    pub(super) fn new(id: &'static str, title: impl Into<String>) -> Self {
        Self {
            id,
            title: title.into(),
            body: Markup::new(),
            metrics: Vec::new(),
        }
    }

    /// The sentence that a hurried reader takes away.
    pub(super) fn lead(&mut self, text: &str) {
        self.body.tag("p").attr("class", "lead").text(text);
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.body.element("p", text);
    }

    /// Small print.
    pub(super) fn aside(&mut self, text: &str) {
        self.body.tag("p").attr("class", "aside").text(text);
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.body.element("h4", text);
    }

    /// Says that the section speaks of these metrics.
    pub(super) fn mentions<S: Into<String>>(&mut self, metrics: impl IntoIterator<Item = S>) {
        self.metrics.extend(metrics.into_iter().map(Into::into));
    }
}

/// An entry of the menu with its sections.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) sections: Vec<Section>,
}

impl Group {
    pub(super) fn new(
        id: &'static str,
        name: &'static str,
        sections: impl IntoIterator<Item = Option<Section>>,
    ) -> Self {
        Self {
            id,
            name,
            sections: sections.into_iter().flatten().collect(),
        }
    }
}

/// Something that stands above everything else.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    /// `alert`, `warn` or `plain`.
    pub(super) class: &'static str,
    pub(super) title: String,
    pub(super) text: String,
}

/// A page under construction.
pub(super) struct Page {
    title: String,
    pub(super) subtitle: String,
    pub(super) notices: Vec<Notice>,
    /// What is said at the foot.
    pub(super) closing: Option<&'static str>,
    pub(super) groups: Vec<Group>,
    /// Style of its own, beside that of every page.
    pub(super) style: &'static str,
}

impl Page {
    pub(super) fn new(title: &str) -> Self {
        let title = if title.trim().is_empty() {
            "Report"
        } else {
            title
        };
        Self {
            title: title.to_owned(),
            subtitle: String::new(),
            notices: Vec::new(),
            closing: None,
            groups: Vec::new(),
            style: "",
        }
    }

    /// Identifiers of all metrics that the page speaks of, without repetition.
    pub(super) fn mentioned(&self) -> Vec<String> {
        let sections = self.groups.iter().flat_map(|group| &group.sections);
        let mut words: Vec<String> = sections.flat_map(|s| s.metrics.iter().cloned()).collect();
        words.sort();
        words.dedup();
        words
    }

    pub(super) fn write(&self) -> String {
        let mut out = Markup::new();
        out.raw("<!DOCTYPE html>\n");
        out.tag("html").attr("lang", "en").open();
        self.write_head(&mut out);
        out.open("body");
        out.tag("a")
            .attr("class", "skip")
            .attr("href", "#content")
            .text("Skip to the content");
        out.open("header");
        out.tag("p").attr("class", "brand").text("cohort");
        out.element("h1", &self.title);
        if !self.subtitle.is_empty() {
            out.tag("p").attr("class", "subtitle").text(&self.subtitle);
        }
        for notice in &self.notices {
            out.tag("p")
                .attr("class", &format!("notice {}", notice.class))
                .attr("role", "note")
                .open();
            out.element("strong", &notice.title).text(" ");
            out.text(&notice.text).close("p");
        }
        out.close("header");
        let groups = || self.groups.iter().filter(|g| !g.sections.is_empty());
        out.tag("div").attr("class", "frame").open();
        out.tag("nav").attr("aria-label", "Contents").open();
        out.open("ul");
        for group in groups() {
            out.open("li");
            out.tag("a")
                .attr("class", "group")
                .attr("href", &format!("#{}", group.id))
                .text(group.name);
            if group.sections.len() > 1 {
                out.open("ul");
                for section in &group.sections {
                    out.open("li");
                    out.tag("a")
                        .attr("href", &format!("#{}", section.id))
                        .text(&section.title);
                    out.close("li");
                }
                out.close("ul");
            }
            out.close("li");
        }
        out.close("ul").close("nav");
        out.tag("main").attr("id", "content").open();
        for group in groups() {
            out.raw("\n")
                .tag("div")
                .attr("class", "part")
                .attr("id", group.id)
                .open();
            out.element("h2", group.name);
            for section in &group.sections {
                out.raw("\n").tag("section").attr("id", section.id).open();
                out.element("h3", &section.title);
                out.append(&section.body);
                out.close("section");
            }
            out.close("div");
        }
        out.close("main").close("div").raw("\n").open("footer");
        if let Some(closing) = self.closing {
            out.element("p", closing);
        }
        out.close("footer").close("body").close("html").raw("\n");
        out.into_string()
    }

    fn write_head(&self, out: &mut Markup) {
        out.open("head");
        out.tag("meta").attr("charset", "utf-8").empty();
        out.tag("meta")
            .attr("http-equiv", "Content-Security-Policy")
            .attr("content", POLICY)
            .empty();
        out.tag("meta")
            .attr("name", "viewport")
            .attr("content", "width=device-width, initial-scale=1")
            .empty();
        out.tag("meta")
            .attr("name", "color-scheme")
            .attr("content", "light dark")
            .empty();
        out.tag("meta")
            .attr("name", "generator")
            .attr("content", concat!("cohort ", env!("CARGO_PKG_VERSION")))
            .empty();
        out.element("title", &self.title);
        out.open("style");
        out.style(&format!(
            ":root{{{}}}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n",
            palette::declarations(false),
            palette::declarations(true)
        ));
        out.raw(STYLE).raw(self.style);
        out.close("style").close("head").raw("\n");
    }
}
