//! A step whose loss or gradient is no number.

use std::path::PathBuf;

/// A step whose loss or gradient's norm is infinite or not a number: no weight was changed by it.
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
    /// The step, from 1.
    pub step: usize,
    /// `"loss"` or `"gradient's norm"`.
    pub what: &'static str,
    /// Its value.
    pub value: f64,
    /// The loss's terms before their weights.
    pub terms: Vec<(&'static str, f64)>,
    /// The faces of its batch, as far as they are known.
    pub faces: BatchFaces,
    /// How many steps in a row were skipped before it.
    pub skipped_before: usize,
    /// The last checkpoint that the run can go on from, if there is one.
    pub checkpoint: Option<PathBuf>,
}

/// The names of a batch's faces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchFaces {
    /// Those with a label.
    pub labeled: Vec<String>,
    /// Those without.
    pub unlabeled: Vec<String>,
}

impl NonFinite {
    /// The step, what is wrong and with which terms.
    pub(crate) fn summary(&self) -> String {
        let Self {
            step, what, value, ..
        } = self;
        let terms = |wanted: fn(&f64) -> bool| {
            let terms = self.terms.iter().filter(|(_, value)| wanted(value));
            let terms: Vec<String> = terms.map(|(name, v)| format!("{name} = {v}")).collect();
            terms.join(", ")
        };
        let bad = terms(|value| !value.is_finite());
        let which = match bad.as_str() {
            "" => "every term is finite".to_owned(),
            bad => format!("not finite: {bad}"),
        };
        let all = terms(|_| true);
        format!(
            "the {what} of step {step} is {value}, expected a finite number; {which}; all terms: {all}"
        )
    }
}

impl std::fmt::Display for NonFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.summary())?;
        if self.skipped_before > 0 {
            let count = self.skipped_before;
            write!(f, "; the {count} steps before it were skipped for the same")?;
        }
        for (what, names) in [
            ("labelled", &self.faces.labeled),
            ("unlabelled", &self.faces.unlabeled),
        ] {
            if !names.is_empty() {
                write!(f, "; {what} faces of its batch: {}", names.join(", "))?;
            }
        }
        match &self.checkpoint {
            Some(path) => write!(f, "; the last checkpoint before it is {}", path.display()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_term_the_faces_and_the_checkpoint_are_named() {
        let found = NonFinite {
            step: 7,
            what: "loss",
            value: f64::NAN,
            terms: vec![("supervised", 0.5), ("category", f64::INFINITY)],
            faces: BatchFaces {
                labeled: vec!["a.png".to_owned()],
                unlabeled: vec!["b.png".to_owned(), "c.png".to_owned()],
            },
            skipped_before: 0,
            checkpoint: Some("run/checkpoints/step-00000005.json".into()),
        };
        assert_eq!(
            found.to_string(),
            "the loss of step 7 is NaN, expected a finite number; not finite: category = inf; all terms: \
             supervised = 0.5, category = inf; labelled faces of its batch: a.png; unlabelled faces of \
             its batch: b.png, c.png; the last checkpoint before it is run/checkpoints/step-00000005.json"
        );
    }
}
