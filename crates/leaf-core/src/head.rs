//! The classification head that LEAF puts on an encoder.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use crate::aggregator::sum;
use crate::unit_length::unit_length;
use crate::{
    Aggregated, Aggregator, Dropout, Error, HeadOutput, Identity, InstanceLevel, LeafConfig,
    Linear, MixtureConfig, Mode, NoiseSource, Normalize, Result, Routing, linear,
    mixture_of_experts, normalize,
};

/// An aggregator that was chosen at run time.
pub type BoxedAggregator = Box<dyn Aggregator + Send + Sync>;

/// Where the instance level's aggregation works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instance<I> {
    /// On the normalized features before the classifier `(N, D)`, as the released code has it.
    Features(I),
    /// On the scores after the classifier `(N, C)`, as the paper's figure draws it.
    Predictions(I),
}

/// `dropout -> semantic level -> normalization -> instance level and classifier`.
///
/// With `h = semantic(dropout(x))` and `u = normalize(h)` the logits are
/// `W instance(u) + b` or `instance(W u + b)`. With both levels [`Identity`] it is a plain linear
/// classifier. Source: arXiv 2404.15041, figure 2; the released code for the order.
pub struct LeafHead<S = BoxedAggregator, I = BoxedAggregator> {
    dropout: Dropout,
    semantic: S,
    normalize: Normalize,
    instance: Instance<I>,
    classifier: Linear,
}

impl<S, I> std::fmt::Debug for LeafHead<S, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeafHead")
            .field("dropout", &self.dropout)
            .field("normalize", &self.normalize)
            .field("classifier", &self.classifier)
            .finish_non_exhaustive()
    }
}

impl<S: Aggregator, I: Aggregator> LeafHead<S, I> {
    /// From its parts.
    pub fn new(
        dropout: Dropout,
        semantic: S,
        normalize: Normalize,
        instance: Instance<I>,
        classifier: Linear,
    ) -> Self {
        Self {
            dropout,
            semantic,
            normalize,
            instance,
            classifier,
        }
    }

    /// Features `(N, D)` to logits `(N, C)` and what goes with them.
    ///
    /// # Errors
    /// [`Error::Shape`] if the features have another width.
    pub fn forward(&self, features: &Tensor, mode: Mode) -> Result<HeadOutput> {
        self.check_width(features)?;
        let features = self.dropout.forward(&mode.view(features), mode)?;
        let semantic = self.semantic.aggregate(&features, mode)?;
        let normalized = self.normalize.forward(&semantic.output, mode)?;
        let (logits, instance) = self.classify(&normalized, mode)?;
        let mut routing = named("semantic", semantic.routing);
        routing.extend(named("instance", instance.routing));
        Ok(HeadOutput {
            logits,
            features: unit_length(&semantic.output)?,
            aggregated: semantic.output,
            balance: sum(semantic.balance, instance.balance)?,
            routing,
        })
    }

    /// How many classes there are.
    pub fn num_classes(&self) -> usize {
        self.classifier.weight().dims()[0]
    }

    /// The mean length of the classes' weight vectors in the classifier.
    ///
    /// # Errors
    /// Those of candle.
    pub fn classifier_norm(&self) -> Result<f64> {
        let lengths = self.classifier.weight().detach().sqr()?.sum(1)?.sqrt()?;
        // Metal has no f64.
        let mean = lengths.mean_all()?.to_device(&Device::Cpu)?;
        Ok(mean.to_dtype(DType::F64)?.to_scalar()?)
    }

    fn classify(&self, normalized: &Tensor, mode: Mode) -> Result<(Tensor, Aggregated)> {
        match &self.instance {
            Instance::Features(instance) => {
                let aggregated = instance.aggregate(normalized, mode)?;
                let logits = self.classifier.forward(&aggregated.output, mode)?;
                Ok((logits, aggregated))
            }
            Instance::Predictions(instance) => {
                let scores = self.classifier.forward(normalized, mode)?;
                let aggregated = instance.aggregate(&scores, mode)?;
                Ok((aggregated.output.clone(), aggregated))
            }
        }
    }

    fn check_width(&self, features: &Tensor) -> Result<()> {
        let width = self.classifier.weight().dims()[1];
        if features.rank() == 2 && features.dims()[1] == width {
            return Ok(());
        }
        Err(Error::Shape {
            what: "features",
            expected: format!("(N, {width})"),
            found: features.dims().to_vec(),
        })
    }
}

fn named(level: &'static str, routing: Vec<Routing>) -> Vec<(&'static str, Routing)> {
    routing.into_iter().map(|r| (level, r)).collect()
}

/// A [`LeafHead`] for features of width `feature_dim`, as the configuration says. Paths:
/// `semantic.*`, `scale`, `instance.*`, `classifier.weight`, `classifier.bias`.
///
/// Dropout and gates draw from `noise`.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{LeafConfig, Mode, NoiseSource, Parameters, Random, leaf_head};
///
/// # fn main() -> leaf_core::Result<()> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let noise = NoiseSource::new(Random::new(0));
/// let head = leaf_head(&LeafConfig::robust(), 64, 7, vb, &noise)?;
///
/// let features = Tensor::zeros((3, 64), DType::F32, &Device::Cpu)?;
/// assert_eq!(head.forward(&features, Mode::Eval)?.logits.dims(), [3, 7]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn leaf_head(
    config: &LeafConfig,
    feature_dim: usize,
    num_classes: usize,
    vb: VarBuilder,
    noise: &NoiseSource,
) -> Result<LeafHead> {
    config.check(num_classes)?;
    let level = |dim, mixture: Option<&MixtureConfig>, path: &str| -> Result<BoxedAggregator> {
        Ok(match mixture {
            Some(mixture) => Box::new(mixture_of_experts(
                dim,
                mixture,
                vb.pp(path),
                noise.clone(),
            )?),
            None => Box::new(Identity),
        })
    };
    let instance = match &config.instance {
        None => Instance::Features(level(feature_dim, None, "instance")?),
        Some(InstanceLevel::Features(mixture)) => {
            Instance::Features(level(feature_dim, Some(mixture), "instance")?)
        }
        Some(InstanceLevel::Predictions(mixture)) => {
            Instance::Predictions(level(num_classes, Some(mixture), "instance")?)
        }
    };
    Ok(LeafHead::new(
        Dropout::new(config.dropout, noise.clone())?,
        level(feature_dim, config.semantic.as_ref(), "semantic")?,
        normalize(config.normalization, vb.clone())?,
        instance,
        linear(feature_dim, num_classes, vb.pp("classifier"))?,
    ))
}
