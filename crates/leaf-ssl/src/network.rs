//! What a trainer asks of a network.

use candle_core::Tensor;
use leaf_core::{Aggregator, Encoder, HeadOutput, LeafHead, Mode};

use crate::{AuxiliaryHeads, Error, Result};

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

    /// Images `(N, channels, height, width)` to logits and what goes with them, in one pass.
    ///
    /// # Errors
    /// When the images do not fit the network.
    fn forward(&self, images: &Tensor, mode: Mode) -> Result<HeadOutput> {
        self.head(&self.encode(images, mode)?, mode)
    }

    /// What the semantic level gives `(N, D)` to points of unit length `(N, P)`, for contrastive rules.
    ///
    /// # Errors
    /// [`Error::Missing`] unless the network has a projection head.
    fn project(&self, _aggregated: &Tensor, _mode: Mode) -> Result<Tensor> {
        Err(Error::Missing {
            what: "projection head",
        })
    }

    /// What the semantic level gives `(N, D)` to the logits of four quarter turns `(N, 4)`.
    ///
    /// # Errors
    /// [`Error::Missing`] unless the network has a rotation head.
    fn rotation_logits(&self, _aggregated: &Tensor, _mode: Mode) -> Result<Tensor> {
        Err(Error::Missing {
            what: "rotation head",
        })
    }

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

/// An encoder with a classification head.
#[derive(Debug)]
pub struct Model<E, H = LeafHead> {
    /// The backbone.
    pub encoder: E,
    /// The classifier, with LEAF's aggregation or without.
    pub head: H,
    /// The heads that some trainers need beside it.
    pub auxiliary: AuxiliaryHeads,
}

impl<E, H> Model<E, H> {
    /// An encoder with a head and no others.
    pub fn new(encoder: E, head: H) -> Self {
        Self {
            encoder,
            head,
            auxiliary: AuxiliaryHeads::default(),
        }
    }

    /// With the heads that a trainer asks for ([`crate::Algorithm::heads`]).
    #[must_use]
    pub fn with_auxiliary(self, auxiliary: AuxiliaryHeads) -> Self {
        Self { auxiliary, ..self }
    }
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

    fn project(&self, aggregated: &Tensor, mode: Mode) -> Result<Tensor> {
        self.auxiliary.project(aggregated, mode)
    }

    fn rotation_logits(&self, aggregated: &Tensor, mode: Mode) -> Result<Tensor> {
        self.auxiliary.rotation_logits(aggregated, mode)
    }

    fn num_classes(&self) -> usize {
        self.head.num_classes()
    }

    fn classifier_norm(&self) -> Result<Option<f64>> {
        Ok(Some(self.head.classifier_norm()?))
    }
}
