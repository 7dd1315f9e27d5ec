//! Writes a corpus and says how long that took: `corpus OUT [CLIPS [SEED]]`.

use std::error::Error;
use std::time::Instant;

use cohort_synth::{SynthSettings, synthesise};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("usage: corpus OUT [CLIPS [SEED]]")?;
    let mut settings = SynthSettings::default();
    if let Some(clips) = arguments.next() {
        settings.clips = clips.parse()?;
    }
    if let Some(seed) = arguments.next() {
        settings.seed = seed.parse()?;
    }
    let start = Instant::now();
    let truth = synthesise(out.as_ref(), &settings, &|_, _| ())?;
    println!(
        "{} clips in {:.1} s",
        truth.clips,
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
