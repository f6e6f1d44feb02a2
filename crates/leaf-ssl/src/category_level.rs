//! LEAF's category level as a loss of unlabelled faces.

use candle_core::Tensor;
use leaf_core::{
    CategoryConfig, CategoryDecoupling, CategoryLoss, Faces, LabelSets, Masking, cross_entropy,
    decoupled_consistency, positive_set_loss,
};

use crate::unlabeled_loss::hard_cross_entropy;
use crate::{
    AverageAlignment, FaceLosses, Logits, Result, SET_SIZE, State, Stateful, UnlabeledFaces,
    UnlabeledLoss, linear_ramp,
};

/// Keeps the ratio finite where no face has a loss.
const TINY: f64 = 1e-12;

/// Holds the strong view to the positive and negative classes of the weak views.
///
/// With the host's weight m, a face's loss l and set weight w: on rejected faces
/// `m CE + λ ramp (1 - m) w l`, on accepted ones `λ ramp m w l`, on all `λ ramp w l`; the configuration
/// may replace `m` by its batch mean and scale the loss to the size of the host's cross-entropy.
/// Source: arXiv 2404.15041, category level; its released code for the last two.
#[derive(Clone, Debug)]
pub struct CategoryLevel {
    config: CategoryConfig,
    decoupling: CategoryDecoupling,
    alignment: Option<AverageAlignment>,
}

impl CategoryLevel {
    /// For that many classes.
    ///
    /// # Errors
    /// When the configuration breaks a rule.
    pub fn new(config: &CategoryConfig, num_classes: usize) -> Result<Self> {
        config.check(num_classes)?;
        let alignment = config.alignment.as_ref();
        Ok(Self {
            config: config.clone(),
            decoupling: CategoryDecoupling::new(config.decoupling.clone(), num_classes)?,
            alignment: alignment
                .map(|alignment| AverageAlignment::new(alignment, num_classes))
                .transpose()?,
        })
    }

    /// The sets of the views' mean logits, aligned if the configuration says so.
    ///
    /// # Errors
    /// When the views' shapes differ.
    pub fn sets(&mut self, weak: &[Logits]) -> Result<LabelSets> {
        let mut probs = Logits::mean(weak)?.probs()?;
        if let Some(alignment) = &mut self.alignment {
            probs = alignment.align(&probs)?;
        }
        Ok(self.decoupling.decouple(probs.tensor())?)
    }

    /// How much the level acts on each face `(M,)`.
    fn share(&self, host: &Tensor) -> Result<Tensor> {
        let share = match self.config.faces {
            Faces::Accepted => host.clone(),
            Faces::Rejected => (1. - host)?,
            Faces::All => host.ones_like()?,
        };
        Ok(match self.config.masking {
            Masking::PerFace => share,
            Masking::BatchMean => share.mean_keepdim(0)?.broadcast_as(share.shape())?,
        })
    }

    /// The loss scaled to the mean cross-entropy over all faces, both taken as constants.
    fn rescaled(&self, losses: Tensor, faces: &UnlabeledFaces) -> Result<Tensor> {
        if !self.config.rescale {
            return Ok(losses);
        }
        let host = cross_entropy(&faces.strong.tensor().detach(), &faces.labels.classes)?;
        let ratio = (host.mean_all()? / losses.detach().mean_all()?.maximum(TINY)?)?;
        Ok(losses.broadcast_mul(&ratio)?)
    }
}

impl UnlabeledLoss for CategoryLevel {
    fn losses(&mut self, faces: &UnlabeledFaces) -> Result<FaceLosses> {
        let sets = self.sets(faces.weak)?;
        let strong = faces.strong.tensor();
        let losses = match self.config.loss {
            CategoryLoss::Ranking => decoupled_consistency(strong, &sets)?,
            CategoryLoss::Set => positive_set_loss(strong, &sets)?,
        };
        let share = self.share(faces.weights)?;
        let factor = self.config.weight * linear_ramp(faces.step, self.config.ramp);
        let losses = self.rescaled((losses * &sets.weight)?, faces)?;
        let mut losses = ((losses * &share)? * factor)?;
        if self.config.faces == Faces::Rejected {
            losses = (hard_cross_entropy(faces)? + losses)?;
        }
        Ok(FaceLosses {
            losses,
            diagnostics: vec![(SET_SIZE.to_owned(), weighted_mean(&sets.count, &share)?)],
        })
    }
}

impl Stateful for CategoryLevel {
    fn state(&self) -> Result<State> {
        self.alignment.state()
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.alignment.load_state(state)
    }
}

/// `Σ w x / Σ w` (scalar); not a number where no weight is.
pub(crate) fn weighted_mean(xs: &Tensor, weights: &Tensor) -> Result<Tensor> {
    Ok(((xs * weights)?.sum_all()? / weights.sum_all()?)?.detach())
}
