//! Charts with their captions, and what stands beside them.

use crate::markup::Markup;

/// Natural width of a chart of which three stand side by side, in CSS pixels; a phone shows one.
pub(super) const THIRD: f64 = 296.0;
/// Natural width of a chart beside a table; a phone shows it whole.
pub(super) const BESIDE: f64 = 336.0;

/// A chart of this crate with a caption under it.
pub(super) fn figure(out: &mut Markup, svg: &str, heading: &str, caption: &str) {
    out.open("figure");
    if !heading.is_empty() {
        out.element("h5", heading);
    }
    out.chart(svg);
    if !caption.is_empty() {
        out.element("figcaption", caption);
    }
    out.close("figure");
}

/// A chart that is wider than a phone and scrolls there inside its own box.
pub(super) fn wide_figure(out: &mut Markup, svg: &str, name: &str, caption: &str) {
    out.open("figure");
    out.tag("div")
        .attr("class", "scroll wide")
        .attr("tabindex", "0")
        .attr("role", "region")
        .attr("aria-label", name)
        .open();
    out.chart(svg);
    out.close("div");
    if !caption.is_empty() {
        out.element("figcaption", caption);
    }
    out.close("figure");
}

/// Charts side by side where there is room for it.
pub(super) fn grid(out: &mut Markup, write: impl FnOnce(&mut Markup)) {
    boxed(out, "grid", write);
}

/// A chart and what stands beside it.
pub(super) fn beside(out: &mut Markup, write: impl FnOnce(&mut Markup)) {
    boxed(out, "beside", write);
}

/// A box of its own, such as what stands beside a chart.
pub(super) fn column(out: &mut Markup, write: impl FnOnce(&mut Markup)) {
    boxed(out, "column", write);
}

fn boxed(out: &mut Markup, class: &'static str, write: impl FnOnce(&mut Markup)) {
    out.tag("div").attr("class", class).open();
    write(out);
    out.close("div");
}

/// Something that is folded away until asked for, and opened on paper.
pub(super) fn folded(out: &mut Markup, summary: &str, write: impl FnOnce(&mut Markup)) {
    out.open("details").element("summary", summary);
    write(out);
    out.close("details");
}

/// As [`folded`], where it stays folded on paper too, which it would fill.
pub(super) fn folded_on_paper(out: &mut Markup, summary: &str, write: impl FnOnce(&mut Markup)) {
    out.tag("details").attr("class", "screen").open();
    out.element("summary", summary);
    write(out);
    out.close("details");
}
