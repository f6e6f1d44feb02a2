//! TensorBoard's events: the fields of `Event`, `Summary` and `HistogramProto` that we write.
//!
//! Source: TensorBoard, `tensorboard/compat/proto/{event,summary,histogram}.proto`.

use super::message::Message;
use super::record::framed;

/// Edges of a histogram's bins: everything up to 0, then twentieths up to 1.
const BINS: u32 = 20;

/// What a step says, by tag.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    values: Vec<Message>,
}

impl Summary {
    /// A number, which TensorBoard keeps as f32.
    pub(super) fn scalar(&mut self, tag: &str, value: f64) {
        let entry = Message::default().text(1, tag).float(2, value as f32);
        self.values.push(entry);
    }

    /// How shares, in `[0, 1]`, are spread.
    pub(super) fn histogram(&mut self, tag: &str, shares: &[f64]) {
        let entry = Message::default().text(1, tag);
        self.values.push(entry.message(5, histogram(shares)));
    }

    fn message(self) -> Message {
        let values = self.values.into_iter();
        values.fold(Message::default(), |summary, value| {
            summary.message(1, value)
        })
    }
}

/// An event's record: what a step says.
pub(super) fn summary(wall_time: f64, step: usize, summary: Summary) -> Vec<u8> {
    let event = event(wall_time, step).message(5, summary.message());
    framed(&event.into_bytes())
}

/// The first record of a file, which says what the others are.
pub(super) fn file_version(wall_time: f64) -> Vec<u8> {
    let event = Message::default()
        .double(1, wall_time)
        .text(3, "brain.Event:2");
    framed(&event.into_bytes())
}

/// A new start: everything that was said before of this step and later ones is void.
pub(super) fn start(wall_time: f64, step: usize) -> Vec<u8> {
    // SessionLog.status = START
    let event = event(wall_time, step).message(7, Message::default().integer(1, 1));
    framed(&event.into_bytes())
}

fn event(wall_time: f64, step: usize) -> Message {
    let event = Message::default().double(1, wall_time);
    event.integer(2, step as u64)
}

fn histogram(shares: &[f64]) -> Message {
    let limits: Vec<f64> = (0..=BINS).map(|i| f64::from(i) / f64::from(BINS)).collect();
    let mut counts = vec![0.; limits.len()];
    for share in shares {
        // The last bin has what is above 1 too.
        let bin = limits.partition_point(|limit| limit < share);
        counts[bin.min(BINS as usize)] += 1.;
    }
    let fold = |start: f64, of: fn(f64, f64) -> f64| shares.iter().copied().fold(start, of);
    Message::default()
        .double(1, fold(f64::INFINITY, f64::min))
        .double(2, fold(f64::NEG_INFINITY, f64::max))
        .double(3, shares.len() as f64)
        .double(4, shares.iter().sum())
        .double(5, shares.iter().map(|share| share * share).sum())
        .doubles(6, &limits)
        .doubles(7, &counts)
}
