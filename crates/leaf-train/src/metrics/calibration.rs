//! How far confidence is from accuracy.

/// How many bins of confidence there are, as in the tables of Guo et al.
const BINS: usize = 15;

/// Predictions by confidence, in bins of equal width; [`super::Tally::calibration_error`] has the equation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calibration {
    bins: [Bin; BINS],
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    predictions: u64,
    hits: u64,
    confidence: f64,
}

impl Calibration {
    /// Counts a prediction of this confidence, in (0, 1].
    pub(super) fn record(&mut self, confidence: f64, hit: bool) {
        // The bins are closed above, so that certainty has one. A cast of what is out of bounds saturates.
        let bin = (confidence * BINS as f64).ceil() as usize;
        let bin = &mut self.bins[bin.clamp(1, BINS) - 1];
        bin.predictions += 1;
        bin.hits += u64::from(hit);
        bin.confidence += confidence;
    }

    /// The expected calibration error, in `[0, 1]`; 0 without any predictions.
    pub(super) fn expected_error(&self) -> f64 {
        let predictions: u64 = self.bins.iter().map(|bin| bin.predictions).sum();
        // |B|/n * |hits/|B| - confidence/|B||, in which |B| cancels.
        let gaps = self
            .bins
            .iter()
            .map(|bin| (bin.hits as f64 - bin.confidence).abs());
        gaps.sum::<f64>() / predictions.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(predictions: &[(f64, bool)]) -> f64 {
        let mut calibration = Calibration::default();
        for &(confidence, hit) in predictions {
            calibration.record(confidence, hit);
        }
        calibration.expected_error()
    }

    #[test]
    fn certainty_costs_its_mistakes() {
        assert_eq!(error(&[]), 0.);
        assert_eq!(error(&[(1., true), (1., true)]), 0.);
        assert_eq!(error(&[(1., true), (1., false)]), 0.5);
    }

    #[test]
    fn gaps_cancel_within_a_bin_alone() {
        // Both in (7/15, 8/15]: right half the time at a confidence of a half.
        assert_eq!(error(&[(0.5, true), (0.5, false)]), 0.);
        // In two bins: (1 - 0.5 + 0.75) / 2.
        assert_eq!(error(&[(0.5, true), (0.75, false)]), 0.625);
    }

    #[test]
    fn a_bin_holds_its_upper_edge() {
        // A third is 5/15: with 0.3 in one bin, with 0.34 in two.
        let third = 1. / 3.;
        let together = (1. - third - 0.3) / 2.;
        assert!((error(&[(third, true), (0.3, false)]) - together).abs() < 1e-12);
        let apart = (1. - third + 0.34) / 2.;
        assert!((error(&[(third, true), (0.34, false)]) - apart).abs() < 1e-12);
    }
}
