//! Who is given the class that people want.

use cohort_eval::{AttributeSelection, Audit, Interval, Selection, SelectionMeasure};

use super::super::estimate::Estimate;
use super::super::layout::Section;
use super::super::table::{Cell, Table};
use super::super::words::{Words, fixed};

/// The section, where the audit names a favourable class.
pub(in crate::page) fn section(audit: &Audit, words: &Words) -> Option<Section> {
    let selection = audit.selection.as_ref()?;
    let mut section = Section::new("selection", "Who is given the favourable class");
    section.lead(&words.say(
        "How often the model gives the class that people want, right or wrong, beside how often it is the truth. This asks \
         nothing of errors: where base rates differ, a perfect model differs too.",
    ));
    for attribute in &selection.attributes {
        section.heading(&attribute.attribute);
        groups(attribute, selection, words).write(&mut section.body);
        let four_fifths = format!("Four fifths: {}.", attribute.four_fifths.title());
        section.body.element("p", &four_fifths);
        if let Some(note) = &attribute.note {
            section
                .body
                .tag("p")
                .attr("class", "aside")
                .text(&words.say(note));
        }
    }
    parity(selection).write(&mut section.body);
    section.body.tag("p").attr("class", "aside").text(&words.say(
        "By chance: mean when subjects are relabelled at random. Intervals hold for all pairs of groups at once; groups of \
         fewer than 5 subjects are shown and not compared.",
    ));
    section.mentions(SelectionMeasure::ALL.map(SelectionMeasure::name));
    Some(section)
}

fn cell(interval: &Interval) -> Cell {
    let estimate = Estimate::from(interval);
    Cell::new(estimate.number(3)).note(estimate.range(3))
}

fn groups(attribute: &AttributeSelection, selection: &Selection, words: &Words) -> Table {
    let mut columns = vec![attribute.attribute.clone()];
    columns.extend(words.count_columns());
    columns.push(format!("given {}", selection.name));
    columns.extend(["base rate", "to the highest rate"].map(String::from));
    let mut table = Table::new("", 1, columns);
    for group in &attribute.groups {
        let mut cells = vec![Cell::from(super::named(&group.name, &group.group))];
        let counts = words.count_cells(group.clips, group.subjects);
        cells.extend(counts.into_iter().map(Cell::from));
        cells.push(cell(&group.selection_rate));
        cells.push(cell(&group.base_rate));
        cells.push(Cell::new(fixed(group.to_highest, 3)));
        table.row(cells);
    }
    table
}

fn parity(selection: &Selection) -> Table {
    let columns = [
        "demographic parity",
        "difference",
        "by chance",
        "p",
        "ratio",
        "by chance",
    ];
    let mut table = Table::new("", 1, columns);
    for attribute in &selection.attributes {
        let chance = attribute.by_chance.as_ref();
        table.row([
            Cell::from(attribute.attribute.as_str()),
            cell(&attribute.difference),
            Cell::new(fixed(chance.map(|chance| chance.difference_mean), 3)),
            Cell::new(fixed(chance.map(|chance| chance.p_value), 3)),
            cell(&attribute.ratio),
            Cell::new(fixed(chance.and_then(|chance| chance.ratio_mean), 3)),
        ]);
    }
    table
}
