//! Threads that prepare batches ahead of their use.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use leaf_ssl::Batch;

use super::plan::Plan;
use crate::{Error, Result};

/// Finished batches that wait for each thread's turn; a thread with that many waits too.
const WAITING: usize = 1;

/// T threads, of which the i-th prepares the steps `first + i`, `first + i + T`, ...
///
/// Each has a channel of its own, so batches come in the order of their steps without any sorting.
#[derive(Debug)]
pub(super) struct Workers {
    first: u64,
    channels: Vec<Receiver<Result<Batch>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(super) fn start(plan: &Plan, first: u64, count: usize) -> Result<Self> {
        let mut workers = Self {
            first,
            channels: Vec::new(),
            threads: Vec::new(),
        };
        for i in 0..count {
            let (send, receive) = sync_channel(WAITING);
            let (plan, first) = (plan.clone(), first.wrapping_add(i as u64));
            let thread = Builder::new()
                .name(format!("leaf-data-{i}"))
                .spawn(move || work(plan, first, count, &send))
                .map_err(|source| Error::Thread { source })?;
            workers.channels.push(receive);
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// The batch of a step; steps must be asked for in order.
    pub(super) fn receive(&self, step: u64) -> Result<Batch> {
        let channel = ((step - self.first) % self.channels.len() as u64) as usize;
        self.channels[channel]
            .recv()
            .unwrap_or(Err(Error::WorkerEnded { step }))
    }
}

impl Drop for Workers {
    /// Ends the threads: without receivers their next batch cannot be sent.
    fn drop(&mut self) {
        self.channels.clear();
        for thread in self.threads.drain(..) {
            // A thread that panicked has been reported where its batch was missed.
            let _ = thread.join();
        }
    }
}

fn work(mut plan: Plan, first: u64, stride: usize, send: &SyncSender<Result<Batch>>) {
    let steps = (first..).step_by(stride);
    for step in steps {
        if send.send(plan.batch(step)).is_err() {
            return;
        }
    }
}
