//! Notices when unlabelled faces have stopped counting.

/// Counts the steps in a row in which no face passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectionWatch {
    patience: usize,
    silent: usize,
}

impl SelectionWatch {
    pub(crate) fn new(patience: usize) -> Self {
        Self {
            patience,
            silent: 0,
        }
    }

    /// Takes in one step; true in the step in which the patience runs out, and not again before a
    /// face has passed.
    pub(crate) fn runs_out(&mut self, utilization: f64) -> bool {
        if utilization > 0. {
            self.silent = 0;
            return false;
        }
        self.silent += 1;
        self.silent == self.patience
    }

    /// Steps in a row in which no face passed.
    pub(crate) fn silent(&self) -> usize {
        self.silent
    }

    /// Counts on from there.
    pub(crate) fn go_on(&mut self, silent: usize) {
        self.silent = silent;
    }

    pub(crate) fn patience(&self) -> usize {
        self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_once_per_silence() {
        let mut watch = SelectionWatch::new(3);
        let steps = [0., 0., 0.1, 0., 0., 0., 0., 0., 0., 0.2, 0., 0., 0.];
        let warned: Vec<usize> = (0..steps.len())
            .filter(|&i| watch.runs_out(steps[i]))
            .collect();
        assert_eq!(warned, [5, 12]);
    }
}
