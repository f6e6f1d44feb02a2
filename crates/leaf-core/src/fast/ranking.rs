//! The largest of a few values.

/// The places of the `count` largest values, the largest first, ties by the lower place. What is not a
/// number counts as the smallest.
pub(super) fn largest(values: &[f64], count: usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(count + 1);
    largest_into(values, count, &mut order);
    order
}

/// As [`largest`], into a list whose memory is used again.
pub(super) fn largest_into(values: &[f64], count: usize, order: &mut Vec<usize>) {
    let value = |place: usize| match values[place].is_nan() {
        true => f64::NEG_INFINITY,
        false => values[place],
    };
    order.clear();
    for place in 0..values.len() {
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
}
