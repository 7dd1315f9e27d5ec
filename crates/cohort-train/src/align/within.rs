//! How well pictures and captions find each other.

use cohort_nn::metric::Space;

/// Captions compared with all pictures at a time.
const CHUNK: usize = 256;

/// Recall at 1: the share of pictures whose nearest caption is one of theirs, and of captions whose nearest picture is theirs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Recall {
    pub(crate) to_captions: f64,
    pub(crate) to_pictures: f64,
}

/// What vectors of `width` values a row find of each other; of equals the first. Pictures without captions ask nothing.
pub(crate) fn recall(
    space: Space,
    pictures: &[f32],
    captions: &[f32],
    width: usize,
    picture_of: &[usize],
) -> Recall {
    let count = pictures.len() / width.max(1);
    let nearer = |a: f64, b: f64| match space {
        Space::Cosine => a > b,
        _ => a < b,
    };
    // of every picture its nearest caption so far
    let mut nearest: Vec<Option<(f64, usize)>> = vec![None; count];
    let mut right = 0_usize;
    for (chunk, some) in captions.chunks(CHUNK * width.max(1)).enumerate() {
        let values = space.compare(some, pictures, width);
        for row in 0..values.rows() {
            let caption = chunk * CHUNK + row;
            let mut first: Option<(f64, usize)> = None;
            for (picture, &value) in values.row(row).iter().enumerate() {
                if first.is_none_or(|(best, _)| nearer(value, best)) {
                    first = Some((value, picture));
                }
                if nearest[picture].is_none_or(|(best, _)| nearer(value, best)) {
                    nearest[picture] = Some((value, caption));
                }
            }
            right += usize::from(first.is_some_and(|(_, picture)| picture == picture_of[caption]));
        }
    }
    let mut asks = vec![false; count];
    picture_of.iter().for_each(|&picture| asks[picture] = true);
    let asking = asks.iter().filter(|asks| **asks).count();
    let found = nearest.iter().zip(&asks).enumerate();
    let found = found.filter(|(picture, (nearest, asks))| {
        **asks && nearest.is_some_and(|(_, caption)| picture_of[caption] == *picture)
    });
    Recall {
        to_captions: found.count() as f64 / asking.max(1) as f64,
        to_pictures: right as f64 / picture_of.len().max(1) as f64,
    }
}

/// The same if the order were by chance.
pub(crate) fn chance(picture_of: &[usize], pictures: usize) -> Recall {
    let mut counts = vec![0_usize; pictures];
    picture_of.iter().for_each(|&picture| counts[picture] += 1);
    let asking = counts.iter().filter(|count| **count > 0).count();
    // the mean over the pictures of the share of captions that are theirs
    Recall {
        to_captions: 1.0 / asking.max(1) as f64,
        to_pictures: 1.0 / pictures.max(1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_ranking_is_that_of_hand() {
        // on a line: pictures at 0, 10 and 20, the last without captions
        let pictures = [0.0, 10.0, 20.0];
        let captions = [1.0, 6.0, 9.0, 16.0];
        let picture_of = [0, 0, 1, 1];
        let found = recall(Space::Distance, &pictures, &captions, 1, &picture_of);
        // nearest pictures: 0, 10, 10, 20; nearest captions: 1, 9
        assert_eq!(found.to_pictures, 0.5);
        assert_eq!(found.to_captions, 1.0);
        let by_chance = chance(&picture_of, 3);
        assert_eq!(by_chance.to_captions, 0.5);
        assert!((by_chance.to_pictures - 1.0 / 3.0).abs() < 1e-12);
    }
}
