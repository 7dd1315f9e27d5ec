//! Cutting a long sound where it is quiet.

use std::ops::Range;

/// Pieces of at most `window` samples that follow each other without a gap: each ends in the middle of the quietest
/// three-hundredth of a window within the last sixth that it may take (of 30 seconds: the quietest tenth of a second of
/// the last five), so that few words are cut. The last piece takes what is left; no sound, no piece.
pub fn cut_at_pauses(samples: &[f32], window: usize) -> Vec<Range<usize>> {
    let window = window.max(1);
    let block = (window / 300).max(1);
    let mut pieces = Vec::new();
    let mut start = 0;
    while samples.len() - start > window {
        let earliest = start + (window - window / 6).max(1);
        let blocks = samples[earliest..start + window].chunks(block);
        let mut best = (f64::INFINITY, earliest);
        for (i, block_samples) in blocks.enumerate().filter(|(_, b)| b.len() == block) {
            let energy: f64 = block_samples.iter().map(|&s| f64::from(s).powi(2)).sum();
            if energy < best.0 {
                best = (energy, earliest + i * block + block / 2);
            }
        }
        pieces.push(start..best.1);
        start = best.1;
    }
    if start < samples.len() {
        pieces.push(start..samples.len());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_tile_the_sound_and_end_in_its_pauses() {
        let mut sound = vec![0.5f32; 2_000];
        sound[880..890].fill(0.0);
        sound[1_800..1_805].fill(0.01);
        // 750 is the earliest end; blocks of three, of which 879..882 is half and 882..885 all quiet
        let pieces = cut_at_pauses(&sound, 900);
        assert_eq!(pieces[0], 0..883);
        // the quietest of what may end the second piece, 1,633 to 1,783, is all alike: its first block
        assert_eq!(pieces[1], 883..1_634);
        for window in [1, 5, 90, 300, 900, 1_999, 2_000, 2_001] {
            let pieces = cut_at_pauses(&sound, window);
            assert_eq!(pieces[0].start, 0);
            assert_eq!(pieces[pieces.len() - 1].end, 2_000);
            for pair in pieces.windows(2) {
                assert_eq!(pair[0].end, pair[1].start);
            }
            assert!(
                pieces.iter().all(|p| !p.is_empty() && p.len() <= window),
                "{window}"
            );
        }
        assert!(cut_at_pauses(&[], 10).is_empty());
    }
}
