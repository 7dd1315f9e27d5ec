//! Operations against what Pillow 12.3, torchvision 0.29 and ImageHash 4.3 make of the same
//! pictures; scripts/golden_ops.py wrote the expected values.

mod common;

use common::{crc32, operate, pattern, tensor_bytes};

#[test]
fn every_operation_is_pillows_bit_for_bit() {
    let mut wrong = Vec::new();
    let lines = include_str!("golden/ops.txt").lines();
    let total = lines.clone().count();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, w, h, ref operation @ .., expected] = words[..] else {
            panic!("not a case: {line}");
        };
        let picture = pattern(name, w.parse().expect("width"), h.parse().expect("height"));
        let crc = match operation {
            ["normalise"] => crc32(tensor_bytes(&picture)),
            _ => crc32(operate(&picture, operation).into_rgb()),
        };
        if format!("{crc:08x}") != expected {
            wrong.push(line);
        }
    }
    assert!(total > 3000, "only {total} cases");
    assert!(
        wrong.is_empty(),
        "{} of {total} differ, the first: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(40)]
    );
}

#[test]
fn resizing_is_pillows_bit_for_bit() {
    let mut rest = &include_bytes!("golden/resize.bin")[..];
    for name in ["noise", "smooth", "rings", "dark"] {
        for _ in 0..7 {
            let (head, tail) = rest.split_at(8);
            let [w, h, w2, h2] =
                [0, 2, 4, 6].map(|i| usize::from(u16::from_le_bytes([head[i], head[i + 1]])));
            let (expected, tail) = tail.split_at(w2 * h2 * 3);
            rest = tail;
            let resized =
                cohort_vision::resize(&pattern(name, w, h), w2, h2).expect("a valid size");
            assert!(
                resized.rgb() == expected,
                "{name} {w} x {h} to {w2} x {h2} differs"
            );
        }
    }
    assert!(rest.is_empty());
}

#[test]
fn the_perceptual_hash_is_imagehashs() {
    for line in include_str!("golden/hash.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [name, w, h, expected] = words[..] else {
            panic!("not a case: {line}");
        };
        let picture = pattern(name, w.parse().expect("width"), h.parse().expect("height"));
        let hash = format!("{:016x}", cohort_vision::perceptual_hash(&picture));
        assert_eq!(hash, expected, "{name} {w} x {h}");
    }
}
