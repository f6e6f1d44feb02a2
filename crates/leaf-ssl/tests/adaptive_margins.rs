//! Ada-CM's margins: when they change, by whose predictions, and that they go on after a save.

use candle_core::{Device, Tensor};
use leaf_core::{HeadOutput, MarginConfig, Mode};
use leaf_ssl::{
    AdaptiveMargins, Context, HardLabels, LabeledFaces, Logits, Network, PseudoLabeler, Result,
    Seen, Selector, Stateful, Step, ViewPass, Views,
};
use leaf_testkit::entries;

/// A network whose images are its predictions. Only evaluation is right about them.
struct Told;

impl Network for Told {
    fn encode(&self, images: &Tensor, _mode: Mode) -> Result<Tensor> {
        Ok(images.clone())
    }

    fn head(&self, features: &Tensor, mode: Mode) -> Result<HeadOutput> {
        let logits = match mode {
            Mode::Eval => features.log()?,
            _ => features.zeros_like()?,
        };
        Ok(HeadOutput {
            logits,
            features: features.clone(),
            aggregated: features.clone(),
            balance: None,
            routing: Vec::new(),
        })
    }

    fn num_classes(&self) -> usize {
        3
    }
}

/// Labelled faces in chunks of that many.
struct Chunks(usize);

impl LabeledFaces for Chunks {
    fn pass(&self, _pass: usize) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + '_> {
        let probs: [Vec<f64>; 6] = [
            vec![0.95, 0.03, 0.02],
            vec![0.99, 0.005, 0.005],
            vec![0.30, 0.60, 0.10],
            vec![0.05, 0.90, 0.05],
            vec![0.02, 0.96, 0.02],
            vec![0.1, 0.1, 0.8],
        ];
        let rows: Vec<_> = probs.into_iter().zip([0u32, 0, 0, 1, 1, 1]).collect();
        let chunks: Vec<Vec<_>> = rows.chunks(self.0).map(<[_]>::to_vec).collect();
        Box::new(chunks.into_iter().map(|chunk| {
            let (probs, classes): (Vec<Vec<f64>>, Vec<u32>) = chunk.into_iter().unzip();
            let device = &Device::Cpu;
            Ok((Tensor::new(probs, device)?, Tensor::new(classes, device)?))
        }))
    }
}

/// No labelled faces at all.
struct NoFaces;

impl LabeledFaces for NoFaces {
    fn pass(&self, _pass: usize) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + '_> {
        Box::new(std::iter::empty())
    }
}

const STEPS_PER_EPOCH: usize = 4;

fn step(index: usize) -> Step {
    Step::new(index, 100).with_epochs_of(STEPS_PER_EPOCH)
}

fn build() -> Result<AdaptiveMargins> {
    AdaptiveMargins::new(MarginConfig::default(), 3)
}

fn assert_margins(selector: &AdaptiveMargins, expected: [f64; 3]) -> Result<()> {
    let margins = entries(selector.margins())?;
    for (found, expected) in margins.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{margins:?}");
    }
    Ok(())
}

/// The numbers are those of the authors' function after epoch 1, 2, 3 and 5.
#[test]
fn margins_follow_the_average_once_an_epoch() -> Result<()> {
    for chunk in [1, 4, 6] {
        let faces = Chunks(chunk);
        let context = Context::new(&Told).with_average(&Told).with_labeled(&faces);
        let mut selector = build()?;
        let floor = [0.8; 3];
        for (epoch, expected) in [
            (0, floor),
            (1, floor),
            (2, [0.828_742, 0.8, 0.8]),
            (3, [0.896_277, 0.859_317, 0.8]),
            (5, [0.934_603, 0.896_062, 0.8]),
        ] {
            for index in epoch * STEPS_PER_EPOCH..(epoch + 1) * STEPS_PER_EPOCH {
                selector.prepare(&context, step(index))?;
                assert_margins(&selector, expected)?;
            }
        }
    }
    Ok(())
}

#[test]
fn margins_stay_within_an_epoch_and_in_the_first() -> Result<()> {
    // A network alone is enough wherever nothing is computed.
    let context = Context::new(&Told);
    let mut selector = build()?;
    for index in [0, 1, 3, 5, 7, 4 * STEPS_PER_EPOCH + 1] {
        selector.prepare(&context, step(index))?;
        assert_margins(&selector, [0.8; 3])?;
    }
    Ok(())
}

#[test]
fn what_is_missing_is_named() -> Result<()> {
    let faces = Chunks(6);
    let alone = Context::new(&Told);
    for (context, expected) in [
        (
            alone.with_labeled(&faces),
            "the trainer needs a running average of the weights, and there is none",
        ),
        (
            alone.with_average(&Told),
            "the trainer needs a pass over the labelled faces, and there is none",
        ),
        (
            alone.with_average(&Told).with_labeled(&NoFaces),
            "the trainer needs a labelled face, and there is none",
        ),
    ] {
        let prepared = build()?.prepare(&context, step(STEPS_PER_EPOCH));
        assert_eq!(prepared.unwrap_err().to_string(), expected);
    }
    let needs = Views {
        average: true,
        labeled_pass: true,
        ..Views::NONE
    };
    assert_eq!(build()?.needs(), needs);
    Ok(())
}

#[test]
fn each_class_has_its_own_margin() -> Result<()> {
    let faces = Chunks(6);
    let context = Context::new(&Told).with_average(&Told).with_labeled(&faces);
    let mut selector = build()?;
    selector.prepare(&context, step(3 * STEPS_PER_EPOCH))?;
    let probs = [
        [0.89f32, 0.1, 0.01],
        [0.90, 0.09, 0.01],
        [0.01, 0.85, 0.14],
        [0.01, 0.87, 0.12],
        [0.1, 0.09, 0.81],
    ];
    let weak = Logits::new(Tensor::new(&probs, &Device::Cpu)?.log()?)?;
    let weak = ViewPass::of_logits(weak);
    let truth = Tensor::zeros(5, candle_core::DType::U32, &Device::Cpu)?;
    let seen = Seen::new(vec![weak.clone()], weak, truth, step(0));
    let mut labels = HardLabels::new(None, 3)?.label(&seen)?;
    let mask = selector.select(&mut labels, &seen)?;
    assert_eq!(entries(&mask)?, [0., 1., 0., 1., 1.]);

    let mut resumed = build()?;
    resumed.load_state(&selector.state()?)?;
    assert_eq!(entries(resumed.margins())?, entries(selector.margins())?);
    let again = resumed.select(&mut labels, &seen)?;
    assert_eq!(entries(&again)?, entries(&mask)?);
    Ok(())
}

#[test]
fn a_network_of_other_classes_is_refused() -> Result<()> {
    let faces = Chunks(6);
    let context = Context::new(&Told).with_average(&Told).with_labeled(&faces);
    for classes in [2, 4] {
        let mut selector = AdaptiveMargins::new(MarginConfig::default(), classes)?;
        let error = selector
            .prepare(&context, step(STEPS_PER_EPOCH))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("predictions of labelled faces has shape [6, 3], expected (N, {classes})")
        );
        assert_eq!(entries(selector.margins())?, vec![0.8; classes]);
    }
    Ok(())
}

#[test]
fn wrong_settings_and_states_are_refused() -> Result<()> {
    let error = |floor: f64, scale: f64, classes: usize| {
        let config = MarginConfig { floor, scale };
        let selector = AdaptiveMargins::new(config, classes);
        selector.map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(error(1.1, 0.97, 3), "margins.floor = 1.1, expected 0 to 1");
    assert_eq!(error(0.8, -1., 3), "margins.scale = -1, expected 0 to 1");
    assert_eq!(error(0.8, 0.97, 1), "num_classes = 1, expected at least 2");
    let mut other = AdaptiveMargins::new(MarginConfig::default(), 4)?;
    let error = other.load_state(&build()?.state()?).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the saved state's entry \"margins\" has shape [3], expected [4]"
    );
    Ok(())
}
