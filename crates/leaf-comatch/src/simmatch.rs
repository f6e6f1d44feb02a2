//! SimMatch itself.

use leaf_core::Mode;
use leaf_ssl::{
    Algorithm, Batch, BoxedLoss, Context, FeatureBank, Heads, Losses, Penalty, Result, Seen, State,
    Stateful, Step, UnlabeledLoss, ViewPass, Views, forward, joined_state, part_of_state,
};

use crate::SimMatchConfig;
use crate::instances::{instance_losses, resemblance};
use crate::soft_training::{SoftTraining, smoothed};

/// How the loss of resemblance is reported.
const INSTANCES: &str = "instance similarity";

/// SimMatch with a loss of unlabelled faces: cross-entropy, or what LEAF puts in its place.
///
/// Made by [`SimMatchConfig::build`]; the rule is on the crate's page.
#[derive(Clone, Debug)]
pub struct SimMatch<L = BoxedLoss> {
    config: SimMatchConfig,
    training: SoftTraining<L>,
    bank: FeatureBank,
}

impl<L: UnlabeledLoss> SimMatch<L> {
    pub(crate) fn new(
        config: &SimMatchConfig,
        training: SoftTraining<L>,
        bank: FeatureBank,
    ) -> Self {
        Self {
            config: config.clone(),
            training,
            bank,
        }
    }
}

impl<L: UnlabeledLoss> Algorithm for SimMatch<L> {
    fn name(&self) -> &str {
        "SimMatch"
    }

    fn views(&self) -> Views {
        Views {
            labeled_index: true,
            ..Views::WEAK_STRONG
        }
    }

    fn heads(&self) -> Heads {
        Heads::projection(self.config.projection)
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        let (plan, wanted) = (self.training.plan, self.training.wanted());
        let passes = forward::run(plan, context, batch, self.views(), wanted)?;
        let seen = Seen::of(&passes, batch, step)?;
        let embed = |pass: &ViewPass, mode: Mode| context.student.project(&pass.aggregated, mode);
        let SimMatchConfig {
            temperature,
            smoothing,
            lambda_in,
            ..
        } = self.config;
        // Whatever the network makes of `Mode::Teacher`, nothing flows back through pseudo-labels.
        let weak = embed(&passes.weak[0], Mode::Teacher)?.detach();
        let aligned = self.training.aligned(&seen)?;
        let resembles = resemblance(&self.bank, &weak, &aligned, temperature)?;
        // In the first epoch most of the bank is noise.
        let (probs, weight) = match step.epoch() {
            0 => (aligned, 0.),
            _ => {
                let probs = smoothed(smoothing, &aligned, &resembles.by_class)?;
                (probs, lambda_in)
            }
        };
        let strong = embed(&passes.strong[0], Mode::Train)?;
        let instances = instance_losses(&self.bank, &strong, &resembles.calibrated, temperature)?;
        let term = Penalty {
            name: INSTANCES,
            loss: instances.mean_all()?,
            weight,
        };
        let losses = self.training.losses(&passes, &seen, probs, term)?;
        let labeled = embed(&passes.labeled, Mode::Teacher)?.detach();
        self.bank.follow(&seen.labeled_index, &labeled)?;
        Ok(losses)
    }
}

impl<L: Stateful> Stateful for SimMatch<L> {
    fn state(&self) -> Result<State> {
        joined_state([
            ("training", &self.training as &dyn Stateful),
            ("bank", &self.bank),
        ])
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.training
            .load_state(&part_of_state(state, "training"))?;
        self.bank.load_state(&part_of_state(state, "bank"))
    }
}
