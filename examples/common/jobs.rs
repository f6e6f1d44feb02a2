//! Runs at the same time, in processes of one computing thread each.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use leaf::compare::{Folder, Line, Origin, PlannedRun};

use crate::say::say;
use crate::worker::{Order, Reply};

/// Runs at the same time. The threads of a process are counted once, when it begins, and are one in each: no number
/// depends on how many there are.
#[derive(Debug)]
pub(crate) struct Jobs<'a> {
    count: usize,
    factors: Option<&'a Path>,
    origin: &'a Origin,
}

/// What is done after each run, with how many are still to come.
type After<'a> = &'a dyn Fn(&Folder, usize) -> leaf::Result<()>;

/// A run's line, or why there is none.
type Done = (String, leaf::Result<Line>);

impl<'a> Jobs<'a> {
    /// So many at the same time.
    pub(crate) fn new(count: usize, origin: &'a Origin) -> Self {
        Self {
            count,
            factors: None,
            origin,
        }
    }

    /// The trained networks' features are asked for what this file lists.
    pub(crate) fn with_factors(self, factors: Option<&'a Path>) -> Self {
        Self { factors, ..self }
    }

    /// Does the runs and keeps their lines. The first one that fails is the last to be begun; those in progress
    /// are still kept.
    pub(crate) fn run_all(
        &self,
        runs: Vec<PlannedRun>,
        folder: &mut Folder,
        after: After,
    ) -> leaf::Result<()> {
        let total = runs.len();
        let count = self.count.min(total);
        let bar = bar(total);
        let stop = AtomicBool::new(false);
        let works: Vec<_> = (0..count)
            .map(|job| folder.work(&job.to_string()))
            .collect();
        let orders = runs.into_iter();
        let orders = Mutex::new(orders);
        let (sender, done) = mpsc::channel();
        let began = Instant::now();
        std::thread::scope(|scope| {
            for work in works {
                let (sender, orders, stop) = (sender.clone(), &orders, &stop);
                let next = move || {
                    let stopped = stop.load(Ordering::Relaxed);
                    let run = orders.lock().ok().filter(|_| !stopped)?.next()?;
                    Some(Order {
                        run,
                        folder: work.clone(),
                        factors: self.factors.map(Path::to_owned),
                        origin: self.origin.clone(),
                    })
                };
                scope.spawn(move || job(next, &sender));
            }
            drop(sender);
            let mut outcome = Ok(());
            for (finished, (name, line)) in (1..).zip(done) {
                let kept = line.and_then(|line| {
                    let accuracy = line.figures.rates.accuracy;
                    folder.push(line)?;
                    after(folder, total - finished)?;
                    bar.inc(1);
                    let left = left(began.elapsed(), finished, total);
                    let told = format!("{finished}/{total}  {name}: {accuracy:.3}{left}");
                    bar.suspend(|| say(told))
                });
                if let (Err(error), true) = (kept, outcome.is_ok()) {
                    stop.store(true, Ordering::Relaxed);
                    outcome = Err(error);
                }
            }
            bar.finish_and_clear();
            outcome
        })
    }
}

fn bar(total: usize) -> ProgressBar {
    let bar = ProgressBar::new(total as u64);
    let style = ProgressStyle::with_template("runs {wide_bar} {pos}/{len}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}

/// How long the other runs will take, if they take as long as those before.
fn left(elapsed: Duration, finished: usize, total: usize) -> String {
    match total.saturating_sub(finished) {
        0 => String::new(),
        others => {
            let left = elapsed.mul_f64(others as f64 / finished as f64);
            let left = HumanDuration(Duration::from_secs(left.as_secs()));
            format!("  ({left:#} left)")
        }
    }
}

/// One run after the other in a process of its own; ends with the first one that fails.
fn job(mut next: impl FnMut() -> Option<Order>, done: &Sender<Done>) {
    let mut worker = None;
    while let Some(order) = next() {
        let name = order.run.to_string();
        let line = ready(&mut worker).and_then(|worker| worker.run(&order));
        let line = line.map_err(|what| leaf::Error::ComparedRun {
            run: name.clone(),
            what,
        });
        let failed = line.is_err();
        if done.send((name, line)).is_err() || failed {
            break;
        }
    }
    if let Some(worker) = worker {
        worker.end();
    }
}

fn ready(worker: &mut Option<Worker>) -> Result<&mut Worker, String> {
    let ready = match worker.take() {
        Some(ready) => ready,
        None => Worker::start().map_err(|error| format!("no process for it: {error}"))?,
    };
    Ok(worker.insert(ready))
}

/// A process that does runs.
struct Worker {
    child: Child,
    replies: BufReader<ChildStdout>,
}

impl Worker {
    fn start() -> std::io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--worker")
            .env("RAYON_NUM_THREADS", "1")
            .env("CANDLE_NUM_THREADS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let replies = child.stdout.take();
        let replies = replies.ok_or_else(|| std::io::Error::other("no standard output"))?;
        Ok(Self {
            child,
            replies: BufReader::new(replies),
        })
    }

    fn run(&mut self, order: &Order) -> Result<Line, String> {
        let lost = |error: &dyn std::fmt::Display| format!("the process of the run ended: {error}");
        let order = serde_json::to_string(order).map_err(|error| error.to_string())?;
        let stdin = self.child.stdin.as_mut();
        let stdin = stdin.ok_or_else(|| lost(&"no standard input"))?;
        writeln!(stdin, "{order}").map_err(|error| lost(&error))?;
        stdin.flush().map_err(|error| lost(&error))?;
        let mut reply = String::new();
        let read = self.replies.read_line(&mut reply);
        match read.map_err(|error| lost(&error))? {
            0 => {
                let status = self.child.wait().map_err(|error| lost(&error))?;
                Err(lost(&status))
            }
            _ => serde_json::from_str::<Reply>(&reply).map_err(|error| lost(&error))?,
        }
    }

    /// Without standard input the process ends; how does not matter any more.
    fn end(mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
