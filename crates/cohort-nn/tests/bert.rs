//! BERT against transformers: BERT base with weights rebuilt from tensor names (`model-reference` of the shared data,
//! COHORT_SHARED or ../shared), and all-MiniLM-L6-v2 with its real weights (the folder COHORT_MINILM, which
//! crates/cohort-text/scripts/fetch_minilm.sh fetches).

#[path = "../../cohort-weights/tests/support/filled.rs"]
mod made;

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Int, Tensor, TensorData};
use cohort_nn::{
    Bert, BertConfig, BertFolder, DeviceChoice, EncoderChanges, PackedBert, Pooling,
    SentenceEncoder, bucket, burn,
};
use cohort_text::Tokeniser;
use cohort_weights::{Array, Weights};
use serde_json::Value;

fn reference(name: &str) -> Option<Value> {
    let shared = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = shared.join("data/model-reference").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) => {
            eprintln!("skipped: no {}", path.display());
            None
        }
    }
}

fn minilm() -> Option<PathBuf> {
    let folder = std::env::var_os("COHORT_MINILM").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: COHORT_MINILM names no folder of all-MiniLM-L6-v2");
    }
    folder
}

fn rows(value: &Value) -> Vec<Vec<f32>> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The largest difference of the first values of each row.
fn largest_difference(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let all = pairs.flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs()));
    all.fold(0.0, f32::max)
}

#[test]
fn bert_base_equals_the_reference() {
    let Some(all) = reference("model_reference.json") else {
        return;
    };
    let first: Vec<f32> =
        serde_json::from_value(all["fill"]["first5"]["conv1.bias"].clone()).unwrap();
    assert!(largest_difference(&[made::filled("conv1.bias", &[5])], &[first]) < 1e-7);
    let bert = &all["bert_base"];
    let text = bert["config"].to_string();
    let config = BertConfig::from_json(&text, Path::new("config.json")).unwrap();
    let mut weights = Weights::default();
    for (name, shape) in bert["tensors"].as_object().unwrap() {
        let shape: Vec<usize> = serde_json::from_value(shape.clone()).unwrap();
        let values = made::filled(name, &shape);
        weights.0.insert(name.clone(), Array { shape, values });
    }
    let ids: Vec<Vec<u32>> = serde_json::from_value(bert["input_ids"].clone()).unwrap();
    let mask = rows(&bert["attention_mask"]);
    let length = |row: usize| mask[row].iter().filter(|m| **m > 0.5).count();
    let device = Device::flex();
    let module = Bert::load(&config, weights.clone(), &device).unwrap();
    let flat: Vec<i32> = ids.iter().flatten().map(|&id| id as i32).collect();
    let tokens = ids[0].len();
    let padded: Vec<f32> = module
        .forward(
            Tensor::<2, Int>::from_data(TensorData::new(flat, [2, tokens]), &device),
            Tensor::<2>::from_data(TensorData::new(mask.concat(), [2, tokens]), &device),
        )
        .into_data()
        .try_to_vec()
        .unwrap();
    let h = config.hidden_size;
    let packed = PackedBert::load(&config, weights).unwrap();
    let own: Vec<&[u32]> = (0..2).map(|row| &ids[row][..length(row)]).collect();
    let joined = packed.forward(&own).unwrap();
    let mean = |vectors: &[f32]| -> Vec<f32> {
        let count = (vectors.len() / h) as f32;
        (0..h)
            .map(|i| vectors.iter().skip(i).step_by(h).sum::<f32>() / count)
            .collect()
    };
    for (what, of) in [
        (
            "module",
            [
                &padded[..length(0) * h],
                &padded[tokens * h..(tokens + length(1)) * h],
            ],
        ),
        (
            "packed",
            [&joined[..length(0) * h], &joined[length(0) * h..]],
        ),
    ] {
        let means = of.map(mean);
        let firsts = of.map(|vectors| vectors[..h].to_vec());
        let mean = largest_difference(&means, &rows(&bert["masked_mean_first16"]));
        let cls = largest_difference(&firsts, &rows(&bert["cls_first16"]));
        eprintln!("{what}: largest difference {mean:e} (mean), {cls:e} (CLS)");
        assert!(mean < 1e-4 && cls < 1e-4, "{what}");
    }
}

#[test]
fn minilm_equals_the_reference_batched_or_not() {
    let Some(folder) = minilm() else { return };
    let Some(all) = reference("minilm_reference.json") else {
        return;
    };
    let folder = BertFolder::open(&folder, &EncoderChanges::default()).unwrap();
    assert_eq!(
        (folder.pooling, folder.normalise, folder.max_tokens),
        (Pooling::Mean, true, 256)
    );
    // the reference was computed with texts cut at 128
    let tokeniser = Tokeniser::open(&folder.path, 128).unwrap();
    let texts: Vec<String> = serde_json::from_value(all["texts"].clone()).unwrap();
    let expected: Vec<Vec<u32>> = serde_json::from_value(all["input_ids"].clone()).unwrap();
    let ids: Vec<Vec<u32>> = texts
        .iter()
        .map(|text| tokeniser.encode(text).ids)
        .collect();
    assert_eq!(ids, expected);
    let expected = rows(&all["embeddings"]);
    let encoder = SentenceEncoder::load(&folder, DeviceChoice::Cpu).unwrap();
    let batch: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
    let together = encoder.embed(&batch).unwrap();
    let alone: Vec<Vec<f32>> = batch
        .iter()
        .map(|text| encoder.embed(&[text]).unwrap().remove(0))
        .collect();
    let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
    let mut bucketed = vec![Vec::new(); ids.len()];
    for group in bucket(&lengths, 24) {
        let texts: Vec<&[u32]> = group.iter().map(|&i| batch[i]).collect();
        for (i, vector) in group.into_iter().zip(encoder.embed(&texts).unwrap()) {
            bucketed[i] = vector;
        }
    }
    for (what, found) in [
        ("together", &together),
        ("alone", &alone),
        ("bucketed", &bucketed),
    ] {
        let difference = largest_difference(found, &expected);
        eprintln!("{what}: largest difference {difference:e}");
        assert!(difference < 1e-4, "{what}");
    }
    // the module on a batch padded to its longest text
    let device = Device::flex();
    let module = Bert::load(&folder.config, folder.read_weights().unwrap(), &device).unwrap();
    let longest = lengths.iter().max().copied().unwrap();
    let (mut padded, mut mask) = (Vec::new(), Vec::new());
    for text in &ids {
        padded.extend((0..longest).map(|i| text.get(i).copied().unwrap_or(0) as i32));
        mask.extend((0..longest).map(|i| if i < text.len() { 1.0f32 } else { 0.0 }));
    }
    let shape = [ids.len(), longest];
    let vectors: Vec<f32> = module
        .forward(
            Tensor::<2, Int>::from_data(TensorData::new(padded, shape), &device),
            Tensor::<2>::from_data(TensorData::new(mask, shape), &device),
        )
        .into_data()
        .try_to_vec()
        .unwrap();
    let h = folder.config.hidden_size;
    let pooled: Vec<Vec<f32>> = lengths
        .iter()
        .enumerate()
        .map(|(row, &length)| {
            let own = &vectors[row * longest * h..][..length * h];
            let sums: Vec<f32> = (0..h)
                .map(|i| own.iter().skip(i).step_by(h).sum())
                .collect();
            let norm = sums.iter().map(|v| v * v).sum::<f32>().sqrt();
            sums.iter().map(|v| v / norm).collect()
        })
        .collect();
    assert!(largest_difference(&pooled, &expected) < 1e-4);
}
