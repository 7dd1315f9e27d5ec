//! Pictures a second on one core: decode, TrivialAugmentWide, resize to 224, normalise, and each step alone.
//! `benches/loading.py` runs this beside torchvision and prints the ratios:
//!
//!     cargo bench -p cohort-vision --bench loading -- LIST PASSES resize|augment
//!
//! LIST is a file with one picture path a line; the last word says what comes first, resizing as in
//! [`Transform`] or augmenting as in a chain of torchvision's transforms. Prints `step seconds pictures` a line.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cohort_vision::{
    IMAGENET_MEAN, IMAGENET_STD, Picture, Transform, decode_bytes, normalise, resize,
    trivial_augment_wide,
};

/// Side of a network's picture, in pixels.
const SIDE: usize = 224;

/// Processor time of this thread, so that a busy machine does not count; wall time where the
/// system does not tell.
fn now(start: Instant) -> Duration {
    #[cfg(unix)]
    {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the clock writes to a timespec of ours.
        if unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) } == 0 {
            return Duration::new(time.tv_sec as u64, time.tv_nsec as u32);
        }
    }
    start.elapsed()
}

/// Runs `work` over every item, `passes` times, and prints the fastest pass; to make the items takes no time.
fn time<T>(step: &str, passes: usize, items: impl Fn() -> Vec<T>, mut work: impl FnMut(usize, T)) {
    let count = items().len();
    let fastest = (0..passes)
        .map(|_| {
            let items = items();
            let start = Instant::now();
            let before = now(start);
            for (i, item) in items.into_iter().enumerate() {
                work(i, item);
            }
            (now(start) - before).as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!("{step} {fastest} {count}");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let Some(list) = args.next() else {
        eprintln!("no list of pictures given: nothing measured");
        return Ok(());
    };
    let passes = args.next().map_or(Ok(3), |n| n.parse())?;
    let augment_first = args.next().as_deref() == Some("augment");
    let paths: Vec<PathBuf> = std::fs::read_to_string(list)?
        .lines()
        .map(PathBuf::from)
        .collect();

    let transform = Transform::trivial(SIDE);
    let mut out = vec![0.0; transform.output_len()];
    time(
        "all",
        passes,
        || paths.iter().collect(),
        |i, path: &PathBuf| {
            let bytes = std::fs::read(path).expect("a file of the list");
            let picture = decode_bytes(&bytes, path).expect("a picture");
            if augment_first {
                let picture = trivial_augment_wide(picture, i as u64);
                let picture = resize(&picture, SIDE, SIDE).expect("a valid size");
                normalise(&picture, IMAGENET_MEAN, IMAGENET_STD, &mut out).expect("it fits");
            } else {
                transform
                    .apply(picture, Some(i as u64), &mut out)
                    .expect("valid settings");
            }
            std::hint::black_box(&out);
        },
    );

    let files: Vec<Vec<u8>> = paths.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    time(
        "decode",
        passes,
        || files.iter().collect(),
        |i, bytes: &Vec<u8>| {
            std::hint::black_box(decode_bytes(bytes, &paths[i]).expect("a picture"));
        },
    );
    let pictures: Vec<Picture> = files
        .iter()
        .zip(&paths)
        .map(|(bytes, path)| decode_bytes(bytes, path))
        .collect::<Result<_, _>>()?;
    let small: Vec<Picture> = pictures
        .iter()
        .map(|p| resize(p, SIDE, SIDE))
        .collect::<Result<_, _>>()?;
    let augmented = if augment_first { &pictures } else { &small };
    time(
        "augment",
        passes,
        || augmented.clone(),
        |i, p| {
            std::hint::black_box(trivial_augment_wide(p, i as u64));
        },
    );
    time(
        "resize",
        passes,
        || pictures.iter().collect(),
        |_, p: &Picture| {
            std::hint::black_box(resize(p, SIDE, SIDE).expect("a valid size"));
        },
    );
    time(
        "normalise",
        passes,
        || small.iter().collect(),
        |_, p: &Picture| {
            normalise(p, IMAGENET_MEAN, IMAGENET_STD, &mut out).expect("it fits");
            std::hint::black_box(&out);
        },
    );
    Ok(())
}
