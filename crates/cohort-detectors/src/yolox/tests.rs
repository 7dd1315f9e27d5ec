use std::path::PathBuf;

use cohort_vision::Picture;
use cohort_weights::{Array, Weights};

use super::*;

/// Values without a pattern, of a size that keeps what passes the layers in range.
fn values(n: usize, size: f32, seed: usize) -> Vec<f32> {
    let mut state = (seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5) * 2.0 * size
    };
    (0..n).map(|_| next()).collect()
}

/// A network as YOLOX saves it, with norms of their own.
fn saved(of: Architecture) -> Weights {
    let tensors = of.tensors().into_iter().enumerate();
    let arrays = tensors.map(|(i, (name, shape))| {
        let n = shape.iter().product();
        let values = match name.rsplit('.').next() {
            _ if shape.len() == 4 => {
                let fan: usize = shape[1..].iter().product();
                values(n, (3.0 / fan as f32).sqrt(), i)
            }
            Some("weight" | "running_var") => values(n, 0.5, i).iter().map(|v| v + 1.0).collect(),
            _ => values(n, 0.5, i),
        };
        (format!("model.{name}"), Array { shape, values })
    });
    Weights(arrays.collect())
}

fn file(weights: &Weights) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("yolox.safetensors");
    std::fs::write(&path, weights.to_safetensors("{}").unwrap()).unwrap();
    (folder, path)
}

/// Planes in double precision: `[channel][row][column]`.
#[derive(Clone)]
struct Planes {
    side: [usize; 2],
    all: Vec<Vec<f64>>,
}

/// The network written out, layer by layer, as `yolo_pafpn.py` and `yolo_head.py` describe it.
struct Plain<'a>(&'a Weights, Architecture);

impl Plain<'_> {
    fn tensor(&self, name: &str) -> &[f32] {
        &self.0.0[&format!("model.{name}")].values
    }

    fn has(&self, name: &str) -> bool {
        self.0.0.contains_key(&format!("model.{name}"))
    }

    fn convolved(&self, name: &str, x: &Planes, stride: usize) -> Planes {
        let array = &self.0.0[&format!("model.{name}.weight")];
        let [outputs, own, kernel, _] = array.shape[..] else {
            panic!("four axes")
        };
        let groups = x.all.len() / own;
        let reach = kernel as isize / 2;
        let [height, width] = x.side;
        let side = x.side.map(|n| n.div_ceil(stride));
        let plane = |output: usize| {
            let mut plane = Vec::new();
            for place in 0..side[0] * side[1] {
                let (row, column) = (place / side[1] * stride, place % side[1] * stride);
                let mut sum = 0.0;
                for i in 0..own {
                    let from = &x.all[output / (outputs / groups) * own + i];
                    for tap in 0..kernel * kernel {
                        let y = row as isize + (tap / kernel) as isize - reach;
                        let x = column as isize + (tap % kernel) as isize - reach;
                        if (0..height as isize).contains(&y) && (0..width as isize).contains(&x) {
                            let weight = array.values[(output * own + i) * kernel * kernel + tap];
                            sum += f64::from(weight) * from[y as usize * width + x as usize];
                        }
                    }
                }
                plane.push(sum);
            }
            plane
        };
        let all = (0..outputs).map(plane).collect();
        Planes { side, all }
    }

    /// Convolution, norm, SiLU.
    fn base(&self, name: &str, x: &Planes, stride: usize) -> Planes {
        let mut y = self.convolved(&format!("{name}.conv"), x, stride);
        let part = |part: &str, i: usize| f64::from(self.tensor(&format!("{name}.bn.{part}"))[i]);
        for (i, plane) in y.all.iter_mut().enumerate() {
            for value in plane {
                let centred = *value - part("running_mean", i);
                let normed = centred / (part("running_var", i) + 1e-3).sqrt();
                let normed = normed * part("weight", i) + part("bias", i);
                *value = normed / (1.0 + (-normed).exp());
            }
        }
        y
    }

    fn unit(&self, name: &str, x: &Planes, stride: usize) -> Planes {
        match self.1.depthwise {
            true => {
                let apart = self.base(&format!("{name}.dconv"), x, stride);
                self.base(&format!("{name}.pconv"), &apart, 1)
            }
            false => self.base(name, x, stride),
        }
    }

    fn csp(&self, name: &str, x: &Planes, add: bool) -> Planes {
        let mut deep = self.base(&format!("{name}.conv1"), x, 1);
        let shallow = self.base(&format!("{name}.conv2"), x, 1);
        let mut blocks = 0;
        while self.has(&format!("{name}.m.{blocks}.conv1.conv.weight")) {
            let inner = self.base(&format!("{name}.m.{blocks}.conv1"), &deep, 1);
            let mut out = self.unit(&format!("{name}.m.{blocks}.conv2"), &inner, 1);
            if add {
                for (out, own) in out.all.iter_mut().zip(&deep.all) {
                    out.iter_mut().zip(own).for_each(|(o, v)| *o += v);
                }
            }
            deep = out;
            blocks += 1;
        }
        self.base(&format!("{name}.conv3"), &joined([&deep, &shallow]), 1)
    }

    /// Predictions as [`Yolox::predictions`] gives them.
    fn predictions(&self, picture: &Planes) -> Vec<f64> {
        let [height, width] = picture.side.map(|n| n / 2);
        let mut slices = Vec::new();
        for [dy, dx] in [[0, 0], [1, 0], [0, 1], [1, 1]] {
            for plane in &picture.all {
                let at =
                    |i: usize| plane[(2 * (i / width) + dy) * 2 * width + 2 * (i % width) + dx];
                slices.push((0..height * width).map(at).collect());
            }
        }
        let sliced = Planes {
            side: [height, width],
            all: slices,
        };
        let b = "backbone.backbone";
        let stem = self.base(&format!("{b}.stem.conv"), &sliced, 1);
        let stage = |number: usize, x: &Planes| {
            let x = self.unit(&format!("{b}.dark{number}.0"), x, 2);
            self.csp(&format!("{b}.dark{number}.1"), &x, true)
        };
        let dark2 = stage(2, &stem);
        let dark3 = stage(3, &dark2);
        let dark4 = stage(4, &dark3);
        let x = self.unit(&format!("{b}.dark5.0"), &dark4, 2);
        let x = self.base(&format!("{b}.dark5.1.conv1"), &x, 1);
        let [five, nine, thirteen] = [5, 9, 13].map(|side| largest(&x, side));
        let x = joined([&x, &five, &nine, &thirteen]);
        let x = self.base(&format!("{b}.dark5.1.conv2"), &x, 1);
        let dark5 = self.csp(&format!("{b}.dark5.2"), &x, false);
        let lateral = self.base("backbone.lateral_conv0", &dark5, 1);
        let x = joined([&doubled(&lateral), &dark4]);
        let p4 = self.csp("backbone.C3_p4", &x, false);
        let reduced = self.base("backbone.reduce_conv1", &p4, 1);
        let x = joined([&doubled(&reduced), &dark3]);
        let first = self.csp("backbone.C3_p3", &x, false);
        let x = self.unit("backbone.bu_conv2", &first, 2);
        let second = self.csp("backbone.C3_n3", &joined([&x, &reduced]), false);
        let x = self.unit("backbone.bu_conv1", &second, 2);
        let third = self.csp("backbone.C3_n4", &joined([&x, &lateral]), false);
        let mut out = Vec::new();
        for (k, (x, stride)) in [(first, 8.0), (second, 16.0), (third, 32.0)]
            .iter()
            .enumerate()
        {
            let stem = self.base(&format!("head.stems.{k}"), x, 1);
            let branch = |kind: &str| {
                let x = self.unit(&format!("head.{kind}_convs.{k}.0"), &stem, 1);
                self.unit(&format!("head.{kind}_convs.{k}.1"), &x, 1)
            };
            let predicted = |name: String, x: &Planes| {
                let mut y = self.convolved(&name, x, 1);
                let bias = self.tensor(&format!("{name}.bias"));
                for (plane, bias) in y.all.iter_mut().zip(bias) {
                    plane.iter_mut().for_each(|v| *v += f64::from(*bias));
                }
                y
            };
            let (classes, boxes) = (branch("cls"), branch("reg"));
            let classes = predicted(format!("head.cls_preds.{k}"), &classes);
            let object = predicted(format!("head.obj_preds.{k}"), &boxes);
            let boxes = predicted(format!("head.reg_preds.{k}"), &boxes);
            let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
            for i in 0..boxes.all[0].len() {
                let [x, y] = [i % boxes.side[1], i / boxes.side[1]];
                out.push((boxes.all[0][i] + x as f64) * stride);
                out.push((boxes.all[1][i] + y as f64) * stride);
                out.push(boxes.all[2][i].exp() * stride);
                out.push(boxes.all[3][i].exp() * stride);
                out.push(sigmoid(object.all[0][i]));
                out.extend(classes.all.iter().map(|plane| sigmoid(plane[i])));
            }
        }
        out
    }
}

fn joined<const N: usize>(all: [&Planes; N]) -> Planes {
    Planes {
        side: all[0].side,
        all: all.iter().flat_map(|x| x.all.clone()).collect(),
    }
}

fn doubled(x: &Planes) -> Planes {
    let [height, width] = x.side.map(|n| 2 * n);
    let at = |plane: &Vec<f64>, i: usize| plane[i / width / 2 * (width / 2) + i % width / 2];
    let all = x.all.iter();
    Planes {
        side: [height, width],
        all: all
            .map(|plane| (0..height * width).map(|i| at(plane, i)).collect())
            .collect(),
    }
}

fn largest(x: &Planes, side: usize) -> Planes {
    let [height, width] = x.side;
    let reach = side / 2;
    let at = |plane: &Vec<f64>, i: usize| {
        let (row, column) = (i / width, i % width);
        let mut most = f64::NEG_INFINITY;
        for y in row.saturating_sub(reach)..(row + reach + 1).min(height) {
            for x in column.saturating_sub(reach)..(column + reach + 1).min(width) {
                most = most.max(plane[y * width + x]);
            }
        }
        most
    };
    let all = x.all.iter();
    Planes {
        side: x.side,
        all: all
            .map(|plane| (0..height * width).map(|i| at(plane, i)).collect())
            .collect(),
    }
}

const SMALL: Architecture = Architecture {
    base: 4,
    depth: 2,
    depthwise: false,
    classes: 3,
};

#[test]
fn a_saved_network_predicts_what_its_layers_written_out_do() {
    for of in [
        SMALL,
        Architecture {
            depth: 1,
            depthwise: true,
            classes: 2,
            ..SMALL
        },
    ] {
        let weights = saved(of);
        let (_folder, path) = file(&weights);
        let yolox = Yolox::open(&path).unwrap();
        assert_eq!(yolox.architecture(), of);
        let side = 64;
        let planes: Vec<f32> = values(3 * side * side, 1.0, 99);
        let all = planes.chunks_exact(side * side);
        let picture = Planes {
            side: [side; 2],
            all: all
                .map(|p| p.iter().map(|v| f64::from(*v)).collect())
                .collect(),
        };
        let given = Letterbox {
            planes,
            side,
            ratio: 1.0,
        };
        let expected = Plain(&weights, of).predictions(&picture);
        let found = yolox.predictions(&given);
        assert_eq!(found.len(), expected.len());
        assert_eq!(found.len(), (64 + 16 + 4) * (5 + of.classes));
        for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let bound = 1e-4 * (1.0 + expected.abs());
            assert!(
                (f64::from(*found) - expected).abs() < bound,
                "{of:?} at {place}: {found} against {expected}"
            );
        }
        let wide = expected.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        assert!(wide > 32.0 && wide < 1e4, "values in range: {wide}");
    }
}

#[test]
fn what_is_asked_of_a_picture_does_not_depend_on_other_plans_or_threads() {
    let (_folder, path) = file(&saved(SMALL));
    let yolox = Yolox::open(&path).unwrap();
    let picture = Picture::new(
        50,
        40,
        values(6000, 127.0, 5)
            .iter()
            .map(|v| (v + 128.0) as u8)
            .collect(),
    );
    let picture = picture.unwrap();
    let settings = Settings {
        side: 96,
        score: 0.2,
        ..Settings::of(SMALL)
    };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| yolox.detect(&picture, &settings).unwrap())
    };
    let alone = run(1);
    assert!(!alone.is_empty() && alone.len() <= 300);
    for side in [32, 64, 128] {
        yolox
            .detect(&picture, &Settings { side, ..settings })
            .unwrap();
        assert_eq!(run(3), alone);
    }
    // every pair of a class overlaps by no more than is allowed, and scores fall
    for (i, a) in alone.iter().enumerate() {
        assert!(a.score > 0.2);
        for b in &alone[i + 1..] {
            assert!(b.score <= a.score);
            assert!(a.class != b.class || crate::parts::iou(a.corners, b.corners) <= 0.65);
        }
    }
    let few = yolox
        .detect(
            &picture,
            &Settings {
                most: 2,
                ..settings
            },
        )
        .unwrap();
    assert_eq!(few, alone[..2.min(alone.len())]);
}

#[test]
fn settings_out_of_range_are_refused() {
    let good = Settings::of(SMALL);
    good.check().unwrap();
    for (settings, name) in [
        (Settings { side: 0, ..good }, "size"),
        (Settings { side: 100, ..good }, "size"),
        (Settings { side: 8192, ..good }, "size"),
        (Settings { score: 1.5, ..good }, "score"),
        (
            Settings {
                score: f64::NAN,
                ..good
            },
            "score",
        ),
        (Settings { nms: -0.1, ..good }, "nms"),
        (Settings { most: 0, ..good }, "most"),
    ] {
        let told = settings.check().unwrap_err().to_string();
        assert!(told.contains(name) && told.contains("expected"), "{told}");
    }
}

#[test]
fn another_network_is_refused_with_what_was_found() {
    let whole = saved(SMALL);
    let refusal = |change: &dyn Fn(&mut Weights)| {
        let mut weights = whole.clone();
        change(&mut weights);
        let (_folder, path) = file(&weights);
        let told = Yolox::open(&path).unwrap_err().to_string();
        assert!(told.contains("yolox.safetensors"), "{told}");
        told
    };
    let array = |shape: &[usize]| Array {
        shape: shape.to_vec(),
        values: vec![0.0; shape.iter().product()],
    };
    let told = refusal(&|w| w.0.clear());
    assert!(told.contains("found no tensor"), "{told}");
    let lost = "model.backbone.C3_n3.conv2.bn.running_var";
    let told = refusal(&|w| drop(w.0.remove(lost)));
    assert!(told.contains(lost), "{told}");
    let told = refusal(&|w| drop(w.0.insert(lost.into(), array(&[3]))));
    assert!(told.contains(lost) && told.contains("[3]"), "{told}");
    let told = refusal(&|w| w.0.get_mut(lost).unwrap().values[1] = f32::NAN);
    assert!(told.contains("finite"), "{told}");
    let told = refusal(&|w| w.0.get_mut(lost).unwrap().values[1] = -1.0);
    assert!(told.contains("at least 0") && told.contains("-1"), "{told}");
    let classes = "model.head.cls_preds.0.weight";
    let told = refusal(&|w| drop(w.0.insert(classes.into(), array(&[0, 16, 1, 1]))));
    assert!(told.contains("classes, found 0"), "{told}");
    let more = "model.head.more_preds.0.weight";
    let told = refusal(&|w| drop(w.0.insert(more.into(), array(&[3]))));
    assert!(told.contains(more), "{told}");
    let told = refusal(&|w| w.0.retain(|name, _| !name.contains("dark2.1.m.")));
    assert!(told.contains("found none"), "{told}");
}

#[test]
fn pictures_of_any_form_are_fitted() {
    let picture = Picture::solid(20, 10, [10, 20, 30]);
    let fitted = letterbox(&picture, 32).unwrap();
    assert_eq!((fitted.side, fitted.ratio), (32, 1.6));
    let blue = &fitted.planes[..32 * 32];
    assert_eq!(
        (blue[0], blue[15 * 32 + 31], blue[16 * 32]),
        (30.0, 30.0, 114.0)
    );
    assert_eq!(fitted.planes[2 * 32 * 32], 10.0);
    for (width, height) in [(1, 1), (1, 8000), (8000, 1), (33, 32)] {
        let picture = Picture::solid(width, height, [1, 2, 3]);
        let fitted = letterbox(&picture, 64).unwrap();
        assert_eq!(fitted.planes[0], 3.0, "{width} x {height}");
    }
}
