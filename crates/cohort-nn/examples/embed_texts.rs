//! Embeds the column Transcript of a CSV file and prints the seconds, for scripts/speed_minilm.py to compare.
//!
//! `cargo run --release -p cohort-nn --example embed_texts -- MODEL_FOLDER TEXTS.txt [OUT.f32]`, a text a line.

use std::path::Path;
use std::time::Instant;

use cohort_nn::{BertFolder, DeviceChoice, EncoderChanges, SentenceEncoder, bucket};
use cohort_text::Tokeniser;
use rayon::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, texts, rest @ ..] = arguments.as_slice() else {
        return Err("expected a model's folder and a file of texts".into());
    };
    let texts = std::fs::read_to_string(texts)?;
    let texts: Vec<&str> = texts.lines().collect();
    let folder = BertFolder::open(Path::new(model), &EncoderChanges::default())?;
    let encoder = SentenceEncoder::load(&folder, DeviceChoice::Cpu)?;
    let tokeniser = Tokeniser::open(&folder.path, folder.max_tokens)?;
    let tokens = std::env::var("TOKENS")
        .ok()
        .and_then(|t| t.parse().ok())
        .unwrap_or(1024);
    let begin = Instant::now();
    let ids: Vec<Vec<u32>> = texts
        .par_iter()
        .map(|text| tokeniser.encode(text).ids)
        .collect();
    let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
    let tokenised = begin.elapsed().as_secs_f64();
    let batches = bucket(&lengths, tokens);
    let made: Result<Vec<_>, _> = batches
        .par_iter()
        .map(|batch| {
            let texts: Vec<&[u32]> = batch.iter().map(|&i| ids[i].as_slice()).collect();
            encoder.embed(&texts)
        })
        .collect();
    let mut rows = vec![Vec::new(); ids.len()];
    for (batch, vectors) in batches.iter().zip(made?) {
        for (&i, vector) in batch.iter().zip(vectors) {
            rows[i] = vector;
        }
    }
    println!("{}", begin.elapsed().as_secs_f64());
    eprintln!(
        "{} texts, {} tokens, tokenised in {tokenised:.2} s",
        texts.len(),
        lengths.iter().sum::<usize>()
    );
    if let Some(out) = rest.first() {
        let bytes: Vec<u8> = rows
            .iter()
            .flatten()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        std::fs::write(out, bytes)?;
    }
    Ok(())
}
