//! Embeds prepared pictures and token ids with a CLIP and prints the seconds, for scripts/speed_clip.py to compare.
//!
//! `cargo run --release -p cohort-nn --example embed_clip -- MODEL_FOLDER PIXELS.f32 IDS.json OUT.f32 [REPEATS]`: pictures one after
//! another, ids as lists. Prints the least seconds of the pictures, of the texts, of the first picture and the first text alone.

use std::path::Path;
use std::time::Instant;

use cohort_nn::DeviceChoice;
use cohort_nn::clip::ClipFolder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, pixels, ids, out, rest @ ..] = arguments.as_slice() else {
        return Err("expected a model's folder, pixels, ids and a file for the vectors".into());
    };
    let repeats = rest.first().map_or(Ok(3), |text| text.parse())?;
    let clip = ClipFolder::open(Path::new(model))?.load(DeviceChoice::Cpu)?;
    let bytes = std::fs::read(pixels)?;
    let (values, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let pictures: Vec<&[f32]> = values.chunks(3 * clip.picture.size().pow(2)).collect();
    let ids: Vec<Vec<u32>> = serde_json::from_slice(&std::fs::read(ids)?)?;
    let texts: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
    let (mut least, mut vectors) = ([f64::INFINITY; 4], Vec::new());
    for _ in 0..repeats {
        let begin = Instant::now();
        let seen = clip.picture.embed(&pictures)?;
        least[0] = least[0].min(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        let read = clip.text.embed(&texts)?;
        least[1] = least[1].min(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        clip.picture.embed(&pictures[..1])?;
        least[2] = least[2].min(begin.elapsed().as_secs_f64());
        let begin = Instant::now();
        clip.text.embed(&texts[..1])?;
        least[3] = least[3].min(begin.elapsed().as_secs_f64());
        vectors = [seen, read].concat();
    }
    println!("{} {} {} {}", least[0], least[1], least[2], least[3]);
    let bytes: Vec<u8> = vectors
        .iter()
        .flatten()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    std::fs::write(out, bytes)?;
    Ok(())
}
