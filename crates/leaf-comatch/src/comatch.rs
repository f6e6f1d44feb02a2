//! CoMatch itself.

use candle_core::Tensor;
use leaf_core::Mode;
use leaf_ssl::{
    Algorithm, Batch, BoxedLoss, Context, Heads, Losses, MemoryQueue, Penalty, Probs, Result, Seen,
    State, Stateful, Step, UnlabeledLoss, ViewPass, Views, forward, joined_state, part_of_state,
};

use crate::soft_training::{SoftTraining, smoothed};
use crate::{CoMatchConfig, graph_contrast, pseudo_label_graph};

/// How the contrast is reported.
const GRAPH: &str = "graph contrast";

/// CoMatch with a loss of unlabelled faces: cross-entropy, or what LEAF puts in its place.
///
/// Made by [`CoMatchConfig::build`]; the rule is on the crate's page.
#[derive(Clone, Debug)]
pub struct CoMatch<L = BoxedLoss> {
    config: CoMatchConfig,
    training: SoftTraining<L>,
    memory: MemoryQueue,
}

impl<L: UnlabeledLoss> CoMatch<L> {
    pub(crate) fn new(
        config: &CoMatchConfig,
        training: SoftTraining<L>,
        memory: MemoryQueue,
    ) -> Self {
        Self {
            config: config.clone(),
            training,
            memory,
        }
    }

    /// Predictions mixed with those of similar faces of the last batches, once there are enough.
    fn smoothed(&self, probs: &Probs, embeddings: &Tensor, step: Step) -> Result<Probs> {
        let warm = step.epoch() > 0 && step.index > self.config.queue_batches;
        if !warm || self.memory.is_empty() {
            return Ok(probs.clone());
        }
        let others = self.memory.recall(embeddings, self.config.temperature)?;
        smoothed(self.config.smoothing, probs, &others)
    }

    /// Keeps the batch: unlabelled faces as they were predicted, labelled ones as they are.
    fn remember(
        &mut self,
        unlabeled: &Tensor,
        probs: &Probs,
        labeled: &Tensor,
        labels: &Tensor,
    ) -> Result<()> {
        let probs = probs.tensor();
        let classes = Tensor::arange(0u32, probs.dim(1)? as u32, labels.device())?;
        let known = labels.unsqueeze(1)?.broadcast_eq(&classes.unsqueeze(0)?)?;
        let known = known.to_dtype(probs.dtype())?;
        let embeddings = Tensor::cat(&[unlabeled, labeled], 0)?;
        let probs = Probs::new(Tensor::cat(&[probs, &known], 0)?)?;
        self.memory.push(&embeddings, &probs)
    }
}

impl<L: UnlabeledLoss> Algorithm for CoMatch<L> {
    fn name(&self) -> &str {
        "CoMatch"
    }

    fn views(&self) -> Views {
        Views {
            strong: 2,
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
        // Whatever the network makes of `Mode::Teacher`, nothing flows back through pseudo-labels.
        let weak = embed(&passes.weak[0], Mode::Teacher)?.detach();
        let aligned = self.training.aligned(&seen)?;
        let probs = self.smoothed(&aligned, &weak, step)?;
        let labeled = embed(&passes.labeled, Mode::Teacher)?.detach();
        self.remember(&weak, &aligned, &labeled, &seen.labels)?;

        let graph = pseudo_label_graph(&probs, self.config.graph_threshold)?;
        let first = embed(&passes.strong[0], Mode::Train)?;
        let second = embed(&passes.strong[1], Mode::Train)?;
        let contrast = graph_contrast(&first, &second, &graph, self.config.temperature)?;
        let term = Penalty {
            name: GRAPH,
            loss: contrast.mean_all()?,
            weight: self.config.lambda_c,
        };
        self.training.losses(&passes, &seen, probs, term)
    }
}

impl<L: Stateful> Stateful for CoMatch<L> {
    fn state(&self) -> Result<State> {
        joined_state([
            ("training", &self.training as &dyn Stateful),
            ("memory", &self.memory),
        ])
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.training
            .load_state(&part_of_state(state, "training"))?;
        self.memory.load_state(&part_of_state(state, "memory"))
    }
}
