//! How busy the machine is: samples that are taken beside other work say nothing, and PyTorch's
//! threads, which spin, suffer more from it than ours.

use std::thread::sleep;
use std::time::Duration;

use crate::Outcome;

/// The share of all processors that other work may take before and during a sample.
const BUSY: f64 = 0.08;

/// How long the share is measured before a sample, and how often it is waited for.
const WINDOW: Duration = Duration::from_millis(500);
const WAITS: usize = 240;

/// How often one sample is repeated.
const ATTEMPTS: usize = 20;

/// Time that all processors spent, in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spent {
    busy: u64,
    all: u64,
    /// Of the busy ones, by programs that this one started and saw end.
    own: u64,
}

/// Takes samples only while nothing else runs, and counts what that cost.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    allowed: bool,
    waits: usize,
    rejected: usize,
}

impl Watch {
    /// That looks at the load, unless any is `allowed`.
    pub(crate) fn new(allowed: bool) -> Self {
        Self {
            allowed,
            ..Self::default()
        }
    }

    /// Waits until nothing else runs and takes a sample, again if other work ran beside it.
    ///
    /// # Errors
    /// Those of the sample, and when the machine stays busy.
    pub(crate) fn sample<T>(&mut self, mut take: impl FnMut() -> Outcome<T>) -> Outcome<T> {
        match self.allowed {
            true => take(),
            false => self.watched(now, || sleep(WINDOW), take),
        }
    }

    /// What was waited for and thrown away so far.
    pub(crate) fn report(&self) -> String {
        match self.allowed {
            true => "the load was not looked at".to_owned(),
            false => format!(
                "waited {} times for other work to end, rejected {} samples that it ran beside",
                self.waits, self.rejected
            ),
        }
    }

    fn watched<T>(
        &mut self,
        mut now: impl FnMut() -> Outcome<Spent>,
        pause: impl Fn(),
        mut take: impl FnMut() -> Outcome<T>,
    ) -> Outcome<T> {
        for _ in 0..ATTEMPTS {
            self.wait_for_idle(&mut now, &pause)?;
            let before = now()?;
            let sample = take()?;
            if share_of_others(before, now()?) <= BUSY {
                return Ok(sample);
            }
            self.rejected += 1;
        }
        Err(busy(&format!("other work ran beside {ATTEMPTS} samples")))
    }

    fn wait_for_idle(
        &mut self,
        now: &mut impl FnMut() -> Outcome<Spent>,
        pause: &impl Fn(),
    ) -> Outcome {
        for _ in 0..WAITS {
            let before = now()?;
            pause();
            if share_of_others(before, now()?) <= BUSY {
                return Ok(());
            }
            self.waits += 1;
        }
        let seconds = WINDOW.as_secs_f64() * WAITS as f64;
        Err(busy(&format!("other work ran for {seconds} s")))
    }
}

fn busy(what: &str) -> Box<dyn std::error::Error> {
    format!(
        "the machine is busy: {what}, expected it to take at most {:.0}% of the processors; \
         end it, or pass --allow-load and trust nothing",
        BUSY * 100.
    )
    .into()
}

fn now() -> Outcome<Spent> {
    let read = |path: &str| {
        std::fs::read_to_string(path).map_err(|error| {
            format!("{path}: {error}; without it the load is unknown, --allow-load goes on anyway")
        })
    };
    parse(&read("/proc/stat")?, &read("/proc/self/stat")?)
        .ok_or_else(|| "no processor times in /proc/stat and /proc/self/stat".into())
}

/// The machine's line of all processors: user, nice, system, idle, iowait, irq, softirq, steal; and
/// fields 16 and 17 of this process, user and system of its children, counted after its name.
fn parse(machine: &str, process: &str) -> Option<Spent> {
    let line = machine.lines().find(|line| line.starts_with("cpu "))?;
    let fields = line.split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let all = ticks.iter().take(8).sum();
    let idle = ticks.get(3)? + ticks.get(4)?;
    let (_, after_name) = process.rsplit_once(')')?;
    let children: Vec<&str> = after_name.split_whitespace().skip(13).take(2).collect();
    let [user, system] = children.as_slice() else {
        return None;
    };
    Some(Spent {
        busy: all - idle,
        all,
        own: user.parse::<u64>().ok()? + system.parse::<u64>().ok()?,
    })
}

fn share_of_others(before: Spent, after: Spent) -> f64 {
    let all = after.all.saturating_sub(before.all).max(1);
    let own = after.own.saturating_sub(before.own);
    let busy = after.busy.saturating_sub(before.busy);
    busy.saturating_sub(own) as f64 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESS: &str = "7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 30 4 20 0 1 0 99\n";

    #[test]
    fn steal_and_system_count_as_busy() {
        let before = parse("cpu  10 0 10 100 5 0 0 0 0 0\ncpu0 1 2 3 4\n", PROCESS);
        let before = before.expect("a line");
        let (busy, all, own) = (20, 125, 34);
        assert_eq!(before, Spent { busy, all, own });
        let after = parse("cpu  20 0 15 180 5 0 0 5 0 0\n", PROCESS).expect("a line");
        assert_eq!(share_of_others(before, after), 0.2);
        assert_eq!(share_of_others(after, after), 0.);
        assert!(parse("intr 1 2 3", PROCESS).is_none());
        assert!(parse("cpu  20 0 15 180 5 0 0 5 0 0\n", "7 (a) S 1 2").is_none());
    }

    #[test]
    fn programs_of_ours_are_no_load() {
        let (busy, all, own) = (100, 1000, 50);
        let before = Spent { busy, all, own };
        let after = Spent {
            busy: busy + 90,
            all: all + 100,
            own: own + 85,
        };
        assert_eq!(share_of_others(before, after), 0.05);
    }

    /// A clock that gives what other work took between each two readings, in hundredths.
    fn clock(shares: &[u64]) -> impl FnMut() -> Outcome<Spent> {
        let mut shares = shares.iter().copied();
        let (mut busy, mut all, own) = (0, 0, 0);
        move || {
            let spent = Spent { busy, all, own };
            busy += shares.next().ok_or("the clock was read too often")?;
            all += 100;
            Ok(spent)
        }
    }

    #[test]
    fn a_sample_beside_other_work_is_taken_again() -> Outcome {
        let mut watch = Watch::new(false);
        // Busy and idle before; beside the first sample 50 %. Between reading and reading anew: any.
        let shares = [90, 7, 1, 0, 50, 7, 2, 0, 3, 0];
        let mut taken = 0;
        let sample = watch.watched(
            clock(&shares),
            || (),
            || {
                taken += 1;
                Ok(taken)
            },
        )?;
        assert_eq!((sample, watch.waits, watch.rejected), (2, 1, 1));
        assert!(watch.report().contains("rejected 1 sample"));
        Ok(())
    }

    #[test]
    fn a_busy_machine_is_given_up() {
        let mut watch = Watch::new(false);
        let refused = watch.watched(clock(&[100; 2 * WAITS]), || (), || Ok(()));
        let error = refused.expect_err("always busy").to_string();
        assert!(error.contains("120 s") && error.contains("8%"), "{error}");

        let idle_until_sampled = [0, 0, 100, 0].repeat(ATTEMPTS);
        let refused = watch.watched(clock(&idle_until_sampled), || (), || Ok(()));
        let error = refused.expect_err("busy beside samples").to_string();
        assert!(error.contains("beside 20 samples"), "{error}");
        assert_eq!(watch.rejected, ATTEMPTS);
    }

    #[test]
    fn errors_of_a_sample_end_it() {
        let mut watch = Watch::new(false);
        let failed: Outcome = watch.watched(clock(&[0; 8]), || (), || Err("broken".into()));
        assert_eq!(failed.expect_err("broken").to_string(), "broken");
        let any = Watch::new(true).sample(|| Ok(1));
        assert_eq!(any.ok(), Some(1));
    }
}
