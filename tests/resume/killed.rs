//! `kill -9` at random instants.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use leaf_core::Random;

use crate::child::{End, Kill, train};
use crate::place::{Outcome, Place, assert_same};

/// How many kills there are in all, at least.
const KILLS: usize = 20;
/// No process comes to more points than that before it is killed: a run has some two hundred.
const MOST_POINTS: usize = 45;
/// The kills that must fall into the writing of a checkpoint.
const WHILE_SAVING: usize = 5;

#[test]
fn a_run_that_is_killed_anywhere_goes_on_bit_for_bit() -> Outcome {
    let place = Place::new()?;
    let whole = place.path("whole");
    let started = Instant::now();
    let end = train(&place.faces(), &whole, Kill::Never)?;
    let duration = started.elapsed();
    assert!(
        matches!(&end, End::Over(status, _) if status.success()),
        "{end:?}"
    );

    let mut random = Random::new(11).split("kills");
    let (mut kills, mut while_saving) = (0, 0);
    for run in 0.. {
        let folder = place.path(&format!("run-{run}"));
        loop {
            let kill = match kills < KILLS {
                true => instant(&mut random, duration),
                false => Kill::Never,
            };
            match train(&place.faces(), &folder, kill)? {
                End::Killed { at } => {
                    kills += 1;
                    while_saving += usize::from(at.is_some_and(|at| at.contains("checkpoints")));
                    if random.below(3) == 0 {
                        half_a_line(&folder.join("metrics.jsonl"))?;
                    }
                }
                End::Over(status, message) => {
                    assert!(status.success(), "{kill:?} of run {run}: {message}");
                    break;
                }
            }
        }
        assert_same(&folder, &whole)?;
        if kills >= KILLS && while_saving >= WHILE_SAVING {
            return Ok(());
        }
        assert!(
            run < 30,
            "{kills} kills, {while_saving} of them while saving"
        );
    }
    Ok(())
}

fn instant(random: &mut Random, duration: Duration) -> Kill {
    match random.below(3) {
        0 => Kill::After(duration.mul_f64(random.uniform())),
        _ => Kill::AtPoint(1 + random.below(MOST_POINTS)),
    }
}

/// What a process that is killed while it writes a line may leave, if the run has not ended.
fn half_a_line(metrics: &Path) -> Outcome {
    let Ok(text) = std::fs::read_to_string(metrics) else {
        return Ok(());
    };
    if !text.is_empty() && !text.contains("\"event\":\"end\"") {
        let mut file = OpenOptions::new().append(true).open(metrics)?;
        file.write_all(b"{\"event\":\"ste")?;
    }
    Ok(())
}
