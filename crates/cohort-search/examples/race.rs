//! Times of this crate's searches, for `scripts/race_search.py`: raw 32-bit floats in, one JSON line out.
//!
//!     race FOLDER DIM K REPEATS GRAPH
//!
//! `FOLDER/gallery.f32` and `FOLDER/queries.f32` hold rows of DIM floats; answers go to `FOLDER/ours-exact.u32` and
//! `FOLDER/ours-WIDTH.u32`.

use std::path::Path;
use std::time::Instant;

use cohort_search::{Distance, Hit, Index, quiet};

fn floats(path: &Path) -> std::io::Result<Vec<f32>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect())
}

fn write(path: &Path, found: &[Vec<Hit>]) -> std::io::Result<()> {
    let rows = found.iter().flatten().map(|hit| hit.row as u32);
    std::fs::write(path, rows.flat_map(u32::to_le_bytes).collect::<Vec<u8>>())
}

/// Peak memory of the process in MB, where the system tells.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1e3
}

/// Seconds of processor time of the process so far, where the system tells.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, dim, k, repeats, graph] = arguments.as_slice() else {
        return Err("expected FOLDER DIM K REPEATS GRAPH(0|1)".into());
    };
    let (folder, dim, k, repeats) = (
        Path::new(folder),
        dim.parse()?,
        k.parse()?,
        repeats.parse()?,
    );
    let time = |work: &mut dyn FnMut() -> Result<(), Box<dyn std::error::Error>>| {
        let mut best = [f64::INFINITY; 2];
        for _ in 0..repeats {
            let (start, used) = (Instant::now(), processor());
            work()?;
            best[0] = best[0].min(start.elapsed().as_secs_f64());
            best[1] = best[1].min(processor() - used);
        }
        Ok::<[f64; 2], Box<dyn std::error::Error>>(best)
    };
    let place = folder.join("ours.index");
    if place.exists() {
        std::fs::remove_dir_all(&place)?;
    }
    let start = Instant::now();
    {
        let gallery = floats(&folder.join("gallery.f32"))?;
        let ids: Vec<String> = (0..gallery.len() / dim).map(|i| i.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        Index::create(&place, Distance::Euclidean, dim, "race")?.add(&ids, &gallery)?;
    }
    let written = start.elapsed().as_secs_f64();
    let queries = floats(&folder.join("queries.f32"))?;
    let start = Instant::now();
    let mut index = Index::open(&place)?;
    let opened = start.elapsed().as_secs_f64();
    let mut exact = Vec::new();
    let seconds = time(&mut || {
        exact = index.search(&queries, k, None, &quiet)?;
        Ok(())
    })?;
    write(&folder.join("ours-exact.u32"), &exact)?;
    let one = time(&mut || {
        for query in queries.chunks(dim).take(20) {
            index.search(query, k, None, &quiet)?;
        }
        Ok(())
    })?;
    let mut nearly = Vec::new();
    let mut built = [0.0; 2];
    let mut known = None;
    if graph == "1" {
        let (start, used) = (Instant::now(), processor());
        index.build_graphs(1, 0.97, &quiet)?;
        built = [start.elapsed().as_secs_f64(), processor() - used];
        known = index.known_recall();
        for width in [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384] {
            let mut found = Vec::new();
            let seconds = time(&mut || {
                found = index.search_nearly(&queries, k, width, &quiet)?;
                Ok(())
            })?;
            write(&folder.join(format!("ours-{width}.u32")), &found)?;
            nearly.push(serde_json::json!({ "width": width, "seconds": seconds }));
        }
    }
    let document = serde_json::json!({
        "write_s": written, "open_s": opened, "exact_s": seconds, "exact_one_s": one.map(|s| s / 20.0),
        "graph_build_s": built, "known_recall": known, "nearly": nearly, "peak_mb": peak(),
        "bytes": index.bytes(), "threads": rayon::current_num_threads(),
    });
    println!("{document}");
    Ok(())
}
