//! The layers of a ResNet-18 at its own shapes, 16 faces: forward, and forward with backward.
//!
//! `cargo bench --bench vision_ops`. The ids hold the shapes, channels x side; the throughput of
//! convolutions is in floating-point operations.

use std::hint::black_box;
use std::time::Duration;

use candle_core::{DType, Device, Tensor, Var};
use criterion::{BenchmarkId, Criterion, Throughput};
use leaf_core::{Mode, Parameters, Random};
use leaf_vision::{
    Activation, BatchNormConfig, Conv2d, Conv2dConfig, Map, Pass, batch_norm2d, conv2d,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const FACES: usize = 16;

/// A convolution of ResNet-18 for faces of `input` pixels.
struct Shape {
    input: usize,
    channels: usize,
    outputs: usize,
    side: usize,
    kernel: usize,
    stride: usize,
}

/// The distinct convolutions of a ResNet-18 whose stem sees that many pixels.
fn shapes(input: usize) -> Vec<Shape> {
    let shape = |channels, outputs, side, kernel, stride| Shape {
        input,
        channels,
        outputs,
        side,
        kernel,
        stride,
    };
    let mut shapes = vec![shape(3, 64, input, 7, 2)];
    for (stage, width) in [64, 128, 256, 512].into_iter().enumerate() {
        let side = (input / 4) >> stage;
        if stage > 0 {
            shapes.push(shape(width / 2, width, side * 2, 3, 2));
            shapes.push(shape(width / 2, width, side * 2, 1, 2));
        }
        shapes.push(shape(width, width, side, 3, 1));
    }
    shapes
}

fn maps(channels: usize, side: usize) -> Outcome<Var> {
    let shape = (FACES, channels, side, side);
    let maps = Random::new(1).normal_tensor(0., 1., shape, DType::F32, &Device::Cpu)?;
    Ok(Var::from_tensor(&maps)?)
}

/// A pass of one layer between the change of order that every pass makes at its ends.
fn forward(
    xs: &Tensor,
    mode: Mode,
    layer: &impl Fn(&mut Pass, &Map) -> leaf_vision::Result<Map>,
) -> Outcome<Tensor> {
    let (mut pass, xs) = Pass::begin(xs, mode)?;
    let ys = layer(&mut pass, &xs)?;
    Ok(pass.finish(&ys)?)
}

fn bench(
    criterion: &mut Criterion,
    id: &str,
    shape: &str,
    throughput: Throughput,
    xs: &Var,
    layer: impl Fn(&mut Pass, &Map) -> leaf_vision::Result<Map>,
) -> Outcome {
    forward(xs, Mode::Train, &layer)?.sum_all()?.backward()?;
    let mut group = criterion.benchmark_group(id);
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(2));
    group.throughput(throughput);
    group.bench_function(BenchmarkId::new("forward", shape), |bencher| {
        bencher.iter(|| black_box(forward(xs, Mode::Teacher, &layer).ok()));
    });
    group.bench_function(BenchmarkId::new("forward and backward", shape), |bencher| {
        bencher.iter(|| {
            let ys = forward(xs, Mode::Train, &layer).ok();
            black_box(ys.and_then(|ys| ys.sum_all().ok()?.backward().ok()))
        });
    });
    group.finish();
    Ok(())
}

fn layers(criterion: &mut Criterion) -> Outcome {
    let parameters = Parameters::new(0);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    for shape in [224, 64].into_iter().flat_map(shapes) {
        let Shape {
            input,
            channels,
            outputs,
            side,
            kernel,
            stride,
        } = shape;
        let config = Conv2dConfig {
            stride,
            padding: kernel / 2,
            ..Default::default()
        };
        let name = format!("{channels}to{outputs}x{side} k{kernel}s{stride} of {input} px");
        let conv = conv2d(channels, outputs, kernel, &config, vb.pp(&name))?;
        let flops = 2 * FACES * (side / stride).pow(2) * outputs * channels * kernel * kernel;
        let throughput = Throughput::Elements(flops as u64);
        let xs = maps(channels, side)?;
        let layer = |pass: &mut Pass, xs: &Map| pass.convolve(xs, &conv as &Conv2d);
        bench(criterion, "conv2d", &name, throughput, &xs, layer)?;
    }
    for (channels, side) in [(64, 112), (64, 56), (128, 28), (256, 14), (512, 7)] {
        let name = format!("{channels}x{side}");
        let norm = batch_norm2d(channels, &BatchNormConfig::default(), vb.pp(&name))?;
        let xs = maps(channels, side)?;
        let throughput = Throughput::Elements(xs.elem_count() as u64);
        let layer = |pass: &mut Pass, xs: &Map| pass.normalize(xs, &norm, None, Activation::Relu);
        bench(
            criterion,
            "batch_norm and relu",
            &name,
            throughput,
            &xs,
            layer,
        )?;
    }
    let xs = maps(64, 112)?;
    let throughput = Throughput::Elements(xs.elem_count() as u64);
    let layer = |pass: &mut Pass, xs: &Map| pass.max_pool2d(xs, 3, 2, 1);
    bench(criterion, "max_pool2d", "64x112", throughput, &xs, layer)
}

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    layers(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
