//! The family of Pi-Model and Mean Teacher: two weak views of a face must be answered alike.

use leaf_core::{LeafConfig, Mode};

use crate::{
    Algorithm, Batch, Context, Divergence, Logits, LossSum, Losses, Network, PseudoLabels,
    RampedWeight, Result, Stateful, Step, TrainingPasses, Views, bounds, forward,
};

/// Whose answer to the first view the second view must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Teacher {
    /// The network that is trained.
    Student,
    /// The running average of its weights.
    Average,
}

/// What the family's members share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeakWeakConfig {
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// The share of the run, in `[0, 1]`, over which λ_u grows from 0.
    pub ramp: f64,
    /// How far apart two answers are.
    pub divergence: Divergence,
    /// What the labelled faces' loss is multiplied by.
    pub supervised_weight: f64,
    /// What the mixtures' balance loss is multiplied by.
    pub balance_weight: f64,
}

impl WeakWeakConfig {
    /// A host's weight and ramp with what LEAF says of the rest; answers differ by squared errors.
    pub fn new(lambda_u: f64, ramp: f64, leaf: &LeafConfig) -> Self {
        Self {
            lambda_u,
            ramp,
            divergence: Divergence::default(),
            supervised_weight: leaf.supervised_weight,
            balance_weight: leaf.balance_weight,
        }
    }
}

/// One view is answered by the teacher, the other by the student, which must answer alike.
///
/// `L = w_x mean CE(z_x, y) + λ_u r(t) mean d(z_w', q_w) + w_b balance`, where `q_w` is what the teacher
/// predicts of the first weak view without gradient ([`Mode::Teacher`]), d is the [`Divergence`] and r
/// the [ramp](crate::linear_ramp). Each view goes through the network on its own
/// ([`TrainingPasses`]).
#[derive(Clone, Debug)]
pub struct WeakWeak {
    name: &'static str,
    teacher: Teacher,
    weight: RampedWeight,
    config: WeakWeakConfig,
}

impl WeakWeak {
    /// Under a name.
    ///
    /// # Errors
    /// When a weight is negative or not a number, or the ramp is not a share.
    pub fn new(name: &'static str, teacher: Teacher, config: WeakWeakConfig) -> Result<Self> {
        let weight = RampedWeight::new("lambda_u", config.lambda_u, config.ramp)?;
        bounds::not_negative("supervised_weight", config.supervised_weight)?;
        bounds::not_negative("balance_weight", config.balance_weight)?;
        Ok(Self {
            name,
            teacher,
            weight,
            config,
        })
    }

    fn network<'a>(&self, context: &Context<'a>) -> Result<&'a dyn Network> {
        match self.teacher {
            Teacher::Student => Ok(context.student),
            Teacher::Average => context.need_average(),
        }
    }
}

impl Algorithm for WeakWeak {
    fn name(&self) -> &str {
        self.name
    }

    fn views(&self) -> Views {
        Views {
            weak: 2,
            average: self.teacher == Teacher::Average,
            ..Views::NONE
        }
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        forward::check(batch, self.views())?;
        let weak = &batch.unlabeled.weak;
        let taught = self.network(context)?.forward(&weak[0], Mode::Teacher)?;
        let target = context.target(&Logits::new(taught.logits)?)?.probs()?;

        let mut passes = TrainingPasses::new(context.student);
        let labeled = passes.labeled(&batch.labeled.images)?;
        let student = context.trained(&passes.unlabeled(&weak[1])?.logits)?;
        let losses = self.config.divergence.losses(&student, &target)?;

        let labels = &batch.labeled.labels;
        let mut sum = LossSum::supervised(&labeled.logits, labels, self.config.supervised_weight)?;
        sum.add("unlabeled", losses.mean_all()?, self.weight.at(step))?;
        let labels = PseudoLabels::hard(target)?;
        sum.measure_selection(&labels, &labels.confidence.ones_like()?)?;
        passes.add_to(&mut sum, self.config.balance_weight)?;
        Ok(sum.into_losses())
    }
}

impl Stateful for WeakWeak {}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use candle_core::{Device, Tensor};
    use leaf_core::HeadOutput;
    use leaf_testkit::entries;

    use super::*;
    use crate::{Labeled, LogitAdjustment, Unlabeled};

    /// Answers with the images, and writes down the mode and the first entry of each pass.
    #[derive(Default)]
    struct Recorder(RefCell<Vec<(Mode, f64)>>);

    impl Network for Recorder {
        fn encode(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
            self.0.borrow_mut().push((mode, entries(images)?[0]));
            Ok(images.clone())
        }

        fn head(&self, features: &Tensor, _mode: Mode) -> Result<HeadOutput> {
            Ok(HeadOutput {
                logits: features.clone(),
                features: features.clone(),
                aggregated: features.clone(),
                balance: None,
                routing: Vec::new(),
            })
        }

        fn num_classes(&self) -> usize {
            2
        }
    }

    /// One face in each place: 1 labelled, 2 and 3 the weak views.
    fn batch() -> Result<Batch> {
        let face = |first: f64| Tensor::new(&[[first, 0.]], &Device::Cpu);
        Ok(Batch {
            labeled: Labeled {
                images: face(1.)?,
                labels: Tensor::new(&[0u32], &Device::Cpu)?,
                index: Vec::new(),
            },
            unlabeled: Unlabeled {
                weak: vec![face(2.)?, face(3.)?],
                ..Unlabeled::default()
            },
        })
    }

    fn rule(teacher: Teacher) -> Result<WeakWeak> {
        let config = WeakWeakConfig::new(7., 0., &LeafConfig::off());
        WeakWeak::new("two weak views", teacher, config)
    }

    #[test]
    fn the_first_view_is_for_the_teacher_and_the_second_for_the_student() -> Result<()> {
        let [taught, labeled, trained] = [
            (Mode::Teacher, 2.),
            (Mode::Train, 1.),
            (Mode::FrozenStatistics, 3.),
        ];
        let (student, average) = (Recorder::default(), Recorder::default());
        let context = Context::new(&student).with_average(&average);
        rule(Teacher::Student)?.loss(&context, &batch()?, Step::new(0, 1))?;
        assert_eq!(*student.0.take(), [taught, labeled, trained]);
        assert!(average.0.take().is_empty());
        rule(Teacher::Average)?.loss(&context, &batch()?, Step::new(0, 1))?;
        assert_eq!(*student.0.take(), [labeled, trained]);
        assert_eq!(*average.0.take(), [taught]);
        Ok(())
    }

    /// Adds to the first class's score.
    struct Shift(f64, f64);

    impl LogitAdjustment for Shift {
        fn target(&self, logits: &Logits) -> Result<Logits> {
            shifted(logits, self.0)
        }

        fn trained(&self, logits: &Logits) -> Result<Logits> {
            shifted(logits, self.1)
        }
    }

    fn shifted(logits: &Logits, by: f64) -> Result<Logits> {
        let by = Tensor::new(&[[by, 0.]], &Device::Cpu)?;
        Logits::new(logits.tensor().broadcast_add(&by)?)
    }

    #[test]
    fn a_wrapper_reaches_both_answers() -> Result<()> {
        let sigmoid = |x: f64| 1. / (1. + (-x).exp());
        for (target, trained) in [(0., 0.), (-4., 0.), (0., 5.), (1., 0.)] {
            let network = Recorder::default();
            let shift = Shift(target, trained);
            let context = Context::new(&network).with_adjustment(&shift);
            let losses = rule(Teacher::Student)?.loss(&context, &batch()?, Step::new(0, 1))?;
            let expected = (sigmoid(3. + trained) - sigmoid(2. + target)).powi(2);
            assert!((entries(&losses.terms[1].1)?[0] - expected).abs() < 1e-15);
            let supervised = entries(&losses.terms[0].1)?[0];
            assert!((supervised + sigmoid(1.).ln()).abs() < 1e-12);
            let total = entries(&losses.total)?[0];
            assert!((total - (supervised + 7. * expected)).abs() < 1e-12);
            let selection = losses.selection.expect("pseudo-labels");
            let class = u32::from(2. + target < 0.);
            assert_eq!(selection.classes.to_vec1::<u32>()?, [class]);
            assert_eq!(entries(&selection.weights)?, [1.]);
        }
        Ok(())
    }

    #[test]
    fn wrong_weights_are_refused() {
        let refused = |config: WeakWeakConfig| {
            let rule = WeakWeak::new("two weak views", Teacher::Student, config);
            rule.unwrap_err().to_string()
        };
        let good = WeakWeakConfig::new(1., 0.4, &LeafConfig::off());
        let weight = WeakWeakConfig {
            supervised_weight: -1.,
            ..good
        };
        assert_eq!(
            refused(weight),
            "supervised_weight = -1, expected 0 or more"
        );
        let weight = WeakWeakConfig {
            balance_weight: f64::NAN,
            ..good
        };
        assert_eq!(refused(weight), "balance_weight = NaN, expected 0 or more");
        let ramp = WeakWeakConfig { ramp: 2., ..good };
        assert_eq!(refused(ramp), "ramp = 2, expected 0 to 1");
    }
}
