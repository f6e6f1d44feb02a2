//! One step in one line of text.

use leaf_ssl::{CONFIDENCE, PSEUDO_ACCURACY, SET_SIZE, UTILIZATION};

use super::StepReport;

/// The figures that tell early whether a run is alive, separated by two spaces; what was not
/// measured is left out.
pub(super) fn figures(report: &StepReport, accuracy: Option<f64>, norm: Option<f64>) -> String {
    let mut parts = vec![format!("loss {:.3}", report.loss)];
    let mut add = |name: &str, value: Option<f64>, digits: usize| {
        if let Some(value) = value {
            parts.push(format!("{name} {value:.digits$}"));
        }
    };
    add("accuracy", accuracy, 3);
    add("lr", Some(report.learning_rate), 4);
    add("pass", report.diagnostic(UTILIZATION), 2);
    add("confidence", report.diagnostic(CONFIDENCE), 2);
    add("right", report.diagnostic(PSEUDO_ACCURACY), 2);
    add("set", report.diagnostic(SET_SIZE), 2);
    for (level, usage) in report.expert_usage() {
        parts.push(format!("{level} experts {}", spread(usage)));
    }
    if let Some(norm) = norm {
        parts.push(format!("|w| {norm:.2}"));
    }
    if let Some(throughput) = report.throughput {
        parts.push(format!("{:.0} images/s", throughput.images_per_second));
        let share = 100. * throughput.wait_share;
        // Less is not worth a word.
        if share >= 1. {
            parts.push(format!("waiting {share:.0} %"));
        }
    }
    parts.join("  ")
}

/// All shares of few experts, the extremes of many.
fn spread(usage: &[f64]) -> String {
    if usage.len() <= 4 {
        let shares: Vec<String> = usage.iter().map(|share| format!("{share:.2}")).collect();
        return shares.join("/");
    }
    let least = usage.iter().copied().fold(f64::INFINITY, f64::min);
    let most = usage.iter().copied().fold(0., f64::max);
    format!("{least:.2}-{most:.2}")
}

/// How fast it goes and how long it will take, from the steps done so far in so many seconds.
pub(super) fn pace(done: usize, remaining: usize, seconds: f64) -> String {
    if done == 0 || seconds <= 0. {
        return String::new();
    }
    let rate = done as f64 / seconds;
    format!(
        "{rate:.1} steps/s  eta {}",
        duration(remaining as f64 / rate)
    )
}

/// Seconds as `1h02m`, `1m05s` or `5s`.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{:02}s", seconds % 60),
        _ => format!("{hours}h{minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reports::tests::report;
    use super::*;

    #[test]
    fn shows_what_was_measured() {
        assert_eq!(
            figures(&report(), Some(0.5436), Some(1.2)),
            "loss 1.234  accuracy 0.544  lr 0.0481  pass 0.32  confidence 0.71  set 1.80  \
             semantic experts 0.40/0.10/0.50  |w| 1.20  350 images/s  waiting 12 %"
        );
        let mut bare = report();
        bare.diagnostics.clear();
        bare.throughput = None;
        assert_eq!(figures(&bare, None, None), "loss 1.234  lr 0.0481");
    }

    #[test]
    fn many_experts_are_summed_up() {
        assert_eq!(spread(&[0.1, 0.3, 0.2, 0.2, 0.2]), "0.10-0.30");
    }

    #[test]
    fn times_are_short() {
        assert_eq!(pace(0, 10, 1.), "");
        assert_eq!(pace(10, 650, 2.), "5.0 steps/s  eta 2m10s");
        assert_eq!(duration(59.4), "59s");
        assert_eq!(duration(3720.), "1h02m");
    }
}
