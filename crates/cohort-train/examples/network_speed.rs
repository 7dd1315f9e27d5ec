//! Times the work that `cohort-nn/scripts/speed_torch.py` gives to PyTorch and prints one line of JSON.
//!
//! `network_speed resnet18-training|three-paths-training|resnet18-inference|inception-inference|mobilefacenet-inference [rounds]`:
//! a training step of ResNet-18 (batch 16, 224 px, 1,000 classes, cross-entropy, SGD with momentum) or of the three-path network
//! (batch 16, 256 px, 8 classes, cross-entropy, Adam), or what 16 pictures give in evaluation with folded batch norms: logits by ResNet-18 (224 px), embeddings by Inception-ResNet-V1 (160 px) or
//! MobileFaceNet (112 px).
//! `network_speed mtcnn [rounds] DATA`: the faces in the first 100 pictures of `DATA/faces/val`, one after another, by the
//! weights in `DATA/weights/mtcnn`.

use std::path::Path;
use std::time::Instant;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, Distribution, Int, Tensor};
use cohort_nn::burn;
use cohort_nn::{
    InceptionResnetV1Config, MobileFaceNetConfig, ModelConfig, Mtcnn, MtcnnSettings, NnError,
    ResnetConfig, ThreePathsConfig,
};
use cohort_train::{FitSettings, NamedGradients, Optimiser, OptimiserKind};
use cohort_vision::Picture;

/// The process's memory in MiB by a field of `/proc/self/status` (0 where there is none).
fn memory(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The first 100 pictures of a folder, by name.
fn pictures(folder: &Path) -> Vec<Picture> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| cohort_vision::decode(file).ok();
    files.iter().take(100).filter_map(read).collect()
}

fn main() -> Result<(), NnError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|a| a == word);
    let rounds = arguments.iter().find_map(|a| a.parse().ok()).unwrap_or(5);
    let device = Device::flex();
    device.seed(1);
    let normal = Distribution::Normal(0.0, 1.0);
    let mut seconds = Vec::new();
    let mut resident = Vec::new();
    let mut last = 0.0;
    let network = if has("inception-inference") {
        Some(ModelConfig::InceptionResnetV1(
            InceptionResnetV1Config::new(2),
        ))
    } else if has("mobilefacenet-inference") {
        Some(ModelConfig::MobileFaceNet(MobileFaceNetConfig::new(2)))
    } else if has("resnet18-inference") {
        Some(ModelConfig::Resnet(ResnetConfig::new(18, 1000)))
    } else {
        None
    };
    if let Some(net) = network {
        let values = net.input_shape().iter().product();
        let net = net.init(1, &device)?.folded();
        let x = Tensor::<2>::random([16, values], normal, &device);
        for _ in 0..=rounds {
            let start = Instant::now();
            let out = net.forward(x.clone(), None);
            let rows = if has("resnet18-inference") {
                out.logits
            } else {
                out.embedding
            };
            last = rows.abs().mean().into_scalar::<f32>();
            seconds.push(start.elapsed().as_secs_f64());
            resident.push(memory("VmRSS:"));
        }
    } else if let Some(data) = arguments.last().filter(|_| has("mtcnn")) {
        let data = Path::new(data);
        let folder = data.join("weights/mtcnn");
        let mtcnn = Mtcnn::open(&folder, MtcnnSettings::default(), &device)?;
        let pictures = pictures(&data.join("faces/val"));
        for _ in 0..=rounds {
            let start = Instant::now();
            last = 0.0;
            for picture in &pictures {
                let faces = mtcnn.detect(picture.width(), picture.height(), picture.rgb())?;
                last += faces.len() as f32;
            }
            seconds.push(start.elapsed().as_secs_f64());
            resident.push(memory("VmRSS:"));
        }
    } else if has("resnet18-training") || has("three-paths-training") {
        let device = device.autodiff();
        let (config, classes, optimiser) = match has("resnet18-training") {
            true => {
                let config = ModelConfig::Resnet(ResnetConfig::new(18, 1000));
                (config, 16, OptimiserKind::Sgd)
            }
            false => {
                let config = ModelConfig::ThreePaths(ThreePathsConfig::new(8));
                (config, 8, OptimiserKind::Adam)
            }
        };
        let mut optimiser = Optimiser::new(&FitSettings {
            optimiser,
            weight_decay: Some(0.0),
            clip_norm: 0.0,
            ..FitSettings::default()
        });
        let values: usize = config.input_shape().iter().product();
        let mut net = config.init(1, &device)?;
        let x = Tensor::<2>::random([16, values], normal, &device);
        let classes = Tensor::<1, Int>::arange(0..16, &device).remainder_scalar(classes);
        let loss = CrossEntropyLossConfig::new().init(&device);
        for _ in 0..=rounds {
            let start = Instant::now();
            let logits = net.forward(x.clone(), None).logits;
            let value = loss.forward(logits, classes.clone());
            let mut gradients = NamedGradients::default();
            gradients.collect(&net, "", &value.backward());
            let scale = optimiser.begin(&gradients);
            net = optimiser.update(net, "", &gradients, scale, 1e-3);
            last = value.into_scalar::<f32>();
            seconds.push(start.elapsed().as_secs_f64());
            resident.push(memory("VmRSS:"));
        }
    } else {
        eprintln!(
            "usage: network_speed resnet18-training|three-paths-training|resnet18-inference|inception-inference|\
             mobilefacenet-inference [rounds], \
             network_speed mtcnn [rounds] DATA"
        );
        std::process::exit(2);
    }
    seconds.remove(0); // the first round fills buffers
    seconds.sort_by(f64::total_cmp);
    println!(
        "{{\"seconds\": {:.4}, \"fastest\": {:.4}, \"peak_mib\": {:.0}, \"resident_mib\": {resident:.0?}, \"result\": {last}}}",
        seconds[seconds.len() / 2],
        seconds[0],
        memory("VmHWM:"),
    );
    Ok(())
}
