//! The frame of every page: head, style, title, contents, sections.

use crate::markup::Markup;
use crate::palette;

const STYLE: &str = include_str!("page.css");

/// Nothing may be fetched and nothing may run: the browser itself holds the page to it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A part of a page that the contents name.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) id: &'static str,
    /// One word for the contents.
    pub(super) short: &'static str,
    pub(super) title: &'static str,
    pub(super) body: Markup,
    /// Identifiers of metrics that the section shows, for the glossary.
    pub(super) metrics: Vec<String>,
}

impl Section {
    pub(super) fn new(id: &'static str, short: &'static str, title: &'static str) -> Self {
        Self {
            id,
            short,
            title,
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

    pub(super) fn heading(&mut self, text: &str) {
        self.body.element("h3", text);
    }

    /// Says that the section speaks of these metrics.
    pub(super) fn mentions<S: Into<String>>(&mut self, metrics: impl IntoIterator<Item = S>) {
        self.metrics.extend(metrics.into_iter().map(Into::into));
    }
}

/// A page under construction.
pub(super) struct Page {
    title: String,
    pub(super) subtitle: String,
    pub(super) banner: Option<&'static str>,
    /// What is said at the foot.
    pub(super) closing: Option<&'static str>,
    pub(super) sections: Vec<Section>,
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
            banner: None,
            closing: None,
            sections: Vec::new(),
        }
    }

    /// Identifiers of all metrics that the page speaks of, without repetition.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self
            .sections
            .iter()
            .flat_map(|s| s.metrics.iter().cloned())
            .collect();
        words.sort();
        words.dedup();
        words
    }

    pub(super) fn write(&self) -> String {
        let mut out = Markup::new();
        out.raw("<!DOCTYPE html>\n");
        out.tag("html").attr("lang", "en").open();
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
        out.raw(STYLE)
            .close("style")
            .close("head")
            .raw("\n")
            .open("body");
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
        out.close("header");
        out.tag("nav").attr("aria-label", "Contents").open();
        out.open("ul");
        for section in &self.sections {
            out.open("li");
            out.tag("a")
                .attr("href", &format!("#{}", section.id))
                .text(section.short);
            out.close("li");
        }
        out.close("ul").close("nav");
        out.tag("main").attr("id", "content").open();
        if let Some(banner) = self.banner {
            out.tag("div")
                .attr("class", "banner")
                .attr("role", "note")
                .open();
            out.element("strong", "Composed data. ")
                .text(banner)
                .close("div");
        }
        for section in &self.sections {
            out.raw("\n").tag("section").attr("id", section.id).open();
            out.element("h2", section.title);
            out.append(&section.body);
            out.close("section");
        }
        out.close("main").raw("\n").open("footer");
        if let Some(closing) = self.closing {
            out.element("p", closing);
        }
        out.close("footer").close("body").close("html").raw("\n");
        out.into_string()
    }
}
