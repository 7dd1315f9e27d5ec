//! Runs an R-CNN on pictures: where the time goes, and what is found, one JSON record a line.
//!
//! ```sh
//! cargo run --release -p cohort-detectors --example rcnn -- mask_rcnn.pth 000000000139.jpg > found.jsonl
//! ```
//!
//! Times by the clock and of the processor (Linux), and the most memory that was held, go to standard error.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use cohort_detectors::rcnn::Rcnn;
use cohort_vision::decode;
use serde_json::json;

/// Seconds that processors worked for this process, in user mode, in hundredths; 0 where the system does not say.
fn worked() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // the name, which may hold blanks, ends with the last bracket
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().nth(11);
    ticks.and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0) / 100.0
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let weights = arguments
        .next()
        .ok_or("expected a file of weights, then pictures")?;
    let mut last = (Instant::now(), worked());
    let mut lap = || {
        let (seconds, work) = (last.0.elapsed().as_secs_f64(), worked() - last.1);
        last = (Instant::now(), worked());
        format!("{seconds:.2} s ({work:.2} s of processors)")
    };
    let rcnn = Rcnn::open(Path::new(&weights))?;
    eprintln!("{:?}: read in {}", rcnn.layout(), lap());
    for name in arguments {
        let picture = decode(Path::new(&name))?;
        lap();
        let prepared = rcnn.prepare(&picture)?;
        let prepare = lap();
        let features = rcnn.features(&prepared)?;
        let first = lap();
        let boxes = rcnn.proposals(&features, &prepared).boxes;
        let propose = lap();
        rcnn.regions(&features, &boxes)?;
        let second = lap();
        drop(features);
        let found = rcnn.detect(&picture)?;
        eprintln!(
            "{name} at {:?}: prepared {prepare}, features {first}, proposals {propose}, boxes {second}; all with masks {}",
            prepared.padded,
            lap()
        );
        for f in found {
            let mask = f
                .mask
                .map(|m| json!({ "size": [m.height(), m.width()], "counts": m.to_compressed() }));
            let record = json!({ "picture": name, "class": f.class, "score": f.score, "corners": f.corners, "mask": mask });
            println!("{record}");
        }
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let most = status.lines().find(|line| line.starts_with("VmHWM"));
        eprintln!("{}", most.unwrap_or_default());
    }
    Ok(())
}
