//! CoMatch's graphs: embeddings must be as similar as pseudo-labels are.
//!
//! Source: J. Li et al., "CoMatch", ICCV 2021, with the numbers of USB.

use candle_core::{DType, Tensor};
use leaf_core::Error;
use leaf_ssl::{Logits, Probs, Result};

/// Keeps the logarithm finite where a similarity is too small for its type, as in USB.
const TINY: f64 = 1e-7;

/// How much each face should resemble each other `(M, M)`, of pseudo-labels `(M, C)`: rows of
/// `p p^T` with 1 on the diagonal and 0 where it is below the threshold, divided by their sum.
///
/// # Errors
/// Those of candle.
pub fn pseudo_label_graph(probs: &Probs, threshold: f64) -> Result<Tensor> {
    let probs = probs.tensor().detach();
    let products = probs.matmul(&probs.t()?)?;
    let itself = Tensor::eye(probs.dim(0)?, DType::U8, probs.device())?;
    let products = itself.where_cond(&products.ones_like()?, &products)?;
    let near = products.ge(threshold)?.to_dtype(products.dtype())?;
    let edges = (products * near)?;
    Ok(edges.broadcast_div(&edges.sum_keepdim(1)?)?)
}

/// Each face's cross-entropy between the graph and the similarity of its views `(M,)`:
/// `-Σ_j W_ij log(S_ij + 1e-7)`, `S = softmax(f f'^T / T)` by rows.
///
/// Embeddings of unit length `(M, P)` of two views of the same faces, and the graph `(M, M)`. Gradients
/// flow through both views.
///
/// # Errors
/// [`Error::Shape`] if the graph does not fit; candle's own if the views do not fit each other.
pub fn graph_contrast(
    first: &Tensor,
    second: &Tensor,
    graph: &Tensor,
    temperature: f64,
) -> Result<Tensor> {
    let similarity = first.matmul(&second.t()?)?;
    if graph.dims() != similarity.dims() {
        return Err(Error::Shape {
            what: "graph",
            expected: format!("{:?}", similarity.dims()),
            found: graph.dims().to_vec(),
        }
        .into());
    }
    let shares = Logits::new(similarity)?.probs_at(temperature)?;
    let logs = (shares.tensor() + TINY)?.log()?;
    Ok((logs * graph.detach())?.sum(1)?.neg()?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use leaf_core::{Random, unit_length};
    use leaf_testkit::{assert_gradients, entries};

    use super::*;

    #[test]
    fn only_similar_faces_are_joined() -> Result<()> {
        let probs = [[0.9f64, 0.1], [0.95, 0.05], [0.1, 0.9]];
        let probs = Probs::new(Tensor::new(&probs, &Device::Cpu)?)?;
        let graph = pseudo_label_graph(&probs, 0.8)?.to_vec2::<f64>()?;
        // By hand: .9 * .95 + .1 * .05 = .86 between the first two, .18 and .14 to the third.
        let expected = [
            [1. / 1.86, 0.86 / 1.86, 0.],
            [0.86 / 1.86, 1. / 1.86, 0.],
            [0., 0., 1.],
        ];
        for (found, expected) in graph.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        // Above every product each face is alone with itself.
        let alone = pseudo_label_graph(&probs, 1.)?;
        assert_eq!(entries(&alone)?, [1., 0., 0., 0., 1., 0., 0., 0., 1.]);
        Ok(())
    }

    #[test]
    fn a_worked_example() -> Result<()> {
        let first = Tensor::new(&[[1f64, 0.], [0., 1.]], &Device::Cpu)?;
        let second = Tensor::new(&[[0.6f64, 0.8], [0., 1.]], &Device::Cpu)?;
        let graph = Tensor::new(&[[0.75f64, 0.25], [0., 1.]], &Device::Cpu)?;
        let losses = entries(&graph_contrast(&first, &second, &graph, 0.2)?)?;
        // Rows of f f'^T / T: (3, 0) and (4, 5).
        let near = 3f64.exp() / (3f64.exp() + 1.);
        let own = 1f64.exp() / (1f64.exp() + 1.);
        let expected = [
            -0.75 * (near + 1e-7).ln() - 0.25 * (1. - near + 1e-7).ln(),
            -(own + 1e-7).ln(),
        ];
        for (found, expected) in losses.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
        let error = graph_contrast(&first, &second, &graph.narrow(0, 0, 1)?, 0.2).unwrap_err();
        assert_eq!(error.to_string(), "graph has shape [1, 2], expected [2, 2]");
        Ok(())
    }

    #[test]
    fn gradients_agree_with_differences() -> Result<()> {
        let mut random = Random::new(4);
        let mut normal =
            |columns: usize| random.normal_tensor(0., 1., (5, columns), DType::F64, &Device::Cpu);
        let (first, second) = (
            Var::from_tensor(&normal(3)?)?,
            Var::from_tensor(&normal(3)?)?,
        );
        let probs = Logits::new(normal(4)?)?.probs()?;
        let graph = pseudo_label_graph(&probs, 0.2)?;
        assert_gradients(
            &[("first", &first), ("second", &second)],
            || -> Result<_> {
                let (first, second) = (unit_length(&first)?, unit_length(&second)?);
                let losses = graph_contrast(&first, &second, &graph, 0.2)?;
                Ok(losses.mean_all()?)
            },
        )
    }
}
