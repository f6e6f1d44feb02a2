//! FlexMatch's curriculum: classes that are learned less pass more easily.
//!
//! Source: B. Zhang et al., "FlexMatch", NeurIPS 2021, equations 5 to 9, with the order of USB.

use candle_core::{Device, Tensor};
use leaf_core::Error;

use super::{Selector, on_host, weights};
use crate::{Error as SslError, PseudoLabels, Result, Seen, State, Stateful, Views, state_entry};

/// The configuration of a [`Curriculum`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct CurriculumConfig {
    /// The confidence from which a face counts as learned, and a fully learned class's threshold.
    pub threshold: f64,
    /// Whether faces that were never learned count as a class of their own in the normalization, so
    /// that thresholds stay low until most faces were.
    pub warmup: bool,
}

impl Default for CurriculumConfig {
    fn default() -> Self {
        Self {
            threshold: 0.95,
            warmup: true,
        }
    }
}

/// The saved entries.
const LEARNED: &str = "selected";
const STATUS: &str = "class_acc";

/// Keeps a face if `max p >= τ β_c / (2 - β_c)`, where β_c is the learning status of its class c.
///
/// β_c is the number of faces that were last learned as class c, over the largest such number (with
/// warm-up, over the faces that were never learned if those are more). A face is learned when its
/// confidence reaches τ, whatever its class's threshold. β is updated after the mask. The counts are
/// kept, not recounted.
///
/// The saved state is that of the faces by their places: it fits any training list of the same length,
/// whichever faces are on it.
#[derive(Clone, Debug)]
pub struct Curriculum {
    config: CurriculumConfig,
    learned: Vec<Option<usize>>,
    counts: Vec<usize>,
    never: usize,
    status: Vec<f32>,
}

impl Curriculum {
    /// For that many faces in the training list and that many classes.
    ///
    /// # Errors
    /// When the threshold is outside `[0, 1]` or there are no faces.
    pub fn new(config: CurriculumConfig, faces: usize, num_classes: usize) -> Result<Self> {
        if !(0. ..=1.).contains(&config.threshold) {
            return Err(Error::OutOfRange {
                field: "threshold",
                value: config.threshold,
                expected: "0 to 1",
            }
            .into());
        }
        if faces == 0 {
            return Err(Error::Zero { field: "faces" }.into());
        }
        Ok(Self {
            config,
            learned: vec![None; faces],
            counts: vec![0; num_classes],
            never: faces,
            status: vec![0.; num_classes],
        })
    }

    /// Each class's learning status β.
    pub fn status(&self) -> &[f32] {
        &self.status
    }

    /// τ β_c / (2 - β_c) for each class c.
    fn class_thresholds(&self) -> Vec<f32> {
        let threshold = self.config.threshold as f32;
        let status = self.status.iter();
        status
            .map(|status| threshold * (status / (2. - status)))
            .collect()
    }

    fn learn(&mut self, face: usize, class: usize) {
        match self.learned[face].replace(class) {
            Some(before) => self.counts[before] -= 1,
            None => self.never -= 1,
        }
        self.counts[class] += 1;
    }

    /// Checks that each of those faces has a place in the training list.
    fn expect_places(&self, index: &[usize], faces: usize) -> Result<()> {
        if index.len() != faces {
            return Err(SslError::Rows {
                what: "places of unlabelled faces",
                expected: faces,
                found: index.len(),
            });
        }
        let outside = index.iter().find(|&&face| face >= self.learned.len());
        outside.map_or(Ok(()), |&face| {
            Err(Error::OutOfRange {
                field: "index of an unlabelled face",
                value: face as f64,
                expected: "less than the number of faces",
            }
            .into())
        })
    }

    fn update_status(&mut self) {
        let largest = self.counts.iter().copied().max().unwrap_or(0);
        // While all faces are alike, the counts say nothing yet.
        if largest.max(self.never) == self.learned.len() {
            return;
        }
        let whole = match self.config.warmup {
            true => largest.max(self.never),
            false => largest,
        };
        for (status, count) in self.status.iter_mut().zip(&self.counts) {
            *status = *count as f32 / whole as f32;
        }
    }
}

impl Selector for Curriculum {
    fn needs(&self) -> Views {
        Views {
            index: true,
            ..Views::NONE
        }
    }

    fn select(&mut self, labels: &mut PseudoLabels, seen: &Seen) -> Result<Tensor> {
        labels.expect_classes(self.counts.len())?;
        let faces = on_host(labels)?;
        self.expect_places(&seen.index, faces.len())?;
        let threshold = self.config.threshold as f32;
        let thresholds = self.class_thresholds();
        let passes = |&(class, confidence): &(usize, f32)| {
            f32::from(u8::from(confidence >= thresholds[class]))
        };
        let mask = weights(faces.iter().map(passes).collect(), labels)?;
        for (&face, &(class, confidence)) in seen.index.iter().zip(&faces) {
            if confidence >= threshold {
                self.learn(face, class);
            }
        }
        self.update_status();
        Ok(mask)
    }

    fn thresholds(&self) -> Result<Option<Tensor>> {
        Ok(Some(Tensor::new(self.class_thresholds(), &Device::Cpu)?))
    }
}

impl Stateful for Curriculum {
    fn state(&self) -> Result<State> {
        let learned: Vec<i64> = self
            .learned
            .iter()
            .map(|class| class.map_or(-1, |class| class as i64))
            .collect();
        let device = &Device::Cpu;
        Ok(State::from([
            (LEARNED.to_owned(), Tensor::new(learned, device)?),
            (
                STATUS.to_owned(),
                Tensor::new(self.status.as_slice(), device)?,
            ),
        ]))
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let learned = state_entry(state, LEARNED, &[self.learned.len()])?.to_vec1::<i64>()?;
        let status = state_entry(state, STATUS, &[self.counts.len()])?.to_vec1::<f32>()?;
        let learned: Vec<Option<usize>> = learned
            .into_iter()
            .map(|class| usize::try_from(class).ok())
            .collect();
        let mut counts = vec![0; self.counts.len()];
        for &class in learned.iter().flatten() {
            let known = counts.get_mut(class).ok_or(Error::OutOfRange {
                field: "class in the saved state",
                value: class as f64,
                expected: "less than the number of classes",
            })?;
            *known += 1;
        }
        self.never = learned.iter().filter(|class| class.is_none()).count();
        self.counts = counts;
        self.learned = learned;
        self.status = status;
        Ok(())
    }
}
