//! What a name that nobody knows was probably meant to be.

/// The candidate that a name was probably meant to be: the one that the fewest slips of the pen turn it into, where that is
/// at most one in three letters. A slip is a letter too many, too few, another one, or two that changed places; case and the
/// marks between words do not count. None for a number, which is as likely another number, and where two are equally near.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = plain(name);
    let most = wanted.len() / 3;
    if wanted.len() > LONGEST || name.trim().parse::<f64>().is_ok() {
        return None;
    }
    let mut best: Option<(usize, &str, bool)> = None;
    for candidate in candidates {
        let letters = plain(candidate);
        if candidate == name || letters.len() > LONGEST {
            continue;
        }
        let slips = slips(&wanted, &letters);
        if slips > most {
            continue;
        }
        match best {
            Some((least, ..)) if slips > least => {}
            Some((least, other, _)) if slips == least => {
                best = Some((least, other, other == candidate));
            }
            _ => best = Some((slips, candidate, true)),
        }
    }
    best.filter(|(.., alone)| *alone).map(|(_, name, _)| name)
}

/// ` (did you mean X?)` behind a name that nobody knows, or nothing where no candidate is near.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map_or_else(String::new, |near| format!(" (did you mean {near}?)"))
}

/// As [`did_you_mean`], of a message of serde's, which names what it found and what it expected between backticks.
pub fn did_you_mean_of(message: &str) -> String {
    if !message.contains("unknown field `") && !message.contains("unknown variant `") {
        return String::new();
    }
    // the drawing of the place in a file may hold backticks too; what is told stands behind it
    let told = message.find("unknown ").map_or("", |at| &message[at..]);
    let mut names = told.split('`').skip(1).step_by(2);
    let found = names.next().unwrap_or_default();
    did_you_mean(found, names)
}

/// Names beyond so many letters are no slip of the pen, and comparing them takes time.
const LONGEST: usize = 60;

fn plain(name: &str) -> Vec<char> {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Least number of insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
fn slips(a: &[char], b: &[char]) -> usize {
    let mut rows: [Vec<usize>; 3] = [vec![], (0..=b.len()).collect(), vec![0; b.len() + 1]];
    for i in 1..=a.len() {
        rows[2][0] = i;
        for j in 1..=b.len() {
            let other = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[1][j] + 1)
                .min(rows[2][j - 1] + 1)
                .min(rows[1][j - 1] + other);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[0][j - 2] + 1);
            }
            rows[2][j] = least;
        }
        rows.rotate_left(1);
        rows[2].resize(b.len() + 1, 0);
    }
    rows[1][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition by recursion.
    fn brute(a: &[char], b: &[char]) -> usize {
        let (Some((x, short)), Some((y, other))) = (a.split_last(), b.split_last()) else {
            return a.len().max(b.len());
        };
        let mut least = (brute(short, b) + 1)
            .min(brute(a, other) + 1)
            .min(brute(short, other) + usize::from(x != y));
        if let (Some((v, a)), Some((w, b))) = (short.split_last(), other.split_last())
            && (x, v) == (w, y)
        {
            least = least.min(brute(a, b) + 1);
        }
        least
    }

    #[test]
    fn slips_are_counted_as_the_definition_says() {
        let words = [
            "", "a", "ab", "ba", "abc", "acb", "bca", "abcd", "badc", "xabc",
        ];
        for a in words.map(plain) {
            for b in words.map(plain) {
                assert_eq!(slips(&a, &b), brute(&a, &b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn what_is_near_is_proposed_and_nothing_else() {
        let names = [
            "resnet18",
            "resnet34",
            "resnet50",
            "compact",
            "mobilefacenet",
        ];
        for (name, near) in [
            ("resnet5", Some("resnet50")),
            ("compcat", Some("compact")),
            ("MobileFaceNet", Some("mobilefacenet")),
            ("mobile-face-net", Some("mobilefacenet")),
            // both 18 and 34 are two letters away
            ("resnet", None),
            ("vgg", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, names), near, "{name}");
        }
        assert_eq!(nearest("2019", ["2018"]), None);
        assert_eq!(nearest("m", ["f"]), None);
        assert_eq!(nearest("Gendre", ["Gender", "Gender"]), Some("Gender"));
        assert_eq!(nearest(&"x".repeat(1 << 20), ["x"]), None);
    }

    #[test]
    fn messages_of_serde_are_understood() {
        for (message, told) in [
            (
                "TOML parse error at line 2, column 1\n  |\n2 | sede = `x`\n  | ^^^^\nunknown field `sede`, expected one of `seed`, `data`\n",
                " (did you mean seed?)",
            ),
            (
                "unknown variant `imgae`, expected `image` or `audio`",
                " (did you mean image?)",
            ),
            ("unknown field `zzz`, expected `a`", ""),
            ("invalid type: integer `3`, expected a string", ""),
        ] {
            assert_eq!(did_you_mean_of(message), told, "{message}");
        }
    }
}
