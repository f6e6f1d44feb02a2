//! Sums over long rows in an order that vector code can follow.

/// Sums that run side by side.
const LANES: usize = 16;

/// `Σ a_i b_i`.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (mut a, mut b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut sums = [0.; LANES];
    for (a, b) in a.by_ref().zip(b.by_ref()) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest = a.remainder().iter().zip(b.remainder());
    sums.iter().sum::<f32>() + rest.map(|(a, b)| a * b).sum::<f32>()
}

/// `Σ a_i`.
#[inline(always)]
pub(super) fn sum(a: &[f32]) -> f32 {
    let mut a = a.chunks_exact(LANES);
    let mut sums = [0.; LANES];
    for a in a.by_ref() {
        for (sum, a) in sums.iter_mut().zip(a) {
            *sum += a;
        }
    }
    sums.iter().sum::<f32>() + a.remainder().iter().sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_every_length() {
        for len in [0, 1, 15, 16, 17, 40] {
            let a: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let ones = vec![1.; len];
            let wanted = (len * len.saturating_sub(1) / 2) as f32;
            assert_eq!((sum(&a), dot(&a, &ones)), (wanted, wanted));
        }
    }
}
