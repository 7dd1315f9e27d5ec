//! The sheet that every chart is drawn on.

use crate::markup::Markup;
use crate::palette::Colour;
use crate::text_width::shorten;

/// Where a picture will be shown, which decides how its colours are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Inlined in one of our pages: colours are CSS custom properties (light and dark), the page shows the title.
    Page,
    /// A file of its own: colours are resolved for a white ground, the title is drawn.
    #[default]
    File,
}

/// How a picture is drawn, apart from what it shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Where it will be shown.
    pub target: Target,
    /// Natural width in CSS pixels, kept between 240 and 4,000. Default 640.
    pub width: f64,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            target: Target::File,
            width: 640.0,
        }
    }
}

impl Style {
    /// A style for one of our pages, `width` CSS pixels wide.
    pub fn page(width: f64) -> Self {
        Self {
            target: Target::Page,
            width,
        }
    }

    /// A style for a file of its own, `width` CSS pixels wide.
    pub fn file(width: f64) -> Self {
        Self {
            target: Target::File,
            width,
        }
    }

    pub(crate) fn safe_width(&self) -> f64 {
        if self.width.is_finite() {
            self.width.clamp(240.0, 4000.0)
        } else {
            640.0
        }
    }
}

/// Text size of labels, in CSS pixels.
pub(crate) const LABEL: f64 = 12.0;
/// Text size of small print, in CSS pixels.
pub(crate) const SMALL: f64 = 11.0;

/// Where a text's anchor lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A rectangle of the sheet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

impl Area {
    pub(crate) fn width(&self) -> f64 {
        (self.right - self.left).max(1.0)
    }

    pub(crate) fn height(&self) -> f64 {
        (self.bottom - self.top).max(1.0)
    }
}

/// An SVG under construction.
pub(crate) struct Canvas {
    out: Markup,
    target: Target,
}

impl Canvas {
    /// Height of the drawn title; 0 where the page shows it.
    pub(crate) fn header(style: &Style) -> f64 {
        if style.target == Target::File {
            34.0
        } else {
            0.0
        }
    }

    /// A sheet of `style`'s width and the given height, which includes [`Self::header`].
    pub(crate) fn new(style: &Style, height: f64, title: &str, description: &str) -> Self {
        let width = style.safe_width();
        let mut out = Markup::new();
        let view = format!(
            "0 0 {} {}",
            crate::markup::coordinate(width),
            crate::markup::coordinate(height)
        );
        let mut tag = out
            .tag("svg")
            .attr("xmlns", "http://www.w3.org/2000/svg")
            .attr("viewBox", &view)
            .num("width", width)
            .num("height", height)
            .attr("role", "img")
            .attr("aria-label", title)
            .num("font-size", LABEL)
            .attr("style", "font-variant-numeric:tabular-nums");
        tag = match style.target {
            Target::Page => tag.attr("class", "chart"),
            Target::File => tag.attr("font-family", "Roboto, 'Helvetica Neue', Arial, sans-serif"),
        };
        tag.open();
        out.element("title", title).element("desc", description);
        let mut canvas = Self {
            out,
            target: style.target,
        };
        if style.target == Target::File {
            canvas.rect((0.0, 0.0, width, height), Colour::Surface, 1.0, None);
            let fit = shorten(title, 15.0, width - 24.0);
            canvas.bold((12.0, 23.0), 15.0, Anchor::Start, Colour::Ink, &fit);
        }
        canvas
    }

    pub(crate) fn paint(&self, colour: Colour) -> &'static str {
        match self.target {
            Target::Page => colour.variable(),
            Target::File => colour.light(),
        }
    }

    pub(crate) fn finish(mut self) -> String {
        self.out.close("svg");
        self.out.into_string()
    }

    /// A filled rectangle (x, y, width, height), with words for a pointer resting on it.
    pub(crate) fn rect(
        &mut self,
        (x, y, width, height): (f64, f64, f64, f64),
        fill: Colour,
        opacity: f64,
        hint: Option<&str>,
    ) {
        let fill = self.paint(fill);
        let mut tag = self
            .out
            .tag("rect")
            .num("x", x)
            .num("y", y)
            .num("width", width.max(0.0))
            .num("height", height.max(0.0))
            .attr("fill", fill);
        if opacity < 1.0 {
            tag = tag.num("fill-opacity", opacity);
        }
        match hint {
            None => tag.empty(),
            Some(words) => {
                tag.open();
                self.out.element("title", words).close("rect");
            }
        }
    }

    pub(crate) fn line(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        stroke: Colour,
        width: f64,
        dash: Option<&str>,
    ) {
        let stroke = self.paint(stroke);
        let mut tag = self
            .out
            .tag("line")
            .num("x1", from.0)
            .num("y1", from.1)
            .num("x2", to.0)
            .num("y2", to.1)
            .attr("stroke", stroke)
            .num("stroke-width", width);
        if let Some(dash) = dash {
            tag = tag.attr("stroke-dasharray", dash);
        }
        tag.empty();
    }

    pub(crate) fn circle(
        &mut self,
        at: (f64, f64),
        radius: f64,
        fill: Colour,
        hollow: bool,
        hint: Option<&str>,
    ) {
        let (paint, surface) = (self.paint(fill), self.paint(Colour::Surface));
        let tag = self
            .out
            .tag("circle")
            .num("cx", at.0)
            .num("cy", at.1)
            .num("r", radius)
            .attr("fill", if hollow { surface } else { paint })
            .attr("stroke", if hollow { paint } else { surface })
            .num("stroke-width", 1.5);
        match hint {
            None => tag.empty(),
            Some(words) => {
                tag.open();
                self.out.element("title", words).close("circle");
            }
        }
    }

    /// A small filled disc without an edge, one of many.
    pub(crate) fn dot(&mut self, at: (f64, f64), radius: f64, fill: Colour, opacity: f64) {
        let fill = self.paint(fill);
        self.out
            .tag("circle")
            .num("cx", at.0)
            .num("cy", at.1)
            .num("r", radius)
            .attr("fill", fill)
            .num("fill-opacity", opacity)
            .empty();
    }

    /// A stroked path through `points`, in order.
    pub(crate) fn polyline(
        &mut self,
        points: &[(f64, f64)],
        stroke: Colour,
        width: f64,
        dash: Option<&str>,
    ) {
        if points.is_empty() {
            return;
        }
        let data = path_data(points);
        let stroke = self.paint(stroke);
        let mut tag = self
            .out
            .tag("path")
            .attr("d", &data)
            .attr("fill", "none")
            .attr("stroke", stroke)
            .num("stroke-width", width)
            .attr("stroke-linejoin", "round")
            .attr("stroke-linecap", "round");
        if let Some(dash) = dash {
            tag = tag.attr("stroke-dasharray", dash);
        }
        tag.empty();
    }

    /// A filled shape around `points`.
    pub(crate) fn polygon(&mut self, points: &[(f64, f64)], fill: Colour, opacity: f64) {
        if points.len() < 3 {
            return;
        }
        let data = path_data(points) + "Z";
        let fill = self.paint(fill);
        self.out
            .tag("path")
            .attr("d", &data)
            .attr("fill", fill)
            .num("fill-opacity", opacity)
            .empty();
    }

    pub(crate) fn text(
        &mut self,
        at: (f64, f64),
        size: f64,
        anchor: Anchor,
        colour: Colour,
        text: &str,
    ) {
        self.words(at, size, anchor, colour, None, false, text);
    }

    pub(crate) fn bold(
        &mut self,
        at: (f64, f64),
        size: f64,
        anchor: Anchor,
        colour: Colour,
        text: &str,
    ) {
        self.words(at, size, anchor, colour, None, true, text);
    }

    /// Text turned by `degrees` about its anchor.
    pub(crate) fn turned(
        &mut self,
        at: (f64, f64),
        anchor: Anchor,
        colour: Colour,
        degrees: f64,
        text: &str,
    ) {
        self.words(at, LABEL, anchor, colour, Some(degrees), false, text);
    }

    #[allow(clippy::too_many_arguments)]
    fn words(
        &mut self,
        at: (f64, f64),
        size: f64,
        anchor: Anchor,
        colour: Colour,
        degrees: Option<f64>,
        bold: bool,
        text: &str,
    ) {
        let fill = self.paint(colour);
        let mut tag = self
            .out
            .tag("text")
            .num("x", at.0)
            .num("y", at.1)
            .attr("fill", fill);
        if size != LABEL {
            tag = tag.num("font-size", size);
        }
        tag = match anchor {
            Anchor::Start => tag,
            Anchor::Middle => tag.attr("text-anchor", "middle"),
            Anchor::End => tag.attr("text-anchor", "end"),
        };
        if bold {
            tag = tag.attr("font-weight", "500");
        }
        if let Some(degrees) = degrees {
            let c = crate::markup::coordinate;
            tag = tag.attr(
                "transform",
                &format!("rotate({} {} {})", c(degrees), c(at.0), c(at.1)),
            );
        }
        tag.text(text);
    }

    /// A picture given as a `data:` address, stretched over `area`.
    pub(crate) fn image(&mut self, area: Area, data: &str) {
        self.out
            .tag("image")
            .num("x", area.left)
            .num("y", area.top)
            .num("width", area.width())
            .num("height", area.height())
            .attr("preserveAspectRatio", "none")
            .attr("href", data)
            .empty();
    }
}

fn path_data(points: &[(f64, f64)]) -> String {
    let mut data = String::with_capacity(points.len() * 12);
    for (i, (x, y)) in points.iter().enumerate() {
        data.push(if i == 0 { 'M' } else { 'L' });
        data.push_str(&crate::markup::coordinate(*x));
        data.push(' ');
        data.push_str(&crate::markup::coordinate(*y));
    }
    data
}
