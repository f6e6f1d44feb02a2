//! The family of Pi-Model and Mean Teacher: two weak views of a face must be answered alike.

use leaf_core::{LeafConfig, Mode};

use crate::{
    Algorithm, Batch, Context, Divergence, Logits, LossSum, Losses, Network, PseudoLabels,
    RampedWeight, Result, Stateful, Step, TrainingPasses, Views, forward,
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
        RampedWeight::constant("supervised_weight", config.supervised_weight)?;
        RampedWeight::constant("balance_weight", config.balance_weight)?;
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
        passes.add_to(&mut sum, self.config.balance_weight)?;
        let labels = PseudoLabels::hard(target)?;
        sum.measure_selection(&labels, &labels.confidence.ones_like()?)?;
        Ok(sum.into_losses())
    }
}

impl Stateful for WeakWeak {}
