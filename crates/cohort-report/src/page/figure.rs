//! Charts with their captions.

use crate::markup::Markup;

/// A chart of this crate with a caption under it.
pub(super) fn figure(out: &mut Markup, svg: &str, heading: &str, caption: &str) {
    out.open("figure");
    if !heading.is_empty() {
        out.element("h4", heading);
    }
    out.chart(svg);
    if !caption.is_empty() {
        out.element("figcaption", caption);
    }
    out.close("figure");
}

/// Charts side by side where there is room for it.
pub(super) fn grid(out: &mut Markup, write: impl FnOnce(&mut Markup)) {
    out.tag("div").attr("class", "grid").open();
    write(out);
    out.close("div");
}

/// Something that is folded away until asked for.
pub(super) fn folded(out: &mut Markup, summary: &str, write: impl FnOnce(&mut Markup)) {
    out.open("details").element("summary", summary);
    write(out);
    out.close("details");
}
