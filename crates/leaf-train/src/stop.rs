//! Ending a run early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks a run to end after the step that it is in; clones ask the same run.
///
/// ```
/// use leaf_train::Stop;
///
/// let stop = Stop::default();
/// let elsewhere = stop.clone();
/// std::thread::spawn(move || elsewhere.request()).join().expect("no panic");
/// assert!(stop.is_requested());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on the run is to end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
