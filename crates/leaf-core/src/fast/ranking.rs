//! The largest of a few values.

/// The places of the `count` largest values, the largest first, ties by the lower place. What is not a
/// number counts as the smallest.
pub(super) fn largest(values: &[f64], count: usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(count + 1);
    let value = |place: usize| match values[place].is_nan() {
        true => f64::NEG_INFINITY,
        false => values[place],
    };
    match values.len() <= FEW {
        true => counted(values.len(), value, count, &mut order),
        false => inserted(values.len(), value, count, &mut order),
    }
    order
}

/// Values up to which ranks are counted: all comparisons at once take less time than the few whose outcome
/// a processor cannot foresee.
const FEW: usize = 16;

/// Each place goes to its rank: the number of values that come before its own.
fn counted(len: usize, value: impl Fn(usize) -> f64, count: usize, order: &mut Vec<usize>) {
    let mut known = [0.; FEW];
    for (place, known) in known[..len].iter_mut().enumerate() {
        *known = value(place);
    }
    order.resize(len, 0);
    for (place, own) in known[..len].iter().enumerate() {
        let (before, after) = known[..len].split_at(place);
        let ties: usize = before.iter().map(|other| usize::from(other >= own)).sum();
        let larger: usize = after.iter().map(|other| usize::from(other > own)).sum();
        order[ties + larger] = place;
    }
    order.truncate(count);
}

fn inserted(len: usize, value: impl Fn(usize) -> f64, count: usize, order: &mut Vec<usize>) {
    for place in 0..len {
        let own = value(place);
        let mut at = order.len();
        while at > 0 && value(order[at - 1]) < own {
            at -= 1;
        }
        if at < count {
            order.truncate(count - 1);
            order.insert(at, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_and_ties_keep_their_order() {
        assert_eq!(largest(&[0.5, 2., 0.5, 2.], 3), [1, 3, 0]);
        assert_eq!(largest(&[0.; 4], 4), [0, 1, 2, 3]);
        assert_eq!(largest(&[f64::NAN, f64::NEG_INFINITY, 1.], 2), [2, 0]);
        assert_eq!(largest(&[1., 2.], 1), [1]);
    }

    #[test]
    fn both_ways_give_the_same_order() {
        // Few distinct numbers, so that there are ties.
        let mut state = 7u32;
        for len in 1..=FEW {
            for count in 1..=len {
                let values: Vec<f64> = (0..len)
                    .map(|_| {
                        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        f64::from(state >> 29)
                    })
                    .collect();
                let (mut a, mut b) = (Vec::new(), Vec::new());
                counted(len, |place| values[place], count, &mut a);
                inserted(len, |place| values[place], count, &mut b);
                assert_eq!(a, b, "{values:?}");
            }
        }
    }
}
