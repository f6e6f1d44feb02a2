//! One pass over everything that a step changes.

use candle_core::{DType, Tensor};
use pulp::{Arch, Scalar, Simd, WithSimd};

use super::{Lanes, Mix, Number, Rule, cut, lend};
use crate::Result;

/// Renews the values and then mixes the new weight into its average, all in place and in one pass.
///
/// False, and nothing has changed, if a tensor is not contiguous f32 or f64 on the processor, or if types,
/// shapes or storages do not allow it: then the twin must do the work.
pub(crate) fn renew<R: Rule<M>, const M: usize>(
    rule: R,
    values: [&Tensor; M],
    gradient: &Tensor,
    average: Option<(&Tensor, Mix)>,
) -> Result<bool> {
    let mut written = values.to_vec();
    written.extend(average.map(|(average, _)| average));
    let all: Vec<&Tensor> = written.iter().copied().chain([gradient]).collect();
    let mix = average.map(|(_, mix)| mix);
    match gradient.dtype() {
        dtype if !lend::can_lend(&all, dtype) => return Ok(false),
        DType::F32 => lend_all::<f32, R, M>(rule, &written, gradient, mix)?,
        DType::F64 => lend_all::<f64, R, M>(rule, &written, gradient, mix)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn lend_all<T: Number, R: Rule<M>, const M: usize>(
    rule: R,
    written: &[&Tensor],
    gradient: &Tensor,
    mix: Option<Mix>,
) -> Result<()> {
    lend::read(gradient, |gradient: &[T]| {
        lend::write(written, |mut lent| {
            let average = mix.and_then(|mix| Some((lent.pop()?, mix)));
            let Ok(values) = lent.try_into() else {
                unreachable!("as many values come back as were lent");
            };
            let part = Part {
                values,
                gradient,
                average,
            };
            run(rule, part);
        })
    })?
    .unwrap_or(Ok(()))
}

/// The same stretch of everything.
struct Part<'a, T, const M: usize> {
    values: [&'a mut [T]; M],
    gradient: &'a [T],
    average: Option<(&'a mut [T], Mix)>,
}

impl<T, const M: usize> Part<'_, T, M> {
    fn split_at(self, middle: usize) -> (Self, Self) {
        let mut values = self.values.map(|values| values.split_at_mut(middle));
        let gradient = self.gradient.split_at(middle);
        let average = self.average.map(|(average, mix)| {
            let (first, second) = average.split_at_mut(middle);
            ((first, mix), (second, mix))
        });
        let (first_average, second_average) = average.unzip();
        let first = Self {
            values: values
                .each_mut()
                .map(|halves| std::mem::take(&mut halves.0)),
            gradient: gradient.0,
            average: first_average,
        };
        let second = Self {
            values: values.map(|halves| halves.1),
            gradient: gradient.1,
            average: second_average,
        };
        (first, second)
    }
}

fn run<T: Number, R: Rule<M>, const M: usize>(rule: R, part: Part<'_, T, M>) {
    let Some(middle) = cut(part.gradient.len()) else {
        return Arch::new().dispatch(OneTask { rule, part });
    };
    let (first, second) = part.split_at(middle);
    rayon::join(|| run(rule, first), || run(rule, second));
}

struct OneTask<'a, R, T, const M: usize> {
    rule: R,
    part: Part<'a, T, M>,
}

impl<R: Rule<M>, T: Number, const M: usize> WithSimd for OneTask<'_, R, T, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = size_of::<T::Vector<S>>() / size_of::<T>();
        let len = self.part.gradient.len();
        let (vectors, rest) = self.part.split_at(len - len % width);
        in_vectors(simd, self.rule, vectors);
        in_vectors(Scalar, self.rule, rest);
    }
}

/// The rule on a part that is made of whole vectors.
#[inline(always)]
fn in_vectors<S: Simd, T: Number, R: Rule<M>, const M: usize>(
    simd: S,
    rule: R,
    part: Part<'_, T, M>,
) {
    let mut values = part.values.map(|values| T::vectors_mut::<S>(values).0);
    let gradients = T::vectors::<S>(part.gradient).0.iter().enumerate();
    match part.average {
        None => {
            for (i, gradient) in gradients {
                renew_vector(rule, &mut values, i, Lanes::<T, S>::new(simd, *gradient));
            }
        }
        Some((averages, mix)) => {
            let averages = T::vectors_mut::<S>(averages).0;
            for ((i, gradient), average) in gradients.zip(averages) {
                let weight =
                    renew_vector(rule, &mut values, i, Lanes::<T, S>::new(simd, *gradient));
                let [new] = mix.renewed([Lanes::new(simd, *average)], weight);
                *average = new.entries;
            }
        }
    }
}

/// Renews the values in place `i` and gives the new weight. Without closures: those that are not compiled
/// into their caller are not compiled for its vectors either.
#[inline(always)]
fn renew_vector<T: Number, S: Simd, R: Rule<M>, const M: usize>(
    rule: R,
    values: &mut [&mut [T::Vector<S>]; M],
    i: usize,
    gradient: Lanes<T, S>,
) -> Lanes<T, S> {
    let mut old = [gradient; M];
    for (old, values) in old.iter_mut().zip(&*values) {
        old.entries = values[i];
    }
    let new = rule.renewed(old, gradient);
    for (values, new) in values.iter_mut().zip(new) {
        values[i] = new.entries;
    }
    new[0]
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    /// Values that differ everywhere, and whose roundings show.
    fn numbers(len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|i| scale / (1. + i as f32)).collect()
    }

    /// `w <- w + m`, `m <- 0.3 m + g`: the sum shows whether a value was read before it was written.
    #[derive(Clone, Copy)]
    struct Sum;

    impl Rule<2> for Sum {
        #[inline(always)]
        fn renewed<T: Number, S: Simd>(
            &self,
            [weight, moment]: [Lanes<T, S>; 2],
            gradient: Lanes<T, S>,
        ) -> [Lanes<T, S>; 2] {
            [weight + moment, moment * 0.3 + gradient]
        }
    }

    fn part_of<'a>(
        [weight, moment, average]: &'a mut [Vec<f32>; 3],
        gradient: &'a [f32],
    ) -> Part<'a, f32, 2> {
        Part {
            values: [weight, moment],
            gradient,
            average: Some((average, Mix { decay: 0.75 })),
        }
    }

    #[test]
    fn the_bits_depend_neither_on_threads_nor_on_vectors() {
        for len in [0, 1, 16, 45, 100_003] {
            let start = [0.3, 1.7, 2.9].map(|scale| numbers(len, scale));
            let gradient = numbers(len, -0.7);
            let mut alone = start.clone();
            let part = part_of(&mut alone, &gradient);
            OneTask { rule: Sum, part }.with_simd(Scalar);
            // Vectors that this processor would not choose, if it has wider ones.
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                let mut found = start.clone();
                let part = part_of(&mut found, &gradient);
                Simd::vectorize(simd, OneTask { rule: Sum, part });
                assert_eq!(found, alone, "{len} entries");
            }
            for threads in [1, 2] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let mut found = start.clone();
                let part = part_of(&mut found, &gradient);
                pool.expect("a pool").install(|| run(Sum, part));
                assert_eq!(found, alone, "{len} entries, {threads} threads");
            }
            let [weight, moment, average] = &start;
            for i in 0..len {
                let w = weight[i] + moment[i];
                assert_eq!(alone[0][i], w);
                assert_eq!(alone[1][i], moment[i] * 0.3 + gradient[i]);
                assert_eq!(alone[2][i], average[i] * 0.75 + w * 0.25);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_left_alone() -> Result<()> {
        let weight = Var::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
        let moment = weight.zeros_like()?.detach();
        let gradient = weight.ones_like()?.detach();
        let mix = Mix { decay: 0. };
        let on = |gradient: &Tensor, average| renew(Sum, [&weight, &moment], gradient, average);
        assert!(!on(&gradient.t()?, None)?);
        assert!(
            !on(&weight.as_detached_tensor(), None)?,
            "the weight itself"
        );
        let double = gradient.to_dtype(DType::F64)?;
        assert!(!on(&gradient, Some((&double, mix)))?);
        assert!(
            !on(&gradient, Some((&gradient, mix)))?,
            "the gradient itself"
        );
        assert_eq!(moment.sum_all()?.to_scalar::<f32>()?, 0.);
        let average = gradient.copy()?;
        assert!(on(&gradient, Some((&average, mix)))?);
        assert_eq!(moment.sum_all()?.to_scalar::<f32>()?, 4.);
        assert_eq!(average.to_vec2::<f32>()?, [[1., 2.], [3., 4.]]);
        Ok(())
    }
}
