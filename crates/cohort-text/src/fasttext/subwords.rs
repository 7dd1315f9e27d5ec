//! Character n-grams of a word, and the rows of the matrix that they share.

/// Positions among the buckets of the n-grams of `<word>`, `shortest` to `longest` characters long, in fastText's order.
pub(super) fn buckets(word: &str, shortest: u32, longest: u32, buckets: u32) -> Vec<u64> {
    let marked = format!("<{word}>");
    let starts: Vec<usize> = marked.char_indices().map(|(at, _)| at).collect();
    let end_of = |character: usize| starts.get(character).copied().unwrap_or(marked.len());
    let mut found = Vec::new();
    if buckets == 0 {
        return found;
    }
    for (i, &start) in starts.iter().enumerate() {
        for n in 1..=longest as usize {
            if i + n > starts.len() {
                break;
            }
            // a boundary mark by itself says nothing
            let mark = n == 1 && (i == 0 || i + 1 == starts.len());
            if n >= shortest as usize && !mark {
                let gram = &marked.as_bytes()[start..end_of(i + n)];
                found.push(u64::from(hash(gram) % buckets));
            }
        }
    }
    found
}

/// 32-bit FNV-1a, but for bytes above 127, which fastText extends with their sign.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash: u32, &byte| {
        (hash ^ byte as i8 as u32).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_hashes_are_the_published_ones() {
        // test vectors of the FNV page (Noll): FNV-1a 32 of "a" and "foobar"
        assert_eq!((hash(b"a"), hash(b"foobar")), (0xe40c_292c, 0xbf9c_f968));
    }

    #[test]
    fn n_grams_are_those_of_the_paper() {
        // Bojanowski et al. 2017: <wh whe her ere re>
        let modulus = 1 << 20;
        let hashes = |grams: &[&str]| -> Vec<u64> {
            grams
                .iter()
                .map(|gram| u64::from(hash(gram.as_bytes()) % modulus))
                .collect()
        };
        assert_eq!(
            buckets("where", 3, 3, modulus),
            hashes(&["<wh", "whe", "her", "ere", "re>"])
        );
        assert_eq!(
            buckets("né", 1, 2, modulus),
            hashes(&["<n", "n", "né", "é", "é>"])
        );
        assert!(buckets("where", 3, 0, modulus).is_empty());
        assert!(buckets("where", 3, 6, 0).is_empty());
    }
}
