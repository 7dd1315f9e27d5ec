//! Time of the layers of a small network's training step, `cargo run --release -p cohort-kernels --example layer_speed`.
//!
//! A line a layer of the three-path network at a batch of 2 pictures of 256 x 256: milliseconds of one thread for the forward
//! pass, the gradient of the input and that of the weights, the fastest of several, and Gflop/s of each.

use std::hint::black_box;
use std::time::Instant;

use cohort_kernels::layers::conv;
use cohort_kernels::layers::geometry::{Finish, Geometry};
use cohort_kernels::layers::norm;
use cohort_kernels::layers::pool::{self, Windows};

const BATCH: usize = 2;
const ROUNDS: usize = 60;

fn numbers(n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| ((i * 7919) % 1013) as f32 / 500.0 - 1.0)
        .collect()
}

fn fastest<T>(mut work: impl FnMut() -> T) -> f64 {
    let time = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..ROUNDS).map(time).fold(f64::INFINITY, f64::min)
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("a thread").install(run);
}

fn run() {
    let mut all = [0.0; 3];
    for (name, inputs, outputs, size, kernel, stride) in [
        ("stem", 3, 8, 256, 9, 3),
        ("fine 5 x 5", 8, 8, 41, 5, 1),
        ("fine 3 x 3", 8, 16, 37, 3, 1),
        ("middle 5 x 5", 8, 8, 20, 5, 1),
        ("middle 3 x 3", 8, 16, 8, 3, 1),
        ("coarse 5 x 5", 8, 8, 13, 5, 1),
        ("coarse 3 x 3", 8, 16, 9, 3, 1),
    ] {
        let side = (size - kernel) / stride + 1;
        let g = Geometry {
            batch: BATCH,
            input: [inputs, size, size],
            output: [outputs, side, side],
            kernel: [kernel; 2],
            stride: [stride; 2],
            before: [0, 0],
            dilation: [1, 1],
            depthwise: false,
        };
        let x = numbers(BATCH * inputs * size * size);
        let dy = numbers(BATCH * outputs * side * side);
        let weight = numbers(inputs * outputs * kernel * kernel);
        let times = [
            fastest(|| conv::forward(&g, &x, &weight, Finish::default())),
            if name == "stem" {
                0.0
            } else {
                fastest(|| conv::input_gradient(&g, &dy, &weight))
            },
            fastest(|| conv::weight_gradient(&g, &x, &dy)),
        ];
        let flop = 2.0 * (BATCH * inputs * outputs * side * side * kernel * kernel) as f64;
        let rates = times.map(|ms| if ms > 0.0 { flop / ms / 1e6 } else { 0.0 });
        println!("{name:13} {times:7.3?} ms {rates:6.1?} Gflop/s");
        let dims = [BATCH, outputs, side * side];
        let line = numbers(outputs);
        let forward = fastest(|| norm::forward(&dy, dims, [&line, &line], 1e-5, true));
        let mut own = dy.clone();
        let spread = vec![1.0; outputs];
        let backward = fastest(|| {
            norm::backward(
                &dy,
                &mut own,
                dims,
                [&line, &line, &line, &spread],
                1e-5,
                true,
            )
        });
        println!("  norm        [{forward:.3}, {backward:.3}] ms");
        for (sum, time) in all.iter_mut().zip(times) {
            *sum += time;
        }
    }
    for (size, side) in [(83, 2), (41, 2), (41, 3), (16, 2)] {
        let windows = Windows {
            planes: BATCH * 8,
            size: [size; 2],
            side,
        };
        let x = numbers(windows.planes * size * size);
        let out = pool::forward(&windows, &x);
        let times = [
            fastest(|| pool::forward(&windows, &x)),
            fastest(|| pool::backward(&windows, &x, &out)),
        ];
        println!("pool {size} by {side}: {times:.3?} ms");
    }
    println!("convolutions: {all:.3?} ms");
}
