//! From FERPlus's votes to classes.

use serde::{Deserialize, Serialize};

/// How ten people's votes for a face become its class.
///
/// In each mode a class that one person alone voted for counts 0, and a face that no expression
/// wins is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FerPlusMode {
    /// The class with more than half of the votes.
    #[default]
    Majority,
    /// The shares of the most voted classes, up to three, until they have three quarters of the votes.
    Probability,
    /// The classes with at least 30% of the votes, each as good as the other.
    MultiTarget,
}

/// Eight expressions, then "unknown" and "no face".
pub(super) const NUM_VOTES: usize = 10;

/// How many of the votes are for expressions.
pub(super) const NUM_EXPRESSIONS: usize = 8;

/// A face's class, and the shares of all classes unless there is but one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) label: u32,
    pub(super) shares: Option<Vec<f32>>,
}

/// What the votes say; `None` if no expression wins.
pub(super) fn verdict(votes: &[u32; NUM_VOTES], mode: FerPlusMode) -> Option<Verdict> {
    let counted = votes.map(|votes| if votes > 1 { votes } else { 0 });
    let total: u32 = counted.iter().sum();
    let taken = match mode {
        FerPlusMode::Majority => majority(&counted, total)?,
        FerPlusMode::Probability => most_voted(&counted, total)?,
        FerPlusMode::MultiTarget => frequent(&counted, total)?,
    };
    let label = first_largest(&taken);
    (label < NUM_EXPRESSIONS).then_some(())?;
    let weight = |votes: u32| match mode {
        FerPlusMode::MultiTarget => votes.min(1),
        _ => votes,
    };
    let weights = taken[..NUM_EXPRESSIONS]
        .iter()
        .map(|&votes| weight(votes) as f32);
    let sum: f32 = weights.clone().sum();
    let shares = weights.map(|weight| weight / sum).collect();
    Some(Verdict {
        label: label as u32,
        shares: (mode != FerPlusMode::Majority).then_some(shares),
    })
}

fn majority(counted: &[u32; NUM_VOTES], total: u32) -> Option<[u32; NUM_VOTES]> {
    let first = first_largest(counted);
    (2 * counted[first] > total).then(|| only(counted, |class| class == first))
}

/// Takes the classes with most votes, and all that have as many, until three quarters are reached or
/// three classes taken. "Unknown" and "no face" end it, and count only if nothing went before them.
fn most_voted(counted: &[u32; NUM_VOTES], total: u32) -> Option<[u32; NUM_VOTES]> {
    let (mut left, mut taken) = (*counted, [0; NUM_VOTES]);
    let (mut sum, mut classes, mut ended) = (0, 0, false);
    while 4 * sum < 3 * total && classes < 3 && !ended {
        let most = left[first_largest(&left)];
        for class in 0..NUM_VOTES {
            if left[class] != most {
                continue;
            }
            (taken[class], left[class]) = (most, 0);
            sum += most;
            classes += 1;
            if class >= NUM_EXPRESSIONS {
                ended = true;
                if taken.iter().sum::<u32>() > most {
                    taken[class] = 0;
                    classes -= 1;
                }
                break;
            }
        }
    }
    let enough = 2 * taken.iter().sum::<u32>() > total;
    (enough && classes <= 3).then_some(taken)
}

fn frequent(counted: &[u32; NUM_VOTES], total: u32) -> Option<[u32; NUM_VOTES]> {
    let many = only(counted, |class| 10 * counted[class] >= 3 * total);
    (2 * many.iter().sum::<u32>() > total).then_some(many)
}

fn only(counted: &[u32; NUM_VOTES], keep: impl Fn(usize) -> bool) -> [u32; NUM_VOTES] {
    std::array::from_fn(|class| if keep(class) { counted[class] } else { 0 })
}

fn first_largest(votes: &[u32; NUM_VOTES]) -> usize {
    let best = |best: usize, class: usize| {
        if votes[class] > votes[best] {
            class
        } else {
            best
        }
    };
    (1..NUM_VOTES).fold(0, best)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &str = include_str!("../../../tests/fer_plus_votes.json");

    #[derive(Deserialize)]
    struct Case {
        votes: [u32; NUM_VOTES],
        mode: FerPlusMode,
        shares: Option<Vec<f32>>,
    }

    /// What FERPlus's own program makes of these votes.
    #[test]
    fn votes_count_as_in_the_owners_program() {
        let cases: Vec<Case> = serde_json::from_str(KNOWN).unwrap();
        assert!(cases.len() > 300);
        for Case {
            votes,
            mode,
            shares,
        } in cases
        {
            let found = verdict(&votes, mode);
            let Some(expected) = shares else {
                assert_eq!(found, None, "{votes:?} {mode:?}");
                continue;
            };
            let found = found.unwrap_or_else(|| panic!("{votes:?} {mode:?} is left out"));
            let label = found.label as usize;
            match found.shares {
                None => assert_eq!(expected[label], 1., "{votes:?} {mode:?}"),
                Some(found) => {
                    let mut pairs = found.iter().zip(&expected);
                    assert!(
                        pairs.all(|(a, b)| (a - b).abs() < 1e-6),
                        "{votes:?} {mode:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_majority_rule_by_hand() {
        let label = |votes| verdict(&votes, FerPlusMode::Majority).map(|verdict| verdict.label);
        assert_eq!(label([6, 1, 1, 1, 1, 0, 0, 0, 0, 0]), Some(0));
        assert_eq!(label([4, 2, 1, 1, 1, 1, 0, 0, 0, 0]), Some(0));
        assert_eq!(label([0, 0, 0, 0, 0, 0, 0, 9, 1, 0]), Some(7));
        assert_eq!(label([4, 0, 0, 1, 3, 2, 0, 0, 0, 0]), None);
        assert_eq!(label([5, 5, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(label([1; 10]), None);
        assert_eq!(label([0, 0, 0, 0, 0, 0, 0, 0, 6, 4]), None);
        assert_eq!(label([3, 2, 2, 0, 0, 0, 0, 1, 1, 1]), None);
    }
}
