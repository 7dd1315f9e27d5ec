//! How long a YOLOX takes for a picture: `yolox_speed WEIGHTS PICTURE ROUNDS`, one line of milliseconds a round.
//!
//! What is timed is the network with its sigmoids and boxes, as the project's ONNX file computes them; not decoding, fitting and suppression.
//! `scripts/yolox_speed.py` runs it beside onnxruntime.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use cohort_detectors::yolox::{Yolox, letterbox};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, picture, rounds] = &arguments[..] else {
        return Err("expected WEIGHTS PICTURE ROUNDS".into());
    };
    let yolox = Yolox::open(Path::new(weights))?;
    let picture = cohort_vision::decode(Path::new(picture))?;
    let given = letterbox(&picture, yolox.architecture().side())?;
    for _ in 0..rounds.parse::<usize>()? {
        let begun = Instant::now();
        let predictions = yolox.predictions(&given);
        let time = begun.elapsed().as_secs_f64() * 1e3;
        println!("{time:.3} {}", predictions.len());
    }
    Ok(())
}
