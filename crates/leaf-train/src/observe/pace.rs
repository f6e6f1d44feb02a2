//! How fast steps follow each other.

use super::{StepReport, Throughput};

/// Adds up steps from one that is shown to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    images: usize,
    seconds: f64,
    waited: f64,
}

impl Pace {
    /// Counts a step; in one that is shown it tells how fast the steps since the last such one were.
    pub(crate) fn count(&mut self, report: &mut StepReport) {
        self.images += report.images;
        self.seconds += report.seconds + report.wait_seconds;
        self.waited += report.wait_seconds;
        if report.logged {
            report.throughput = std::mem::take(self).throughput();
        }
    }

    /// `None` if no time has passed.
    fn throughput(self) -> Option<Throughput> {
        (self.seconds > 0.).then(|| Throughput {
            images_per_second: self.images as f64 / self.seconds,
            wait_share: self.waited / self.seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::reports::tests::report;
    use super::*;

    #[test]
    fn steps_to_show_sum_up_those_before_them() {
        let mut pace = Pace::default();
        let mut step = |logged, images, seconds, wait_seconds| {
            let mut report = StepReport {
                logged,
                images,
                seconds,
                wait_seconds,
                throughput: None,
                ..report()
            };
            pace.count(&mut report);
            report.throughput
        };
        assert_eq!(step(false, 10, 0.5, 0.5), None);
        let both = Throughput {
            images_per_second: 30. / 2.,
            wait_share: 0.25,
        };
        assert_eq!(step(true, 20, 1., 0.), Some(both));
        let alone = Throughput {
            images_per_second: 20.,
            wait_share: 0.,
        };
        assert_eq!(step(true, 10, 0.5, 0.), Some(alone), "it starts anew");
        assert_eq!(step(true, 0, 0., 0.), None);
    }
}
