//! Networks with weights made from tensor names, and with real ones, against what torch computes.

mod common;

use std::collections::BTreeMap;

use cohort_nn::burn::tensor::Device;
use cohort_nn::{
    InceptionResnetV1Config, LoadReport, MobileFaceNetConfig, Model, ModelConfig, ResnetConfig,
};
use cohort_weights::Checkpoint;
use common::{difference, filled_checkpoint, pictures, rows};
use serde::Deserialize;

type Shapes = BTreeMap<String, Vec<usize>>;
type Rows = Vec<Vec<f32>>;

#[derive(Deserialize)]
struct Reference {
    fill: Fill,
    inception_resnet_v1: Inception,
    resnet18: Resnet18,
}

#[derive(Deserialize)]
struct Fill {
    first5: BTreeMap<String, Vec<f32>>,
}

#[derive(Deserialize)]
struct Inception {
    parameters: usize,
    embedding_first16: Rows,
    logits: Rows,
    tensors: Shapes,
    logits_224: Rows,
}

#[derive(Deserialize)]
struct Resnet18 {
    parameters: usize,
    logits_first16: Rows,
    pooled_first16: Rows,
    tensors: Shapes,
}

#[derive(Deserialize)]
struct Golden {
    resnet34: Deep,
    resnet50: Deep,
    mobilefacenet: Mobile,
}

#[derive(Deserialize)]
struct Deep {
    parameters: usize,
    tensors: Shapes,
    logits: Rows,
}

#[derive(Deserialize)]
struct Mobile {
    parameters: usize,
    embedding: Rows,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("networks.json")).unwrap()
}

fn reference() -> Option<Reference> {
    let path = common::shared()?.join("model-reference/model_reference.json");
    let text = std::fs::read_to_string(path).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// The network filled from a file, and its number of trainable values.
fn filled(config: &ModelConfig, checkpoint: &Checkpoint) -> (Model, LoadReport, usize) {
    let training = config.init(0, &Device::flex().autodiff()).unwrap();
    let (model, report) = config.load_foreign(1, checkpoint, &Device::flex()).unwrap();
    (model, report, training.trainable_parameters())
}

/// Every tensor of the file is used, and every one of the network filled.
fn assert_whole(report: &LoadReport) {
    assert!(
        report.is_complete() && report.head_replaced.is_empty(),
        "{report}"
    );
    assert!(report.unused.is_empty(), "{report}");
}

#[test]
fn the_recipe_of_the_weights_is_the_references() {
    let Some(reference) = reference() else {
        return;
    };
    for (name, first) in reference.fill.first5 {
        // A name that ends in `bias` is filled about 0, another of one axis about 1.
        let middle = if name.ends_with("bias") { 0.0 } else { 1.0 };
        let found = common::filled(&name, &[5]).values;
        for (found, first) in found.iter().zip(first) {
            assert!((found - middle - first).abs() < 1e-7, "{name}");
        }
    }
}

#[test]
fn inception_resnet_v1_equals_facenet_pytorch() {
    let Some(reference) = reference() else {
        return;
    };
    let expected = reference.inception_resnet_v1;
    let checkpoint = filled_checkpoint(&expected.tensors);
    let device = Device::flex();
    for (size, batch, logits) in [(160, 2, expected.logits), (224, 1, expected.logits_224)] {
        let config = ModelConfig::InceptionResnetV1(InceptionResnetV1Config {
            size,
            ..InceptionResnetV1Config::new(7)
        });
        let (model, report, parameters) = filled(&config, &checkpoint);
        assert_whole(&report);
        assert_eq!((parameters, parameters), (expected.parameters, 23_486_215));
        let input = pictures(size, batch, &device) * 2.0 - 1.0;
        let plain = model.forward(input.clone(), None);
        let folded = model.folded().forward(input, None);
        let (embedding, found) = (rows(plain.embedding), rows(plain.logits));
        let worst = difference(&found, &logits);
        println!("inception-resnet-v1 at {size}: logits differ by {worst:e}");
        assert!(worst < 1e-4, "{size}: {worst}");
        let fold = difference(&rows(folded.logits), &found);
        println!("  folded: {fold:e}");
        assert!(fold < 1e-4 && fold > 0.0, "{size}: {fold}");
        assert!(difference(&rows(folded.embedding), &embedding) < 1e-4);
        if batch == 2 {
            assert!(difference(&embedding, &expected.embedding_first16) < 1e-4);
        }
        for row in &embedding {
            let length: f32 = row.iter().map(|v| v * v).sum();
            assert!(row.len() == 512 && (length - 1.0).abs() < 1e-5, "{length}");
        }
    }
}

#[test]
fn resnet18_equals_torchvision() {
    let Some(reference) = reference() else {
        return;
    };
    let expected = reference.resnet18;
    let config = ModelConfig::Resnet(ResnetConfig::new(18, 1000));
    let (model, report, parameters) = filled(&config, &filled_checkpoint(&expected.tensors));
    assert_whole(&report);
    assert_eq!(parameters, expected.parameters);
    let input = pictures(224, 2, &Device::flex());
    let plain = model.forward(input.clone(), None);
    let folded = model.folded().forward(input, None);
    let (logits, pooled) = (rows(plain.logits), rows(plain.embedding));
    let worst = difference(&logits, &expected.logits_first16);
    println!("resnet18: logits differ by {worst:e}");
    assert!(worst < 1e-4, "{worst}");
    assert!(difference(&pooled, &expected.pooled_first16) < 1e-4);
    assert!(difference(&rows(folded.logits), &logits) < 1e-4);
}

#[test]
fn deeper_resnets_equal_torchvision() {
    let golden = golden();
    for (depth, expected) in [(34, golden.resnet34), (50, golden.resnet50)] {
        let config = ModelConfig::Resnet(ResnetConfig {
            size: 96,
            ..ResnetConfig::new(depth, 7)
        });
        let (model, report, parameters) = filled(&config, &filled_checkpoint(&expected.tensors));
        assert_whole(&report);
        assert_eq!(parameters, expected.parameters, "{depth}");
        let input = pictures(96, 2, &Device::flex());
        let logits = rows(model.forward(input.clone(), None).logits);
        // Residuals add up over 50 layers without training: compare with the size of the values.
        let size = expected
            .logits
            .iter()
            .flatten()
            .fold(1.0_f32, |m, v| m.max(v.abs()));
        let worst = difference(&logits, &expected.logits) / size;
        println!("resnet{depth}: logits differ by {worst:e} of {size}");
        assert!(worst < 1e-5, "{depth}: {worst}");
        let folded = rows(model.folded().forward(input, None).logits);
        assert!(difference(&folded, &logits) / size < 1e-5, "{depth}");
    }
}

#[test]
fn mobilefacenet_equals_torch_with_its_real_weights() {
    let Some(data) = common::shared() else {
        return;
    };
    let expected = golden().mobilefacenet;
    let path = data.join("weights/mobilefacenet_pytorch/068.ckpt");
    let config = ModelConfig::MobileFaceNet(MobileFaceNetConfig::new(7));
    let (model, report, parameters) = filled(&config, &Checkpoint::open(&path).unwrap());
    assert!(report.is_complete() && report.unused.is_empty(), "{report}");
    assert_eq!(report.prefix, "net_state_dict.");
    assert_eq!(report.head_replaced.len(), 2);
    assert_eq!(parameters, expected.parameters + 128 * 7 + 7);
    let input = pictures(112, 2, &Device::flex()) * 2.0 - 1.0;
    let embedding = rows(model.forward(input.clone(), None).embedding);
    let worst = difference(&embedding, &expected.embedding);
    println!("mobilefacenet: embeddings differ by {worst:e}");
    assert!(worst < 1e-4 && embedding[0].len() == 128, "{worst}");
    let folded = rows(model.folded().forward(input, None).embedding);
    assert!(difference(&folded, &embedding) < 1e-4);
}
