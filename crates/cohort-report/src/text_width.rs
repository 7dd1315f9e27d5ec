//! How wide a label will be, so that charts can leave room for it.

/// Advance widths of U+0020 to U+007E in thousandths of an em: Roboto Regular 2.138 (`scripts/make_fonts.py`).
#[rustfmt::skip]
const ADVANCES: [u16; 95] = [
    248, 258, 320, 616, 562, 732, 622, 175, 342, 348, 431, 567, 197, 276, 264, 413,
    562, 562, 562, 562, 562, 562, 562, 562, 562, 562, 242, 211, 508, 549, 523, 473,
    898, 652, 623, 651, 656, 568, 553, 681, 713, 272, 552, 627, 539, 873, 713, 688,
    631, 688, 616, 594, 597, 648, 637, 887, 627, 601, 599, 265, 411, 265, 418, 451,
    309, 544, 562, 523, 564, 530, 348, 562, 551, 243, 239, 507, 243, 877, 552, 570,
    562, 568, 339, 516, 327, 551, 484, 751, 496, 473, 496, 338, 244, 338, 680,
];

/// Allowance for a reader's own sans serif, which may be wider than Roboto (Verdana is by a sixth).
const ALLOWANCE: f64 = 1.06;

/// Width of `text` in the units of `size`; characters outside ASCII count 0.6 em, and 1 em from U+1100 on.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let thousandths: f64 = text
        .chars()
        .map(|c| {
            let advance = (c as usize).checked_sub(0x20).and_then(|i| ADVANCES.get(i));
            match advance {
                Some(&w) => f64::from(w),
                None if (0x1100..0x2000).contains(&(c as u32)) || c as u32 >= 0x2E80 => 1000.0,
                None => 600.0,
            }
        })
        .sum();
    thousandths / 1000.0 * size * ALLOWANCE
}

/// `text` cut at the end and given an ellipsis when it is wider than `width`.
pub(crate) fn shorten(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if text_width(&kept, size) + text_width("…", size) > width {
            kept.pop();
            break;
        }
    }
    kept.trim_end().to_owned() + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_the_font() {
        assert!((text_width("00", 1000.0) - 2.0 * 562.0 * ALLOWANCE).abs() < 1e-9);
        assert!(text_width("mmm", 10.0) > text_width("iii", 10.0));
        assert_eq!(text_width("", 12.0), 0.0);
        assert!(text_width("年齢", 12.0) > 24.0);
    }

    #[test]
    fn long_labels_are_cut_to_fit() {
        assert_eq!(shorten("Female", 12.0, 100.0), "Female");
        let cut = shorten("African-American and others", 12.0, 80.0);
        assert!(
            cut.ends_with('…') && text_width(&cut, 12.0) <= 80.0,
            "{cut}"
        );
    }
}
