//! True classes of unlabelled faces: measured by, and never shown.

use candle_core::{Device, Tensor};
use leaf_ssl::{Batch, Losses, PSEUDO_ACCURACY, Selection, State, Stateful, Views};

use super::*;
use crate::fake::batches;

/// Takes every face for class 0 and notes what it is shown of the unlabelled ones.
#[derive(Debug)]
struct Peeking {
    base: FakeAlgorithm,
    hidden_labels: Vec<Option<u32>>,
    index: Vec<usize>,
}

impl Algorithm for Peeking {
    fn name(&self) -> &str {
        "peeking"
    }

    fn views(&self) -> Views {
        self.base.views()
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> leaf_ssl::Result<Losses> {
        self.hidden_labels.extend(&batch.unlabeled.hidden_labels);
        self.index.clone_from(&batch.unlabeled.index);
        let faces = batch.unlabeled.index.len();
        let mut losses = self.base.loss(context, batch, step)?;
        losses.selection = Some(Selection {
            classes: Tensor::zeros(faces, candle_core::DType::U32, &Device::Cpu)?,
            weights: Tensor::ones(faces, candle_core::DType::F32, &Device::Cpu)?,
        });
        Ok(losses)
    }
}

impl Stateful for Peeking {
    fn state(&self) -> leaf_ssl::Result<State> {
        self.base.state()
    }

    fn load_state(&mut self, state: &State) -> leaf_ssl::Result<()> {
        self.base.load_state(state)
    }
}

fn peeking(steps: usize) -> Result<Trainer<FakeNetwork, Peeking>> {
    let student = learner(1)?;
    let optimizer = OptimizerConfig::default().build(&student.parameters.trainable())?;
    let config = TrainConfig {
        steps,
        ema_decay: None,
        ..short()
    };
    let algorithm = Peeking {
        base: FakeAlgorithm::new(),
        hidden_labels: Vec::new(),
        index: Vec::new(),
    };
    Trainer::new(config, student, algorithm, optimizer)
}

/// A batch of four unlabelled faces whose classes are known as given.
fn batch(hidden_labels: &[Option<u32>]) -> Result<Batch> {
    let mut batch = batches(3).next().expect("a batch")?;
    batch.unlabeled.index = vec![7, 5, 3, 1];
    batch.unlabeled.hidden_labels = hidden_labels.to_vec();
    Ok(batch)
}

#[test]
fn an_algorithm_that_looks_finds_no_true_classes() -> Result<()> {
    let mut trainer = peeking(2)?;
    let known = [Some(0), Some(1), Some(2), Some(0)];
    for truth in [known, [None, Some(1), None, Some(0)]] {
        let report = trainer.step(&batch(&truth)?)?;
        assert_eq!(report.diagnostic(PSEUDO_ACCURACY), Some(0.5));
        assert_eq!(trainer.algorithm().hidden_labels, []);
        assert_eq!(trainer.algorithm().index, [7, 5, 3, 1], "all else is shown");
    }
    Ok(())
}

#[test]
fn a_face_of_unknown_class_leaves_the_others_measured() -> Result<()> {
    let mut trainer = peeking(3)?;
    let steps = [
        batch(&[Some(0), Some(0), Some(1), None]),
        batch(&[]),
        batch(&[Some(2), None, None, None]),
    ];
    let summary = trainer.run(steps, &[], &mut [])?;
    let quality = summary.pseudo_labels.expect("there were pseudo-labels");
    assert_eq!(quality.utilization, 1.);
    assert_eq!(quality.accuracy, Some(0.5));
    let coverage: Vec<_> = quality.classes.iter().map(|class| class.coverage).collect();
    assert_eq!(coverage, [Some(1.); 3]);
    let accuracy: Vec<_> = quality.classes.iter().map(|class| class.accuracy).collect();
    assert_eq!(accuracy, [Some(0.5), None, None]);
    assert_eq!(trainer.algorithm().hidden_labels, []);
    Ok(())
}

#[test]
fn without_any_known_class_only_utilization_is_measured() -> Result<()> {
    let mut trainer = peeking(2)?;
    let steps = [batch(&[]), batch(&[None; 4])];
    let summary = trainer.run(steps, &[], &mut [])?;
    let quality = summary.pseudo_labels.expect("there were pseudo-labels");
    assert_eq!(quality.utilization, 1.);
    assert!(quality.accuracy.is_none() && quality.classes.is_empty());
    Ok(())
}
