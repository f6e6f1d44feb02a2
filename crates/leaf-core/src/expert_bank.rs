//! The experts of a mixture and how their answers become one.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::{Combine, Error, Expert, ExpertKind, Mode, Result, Routing, expert, fast};

/// Experts that serve rows as a gate decided.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a set of experts",
    note = "implement `leaf_core::Experts`: `fuse` serves features (N, D) as a `Routing` says"
)]
pub trait Experts {
    /// How many experts a gate may choose from.
    fn num_experts(&self) -> usize;

    /// Features `(N, D)` to the fused answers `(N, D)` of the experts that each row keeps.
    ///
    /// # Errors
    /// When the features or the routing do not fit the experts.
    fn fuse(&self, xs: &Tensor, routing: &Routing, how: Combine, mode: Mode) -> Result<Tensor>;
}

/// E experts, each with weights of its own or all with the same ("tied").
///
/// In the processor's memory with f32 or bf16 (which is computed in f32), each expert serves the rows
/// that keep it and no others. Elsewhere, and after [`ExpertBank::plain`], every expert answers every row
/// by candle's operations, and the routing's weights say what counts.
#[derive(Clone, Debug)]
pub struct ExpertBank {
    experts: Vec<Expert>,
    num_experts: usize,
    is_plain: bool,
}

impl ExpertBank {
    /// Experts with weights of their own.
    ///
    /// # Errors
    /// [`Error::Zero`] without experts.
    pub fn distinct(experts: Vec<Expert>) -> Result<Self> {
        let num_experts = experts.len();
        if num_experts == 0 {
            return Err(Error::Zero {
                field: "num_experts",
            });
        }
        Ok(Self {
            experts,
            num_experts,
            is_plain: false,
        })
    }

    /// One expert that a gate sees `num_experts` times.
    ///
    /// # Errors
    /// [`Error::Zero`] without experts.
    pub fn tied(expert: Expert, num_experts: usize) -> Result<Self> {
        if num_experts == 0 {
            return Err(Error::Zero {
                field: "num_experts",
            });
        }
        Ok(Self {
            experts: vec![expert],
            num_experts,
            is_plain: false,
        })
    }

    /// The same experts by candle's operations on every device: what the fast way is compared with.
    pub fn plain(self) -> Self {
        Self {
            is_plain: true,
            ..self
        }
    }

    /// Whether all experts share one expert's weights.
    pub fn is_tied(&self) -> bool {
        self.experts.len() < self.num_experts
    }

    /// Each kept expert's answer `(N, k, D)`, in the routing's order.
    fn kept_answers(&self, xs: &Tensor, routing: &Routing, mode: Mode) -> Result<Tensor> {
        let (rows, k) = routing.experts.dims2()?;
        let dim = xs.dim(1)?;
        if self.is_tied() {
            let answer = self.experts[0].forward(xs, mode)?.unsqueeze(1)?;
            return Ok(answer.broadcast_as((rows, k, dim))?);
        }
        let answers = self
            .experts
            .iter()
            .map(|expert| expert.forward(xs, mode))
            .collect::<Result<Vec<_>>>()?;
        let index = routing.experts.unsqueeze(2)?.broadcast_as((rows, k, dim))?;
        Ok(Tensor::stack(&answers, 1)?.gather(&index.contiguous()?, 1)?)
    }
}

impl Experts for ExpertBank {
    fn num_experts(&self) -> usize {
        self.num_experts
    }

    fn fuse(&self, xs: &Tensor, routing: &Routing, how: Combine, mode: Mode) -> Result<Tensor> {
        if routing.importance.dim(0)? != self.num_experts {
            return Err(Error::Shape {
                what: "routing's importance",
                expected: format!("({},)", self.num_experts),
                found: routing.importance.dims().to_vec(),
            });
        }
        if !self.is_plain {
            let (experts, count) = (&self.experts, self.num_experts);
            if let Some(output) = fast::fuse(experts, count, xs, routing, how, mode)? {
                return Ok(output);
            }
        }
        let answers = self.kept_answers(xs, routing, mode)?;
        let weights = routing.weights.unsqueeze(2)?;
        match how {
            Combine::WeightedSum => Ok(answers.broadcast_mul(&weights)?.sum(1)?),
            Combine::LogSpace => {
                let log_weights = finite_log(&weights)?;
                Ok(answers.broadcast_add(&log_weights)?.log_sum_exp(1)?)
            }
        }
    }
}

/// `ln w`, or for a weight that underflowed the logarithm of the smallest number, without gradient.
///
/// The slope of the logarithm there would be infinite, and not even 0 times it is 0: such a weight is
/// replaced before the logarithm as well as after.
fn finite_log(weights: &Tensor) -> Result<Tensor> {
    let smallest = f32::MIN_POSITIVE;
    let usable = weights.gt(f64::from(smallest))?;
    let logs = usable.where_cond(weights, &weights.ones_like()?)?.log()?;
    let floor = Tensor::new(smallest.ln(), weights.device())?.to_dtype(weights.dtype())?;
    Ok(usable.where_cond(&logs, &floor.broadcast_as(logs.shape())?)?)
}

/// An [`ExpertBank`] of width `dim`. Paths: `0.*`, `1.*`, ... or only `0.*` when tied.
///
/// # Errors
/// When `num_experts` or a width is 0 or the builder's tensors do not fit.
pub fn expert_bank(
    dim: usize,
    num_experts: usize,
    kind: ExpertKind,
    tied: bool,
    zero_last: bool,
    vb: VarBuilder,
) -> Result<ExpertBank> {
    let at = |i: usize| expert(dim, kind, zero_last, vb.pp(i));
    if tied {
        return ExpertBank::tied(at(0)?, num_experts);
    }
    ExpertBank::distinct((0..num_experts).map(at).collect::<Result<_>>()?)
}
