//! Numbers as people read them.

/// Sign that stands for "no value".
pub(crate) const NONE: &str = "–";

/// Fixed decimals with a true minus sign and no negative zero; "–" when the value is not finite, and an exponent
/// from 1e15 on, where an `f64` has no decimals left.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value.abs() >= 1e15 {
        return scientific(value);
    }
    let text = format!("{:.*}", decimals, value.abs());
    let zero = text.bytes().all(|b| b == b'0' || b == b'.');
    if value < 0.0 && !zero {
        format!("\u{2212}{text}")
    } else {
        text
    }
}

/// [`fixed`] with a plus sign before positive values, for differences.
pub(crate) fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    let positive =
        value.is_finite() && value > 0.0 && text.bytes().any(|b| b.is_ascii_digit() && b != b'0');
    if positive { format!("+{text}") } else { text }
}

/// A whole number with commas between thousands.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A share as per cent, `0.123` as `12.3%`.
pub(crate) fn percent(value: f64, decimals: usize) -> String {
    let text = fixed(value * 100.0, decimals);
    if text == NONE { text } else { text + "%" }
}

/// A number of unknown size: whole numbers with commas, others with up to four significant digits.
pub(crate) fn general(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e15 {
        let text = count(size as u64);
        return if value < 0.0 {
            format!("\u{2212}{text}")
        } else {
            text
        };
    }
    if !(1e-3..1e6).contains(&size) {
        return scientific(value);
    }
    let decimals = if size >= 1000.0 {
        0
    } else if size >= 100.0 {
        1
    } else if size >= 10.0 {
        2
    } else {
        3
    };
    fixed(value, decimals)
}

fn scientific(value: f64) -> String {
    format!("{value:.2e}").replace('-', "\u{2212}")
}

/// A p value: three decimals, and `<0.001` below what they can show.
pub(crate) fn p_value(value: f64) -> String {
    if value.is_finite() && value < 0.001 {
        "<0.001".to_owned()
    } else {
        fixed(value, 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (found, expected) in [
            (fixed(0.5, 3), "0.500"),
            (fixed(-0.25, 2), "\u{2212}0.25"),
            (fixed(-0.0001, 2), "0.00"),
            (fixed(f64::NAN, 2), "–"),
            (fixed(-1e299, 2), "\u{2212}1.00e299"),
            (signed(0.0, 2), "0.00"),
            (signed(0.001, 2), "0.00"),
            (signed(0.1, 2), "+0.10"),
            (signed(-0.1, 2), "\u{2212}0.10"),
            (signed(f64::INFINITY, 2), "–"),
            (count(0), "0"),
            (count(999), "999"),
            (count(1000), "1,000"),
            (count(1234567), "1,234,567"),
            (percent(0.1234, 1), "12.3%"),
            (percent(f64::NAN, 1), "–"),
            (general(6006.0), "6,006"),
            (general(-12.0), "\u{2212}12"),
            (general(0.12345), "0.123"),
            (general(1e-6), "1.00e\u{2212}6"),
            (p_value(0.0004), "<0.001"),
            (p_value(0.0312), "0.031"),
        ] {
            assert_eq!(found, expected);
        }
    }
}
