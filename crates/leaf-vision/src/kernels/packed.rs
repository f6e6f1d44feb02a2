//! Packed weights that are kept while the weight stays the same.
//!
//! With few pixels, packing a weight costs as much as multiplying by it: the four views of a step
//! share what the first one packed, and evaluation packs once. candle lets anybody change a variable
//! in place and tells nobody, so the numbers themselves are compared, by a hash of 128 bits: reading
//! a weight costs a small part of packing it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_128;

use super::scratch::Scratch;

/// Which packed weights: those of the convolution or of its input gradient, for direct products or
/// for F(4x4, 3x3), in blocks of how many channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) transposed: bool,
    pub(super) winograd: bool,
    pub(super) width: usize,
}

/// Numbers of packed weights that are kept at most: memory is dearer than packing beyond.
const MOST_KEPT: usize = 10 * 1024 * 1024 / 4;

/// Output pixels up to which packing counts.
const FEW_PIXELS: usize = 1100;

/// Whether packed weights of that many numbers are worth keeping.
pub(super) fn worth_keeping(numbers: usize, pixels: usize) -> bool {
    numbers <= MOST_KEPT && pixels <= FEW_PIXELS
}

/// The packed forms of one weight.
#[derive(Debug, Default)]
pub(crate) struct PackedWeights(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    fingerprint: u128,
    forms: Vec<(Form, Arc<Scratch>)>,
}

impl Kept {
    fn of(&self, fingerprint: u128, form: Form) -> Option<Arc<Scratch>> {
        if self.fingerprint != fingerprint {
            return None;
        }
        let found = self.forms.iter().find(|(kept, _)| *kept == form);
        found.map(|(_, packed)| packed.clone())
    }
}

impl PackedWeights {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Forms are added whole: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The packed form of these numbers: a kept one, or what `pack` makes.
    fn get(&self, weight: &[f32], form: Form, pack: impl FnOnce() -> Scratch) -> Arc<Scratch> {
        let fingerprint = fingerprint(weight);
        if let Some(packed) = self.lock().of(fingerprint, form) {
            return packed;
        }
        let packed = Arc::new(pack());
        let mut kept = self.lock();
        if kept.fingerprint != fingerprint {
            kept.forms.clear();
            kept.fingerprint = fingerprint;
        }
        kept.forms.push((form, packed.clone()));
        packed
    }
}

/// A weight `(O, C/groups, h, w)` and, if it has a layer that lives longer, where its packed forms
/// are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) kept: &'a PackedWeights,
}

impl Weight<'_> {
    /// The packed form of `len` numbers that `pack` makes, for a product of that many output pixels.
    pub(super) fn packed(
        &self,
        form: Form,
        (len, pixels): (usize, usize),
        pack: impl FnOnce(&mut [f32]),
    ) -> Arc<Scratch> {
        let make = || {
            let mut packed = Scratch::take(len);
            pack(&mut packed);
            packed
        };
        match worth_keeping(len, pixels) {
            true => self.kept.get(self.values, form, make),
            false => Arc::new(make()),
        }
    }
}

/// What tells a weight from a changed one.
fn fingerprint(values: &[f32]) -> u128 {
    /// Numbers that a task reads.
    const PART: usize = 64 * 1024;
    let parts: Vec<[u8; 16]> = values
        .par_chunks(PART)
        .map(|part| xxh3_128(pulp::bytemuck::cast_slice(part)).to_le_bytes())
        .collect();
    xxh3_128(parts.as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Form = Form {
        transposed: false,
        winograd: false,
        width: 8,
    };

    fn doubled(kept: &PackedWeights, values: &[f32], form: Form, calls: &mut usize) -> Vec<f32> {
        let weight = Weight { values, kept };
        let packed = weight.packed(form, (values.len(), 16), |out| {
            *calls += 1;
            for (out, value) in out.iter_mut().zip(values) {
                *out = 2. * value;
            }
        });
        packed.to_vec()
    }

    #[test]
    fn weights_are_packed_when_they_change_and_only_then() {
        let (kept, mut calls) = (PackedWeights::default(), 0);
        let mut values = vec![1f32; 200_000];
        for _ in 0..3 {
            assert_eq!(doubled(&kept, &values, FORM, &mut calls), vec![2.; 200_000]);
        }
        assert_eq!(calls, 1);
        let other = Form { width: 16, ..FORM };
        doubled(&kept, &values, other, &mut calls);
        doubled(&kept, &values, FORM, &mut calls);
        assert_eq!(calls, 2);
        for place in [0, 70_000, 199_999] {
            // The smallest change that a number can have.
            values[place] = values[place].next_up();
            let packed = doubled(&kept, &values, FORM, &mut calls);
            assert_eq!(packed[place], 2. * values[place]);
        }
        assert_eq!(calls, 5);
    }

    #[test]
    fn exchanged_numbers_are_another_weight() {
        let mut values = vec![0f32; 140_000];
        values[3] = 1.;
        let first = fingerprint(&values);
        values.swap(3, 4);
        assert_ne!(first, fingerprint(&values));
        values.swap(4, 65_536 + 3);
        assert_ne!(first, fingerprint(&values));
        values.swap(65_536 + 3, 3);
        assert_eq!(first, fingerprint(&values));
        values[9] = -0.;
        assert_ne!(first, fingerprint(&values));
    }

    #[test]
    fn large_weights_and_large_maps_are_not_kept() {
        assert!(worth_keeping(36 * 256 * 256, 784));
        assert!(!worth_keeping(36 * 512 * 512, 784));
        assert!(!worth_keeping(9 * 64 * 64, 50_176));
    }
}
