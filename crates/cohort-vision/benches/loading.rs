//! Pictures a second on one core: decode, resize to 224, TrivialAugmentWide, normalise, and each
//! step alone. `benches/loading.py` runs this beside torchvision and prints the ratios:
//!
//!     cargo bench -p cohort-vision --bench loading -- LIST [PASSES]
//!
//! LIST is a file with one picture path a line. Prints `step seconds pictures` a line.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cohort_vision::{
    IMAGENET_MEAN, IMAGENET_STD, Picture, Transform, decode_bytes, normalise, resize,
    trivial_augment_wide,
};

/// Processor time of this thread, so that a busy machine does not count; wall time where the
/// system does not tell.
fn now(start: Instant) -> Duration {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|line| line.split(' ').next()?.parse().ok())
        .map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// Runs `work` over every item, `passes` times, and prints the fastest pass.
fn time<T>(step: &str, passes: usize, items: &[T], mut work: impl FnMut(usize, &T)) {
    let fastest = (0..passes)
        .map(|_| {
            let start = Instant::now();
            let before = now(start);
            for (i, item) in items.iter().enumerate() {
                work(i, item);
            }
            (now(start) - before).as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    println!("{step} {fastest} {}", items.len());
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).filter(|a| a != "--bench");
    let Some(list) = args.next() else {
        eprintln!("no list of pictures given: nothing measured");
        return Ok(());
    };
    let passes = args.next().map_or(Ok(3), |n| n.parse())?;
    let paths: Vec<PathBuf> = std::fs::read_to_string(list)?
        .lines()
        .map(PathBuf::from)
        .collect();

    let transform = Transform::trivial(224);
    let mut out = vec![0.0; transform.output_len()];
    time("all", passes, &paths, |i, path| {
        let bytes = std::fs::read(path).expect("a file of the list");
        let picture = decode_bytes(&bytes, path).expect("a picture");
        transform
            .apply(&picture, Some(i as u64), &mut out)
            .expect("valid settings");
        std::hint::black_box(&out);
    });

    let files: Vec<Vec<u8>> = paths.iter().map(std::fs::read).collect::<Result<_, _>>()?;
    time("decode", passes, &files, |i, bytes| {
        std::hint::black_box(decode_bytes(bytes, &paths[i]).expect("a picture"));
    });
    let pictures: Vec<Picture> = files
        .iter()
        .zip(&paths)
        .map(|(bytes, path)| decode_bytes(bytes, path))
        .collect::<Result<_, _>>()?;
    time("resize", passes, &pictures, |_, p| {
        std::hint::black_box(resize(p, 224, 224).expect("a valid size"));
    });
    let small: Vec<Picture> = pictures
        .iter()
        .map(|p| resize(p, 224, 224))
        .collect::<Result<_, _>>()?;
    time("augment", passes, &small, |i, p| {
        std::hint::black_box(trivial_augment_wide(p, i as u64));
    });
    time("normalise", passes, &small, |_, p| {
        normalise(p, IMAGENET_MEAN, IMAGENET_STD, &mut out).expect("it fits");
        std::hint::black_box(&out);
    });
    Ok(())
}
