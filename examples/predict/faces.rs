//! From files to labels, some hundred at a time.

use std::io::Cursor;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use candle_core::{Device, Tensor};
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use indicatif::{ProgressBar, ProgressStyle};
use leaf::data::face::fit_square;
use leaf::data::{Color, Entry, Faces};
use leaf::predict::{Prediction, Predictor};
use leaf::train::{Metrics, Tally};

/// Pixels of a thumbnail's side, and how much of it JPEG keeps.
const THUMBNAIL: usize = 96;
const QUALITY: u8 = 85;

/// What is asked for beside labels.
pub(crate) struct Job {
    /// Whether the folders' names are the true classes.
    pub(crate) truth: bool,
    /// Whether small pictures are made.
    pub(crate) thumbnails: bool,
    /// Where to compute.
    pub(crate) device: Device,
}

/// One face with its label.
pub(crate) struct Labelled {
    pub(crate) path: String,
    pub(crate) truth: Option<usize>,
    pub(crate) prediction: Prediction,
    /// A JPEG in base64.
    pub(crate) thumbnail: Option<String>,
}

/// All faces with their labels.
pub(crate) struct Labels {
    pub(crate) faces: Vec<Labelled>,
    /// The errors of the images that could not be read.
    pub(crate) unreadable: Vec<String>,
    /// How good the labels are, if the true classes are known.
    pub(crate) metrics: Option<Metrics>,
}

impl Labels {
    /// Labels faces, in their order.
    pub(crate) fn of(predictor: &Predictor, entries: &[Entry], job: &Job) -> leaf::Result<Self> {
        let classes = predictor.classes();
        let bar = ProgressBar::new(entries.len() as u64);
        let style = ProgressStyle::with_template("labelling {wide_bar} {pos}/{len} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let mut labels = Self {
            faces: Vec::with_capacity(entries.len()),
            unreadable: Vec::new(),
            metrics: None,
        };
        let mut tally = Tally::new(classes.len())?;
        for chunk in entries.chunks(Predictor::CHUNK) {
            let readable = labels.readable(chunk, predictor)?;
            if !readable.is_empty() {
                labels.add(predictor, &readable, job, &mut tally)?;
            }
            bar.inc(chunk.len() as u64);
        }
        bar.finish_and_clear();
        labels.metrics = (job.truth && tally.total() > 0).then(|| tally.metrics());
        Ok(labels)
    }

    /// Decodes faces; those that cannot be are noted and left out.
    fn readable(&mut self, chunk: &[Entry], predictor: &Predictor) -> leaf::Result<Faces> {
        let faces = Faces::new(chunk, predictor.images())?;
        let bad = faces.decode_all(|_, _| ());
        if bad.is_empty() {
            return Ok(faces);
        }
        let is_bad = |place: usize| bad.iter().any(|(other, _)| *other == place);
        let good = chunk
            .iter()
            .enumerate()
            .filter(|(place, _)| !is_bad(*place));
        let good: Vec<Entry> = good.map(|(_, entry)| entry.clone()).collect();
        self.unreadable
            .extend(bad.iter().map(|(_, error)| error.to_string()));
        Ok(Faces::new(&good, predictor.images())?)
    }

    fn add(
        &mut self,
        predictor: &Predictor,
        faces: &Faces,
        job: &Job,
        tally: &mut Tally,
    ) -> leaf::Result<()> {
        let entries = faces.entries();
        for images in faces.chunks(faces.len(), &job.device) {
            let found = predictor.predict(&images?)?;
            if job.truth {
                let truth = entries.iter().filter_map(|entry| entry.label);
                tally.add(&found.logits, &Tensor::from_iter(truth, &Device::Cpu)?)?;
            }
            for (entry, prediction) in entries.iter().zip(found.faces) {
                self.faces.push(Labelled {
                    path: entry.name.clone(),
                    truth: entry.label.map(|label| label as usize),
                    prediction,
                    thumbnail: if job.thumbnails {
                        Some(thumbnail(entry)?)
                    } else {
                        None
                    },
                });
            }
        }
        Ok(())
    }

    /// What was found, in a few lines.
    pub(crate) fn summary(&self, classes: &[String]) -> String {
        let count = |class: usize| {
            self.faces
                .iter()
                .filter(|face| face.prediction.class == class)
                .count()
        };
        let counts: Vec<String> = classes
            .iter()
            .enumerate()
            .map(|(class, name)| format!("{name} {}", count(class)))
            .collect();
        let ambiguous = self
            .faces
            .iter()
            .filter(|face| face.prediction.is_ambiguous())
            .count();
        let mut lines = vec![format!(
            "{} faces: {}; {ambiguous} ambiguous",
            self.faces.len(),
            counts.join(", ")
        )];
        if let Some(metrics) = &self.metrics {
            lines.push(format!(
                "accuracy {}, balanced {}",
                metrics.accuracy, metrics.balanced_accuracy
            ));
        }
        if !self.unreadable.is_empty() {
            lines.push(format!(
                "{} images could not be read",
                self.unreadable.len()
            ));
        }
        lines.join("\n")
    }
}

/// The face in color, as the network's square shows it.
fn thumbnail(entry: &Entry) -> leaf::Result<String> {
    let face = fit_square(&entry.face(Color::Rgb)?, THUMBNAIL)?;
    let mut bytes = Cursor::new(Vec::new());
    let side = THUMBNAIL as u32;
    let encoded = JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode(
        face.samples(),
        side,
        side,
        ExtendedColorType::Rgb8,
    );
    encoded.map_err(|error| leaf::Error::File {
        path: entry.name.clone(),
        source: std::io::Error::other(error),
    })?;
    Ok(BASE64_STANDARD.encode(bytes.into_inner()))
}
