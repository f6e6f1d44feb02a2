//! Operations of candle whose output is known and whose way back is a function.

use std::sync::{Mutex, PoisonError};

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor, WithDType,
};

/// What an operation's way back is given: its arguments, its result, and the result's gradient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returned<'a, const N: usize> {
    pub(super) arguments: [&'a Tensor; N],
    pub(super) result: &'a Tensor,
    pub(super) gradient: &'a Tensor,
}

/// Gradients of an operation's arguments: candle wants one for each that is tracked, unless it is a
/// variable whose gradient went elsewhere.
pub(super) type Gradients<const N: usize> = [Option<Tensor>; N];

/// An operation on N tensors.
struct Known<B> {
    name: &'static str,
    shape: Shape,
    output: Mutex<Option<CpuStorage>>,
    back: B,
}

impl<B> Known<B> {
    fn new<T: WithDType>(name: &'static str, output: Vec<T>, shape: &Shape, back: B) -> Self {
        Self {
            name,
            shape: shape.clone(),
            output: Mutex::new(Some(T::to_cpu_storage_owned(output))),
            back,
        }
    }

    fn give(&self) -> Result<(CpuStorage, Shape)> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let output = output
            .take()
            .ok_or_else(|| Error::Msg(format!("{} gives its output once", self.name)).bt())?;
        Ok((output, self.shape.clone()))
    }
}

/// What `back` must be.
pub(super) trait Back<const N: usize>:
    Fn(Returned<'_, N>) -> Result<Gradients<N>> + Send + Sync + 'static
{
}

impl<const N: usize, F> Back<N> for F where
    F: Fn(Returned<'_, N>) -> Result<Gradients<N>> + Send + Sync + 'static
{
}

/// The output as a tensor that depends on the arguments, if any of them is tracked.
pub(super) fn record1<T: WithDType>(
    name: &'static str,
    [a]: [&Tensor; 1],
    (output, shape): (Vec<T>, impl Into<Shape>),
    back: impl Back<1>,
) -> Result<Tensor> {
    let shape = shape.into();
    match a.track_op() {
        true => a.apply_op1(Known::new(name, output, &shape, back)),
        false => Tensor::from_vec(output, shape, a.device()),
    }
}

/// As [`record1`], for two arguments.
pub(super) fn record2<T: WithDType>(
    name: &'static str,
    [a, b]: [&Tensor; 2],
    (output, shape): (Vec<T>, impl Into<Shape>),
    back: impl Back<2>,
) -> Result<Tensor> {
    let shape = shape.into();
    match a.track_op() || b.track_op() {
        true => a.apply_op2(b, Known::new(name, output, &shape, back)),
        false => Tensor::from_vec(output, shape, a.device()),
    }
}

/// As [`record1`], for three arguments.
pub(super) fn record3<T: WithDType>(
    name: &'static str,
    [a, b, c]: [&Tensor; 3],
    (output, shape): (Vec<T>, impl Into<Shape>),
    back: impl Back<3>,
) -> Result<Tensor> {
    let shape = shape.into();
    match a.track_op() || b.track_op() || c.track_op() {
        true => a.apply_op3(b, c, Known::new(name, output, &shape, back)),
        false => Tensor::from_vec(output, shape, a.device()),
    }
}

impl<B: Back<1>> CustomOp1 for Known<B> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.give()
    }

    fn bwd(&self, a: &Tensor, result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let [a] = (self.back)(Returned {
            arguments: [a],
            result,
            gradient: &gradient.contiguous()?,
        })?;
        Ok(a)
    }
}

impl<B: Back<2>> CustomOp2 for Known<B> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.give()
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [a, b] = (self.back)(Returned {
            arguments: [a, b],
            result,
            gradient: &gradient.contiguous()?,
        })?;
        Ok((a, b))
    }
}

impl<B: Back<3>> CustomOp3 for Known<B> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.give()
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [a, b, c] = (self.back)(Returned {
            arguments: [a, b, c],
            result,
            gradient: &gradient.contiguous()?,
        })?;
        Ok((a, b, c))
    }
}
