//! The error of every group at every true class, laid out as the tables of NIST's reports on age estimation are
//! (NIST IR 8525): a row a group of people, a column a class.

use std::fmt::Write as _;

use cohort_tables::text_columns;

use crate::{Audit, ClassError, Interval, Metric};

impl Audit {
    /// One table of the size of the error and one of its direction; for unordered classes one of the share met.
    pub(crate) fn write_by_class(&self, out: &mut String) -> std::fmt::Result {
        let has = |metric: Metric| {
            self.class_errors
                .iter()
                .any(|row| row.metrics.contains_key(&metric))
        };
        let size = [Metric::MaeYears, Metric::MaeGroups, Metric::Accuracy]
            .into_iter()
            .find(|&metric| has(metric));
        let Some(size) = size else { return Ok(()) };
        writeln!(out, "4. ERROR BY TRUE CLASS\n")?;
        self.class_table(out, size)?;
        let direction = if has(Metric::SignedError) {
            self.class_table(out, Metric::SignedError)?;
            format!(" Signed error above 0: guessed {}.", self.too_high())
        } else {
            String::new()
        };
        let nouns = &self.settings.nouns;
        let (items, units) = (nouns.items(), nouns.units());
        let counts = match nouns.items_are_units() {
            true => items.clone(),
            false => format!("{items}/{units}"),
        };
        writeln!(
            out,
            "   Under each value its {:.0} % interval, then {counts}. n/e: fewer than {} {units}, or no difference between\n   \
             them.{direction} Classes without {items} are left out.\n",
            100.0 * self.settings.level,
            crate::FEWEST_SUBJECTS
        )
    }

    fn class_table(&self, out: &mut String, metric: Metric) -> std::fmt::Result {
        let shown: Vec<&crate::ClassRow> = self.classes.iter().filter(|c| c.clips > 0).collect();
        let mut header = vec![self.settings.title(metric)];
        header.extend(shown.iter().map(|class| class.name.clone()));
        header.push("all".into());
        let mut rows = vec![header];
        let mut attribute = "";
        for of_group in self
            .class_errors
            .chunk_by(|a, b| (&a.attribute, &a.group) == (&b.attribute, &b.group))
        {
            let Some(first) = of_group.first() else {
                continue;
            };
            if first.attribute != attribute {
                attribute = &first.attribute;
                rows.push(vec![attribute.to_string()]);
            }
            let name = if first.attribute.is_empty() {
                self.all_items()
            } else {
                format!("  {}", first.name)
            };
            let mut cells: Vec<[String; 3]> = shown
                .iter()
                .map(|class| {
                    let of_class = |row: &&ClassError| row.class == class.code;
                    of_group
                        .iter()
                        .find(of_class)
                        .map_or_else(Default::default, |row| {
                            self.lines(row.metrics.get(&metric), row.clips, row.subjects)
                        })
                })
                .collect();
            cells.push(self.whole_group(first, metric));
            for line in 0..3 {
                let mut row = vec![if line == 0 {
                    name.clone()
                } else {
                    String::new()
                }];
                row.extend(
                    cells
                        .iter()
                        .map(|cell| cell.get(line).cloned().unwrap_or_default()),
                );
                rows.push(row);
            }
        }
        out.push_str(&text_columns(&rows));
        writeln!(out)
    }

    /// The last column: the group over all classes.
    fn whole_group(&self, of: &ClassError, metric: Metric) -> [String; 3] {
        if of.attribute.is_empty() {
            return self.lines(self.metrics.get(&metric), self.clips, self.subjects);
        }
        self.groups
            .iter()
            .find(|row| row.attribute == of.attribute && row.group == of.group)
            .map_or_else(Default::default, |row| {
                self.lines(row.metrics.get(&metric), row.clips, row.subjects)
            })
    }

    /// Value, interval and counts, one a line.
    fn lines(&self, interval: Option<&Interval>, clips: usize, subjects: usize) -> [String; 3] {
        let Some(interval) = interval.filter(|_| clips > 0) else {
            return ["-".into(), String::new(), String::new()];
        };
        let value = interval.value().map_or("-".into(), |v| format!("{v:.2}"));
        let range = interval
            .estimate()
            .map_or_else(|| "n/e".into(), |e| format!("{:.2} {:.2}", e.low, e.high));
        let counts = match self.settings.nouns.items_are_units() {
            true => clips.to_string(),
            false => format!("{clips}/{subjects}"),
        };
        [value, range, counts]
    }
}
