//! Detections as the numbers of a journal's row.

use cohort_detection::rle::Rle;
use cohort_detectors::Detected;

/// Numbers before a mask's: class, score, corners, height and width of the mask, and its runs (0 where there is no mask).
const NUMBERS: usize = 9;

/// A whole number in a place for another kind: the same bits.
fn whole(number: u32) -> f32 {
    f32::from_bits(number)
}

/// A picture's detections.
pub(super) fn pack(all: &[Detected]) -> Vec<f32> {
    let mut row = Vec::with_capacity(NUMBERS * all.len());
    for found in all {
        row.extend([whole(found.class as u32), found.score]);
        row.extend(found.corners);
        let (size, runs) = match &found.mask {
            None => ([0; 2], [].as_slice()),
            Some(mask) => ([mask.height(), mask.width()], mask.counts()),
        };
        row.extend(size.map(whole));
        row.push(whole(runs.len() as u32));
        row.extend(runs.iter().map(|run| whole(*run)));
    }
    row
}

/// The detections of a row; none where it is not of a network with so many classes.
pub(super) fn unpack(row: &[f32], classes: usize) -> Option<Vec<Detected>> {
    let mut all = Vec::new();
    let mut rest = row;
    while !rest.is_empty() {
        let (numbers, after) = rest.split_at_checked(NUMBERS)?;
        let class = numbers[0].to_bits() as usize;
        let [height, width, runs] = [6, 7, 8].map(|i| numbers[i].to_bits());
        let (counts, after) = after.split_at_checked(runs as usize)?;
        let mask = match runs {
            0 => None,
            _ => {
                let counts = counts.iter().map(|run| run.to_bits()).collect();
                Some(Rle::new(height, width, counts).ok()?)
            }
        };
        if class >= classes {
            return None;
        }
        all.push(Detected {
            class,
            score: numbers[1],
            corners: [numbers[2], numbers[3], numbers[4], numbers[5]],
            mask,
        });
        rest = after;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_no_row_does_not() {
        let one = |class, mask| Detected {
            class,
            score: 0.25,
            corners: [-1.5, 0.0, 3e7, 4.0],
            mask,
        };
        // a run of more pixels than a number of single precision can count
        let wide = Rle::new(1 << 13, 1 << 12, vec![16_777_217, 16_777_215]).unwrap();
        let none = Rle::new(2, 3, vec![6]).unwrap();
        let all = vec![one(3, Some(wide)), one(0, None), one(79, Some(none))];
        let row = pack(&all);
        assert_eq!(unpack(&row, 80), Some(all));
        assert_eq!(unpack(&row, 79), None);
        assert_eq!(unpack(&row[..row.len() - 1], 80), None);
        assert_eq!(unpack(&[], 80), Some(Vec::new()));
    }
}
