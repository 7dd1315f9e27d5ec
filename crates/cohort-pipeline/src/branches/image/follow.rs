//! The main face of a video, followed from frame to frame.

use cohort_nn::Face;

/// Frames after which a face that was not seen again is another one.
const FORGOTTEN: usize = 4;
/// Overlap (intersection over union) above which two faces in neighbouring frames are one person's.
const SAME: f32 = 0.2;

/// A face through a video: places in the lists of [`follow`], and the frames that they are in.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Track {
    /// Frame, and which of its faces.
    pub(super) faces: Vec<(usize, usize)>,
    area: f64,
}

impl Track {
    fn mean_area(&self) -> f64 {
        self.area / self.faces.len().max(1) as f64
    }
}

/// The faces of a video, the main one first: the one that is in most frames; of several the largest. Every face of a frame goes on
/// with the track whose last face it covers best, the best pair first; the rest begin tracks of their own.
pub(super) fn follow(frames: &[Vec<Face>]) -> Vec<Track> {
    let mut tracks: Vec<Track> = Vec::new();
    for (number, faces) in frames.iter().enumerate() {
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (place, track) in tracks.iter().enumerate() {
            let &(last, which) = track.faces.last().expect("a track has a face");
            if number - last > FORGOTTEN {
                continue;
            }
            for (face, found) in faces.iter().enumerate() {
                let covered = overlap(frames[last][which].rectangle, found.rectangle);
                if covered > SAME {
                    pairs.push((covered, place, face));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut taken = vec![false; faces.len()];
        let mut gone_on = vec![false; tracks.len()];
        for (_, track, face) in pairs {
            if !taken[face] && !gone_on[track] {
                (taken[face], gone_on[track]) = (true, true);
                tracks[track].faces.push((number, face));
                tracks[track].area += area(faces[face].rectangle);
            }
        }
        for (face, found) in faces.iter().enumerate().filter(|(face, _)| !taken[*face]) {
            tracks.push(Track {
                faces: vec![(number, face)],
                area: area(found.rectangle),
            });
        }
    }
    // a stable order: who came first stands first among equals
    tracks.sort_by(|a, b| {
        let longer = b.faces.len().cmp(&a.faces.len());
        longer.then(b.mean_area().total_cmp(&a.mean_area()))
    });
    tracks
}

fn sides([left, top, right, bottom]: [f32; 4]) -> [f32; 2] {
    [(right - left).max(0.0), (bottom - top).max(0.0)]
}

fn area(rectangle: [f32; 4]) -> f64 {
    let [width, height] = sides(rectangle);
    f64::from(width) * f64::from(height)
}

/// Intersection over union.
fn overlap(a: [f32; 4], b: [f32; 4]) -> f32 {
    let common = [
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ];
    let common = area(common);
    let all = area(a) + area(b) - common;
    match all > 0.0 {
        true => (common / all) as f32,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, y: f32, side: f32) -> Face {
        Face {
            rectangle: [x, y, x + side, y + side],
            probability: 0.99,
            landmarks: [[0.0; 2]; 5],
        }
    }

    /// Who is in which frame: the x of the main face moves to the right, another stands still, a third is seen once.
    #[test]
    fn the_face_that_is_there_longest_is_the_main_one() {
        let mut frames: Vec<Vec<Face>> = (0..10u8)
            .map(|i| vec![face(f32::from(i) * 4.0, 0.0, 20.0)])
            .collect();
        for frame in &mut frames[3..8] {
            // larger, and first in the list, but not as long
            frame.insert(0, face(100.0, 0.0, 60.0));
        }
        frames[5].push(face(0.0, 200.0, 30.0));
        let tracks = follow(&frames);
        let lengths: Vec<usize> = tracks.iter().map(|track| track.faces.len()).collect();
        assert_eq!(lengths, [10, 5, 1]);
        for (number, &(frame, which)) in tracks[0].faces.iter().enumerate() {
            assert_eq!(frame, number);
            assert_eq!(frames[frame][which].rectangle[0], number as f32 * 4.0);
        }
        // of two that are there as long the larger
        let both: Vec<Vec<Face>> = (0..4)
            .map(|_| vec![face(0.0, 0.0, 10.0), face(50.0, 0.0, 20.0)])
            .collect();
        assert_eq!(follow(&both)[0].faces, [(0, 1), (1, 1), (2, 1), (3, 1)]);
    }

    #[test]
    fn a_face_that_is_gone_for_long_is_another_one() {
        let mut frames = vec![
            vec![face(0.0, 0.0, 20.0)],
            vec![],
            vec![],
            vec![face(1.0, 0.0, 20.0)],
        ];
        assert_eq!(follow(&frames).len(), 1);
        frames.splice(1..1, [vec![], vec![]]);
        assert_eq!(follow(&frames).len(), 2);
        assert!(follow(&[vec![], vec![]]).is_empty());
    }

    /// Two faces that pass each other keep their tracks as long as they move less than they are wide.
    #[test]
    fn each_face_goes_on_with_the_track_that_it_covers_best() {
        let frames: Vec<Vec<Face>> = (0..6u8)
            .map(|i| {
                let step = f32::from(i) * 3.0;
                let mut both = vec![face(step, 0.0, 20.0), face(40.0 - step, 25.0, 20.0)];
                if i % 2 == 1 {
                    both.reverse();
                }
                both
            })
            .collect();
        let tracks = follow(&frames);
        assert_eq!(tracks.len(), 2);
        for track in tracks {
            let tops: Vec<f32> = track
                .faces
                .iter()
                .map(|&(f, w)| frames[f][w].rectangle[1])
                .collect();
            assert!(tops.iter().all(|top| *top == tops[0]), "{tops:?}");
        }
    }
}
