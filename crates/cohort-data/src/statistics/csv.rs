//! Statistics as CSV tables for a spreadsheet.

use cohort_tables::csv_line;

use super::{Section, Statistics, Table, Unit};

/// Name of the CSV rows and of files for all splits together.
const POOLED: &str = "pooled";

impl Statistics {
    /// The tables as CSV files, name and content: `counts.csv` with the frequencies of every attribute, and
    /// for each table `TARGET_by_ATTRIBUTE[_ATTRIBUTE].csv` with one row a cell. Every file has all splits;
    /// `relative_to_max` is (clips - largest) / largest within the target's level, `represented` is `no`
    /// for a cell without a clip. With two attributes `relative_to_max_of_same_ATTRIBUTE` has the largest of the rows that
    /// share the level of that attribute.
    pub fn csv_tables(&self) -> Vec<(String, String)> {
        let mut files = vec![("counts.csv".to_string(), self.counts_csv())];
        for (i, table) in self.pooled.tables.iter().enumerate() {
            let name = format!("{}_by_{}.csv", table.column, table.rows.join("_"));
            files.push((file_name(&name), self.table_csv(i, table)));
        }
        files
    }

    fn sections(&self) -> impl Iterator<Item = (&str, &Section)> {
        let splits = self
            .splits
            .iter()
            .map(|(name, section)| (name.as_str(), section));
        std::iter::once((POOLED, &self.pooled)).chain(splits)
    }

    fn counts_csv(&self) -> String {
        let mut text = csv_line(["split", "attribute", "code", "name", "clips", "subjects"]);
        for (split, section) in self.sections() {
            for counts in &section.counts {
                for level in &counts.levels {
                    let (clips, subjects) = (level.clips.to_string(), level.subjects.to_string());
                    let (code, name) = (&level.code, &level.name);
                    text += &csv_line([split, &counts.attribute, code, name, &clips, &subjects]);
                }
            }
        }
        text
    }

    fn table_csv(&self, index: usize, pooled: &Table) -> String {
        let keys = pooled
            .rows
            .iter()
            .chain([&pooled.column])
            .map(String::as_str);
        let values = ["clips", "subjects", "relative_to_max", "represented"];
        let places = 0..if pooled.rows.len() > 1 {
            pooled.rows.len()
        } else {
            0
        };
        let within: Vec<String> = places
            .clone()
            .map(|place| format!("relative_to_max_of_same_{}", pooled.rows[place]))
            .collect();
        let within = within.iter().map(String::as_str);
        let names = std::iter::once("split").chain(keys).chain(values);
        let mut text = csv_line(names.chain(within));
        for (split, section) in self.sections() {
            let Some(table) = section.tables.get(index) else {
                continue;
            };
            for (row, levels) in table.row_levels.iter().enumerate() {
                for (column, level) in table.column_levels.iter().enumerate() {
                    let clips = table.count(Unit::Clips, row, column);
                    let subjects = table.count(Unit::Subjects, row, column).to_string();
                    let shown = |relative: Option<f64>| {
                        relative.map_or(String::new(), |value| format!("{value:.4}"))
                    };
                    let relative = shown(table.relative_to_max(Unit::Clips, row, column));
                    let within: Vec<String> = places
                        .clone()
                        .map(|place| shown(table.relative_within(place, Unit::Clips, row, column)))
                        .collect();
                    let represented = if clips > 0 { "yes" } else { "no" };
                    let clips = clips.to_string();
                    let keys = levels.iter().chain([level]).map(String::as_str);
                    let values = [clips.as_str(), &subjects, &relative, represented];
                    let fields = std::iter::once(split).chain(keys).chain(values);
                    text += &csv_line(fields.chain(within.iter().map(String::as_str)));
                }
            }
        }
        text
    }
}

/// A file name from column names, which may hold anything.
fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') {
                c
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_made_safe() {
        assert_eq!(file_name("Age/Group by\\x.csv"), "Age_Group_by_x.csv");
    }
}
