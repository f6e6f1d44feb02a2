//! LEAF's category level as a loss of unlabelled faces.

use candle_core::Tensor;
use leaf_core::{
    CategoryConfig, CategoryDecoupling, CategoryLoss, Faces, LabelSets, Masking,
    decoupled_consistency, positive_set_loss, soft_cross_entropy,
};

use crate::{
    AverageAlignment, BoxedLoss, CATEGORY, CrossEntropy, FaceLosses, Logits, Probs, Result,
    SET_SIZE, Seen, State, Stateful, UnlabeledFaces, UnlabeledLoss, joined_state, linear_ramp,
    part_of_state,
};

/// Keeps the ratio finite where no face has a loss.
const TINY: f64 = 1e-12;

/// The weak views' mean prediction, aligned or as it is; no gradient.
enum Teacher {
    Aligned(Probs),
    Weak(Logits),
}

/// Holds the strong view to the positive and negative classes of the weak views.
///
/// With the host's weight m and loss h (already weighted), a face's set loss l and set weight w, each
/// face costs
///
/// | [`Faces`] | |
/// |---|---|
/// | `Rejected` | `h + λ ramp (1 - m) w l` |
/// | `Accepted` | `λ ramp m w l` |
/// | `Both` | `λ m w l + λ ramp (1 - m) w l` |
/// | `All` | `λ ramp w l` |
///
/// The configuration may replace `m` by its batch mean and scale the loss to the size of the host's
/// cross-entropy, that of its own labels: soft where they are soft. Source: arXiv 2404.15041, category level; its released code for the last two.
#[derive(Clone, Debug)]
pub struct CategoryLevel<L = CrossEntropy> {
    host: L,
    config: CategoryConfig,
    decoupling: CategoryDecoupling,
    alignment: Option<AverageAlignment>,
}

impl<L> CategoryLevel<L> {
    /// In a host with that loss, for that many classes.
    ///
    /// # Errors
    /// When the configuration breaks a rule.
    pub fn new(host: L, config: &CategoryConfig, num_classes: usize) -> Result<Self> {
        config.check(num_classes)?;
        let alignment = config.alignment.as_ref();
        Ok(Self {
            host,
            config: config.clone(),
            decoupling: CategoryDecoupling::new(config.decoupling.clone(), num_classes)?,
            alignment: alignment
                .map(|alignment| AverageAlignment::new(alignment, num_classes))
                .transpose()?,
        })
    }

    /// The sets of the weak views' mean logits, aligned if the configuration says so.
    ///
    /// # Errors
    /// When the views' shapes differ.
    pub fn sets(&mut self, seen: &Seen) -> Result<LabelSets> {
        let teacher = self.teacher(seen)?;
        self.sets_of(&teacher)
    }

    /// What the sets are made from.
    fn teacher(&mut self, seen: &Seen) -> Result<Teacher> {
        let weak: Vec<Logits> = seen.weak.iter().map(|view| view.logits.detach()).collect();
        let weak = Logits::mean(&weak)?;
        Ok(match &mut self.alignment {
            Some(alignment) => Teacher::Aligned(alignment.align(&weak.probs()?)?),
            None => Teacher::Weak(weak),
        })
    }

    fn sets_of(&self, teacher: &Teacher) -> Result<LabelSets> {
        Ok(match teacher {
            Teacher::Aligned(probs) => self.decoupling.decouple(probs.tensor())?,
            Teacher::Weak(logits) => self.decoupling.decouple_logits(logits.tensor())?,
        })
    }

    /// The degree to which each class is positive `(M, C)`.
    fn degrees(&self, teacher: &Teacher) -> Result<Probs> {
        let temperature = self.config.decoupling.teacher_temperature;
        match teacher {
            Teacher::Aligned(probs) => probs.sharpened(temperature),
            Teacher::Weak(logits) => logits.probs_at(temperature),
        }
    }

    /// How much the level acts on each face `(M,)`, given the host's weights and the ramp.
    fn share(&self, host: &Tensor, ramp: f64) -> Result<Tensor> {
        let share = match self.config.faces {
            Faces::Accepted => (host * ramp)?,
            Faces::Rejected => ((1. - host)? * ramp)?,
            Faces::Both => (host + ((1. - host)? * ramp)?)?,
            Faces::All => (host.ones_like()? * ramp)?,
        };
        Ok(match self.config.masking {
            Masking::PerFace => share,
            Masking::BatchMean => share.mean_keepdim(0)?.broadcast_as(share.shape())?,
        })
    }

    /// The loss scaled to the host's mean cross-entropy over all faces, both taken as constants.
    fn rescaled(&self, losses: Tensor, faces: &UnlabeledFaces) -> Result<Tensor> {
        if !self.config.rescale {
            return Ok(losses);
        }
        let host = faces.labels.cross_entropy(&faces.strong.detach())?;
        let ratio = (host.mean_all()? / losses.detach().mean_all()?.maximum(TINY)?)?;
        Ok(losses.broadcast_mul(&ratio)?)
    }

    /// Each face's loss of the level itself `(M,)`, with the mean size of the sets that it acts on.
    fn set_losses(&mut self, faces: &UnlabeledFaces) -> Result<(Tensor, Tensor)> {
        let teacher = self.teacher(faces.seen)?;
        let sets = self.sets_of(&teacher)?;
        let strong = faces.strong.tensor();
        let losses = match self.config.loss {
            CategoryLoss::Ranking => decoupled_consistency(strong, &sets)?,
            CategoryLoss::Set => positive_set_loss(strong, &sets)?,
            CategoryLoss::Soft => soft_cross_entropy(strong, self.degrees(&teacher)?.tensor())?,
        };
        let ramp = linear_ramp(faces.seen.step, self.config.ramp);
        let share = self.share(faces.weights, ramp)?;
        let losses = self.rescaled((losses * &sets.weight)?, faces)?;
        let losses = ((losses * &share)? * self.config.weight)?;
        let acts_on = self.share(faces.weights, 1.)?;
        Ok((losses, weighted_mean(&sets.count, &acts_on)?))
    }
}

impl<L: UnlabeledLoss> UnlabeledLoss for CategoryLevel<L> {
    fn losses(&mut self, faces: &UnlabeledFaces) -> Result<FaceLosses> {
        let (level, set_size) = self.set_losses(faces)?;
        let mut diagnostics = vec![
            (SET_SIZE.to_owned(), set_size),
            (CATEGORY.to_owned(), level.mean_all()?.detach()),
        ];
        if self.config.faces != Faces::Rejected {
            return Ok(FaceLosses {
                losses: level,
                diagnostics,
            });
        }
        let host = self.host.losses(faces)?;
        diagnostics.extend(host.diagnostics);
        Ok(FaceLosses {
            losses: (host.losses + level)?,
            diagnostics,
        })
    }
}

impl<L: Stateful> Stateful for CategoryLevel<L> {
    fn state(&self) -> Result<State> {
        joined_state([
            ("host", &self.host as &dyn Stateful),
            ("alignment", &self.alignment),
        ])
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.host.load_state(&part_of_state(state, "host"))?;
        self.alignment
            .load_state(&part_of_state(state, "alignment"))
    }
}

/// A host's loss with the category level in it, if LEAF's configuration has one.
///
/// # Errors
/// When the configuration breaks a rule.
pub fn with_category<L: UnlabeledLoss + Send + 'static>(
    host: L,
    config: Option<&CategoryConfig>,
    num_classes: usize,
) -> Result<BoxedLoss> {
    Ok(match config {
        Some(config) => Box::new(CategoryLevel::new(host, config, num_classes)?),
        None => Box::new(host),
    })
}

/// `Σ w x / Σ w` (scalar); not a number where no weight is.
fn weighted_mean(xs: &Tensor, weights: &Tensor) -> Result<Tensor> {
    Ok(((xs * weights)?.sum_all()? / weights.sum_all()?)?.detach())
}
