//! What two lists of named tensors do not have in common.

use std::collections::BTreeMap;

/// Every way in which named tensors differ from what was expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mismatches {
    /// Expected, but not there.
    pub missing: Vec<String>,
    /// There, but not expected.
    pub unexpected: Vec<String>,
    /// There with another shape.
    pub reshaped: Vec<Reshaped>,
}

/// A tensor with another shape than expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshaped {
    /// The tensor's name.
    pub name: String,
    /// The shape that was expected.
    pub expected: Vec<usize>,
    /// The shape that is there.
    pub found: Vec<usize>,
}

impl Mismatches {
    /// Compares names and shapes.
    pub fn between(
        expected: impl IntoIterator<Item = (String, Vec<usize>)>,
        found: impl IntoIterator<Item = (String, Vec<usize>)>,
    ) -> Self {
        let mut found: BTreeMap<String, Vec<usize>> = found.into_iter().collect();
        let mut mismatches = Self::default();
        let expected: BTreeMap<String, Vec<usize>> = expected.into_iter().collect();
        for (name, expected) in expected {
            match found.remove(&name) {
                None => mismatches.missing.push(name),
                Some(found) if found != expected => mismatches.reshaped.push(Reshaped {
                    name,
                    expected,
                    found,
                }),
                Some(_) => {}
            }
        }
        mismatches.unexpected = found.into_keys().collect();
        mismatches
    }

    /// Whether everything fits.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.reshaped.is_empty()
    }
}

impl std::fmt::Display for Mismatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = Vec::new();
        if !self.missing.is_empty() {
            parts.push(format!("missing {}", self.missing.join(", ")));
        }
        if !self.unexpected.is_empty() {
            parts.push(format!("unexpected {}", self.unexpected.join(", ")));
        }
        for Reshaped {
            name,
            expected,
            found,
        } in &self.reshaped
        {
            parts.push(format!("{name} has shape {found:?}, expected {expected:?}"));
        }
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(names: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
        let entries = names.iter();
        entries
            .map(|(name, shape)| ((*name).to_owned(), shape.to_vec()))
            .collect()
    }

    #[test]
    fn every_difference_is_listed() {
        let mismatches = Mismatches::between(
            entries(&[("a", &[1]), ("b", &[2]), ("c", &[3]), ("d", &[4])]),
            entries(&[("b", &[2]), ("c", &[3, 3]), ("e", &[])]),
        );
        assert_eq!(
            mismatches.to_string(),
            "missing a, d; unexpected e; c has shape [3, 3], expected [3]"
        );
        assert!(!mismatches.is_empty());
    }

    #[test]
    fn nothing_differs_in_equal_lists() {
        let entries = entries(&[("a", &[1])]);
        assert!(Mismatches::between(entries.clone(), entries).is_empty());
    }
}
