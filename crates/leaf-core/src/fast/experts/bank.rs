//! The experts' parameters as the kernels read them.

use candle_core::{DType, Result as CandleResult, Tensor};

use super::super::values::Values;
use super::layer::Layer;
use crate::{Expert, Linear, Mode, Result};

/// The parameters of experts of one kind and size: per expert weight and bias of each layer.
#[derive(Clone, Debug)]
pub(super) struct Bank {
    parameters: Vec<Tensor>,
    /// One for linear experts, two for residual ones.
    layers: usize,
    dim: usize,
    hidden: usize,
}

impl Bank {
    /// The experts' parameters in f32 as the mode sees them; `None` unless all experts are alike and fit
    /// features of that width and type.
    pub(super) fn of(
        experts: &[Expert],
        dim: usize,
        dtype: DType,
        mode: Mode,
    ) -> Result<Option<Self>> {
        let (layers, hidden) = match experts.first() {
            Some(Expert::Linear(_)) => (1, dim),
            Some(Expert::ResidualMlp { fc1, .. }) => (2, fc1.weight().dim(0)?),
            None => return Ok(None),
        };
        if dim == 0 || hidden == 0 {
            return Ok(None);
        }
        let mut parameters = Vec::with_capacity(2 * layers * experts.len());
        for expert in experts {
            let fits = match (expert, layers) {
                (Expert::Linear(layer), 1) => add(&mut parameters, layer, (dim, dim), dtype, mode)?,
                (Expert::ResidualMlp { fc1, fc2 }, 2) => {
                    add(&mut parameters, fc1, (hidden, dim), dtype, mode)?
                        && add(&mut parameters, fc2, (dim, hidden), dtype, mode)?
                }
                _ => false,
            };
            if !fits {
                return Ok(None);
            }
        }
        Ok(Some(Self {
            parameters,
            layers,
            dim,
            hidden,
        }))
    }

    pub(super) fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// Whether an expert is a residual network of two layers.
    pub(super) fn is_residual(&self) -> bool {
        self.layers == 2
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    pub(super) fn hidden(&self) -> usize {
        self.hidden
    }

    /// Which parameters gradients are asked for, in their order.
    pub(super) fn is_tracked(&self) -> Vec<bool> {
        self.parameters.iter().map(Tensor::track_op).collect()
    }

    /// All parameters' numbers, which layers borrow.
    pub(super) fn values(&self) -> CandleResult<Vec<Values<'_, f32>>> {
        self.parameters.iter().map(Values::of).collect()
    }

    /// The layers of all experts.
    pub(super) fn layers<'a>(&self, values: &'a [Values<'_, f32>]) -> CandleResult<Vec<Layer<'a>>> {
        let slices = values.iter().map(Values::slice);
        let slices = slices.collect::<CandleResult<Vec<&[f32]>>>()?;
        let layer = |index: usize| {
            let of = |what: usize| {
                let each = slices.iter().skip(2 * index + what);
                each.step_by(2 * self.layers).copied().collect()
            };
            let (outputs, inputs) = match (self.layers, index) {
                (2, 0) => (self.hidden, self.dim),
                (2, _) => (self.dim, self.hidden),
                _ => (self.dim, self.dim),
            };
            Layer {
                inputs,
                outputs,
                weights: of(0),
                biases: of(1),
            }
        };
        Ok((0..self.layers).map(layer).collect())
    }
}

/// Adds a layer's parameters, unless they do not fit.
fn add(
    parameters: &mut Vec<Tensor>,
    layer: &Linear,
    (outputs, inputs): (usize, usize),
    dtype: DType,
    mode: Mode,
) -> Result<bool> {
    let both = [
        (layer.weight(), &[outputs, inputs][..]),
        (layer.bias(), &[outputs][..]),
    ];
    for (parameter, dims) in both {
        if parameter.dims() != dims || parameter.dtype() != dtype || !parameter.device().is_cpu() {
            return Ok(false);
        }
        let parameter = mode.view(parameter).to_dtype(DType::F32)?;
        parameters.push(parameter.contiguous()?);
    }
    Ok(true)
}
