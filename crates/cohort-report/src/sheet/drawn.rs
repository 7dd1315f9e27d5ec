//! The sheet as one picture.

use super::{Sheet, SheetPicture, SheetQuery, Shown, distance, verdict};
use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL, Style};
use crate::font::{drawable, is_drawable};
use crate::palette::Colour;
use crate::text_width::shorten;
use crate::{ReportError, svg_to_png};

/// Side of a frame, and what is left free between two and around all, in pixels.
const FRAME: f64 = Sheet::SIDE as f64;
const GAP: f64 = 14.0;
/// Neighbours in a line; more of them begin the next.
const IN_A_LINE: usize = 10;
/// Height of a line of text under a frame.
const LINE: f64 = 15.0;
/// Height of a note at the foot.
const NOTE: f64 = 17.0;

/// A drawn sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnSheet {
    /// The picture, a PNG.
    pub png: Vec<u8>,
    /// Names, groups and notes of which a letter is shown as `?`, for the font that comes with this crate has Latin and Greek
    /// alone.
    pub replaced: usize,
}

/// Draws a sheet: a row a query, the query at the left. A neighbour of the query's group has a whole frame and the word `right`, one of
/// another a dashed frame and the word `wrong`.
///
/// The same sheet gives the same bytes on any machine.
///
/// # Errors
/// [`ReportError::Raster`] for a sheet of more than 10^8 pixels, which [`Sheet::MOST_FRAMES`] do not have.
pub fn sheet_png(sheet: &Sheet) -> Result<DrawnSheet, ReportError> {
    let replaced = texts(sheet).filter(|text| !is_drawable(text)).count();
    let mut notes = sheet.notes.clone();
    if replaced > 0 {
        notes.push(format!(
            "Letters that are neither Latin nor Greek are shown as ?, in {replaced} texts."
        ));
    }
    let columns = sheet.queries.iter().map(|query| query.found.len());
    let columns = columns.max().unwrap_or(0).clamp(1, IN_A_LINE);
    let style = Style::file(GAP + (FRAME + GAP) * (columns + 1) as f64 + GAP);
    let lines = if sheet.column.is_some() { 3.0 } else { 2.0 };
    let row = FRAME + LINE * lines + GAP;
    let rows = sheet.queries.iter().map(|query| rows_of(query, columns));
    let top = Canvas::header(&style) + NOTE;
    let foot = NOTE * notes.len() as f64 + GAP;
    let height = top + GAP + row * rows.sum::<usize>() as f64 + foot;
    let mut canvas = Canvas::new(
        &style,
        height,
        &drawable(&sheet.title),
        &drawable(&sheet.subtitle),
    );
    let width = style.safe_width();
    let line = |text: &str| shorten(&drawable(text), LABEL, width - 2.0 * GAP);
    let at = (12.0, Canvas::header(&style) + 8.0);
    canvas.text(
        at,
        LABEL,
        Anchor::Start,
        Colour::Muted,
        &line(&sheet.subtitle),
    );
    let mut y = top + GAP;
    for query in &sheet.queries {
        frame(&mut canvas, (GAP, y), &query.query, None, "query");
        for (i, (shown, far)) in query.found.iter().enumerate() {
            let x = GAP + (FRAME + GAP) * (i % columns + 1) as f64 + GAP;
            let under = y + row * (i / columns) as f64;
            let rank = format!("{}. {}", i + 1, distance(*far));
            frame(&mut canvas, (x, under), shown, query.is_right(shown), &rank);
        }
        y += row * rows_of(query, columns) as f64;
    }
    for note in &notes {
        y += NOTE;
        canvas.text((12.0, y), LABEL, Anchor::Start, Colour::Muted, &line(note));
    }
    Ok(DrawnSheet {
        png: svg_to_png(&canvas.finish(), 1.0)?,
        replaced,
    })
}

fn rows_of(query: &SheetQuery, columns: usize) -> usize {
    query.found.len().div_ceil(columns).max(1)
}

/// Every text of a sheet that came from outside.
fn texts(sheet: &Sheet) -> impl Iterator<Item = &str> {
    let queries = sheet.queries.iter();
    let clips = queries.flat_map(|query| {
        std::iter::once(&query.query).chain(query.found.iter().map(|(shown, _)| shown))
    });
    let of_clips =
        clips.flat_map(|one| std::iter::once(one.name.as_str()).chain(one.group.as_deref()));
    let own = [sheet.title.as_str(), sheet.subtitle.as_str()];
    own.into_iter()
        .chain(sheet.notes.iter().map(String::as_str))
        .chain(of_clips)
}

/// A picture in its frame, with a line above its name.
fn frame(canvas: &mut Canvas, (x, y): (f64, f64), shown: &Shown, right: Option<bool>, rank: &str) {
    match &shown.picture {
        Some(picture) => canvas.image(fitted((x, y), picture), &picture.address),
        None => {
            let middle = (x + FRAME / 2.0, y + FRAME / 2.0 + 4.0);
            outline(canvas, (x, y), Colour::Grid, 1.0, None);
            canvas.text(
                middle,
                SMALL,
                Anchor::Middle,
                Colour::Muted,
                shown.stand_in(),
            );
        }
    }
    match right {
        Some(true) => outline(canvas, (x, y), Colour::Series(0), 2.5, None),
        Some(false) => outline(canvas, (x, y), Colour::Series(1), 2.5, Some("7 5")),
        None => {}
    }
    let mut under = y + FRAME;
    let mut line = |canvas: &mut Canvas, colour: Colour, text: &str| {
        under += LINE;
        let fit = shorten(&drawable(text), SMALL, FRAME + GAP / 2.0);
        canvas.text((x, under), SMALL, Anchor::Start, colour, &fit);
    };
    line(canvas, Colour::Ink, rank);
    line(canvas, Colour::Muted, &shown.name);
    match (right, &shown.group) {
        (Some(right), Some(group)) => {
            line(canvas, Colour::Ink, &format!("{}: {group}", verdict(right)));
        }
        (None, Some(group)) => line(canvas, Colour::Ink, group),
        (_, None) => {}
    }
}

/// Where a picture lies in its frame: whole, in its own proportions, in the middle.
fn fitted((x, y): (f64, f64), picture: &SheetPicture) -> Area {
    let (width, height) = (picture.width.max(1) as f64, picture.height.max(1) as f64);
    let scale = FRAME / width.max(height);
    let (left, top) = (
        x + (FRAME - width * scale) / 2.0,
        y + (FRAME - height * scale) / 2.0,
    );
    Area {
        left,
        top,
        right: left + width * scale,
        bottom: top + height * scale,
    }
}

fn outline(
    canvas: &mut Canvas,
    (x, y): (f64, f64),
    colour: Colour,
    width: f64,
    dash: Option<&str>,
) {
    let (right, bottom) = (x + FRAME, y + FRAME);
    for (from, to) in [
        ((x, y), (right, y)),
        ((right, y), (right, bottom)),
        ((right, bottom), (x, bottom)),
        ((x, bottom), (x, y)),
    ] {
        canvas.line(from, to, colour, width, dash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::data_address;

    fn shown(name: &str, group: &str, picture: Option<[u8; 3]>) -> Shown {
        Shown {
            name: name.to_owned(),
            group: Some(group.to_owned()),
            picture: picture.map(|colour| SheetPicture {
                address: data_address(8, 4, &colour.repeat(32)).unwrap(),
                width: 8,
                height: 4,
            }),
            is_words: false,
        }
    }

    /// Colour of a pixel.
    fn pixels(png: &[u8]) -> (u32, u32, impl Fn(f64, f64) -> [u8; 3]) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png))
            .read_info()
            .unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let (width, height) = (info.width, info.height);
        let at = move |x: f64, y: f64| {
            let place = (y as usize * width as usize + x as usize) * 4;
            [bytes[place], bytes[place + 1], bytes[place + 2]]
        };
        (width, height, at)
    }

    #[test]
    fn pictures_stand_in_their_frames_and_verdicts_in_more_than_colour() {
        let (red, green) = ([200, 0, 0], [0, 160, 0]);
        let mut found = vec![
            (shown("a", "c1", Some(green)), 0.0),
            (shown("b", "c2", Some(green)), 0.5),
        ];
        found.extend((0..10).map(|i| (shown(&format!("n{i}"), "c1", None), 1.0)));
        let sheet = Sheet {
            title: "t".into(),
            column: Some("Class".into()),
            queries: vec![SheetQuery {
                query: shown("年 <q>", "c1", Some(red)),
                found,
            }],
            ..Sheet::default()
        };
        let drawn = sheet_png(&sheet).unwrap();
        assert_eq!(drawn.replaced, 1);
        assert_eq!(sheet_png(&sheet).unwrap(), drawn, "the same bytes");
        let (width, height, at) = pixels(&drawn.png);
        let step = FRAME + GAP;
        assert_eq!(f64::from(width), 2.0 * GAP + step * 11.0);
        // twelve neighbours are two lines
        let row = FRAME + 3.0 * LINE + GAP;
        assert!(f64::from(height) > 2.0 * row, "{height}");
        let top = 34.0 + NOTE + GAP;
        let middle = top + FRAME / 2.0;
        assert_eq!(at(GAP + FRAME / 2.0, middle), red);
        // half as high as wide
        assert_eq!(at(GAP + FRAME / 2.0, top + FRAME * 0.2), [255; 3]);
        let first = GAP + step + GAP;
        assert_eq!(at(first + FRAME / 2.0, middle), green);
        let edge = |left: f64| -> Vec<[u8; 3]> {
            let along = (0..FRAME as usize).map(|i| top + i as f64);
            along.map(|y| at(left, y)).collect()
        };
        let blue = [0x1f, 0x6f, 0xb4];
        let near = |a: &[u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) < 40);
        let whole = edge(first).iter().filter(|c| near(c, blue)).count();
        assert_eq!(whole, FRAME as usize, "a whole frame");
        let orange = [0xd9, 0x64, 0x0b];
        let dashed = edge(first + step)
            .iter()
            .filter(|c| near(c, orange))
            .count();
        assert!((30..90).contains(&dashed), "a dashed frame: {dashed}");
    }

    #[test]
    fn a_full_sheet_can_be_drawn() {
        for neighbours in [1, 10, 11, 50, 400] {
            let queries = Sheet::most_queries(neighbours);
            let frames = queries * (neighbours.min(Sheet::MOST_NEIGHBOURS) + 1);
            assert!(frames <= Sheet::MOST_FRAMES && queries > 0);
            let found = vec![(shown("n", "c", None), 1.0); neighbours.min(Sheet::MOST_NEIGHBOURS)];
            let query = SheetQuery {
                query: shown("q", "c", None),
                found,
            };
            let sheet = Sheet {
                queries: vec![query; queries],
                ..Sheet::default()
            };
            let (width, height, _) = pixels(&sheet_png(&sheet).unwrap().png);
            assert!(
                f64::from(width) * f64::from(height) < 1e8,
                "{width} x {height}"
            );
        }
    }
}
