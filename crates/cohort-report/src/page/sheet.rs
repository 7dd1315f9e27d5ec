//! The contact sheet as a page.

use super::layout::{Group, Page, Section};
use crate::format;
use crate::markup::Markup;
use crate::sheet::{Sheet, SheetQuery, Shown, distance, verdict};

const STYLE: &str = include_str!("sheet.css");

/// Makes the page of a contact sheet: every query with its neighbours, rank, name, distance and, where groups are known, whether the
/// neighbour is of the query's.
///
/// The same sheet gives the same bytes. Names are shown as text, whatever they hold; every distance stands in its element's
/// `value` with all its digits.
pub fn sheet_page(sheet: &Sheet) -> String {
    let mut section = Section::new("queries", "Queries and their nearest neighbours");
    for note in &sheet.notes {
        section.paragraph(note);
    }
    if let Some(column) = &sheet.column {
        section.aside(&format!(
            "right, in a whole frame: of the query's {column}; wrong, in a dashed frame: of another."
        ));
    }
    for query in &sheet.queries {
        write_query(&mut section.body, query, sheet.column.as_deref());
    }
    let mut page = Page::new(&sheet.title);
    page.subtitle = sheet.subtitle.clone();
    page.style = STYLE;
    page.groups = vec![Group::new("answers-part", "Neighbours", [Some(section)])];
    page.write()
}

fn write_query(out: &mut Markup, query: &SheetQuery, column: Option<&str>) {
    let name = &query.query.name;
    out.tag("div")
        .attr("class", "query")
        .attr("role", "group")
        .attr("aria-label", &format!("Neighbours of {name}"))
        .open();
    out.tag("div").attr("class", "clip").open();
    picture(out, &query.query);
    out.element("strong", "query");
    out.tag("span").attr("class", "name").text(name);
    if let Some(group) = &query.query.group {
        out.element("span", &said(column, group));
    }
    out.close("div").open("ol");
    for (rank, (shown, far)) in query.found.iter().enumerate() {
        let right = query.is_right(shown);
        let class = right.map_or(String::new(), |right| format!(" {}", verdict(right)));
        out.tag("li").attr("class", &format!("clip{class}")).open();
        picture(out, shown);
        out.open("span");
        out.element("strong", &format::count(rank as u64 + 1));
        out.text(" at ");
        out.tag("data")
            .attr("value", &far.to_string())
            .text(&distance(*far));
        out.close("span");
        out.tag("span").attr("class", "name").text(&shown.name);
        if let Some(group) = &shown.group {
            let words = match right {
                Some(right) => format!("{}: {group}", verdict(right)),
                None => said(column, group),
            };
            out.element("span", &words);
        }
        out.close("li");
    }
    out.close("ol").close("div").raw("\n");
}

fn said(column: Option<&str>, group: &str) -> String {
    column.map_or_else(|| group.to_owned(), |column| format!("{column}: {group}"))
}

/// A picture in its frame, or an empty one.
fn picture(out: &mut Markup, shown: &Shown) {
    match &shown.picture {
        Some(picture) => {
            out.tag("span").attr("class", "frame-of").open();
            out.tag("img")
                .attr("src", &picture.address)
                .attr("alt", &format!("Picture of {}", shown.name))
                .attr("width", &picture.width.to_string())
                .attr("height", &picture.height.to_string())
                .empty();
            out.close("span");
        }
        None => out
            .tag("span")
            .attr("class", "frame-of none")
            .text(shown.stand_in()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::SheetPicture;

    fn shown(name: &str, group: Option<&str>, address: Option<&str>) -> Shown {
        Shown {
            name: name.to_owned(),
            group: group.map(str::to_owned),
            picture: address.map(|address| SheetPicture {
                address: address.to_owned(),
                width: 20,
                height: 10,
            }),
            is_words: false,
        }
    }

    #[test]
    fn names_are_text_numbers_are_whole_and_verdicts_are_words() {
        let evil = "<script>alert(1)</script>\" onload=\"x";
        let far = 0.1 + 0.2;
        let page = sheet_page(&Sheet {
            title: "<b>t</b>".into(),
            column: Some("Class".into()),
            notes: vec!["a & b".into()],
            queries: vec![SheetQuery {
                query: shown(evil, Some("c1"), Some("data:image/jpeg;base64,AAAA")),
                found: vec![
                    (shown("n1", Some("c1"), None), far),
                    (shown("n2", Some("c2"), None), -1.5),
                    (shown("n3", None, None), 2.0),
                ],
            }],
            ..Sheet::default()
        });
        assert!(!page.contains("<script") && !page.contains("\" onload") && !page.contains("<b>t"));
        assert!(!page.contains("http://") && !page.contains("https://"));
        assert!(
            page.contains(&format!("value=\"{far}\">0.300000</data>")),
            "{page}"
        );
        assert!(page.contains("value=\"-1.5\">\u{2212}1.500000</data>"));
        for (class, words) in [("right", "right: c1"), ("wrong", "wrong: c2")] {
            assert!(page.contains(&format!("class=\"clip {class}\"")), "{class}");
            assert!(page.contains(words), "{words}");
        }
        assert_eq!(page.matches("no picture").count(), 3);
        assert_eq!(page.matches("alt=\"Picture of &lt;script").count(), 1);
        assert!(page.contains("a &amp; b") && page.contains("Content-Security-Policy"));
    }
}
