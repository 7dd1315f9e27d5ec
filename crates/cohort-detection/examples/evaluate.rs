//! COCO's figures of a results file and the seconds that they took, for `scripts/speed.py`:
//! `cargo run --release --example evaluate TRUTH.json RESULTS.json box|mask`.

use std::path::Path;
use std::time::Instant;

use cohort_detection::evaluate::{figures, match_all};
use cohort_detection::{DetectionError, Results, Shape, Truth};

fn main() -> Result<(), DetectionError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [truth, results, kind] = arguments.as_slice() else {
        eprintln!("expected TRUTH.json RESULTS.json box|mask");
        std::process::exit(2);
    };
    let shape = if kind == "mask" {
        Shape::Mask
    } else {
        Shape::Box
    };
    let start = Instant::now();
    let truth = Truth::read(Path::new(truth), shape)?;
    let results = Results::read(Path::new(results), &truth, shape)?;
    let read = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let found = figures(&match_all(&truth, &results, shape)).to_stats();
    let evaluated = start.elapsed().as_secs_f64();
    println!("{{\"read\": {read}, \"evaluate\": {evaluated}, \"stats\": {found:?}}}");
    Ok(())
}
