//! Which instructions the kernels use, chosen at run time.

use std::any::TypeId;
use std::sync::OnceLock;

use pulp::{Scalar128b, WithSimd};

use crate::error::{Error, Result};

/// The environment variable that forces an instruction set.
pub const SIMD_VARIABLE: &str = "LEAF_SIMD";

/// An instruction set for which the kernels are compiled.
///
/// The best one that the processor has is taken, unless the environment variable `LEAF_SIMD` names
/// another: `avx512`, `avx2`, `neon` or `portable`. Results differ by rounding alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionSet {
    /// AVX-512: 16 lanes, 32 registers.
    Avx512,
    /// AVX2 with FMA: 8 lanes, 16 registers.
    Avx2,
    /// NEON: 4 lanes, 32 registers.
    Neon,
    /// What every processor has: 4 lanes, without fused multiplication.
    Portable,
}

impl InstructionSet {
    /// All of them, best first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Portable];

    /// The name that `LEAF_SIMD` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Portable => "portable",
        }
    }

    /// Those that this processor has, best first.
    pub fn available() -> Vec<Self> {
        let sets = Self::ALL.into_iter();
        sets.filter(|set| Isa::of(*set).is_some()).collect()
    }

    /// The one that the kernels use in this process.
    ///
    /// # Errors
    /// When `LEAF_SIMD` names none, or one that this processor lacks.
    pub fn in_use() -> Result<Self> {
        Ok(Isa::in_use()?.set())
    }
}

/// An instruction set that this processor has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    Portable(Scalar128b),
}

impl Isa {
    /// The instruction set of this process; the environment is read once.
    pub(crate) fn in_use() -> Result<Self> {
        static CHOICE: OnceLock<std::result::Result<Isa, String>> = OnceLock::new();
        let choice = CHOICE.get_or_init(|| {
            let value = std::env::var_os(SIMD_VARIABLE).unwrap_or_default();
            let value = value.to_string_lossy().into_owned();
            Self::parse(&value).ok_or(value)
        });
        choice.clone().map_err(|value| Error::InstructionSet {
            value,
            available: InstructionSet::available()
                .into_iter()
                .map(InstructionSet::name)
                .collect(),
        })
    }

    /// The best for an empty text, otherwise the one that it names, if the processor has it.
    fn parse(text: &str) -> Option<Self> {
        InstructionSet::ALL
            .into_iter()
            .filter(|set| text.is_empty() || text == set.name())
            .find_map(Self::of)
    }

    pub(crate) fn of(set: InstructionSet) -> Option<Self> {
        match set {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => pulp::x86::V4::try_new().map(Self::Avx512),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => pulp::x86::V3::try_new().map(Self::Avx2),
            #[cfg(target_arch = "aarch64")]
            InstructionSet::Neon => pulp::aarch64::Neon::try_new().map(Self::Neon),
            InstructionSet::Portable => Some(Self::Portable(Scalar128b)),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    pub(crate) fn set(self) -> InstructionSet {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => InstructionSet::Avx512,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => InstructionSet::Avx2,
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => InstructionSet::Neon,
            Self::Portable(_) => InstructionSet::Portable,
        }
    }

    /// Runs a kernel compiled for this set.
    #[inline]
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        use pulp::Simd;
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(simd) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => Simd::vectorize(simd, op),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(simd) => Simd::vectorize(simd, op),
            Self::Portable(simd) => Simd::vectorize(simd, op),
        }
    }

    /// How many numbers a register holds.
    pub(crate) fn lanes(self) -> usize {
        match self.set() {
            InstructionSet::Avx512 => 16,
            InstructionSet::Avx2 => 8,
            InstructionSet::Neon | InstructionSet::Portable => 4,
        }
    }

    /// The set whose registers fit that many channels: 8 channels would leave half of AVX-512's
    /// lanes idle.
    pub(crate) fn for_channels(self, channels: usize) -> Self {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) if channels <= 8 => Self::of(InstructionSet::Avx2).unwrap_or(self),
            _ => self,
        }
    }
}

/// A register's numbers from memory.
///
/// # Safety
/// `F32_LANES` numbers must be readable from `from` on.
#[inline(always)]
pub(crate) unsafe fn load<S: pulp::Simd>(_simd: S, from: *const f32) -> S::f32s {
    // SAFETY: the caller's; the registers' types are plain numbers.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// A register's numbers to memory.
///
/// # Safety
/// `F32_LANES` numbers must be writable from `to` on.
#[inline(always)]
pub(crate) unsafe fn store<S: pulp::Simd>(_simd: S, to: *mut f32, values: S::f32s) {
    // SAFETY: the caller's.
    unsafe { to.cast::<S::f32s>().write_unaligned(values) }
}

/// A slice of up to a register's numbers; the other lanes are 0.
#[inline(always)]
pub(crate) fn load_some<S: pulp::Simd>(simd: S, from: &[f32]) -> S::f32s {
    if from.len() == S::F32_LANES {
        // SAFETY: the slice has that many.
        return unsafe { load(simd, from.as_ptr()) };
    }
    simd.partial_load_f32s(from)
}

/// As many of a register's numbers as the slice takes.
#[inline(always)]
pub(crate) fn store_some<S: pulp::Simd>(simd: S, to: &mut [f32], values: S::f32s) {
    if to.len() == S::F32_LANES {
        // SAFETY: the slice has that many.
        unsafe { store(simd, to.as_mut_ptr(), values) };
    } else {
        simd.partial_store_f32s(to, values);
    }
}

/// `a b + c`, fused where the processor can: a fused product in software takes a hundred times as
/// long.
#[inline(always)]
pub(crate) fn fma<S: pulp::Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    if TypeId::of::<S>() == TypeId::of::<Scalar128b>() {
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_and_the_best_comes_first() {
        let best = InstructionSet::available()[0];
        assert_eq!(Isa::parse("").map(Isa::set), Some(best));
        let portable = Isa::parse("portable").map(Isa::set);
        assert_eq!(portable, Some(InstructionSet::Portable));
        assert!(Isa::parse("avx1024").is_none());
        let other = if cfg!(target_arch = "aarch64") {
            "avx2"
        } else {
            "neon"
        };
        assert!(Isa::parse(other).is_none(), "{other} cannot be had here");
    }
}
