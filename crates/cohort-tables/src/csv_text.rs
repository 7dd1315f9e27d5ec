//! Tables as CSV text, for documents that are written as a whole.

use std::borrow::Cow;

/// A field of a CSV table by RFC 4180: in quotes, which are doubled within, where it holds a comma, a quote or a line break.
pub fn csv_field(field: &str) -> Cow<'_, str> {
    match field.contains([',', '"', '\n', '\r']) {
        true => Cow::Owned(format!("\"{}\"", field.replace('"', "\"\""))),
        false => Cow::Borrowed(field),
    }
}

/// A line of a CSV table: its fields ([`csv_field`]), and a line feed at the end.
pub fn csv_line<F: AsRef<str>>(fields: impl IntoIterator<Item = F>) -> String {
    let mut line = String::new();
    for (i, field) in fields.into_iter().enumerate() {
        if i > 0 {
            line.push(',');
        }
        line += &csv_field(field.as_ref());
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_a_reader_of_csv_finds() {
        assert_eq!(
            csv_line(["a", "b,c", "d\"e", ""]),
            "a,\"b,c\",\"d\"\"e\",\n"
        );
        let rows = [
            ["plain", "a, b"],
            ["\"quoted\"", "two\nlines"],
            ["\r", " spaces "],
            ["", "'"],
        ];
        let text: String = rows.iter().map(csv_line).collect();
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).from_reader(text.as_bytes());
        let found: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let found: Vec<Vec<&str>> = found.iter().map(|row| row.iter().collect()).collect();
        assert_eq!(found, rows);
        let mut writer = csv::Writer::from_writer(Vec::new());
        rows.iter()
            .for_each(|row| writer.write_record(row).unwrap());
        assert_eq!(writer.into_inner().unwrap(), text.as_bytes());
    }
}
