//! The order that classes have by themselves: numbers, ranges of numbers, and nothing else.

use crate::spelling::tidy;

/// The range of numbers that a class name states, as its lower and upper end; `None` for a name that states none.
///
/// Understood are whole and decimal numbers (`7`), ranges (`0-2`, `7–13`, `10 to 19`, `(25, 32)`, `[20, 30)`, `20_29`),
/// open ones (`60+`, `more than 70`, `over 60`, `under 18`, `<5`, `>=65`, `70 and over`, `up to 12`), decades (`30s`,
/// `teens`, `twenties`), each with or without words such as `age` and `years`. What a spreadsheet makes of a range
/// (`09-Mar`) is none.
pub fn range_of(name: &str) -> Option<(f64, f64)> {
    let mut text = tidy(name).to_lowercase();
    for dash in [
        '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}', '_', '~', ':',
    ] {
        text = text.replace(dash, "-");
    }
    text = text.replace('\u{2264}', "<=").replace('\u{2265}', ">=");
    let decade = DECADES.iter().find(|(word, _)| *word == text);
    if let Some(&(_, low)) = decade {
        return Some((low, if low == 10.0 { 19.0 } else { low + 9.0 }));
    }
    let mut tokens = tokens(&text)?;
    tokens.retain(|token| !matches!(token, Token::Filler));
    use Token::{Above, Below, Decade, Number, To};
    let range = match tokens.as_slice() {
        [Number(a)] => (*a, *a),
        [Decade(a)] => (*a, a + 9.0),
        [Number(a), To, Number(b)] | [Number(a), Number(b)] if a <= b => (*a, *b),
        [Number(a), Above] | [Above, Number(a)] => (*a, f64::INFINITY),
        [Number(a), Below] | [Below, Number(a)] => (f64::NEG_INFINITY, *a),
        // up to 12, 0 to under 5
        [To, Number(a)] => (f64::NEG_INFINITY, *a),
        [Number(a), To, Below, Number(b)] if a <= b => (*a, *b),
        _ => return None,
    };
    Some(range)
}

const DECADES: [(&str, f64); 10] = [
    ("teens", 10.0),
    ("twenties", 20.0),
    ("thirties", 30.0),
    ("forties", 40.0),
    // as Common Voice writes it
    ("fourties", 40.0),
    ("fifties", 50.0),
    ("sixties", 60.0),
    ("seventies", 70.0),
    ("eighties", 80.0),
    ("nineties", 90.0),
];

enum Token {
    Number(f64),
    /// `30s`
    Decade(f64),
    To,
    Above,
    Below,
    Filler,
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    // where a minus sign would be one: at the start and behind a bracket or comma
    let mut opens = true;
    while let Some(first) = rest.chars().next() {
        let run = |keep: fn(char) -> bool| rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let (token, length) = if first.is_ascii_digit() {
            let length = run(|c| c.is_ascii_digit() || c == '.');
            let number: f64 = rest[..length].trim_end_matches('.').parse().ok()?;
            let after = &rest[length..];
            let decade = after.strip_prefix("'s").or(after.strip_prefix('s'));
            match decade {
                Some(more) if !more.starts_with(char::is_alphabetic) => {
                    (Token::Decade(number), rest.len() - more.len())
                }
                _ => (Token::Number(number), length),
            }
        } else if first.is_alphabetic() {
            let length = run(char::is_alphabetic);
            let token = match &rest[..length] {
                "to" | "through" | "bis" => Token::To,
                "more" | "over" | "above" | "older" | "plus" | "from" | "least" => Token::Above,
                "less" | "under" | "below" | "younger" | "fewer" | "most" => Token::Below,
                // up to: the direction is said by what follows
                "up" | "than" | "and" | "or" | "age" | "ages" | "aged" | "year" | "years"
                | "yr" | "yrs" | "y" | "yo" | "old" | "group" | "at" | "between" | "class" => {
                    Token::Filler
                }
                _ => return None,
            };
            (token, length)
        } else {
            match first {
                '-' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) && opens => {
                    let length = 1 + rest[1..]
                        .find(|c: char| !c.is_ascii_digit() && c != '.')
                        .unwrap_or(rest.len() - 1);
                    (Token::Number(rest[..length].parse().ok()?), length)
                }
                '-' => (Token::To, 1),
                '+' => (Token::Above, 1),
                '>' | '<' => {
                    let length = if rest[1..].starts_with('=') { 2 } else { 1 };
                    (
                        if first == '>' {
                            Token::Above
                        } else {
                            Token::Below
                        },
                        length,
                    )
                }
                ' ' | '(' | ')' | '[' | ']' | ',' | '.' => (Token::Filler, 1),
                _ => return None,
            }
        };
        opens = (opens && first == ' ') || matches!(first, '(' | '[' | ',');
        tokens.push(token);
        rest = &rest[length..];
    }
    Some(tokens)
}

/// The order that classes have by themselves: the positions of `names` from the least to the greatest, when all are
/// numbers or ranges of numbers and no two are alike; else `None`, and the classes have no evident order.
pub fn evident_order<S: AsRef<str>>(names: &[S]) -> Option<Vec<usize>> {
    let whole: Option<Vec<i64>> = names
        .iter()
        .map(|name| name.as_ref().parse().ok())
        .collect();
    if let Some(whole) = whole {
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&i| whole[i]);
        let distinct = order.windows(2).all(|pair| whole[pair[0]] < whole[pair[1]]);
        return distinct.then_some(order);
    }
    let ranges: Option<Vec<(f64, f64)>> =
        names.iter().map(|name| range_of(name.as_ref())).collect();
    let ranges = ranges?;
    let mut order: Vec<usize> = (0..names.len()).collect();
    let compare = |&a: &usize, &b: &usize| {
        let ((a_low, a_high), (b_low, b_high)) = (ranges[a], ranges[b]);
        a_low.total_cmp(&b_low).then(a_high.total_cmp(&b_high))
    };
    order.sort_by(compare);
    // one range inside another is no order: 0-9 and 3-5
    let sound = order.windows(2).all(|pair| {
        let ((a_low, a_high), (b_low, b_high)) = (ranges[pair[0]], ranges[pair[1]]);
        a_low <= b_low && a_high <= b_high && (a_low, a_high) != (b_low, b_high)
    });
    sound.then_some(order)
}

/// The range that a spreadsheet made a date of: `3-9` for `09-Mar`, `10-19` for `19-Oct` or `Oct-19`.
pub fn before_the_spreadsheet(name: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let name = tidy(name).to_lowercase();
    let (a, b) = name.split_once(['-', ' ', '.', '/'])?;
    let month = |text: &str| {
        MONTHS
            .iter()
            .position(|month| text.strip_prefix(month).is_some_and(|rest| rest.len() < 7))
    };
    let (month, number) = match (month(a), month(b)) {
        (Some(month), None) => (month, b),
        (None, Some(month)) => (month, a),
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    Some(format!("{}-{number}", month + 1))
}

/// Classes in their evident order, else as text.
pub fn sorted<S: AsRef<str>>(names: &[S]) -> Vec<String> {
    let mut text: Vec<String> = names.iter().map(|name| name.as_ref().to_string()).collect();
    text.sort_unstable();
    text.dedup();
    match evident_order(&text) {
        Some(order) => order.into_iter().map(|i| text[i].clone()).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_ordered_by_number_however_they_are_written() {
        let orders: [&[&str]; 12] = [
            &[
                "0-2",
                "3-9",
                "10-19",
                "20-29",
                "30-39",
                "40-49",
                "50-59",
                "60-69",
                "more than 70",
            ],
            &["0-6", "7-13", "14-18", "61+"],
            &["7–13", "14–18", "19–24", "61+"],
            &["<5", "5-17", "18-64", ">=65"],
            &["under 18", "18 to 30", "31 to 60", "over 60"],
            &[
                "(0, 2)",
                "(4, 6)",
                "(8, 12)",
                "(15, 20)",
                "(25, 32)",
                "(38, 43)",
                "(48, 53)",
                "(60, 100)",
            ],
            &[
                "teens", "twenties", "thirties", "fourties", "fifties", "sixties",
            ],
            &["(-0.001, 10.0]", "(10.0, 20.0]", "(20.0, 100.0]"],
            &["20s", "30s", "40s"],
            &["age 3-9", "age 10-19", "age 70 and over"],
            &["-1", "0", "2", "10"],
            &["up to 12", "13-19", "20 years or older"],
        ];
        for expected in orders {
            let mut shuffled: Vec<&str> = expected.to_vec();
            shuffled.sort_unstable();
            shuffled.reverse();
            assert!(evident_order(&shuffled).is_some(), "{expected:?}");
            assert_eq!(sorted(&shuffled), expected);
        }
    }

    #[test]
    fn names_without_numbers_and_a_spreadsheets_dates_have_no_order() {
        let none: [&[&str]; 8] = [
            &["child", "adult"],
            &["0-2", "09-Mar", "10-19"],
            &["1", "2", "unknown"],
            &["0-9", "3-5"],
            &["5", "5-5"],
            &["2009-03-09", "0-2"],
            &["a1", "a2"],
            &["low", "high"],
        ];
        for names in none {
            assert_eq!(evident_order(names), None, "{names:?}");
        }
        assert_eq!(sorted(&["b", "10", "2"]), ["10", "2", "b"]);
        for (date, range) in [
            ("09-Mar", Some("3-9")),
            ("Oct-19", Some("10-19")),
            ("3-9", None),
            ("Marcel", None),
        ] {
            assert_eq!(before_the_spreadsheet(date).as_deref(), range, "{date}");
        }
    }
}
