//! What a linear layer can read from a trained network's features: the expression, and everything else that faces
//! differ in.
//!
//! LEAF means to keep what tells expressions apart and to drop what tells people apart. [`probe`] measures how far a
//! network does: it fits a linear layer from its features to each factor, with every weight of the network as it is,
//! and says how much of the factor it explains on people that neither has seen.

mod explained;
mod factors;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use leaf_core::Mode;
use leaf_data::Faces;
use leaf_ssl::Network;
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};

use crate::recipe::{EVALUATION_CHUNK, Prepared};
use crate::{Error, Result};
use explained::explained;
pub use factors::Factors;

/// How much of one factor two of a network's layers explain.
///
/// Each number is R², the share of the variance of the factor's values, each as a column of 0 and 1:
/// `1 - Σ(y - ŷ)² / Σ(y - ȳ)²` over the faces and columns of a test set, where `ŷ` is a ridge regression on features of
/// training faces and `ȳ` the mean over them. 1 is everything, 0 nothing; a little below 0 is nothing as well.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The encoder's features, before LEAF.
    pub encoder: f64,
    /// The fused features, what the semantic level gives; the encoder's own without that level.
    pub fused: f64,
}

/// How much of each factor a network's features explain, on the faces of its data's own test set.
///
/// The regression is fitted on all training faces, whether they keep their label or not, as they are (no views). A
/// factor that does not vary in both sets is left out.
///
/// # Errors
/// [`Error::Factors`] if a face is not in the list, and when faces cannot be read or do not fit the network.
pub fn probe(
    network: &impl Network,
    faces: &Prepared,
    factors: &Factors,
    device: &Device,
) -> Result<BTreeMap<String, Kept>> {
    let Some((_, test)) = faces.tests().first() else {
        return Ok(BTreeMap::new());
    };
    let lists = [&**faces.training(), test];
    let [fit, judge] = lists.map(|faces| features(network, faces, device));
    let (fit, judge) = (fit?, judge?);
    let mut kept = BTreeMap::new();
    for name in factors.names() {
        let Some([given, asked]) = factors.columns(name, lists)? else {
            continue;
        };
        let of = |layer: usize| explained(&fit[layer], &given, &judge[layer], &asked);
        let (encoder, fused) = (of(0), of(1));
        let (Some(encoder), Some(fused)) = (encoder, fused) else {
            return Err(Error::Probe {
                factor: name.to_owned(),
            });
        };
        kept.insert(name.to_owned(), Kept { encoder, fused });
    }
    Ok(kept)
}

/// The encoder's features and the fused ones, a row a face.
fn features(network: &impl Network, faces: &Faces, device: &Device) -> Result<[DMatrix<f64>; 2]> {
    let mut layers: [Vec<Tensor>; 2] = Default::default();
    for chunk in faces.chunks(EVALUATION_CHUNK, device) {
        let features = network.encode(&chunk?, Mode::Eval)?;
        let fused = network.head(&features, Mode::Eval)?.aggregated;
        for (layer, rows) in layers.iter_mut().zip([features, fused]) {
            layer.push(rows);
        }
    }
    let [encoder, fused] = layers.map(|rows| matrix(&rows));
    Ok([encoder?, fused?])
}

fn matrix(rows: &[Tensor]) -> Result<DMatrix<f64>> {
    let all = Tensor::cat(rows, 0).and_then(|all| {
        let all = all.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        Ok((all.dims2()?, all.flatten_all()?.to_vec1::<f64>()?))
    });
    let ((count, dim), values) = all.map_err(leaf_core::Error::from)?;
    Ok(DMatrix::from_row_slice(count, dim, &values))
}
