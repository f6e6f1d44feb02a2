//! How busy the machine is: samples that are taken beside other work say nothing, and PyTorch's
//! threads, which spin, suffer more from it than ours.

use std::thread::sleep;
use std::time::Duration;

use crate::Outcome;

/// The share of all processors that may be busy before a sample.
const BUSY: f64 = 0.08;

/// How long the share is measured, and how often it is waited for.
const WINDOW: Duration = Duration::from_millis(500);
const WAITS: usize = 240;

/// Time that all processors spent, in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spent {
    busy: u64,
    all: u64,
}

/// Waits until nothing else runs; how often it had to wait.
///
/// # Errors
/// When the machine stays busy for two minutes.
pub(crate) fn wait_for_idle(allowed: bool) -> Outcome<usize> {
    if allowed {
        return Ok(0);
    }
    for waited in 0..WAITS {
        let share = busy_share(now()?, {
            sleep(WINDOW);
            now()?
        });
        if share <= BUSY {
            return Ok(waited);
        }
    }
    Err(format!(
        "the machine is busy for {} s, expected at most {:.0}% of its processors; \
         end other work, or pass --allow-load and trust nothing",
        WAITS / 2,
        BUSY * 100.
    )
    .into())
}

fn now() -> Outcome<Spent> {
    let text = std::fs::read_to_string("/proc/stat")?;
    parse(&text).ok_or_else(|| "no processor times in /proc/stat".into())
}

/// The line of all processors: user, nice, system, idle, iowait, irq, softirq, steal.
fn parse(text: &str) -> Option<Spent> {
    let line = text.lines().find(|line| line.starts_with("cpu "))?;
    let fields = line.split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let all = ticks.iter().take(8).sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some(Spent {
        busy: all - idle,
        all,
    })
}

fn busy_share(before: Spent, after: Spent) -> f64 {
    let all = after.all.saturating_sub(before.all).max(1);
    after.busy.saturating_sub(before.busy) as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_and_system_count_as_busy() {
        let before = parse("cpu  10 0 10 100 5 0 0 0 0 0\ncpu0 1 2 3 4\n").expect("a line");
        assert_eq!(before, Spent { busy: 20, all: 125 });
        let after = parse("cpu  20 0 15 180 5 0 0 5 0 0\n").expect("a line");
        assert_eq!(busy_share(before, after), 0.2);
        assert_eq!(busy_share(after, after), 0.);
        assert!(parse("intr 1 2 3").is_none());
    }
}
