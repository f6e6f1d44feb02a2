//! What a trainer asks of a network.

use candle_core::Tensor;
use leaf_core::{Aggregator, Encoder, HeadOutput, LeafHead, Mode};

use crate::Result;

/// A classifier in two parts, so that trainers can choose how to run each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a network",
    note = "put a `leaf_core::Encoder` and a `LeafHead` into `leaf_ssl::Model`, or implement `leaf_ssl::Network`"
)]
pub trait Network {
    /// Images `(N, channels, height, width)` to features `(N, D)`.
    ///
    /// # Errors
    /// When the images do not fit the network.
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Tensor>;

    /// Features `(N, D)` to logits and what goes with them.
    ///
    /// # Errors
    /// When the features do not fit the head.
    fn head(&self, features: &Tensor, mode: Mode) -> Result<HeadOutput>;

    /// How many classes the logits have.
    fn num_classes(&self) -> usize;

    /// The length of each class's weight vector in the classifier, averaged: when it stays small
    /// while features have unit length, no prediction can become confident. `None` if unknown.
    ///
    /// # Errors
    /// Those of candle.
    fn classifier_norm(&self) -> Result<Option<f64>> {
        Ok(None)
    }
}

/// The networks that a trainer may use in a step.
#[derive(Clone, Copy)]
pub struct Networks<'a> {
    /// The network that is trained.
    pub student: &'a dyn Network,
    /// The running average of its weights, if one is kept.
    pub average: Option<&'a dyn Network>,
}

impl std::fmt::Debug for Networks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Networks")
            .field("num_classes", &self.student.num_classes())
            .field("average", &self.average.is_some())
            .finish()
    }
}

/// An encoder with a classification head.
#[derive(Debug)]
pub struct Model<E, H = LeafHead> {
    /// The backbone.
    pub encoder: E,
    /// The classifier, with LEAF's aggregation or without.
    pub head: H,
}

impl<E, S, I> Network for Model<E, LeafHead<S, I>>
where
    E: Encoder,
    S: Aggregator,
    I: Aggregator,
{
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.encoder.encode(images, mode)?)
    }

    fn head(&self, features: &Tensor, mode: Mode) -> Result<HeadOutput> {
        Ok(self.head.forward(features, mode)?)
    }

    fn num_classes(&self) -> usize {
        self.head.num_classes()
    }

    fn classifier_norm(&self) -> Result<Option<f64>> {
        Ok(Some(self.head.classifier_norm()?))
    }
}
