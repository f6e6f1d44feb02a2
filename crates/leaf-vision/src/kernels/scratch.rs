//! Buffers that are used again.
//!
//! A fresh buffer of some megabytes costs more than what is computed in it: the system hands it out
//! page by page. Steps of a training run need the same sizes again and again, so buffers go back to a
//! pool, which forgets those that were not asked for lately.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Below this many numbers the allocator is as fast.
const SMALL: usize = 4096;

/// Idle buffers are kept for that many passes through a network.
const KEPT_PASSES: u64 = 6;

/// The idle buffers by length, each with the pass that it was last used in.
#[derive(Debug, Default)]
struct Pool {
    pass: u64,
    idle: BTreeMap<usize, Vec<(u64, Vec<f32>)>>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    pass: 0,
    idle: BTreeMap::new(),
});

/// A lock that a panic poisoned guards whole buffers all the same.
fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers of a fixed count whose memory comes from the pool and returns there.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Vec<f32>);

impl Scratch {
    /// Numbers of any value: those that were left there.
    pub(crate) fn take(len: usize) -> Self {
        if len >= SMALL {
            let mut pool = pool();
            // A buffer a little longer serves as well: batches shrink at the end of an epoch.
            // Under a sanitizer it would hide steps beyond the end.
            let longest = if cfg!(exact_buffers) {
                len
            } else {
                len + len / 8
            };
            let found = pool.idle.range_mut(len..=longest).next();
            if let Some((_, (_, mut buffer))) =
                found.and_then(|(length, buffers)| Some((*length, buffers.pop()?)))
            {
                pool.forget_empty();
                drop(pool);
                buffer.truncate(len);
                return Self(buffer);
            }
        }
        Self(vec![0.; len])
    }

    /// Zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut scratch = Self::take(len);
        scratch.fill(0.);
        scratch
    }

    /// A buffer that leaves the pool's care.
    pub(crate) fn into_vec(mut self) -> Vec<f32> {
        std::mem::take(&mut self.0)
    }

    /// Tells the pool that a pass begins: buffers that were idle for some passes are given back to
    /// the system.
    pub(crate) fn begin_pass() {
        let mut pool = pool();
        pool.pass += 1;
        let oldest = pool.pass.saturating_sub(KEPT_PASSES);
        for buffers in pool.idle.values_mut() {
            buffers.retain(|(pass, _)| *pass >= oldest);
        }
        pool.forget_empty();
    }
}

impl Pool {
    fn forget_empty(&mut self) {
        self.idle.retain(|_, buffers| !buffers.is_empty());
    }
}

impl From<Vec<f32>> for Scratch {
    fn from(values: Vec<f32>) -> Self {
        Self(values)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.len() >= SMALL {
            let mut pool = pool();
            let pass = pool.pass;
            let buffers = pool.idle.entry(buffer.len()).or_default();
            buffers.push((pass, buffer));
        }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
