//! Faces at their working size, each decoded once.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use candle_core::{Device, Tensor};

use super::stack::Stack;
use super::view::Look;
use super::{ImageConfig, ViewFeatures};
use crate::face::{Planes, fit_planes};
use crate::normalize::Line;
use crate::{Entry, Error, Face, Result, threads};

/// A list of faces at their working size, as 8-bit samples. Each is decoded and resized when it is first
/// used, and kept in memory as long as there is room ([`Faces::with_cache`]); the others are decoded
/// again. What is kept changes no number.
///
/// A face whose sides differ is cut to the square in its middle.
///
/// ```
/// # #[cfg(feature = "drawn-faces")] {
/// use candle_core::Device;
/// use leaf_data::{Faces, ImageConfig, drawn_faces};
///
/// let data = drawn_faces()?;
/// let faces = Faces::new(data.test(), &ImageConfig::default())?;
/// for chunk in faces.labeled_chunks(100, &Device::Cpu) {
///     let (images, labels) = chunk?;
///     assert_eq!((images.dims(), labels.dims()), (&[100, 1, 32, 32][..], &[100][..]));
/// }
/// # }
/// # Ok::<(), leaf_data::Error>(())
/// ```
#[derive(Debug)]
pub struct Faces {
    entries: Vec<Entry>,
    config: ImageConfig,
    lines: Vec<Line>,
    decoded: Vec<OnceLock<Planes>>,
    /// How many more faces may be kept.
    room: AtomicUsize,
    /// What is served in place of images, and which of its rows is each face's.
    features: Option<(Arc<ViewFeatures>, Vec<usize>)>,
}

/// Megabytes of decoded faces that are kept unless something else is asked for.
pub(super) const CACHE_MB: usize = 2048;

impl Faces {
    /// Faces of these entries, in their order.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the configuration makes no sense.
    pub fn new(entries: &[Entry], config: &ImageConfig) -> Result<Self> {
        config.check()?;
        let faces = Self {
            entries: entries.to_vec(),
            config: config.clone(),
            lines: config.normalization().lines(),
            decoded: entries.iter().map(|_| OnceLock::new()).collect(),
            room: AtomicUsize::new(0),
            features: None,
        };
        Ok(faces.with_cache(CACHE_MB))
    }

    /// The same faces, none decoded yet, of which as many are kept as fit into so many megabytes: 0 keeps
    /// none.
    #[must_use]
    pub fn with_cache(mut self, megabytes: usize) -> Self {
        let room = (megabytes.saturating_mul(1 << 20) / self.samples()).min(self.len());
        self.decoded.fill_with(OnceLock::new);
        self.room = AtomicUsize::new(room);
        self
    }

    /// The same faces, which are served as a frozen encoder's features `(N, D)` in place of images.
    ///
    /// # Errors
    /// [`Error::Features`] naming a face that has none.
    pub fn with_features(mut self, features: Arc<ViewFeatures>) -> Result<Self> {
        let rows = self.entries.iter().map(|entry| features.row(&entry.name));
        let rows = rows.collect::<Result<_>>()?;
        self.features = Some((features, rows));
        Ok(self)
    }

    /// How many faces there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no face.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries that the faces are made from.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How faces become tensors.
    pub fn config(&self) -> &ImageConfig {
        &self.config
    }

    /// Whether features are served in place of images.
    pub fn are_features(&self) -> bool {
        self.features.is_some()
    }

    /// The shape of a face as it is served.
    fn shape(&self) -> Vec<usize> {
        match &self.features {
            Some((features, _)) => vec![features.dim()],
            None => vec![
                self.config.color.channels(),
                self.config.size,
                self.config.size,
            ],
        }
    }

    /// Numbers of each face as it is served.
    pub(super) fn samples(&self) -> usize {
        self.shape().iter().product()
    }

    /// What views of a face are made from.
    pub(super) fn look(&self, place: usize) -> Result<Look<'_>> {
        match &self.features {
            Some((features, rows)) => Ok(Look::Features(features, rows[place])),
            None => Ok(Look::Planes(self.planes(place)?)),
        }
    }

    /// The face at this place.
    ///
    /// # Errors
    /// [`Error::Image`] naming the file if it cannot be decoded.
    ///
    /// # Panics
    /// If there are not that many faces.
    pub fn face(&self, place: usize) -> Result<Face> {
        Ok(self.planes(place)?.to_face())
    }

    pub(super) fn planes(&self, place: usize) -> Result<Cow<'_, Planes>> {
        let cell = &self.decoded[place];
        if let Some(planes) = cell.get() {
            return Ok(Cow::Borrowed(planes));
        }
        let face = self.entries[place].face(self.config.color)?;
        let planes = fit_planes(&face, self.config.size)?;
        let one_less = |room: usize| room.checked_sub(1);
        let order = Ordering::Relaxed;
        if self.room.fetch_update(order, order, one_less).is_err() {
            return Ok(Cow::Owned(planes));
        }
        if let Err(planes) = cell.set(planes) {
            // Another thread decoded the same face meanwhile.
            self.room.fetch_add(1, order);
            return Ok(Cow::Owned(planes));
        }
        self.planes(place)
    }

    /// Decodes all faces that there is room for now, on all threads. `progress` is told how many faces of how
    /// many are done.
    ///
    /// # Errors
    /// The first face's error in the list's order, if any cannot be decoded.
    pub fn preload(&self, progress: impl FnMut(usize, usize)) -> Result<()> {
        let first = self.decode_all(progress).into_iter().next();
        first.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Decodes all faces now, on all threads, and gives the places and errors of those that cannot be, in
    /// the list's order. `progress` is told how many faces of how many are done.
    pub fn decode_all(&self, mut progress: impl FnMut(usize, usize)) -> Vec<(usize, Error)> {
        let mut bad = Vec::new();
        let mut done = 0;
        let count = match self.are_features() {
            true => 0,
            false => self.room.load(Ordering::Relaxed).min(self.len()),
        };
        threads::each(
            count,
            |place| self.planes(place).err(),
            |place, error| {
                bad.extend(error.map(|error| (place, error)));
                done += 1;
                progress(done, count);
            },
        );
        bad.sort_by_key(|(place, _)| *place);
        bad
    }

    /// Images `(N, channels, size, size)`, or features `(N, D)`, and classes `(N,)` of all faces in order, `chunk`
    /// at a time (at least one), without augmentation.
    ///
    /// A chunk is an error if a face has no label or cannot be decoded.
    pub fn labeled_chunks(
        &self,
        chunk: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<(Tensor, Tensor)>> {
        let device = device.clone();
        self.places(chunk).map(move |places| {
            let labels = places
                .clone()
                .map(|place| self.label(place))
                .collect::<Result<Vec<u32>>>()?;
            let count = labels.len();
            Ok((
                self.images(places, &device)?,
                Tensor::from_vec(labels, count, &device)?,
            ))
        })
    }

    /// Images `(N, channels, size, size)`, or features `(N, D)`, of all faces in order, `chunk` at a time (at least
    /// one), without augmentation.
    ///
    /// A chunk is an error if a face cannot be decoded.
    pub fn chunks(&self, chunk: usize, device: &Device) -> impl Iterator<Item = Result<Tensor>> {
        let device = device.clone();
        self.places(chunk)
            .map(move |places| self.images(places, &device))
    }

    fn places(&self, chunk: usize) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let (chunk, count) = (chunk.max(1), self.len());
        (0..count)
            .step_by(chunk)
            .map(move |start| start..count.min(start.saturating_add(chunk)))
    }

    fn images(&self, places: std::ops::Range<usize>, device: &Device) -> Result<Tensor> {
        let mut stack = self.stack(places.len());
        for place in places {
            stack.push(&self.look(place)?);
        }
        Ok(stack.tensor()?.to_device(device)?)
    }

    /// The class of a face that must have one.
    pub(super) fn label(&self, place: usize) -> Result<u32> {
        let entry = &self.entries[place];
        entry.label.ok_or_else(|| Error::Unlabeled {
            name: entry.name.clone(),
        })
    }

    /// An empty stack with room for `count` images.
    pub(super) fn stack(&self, count: usize) -> Stack<'_> {
        Stack::new(&self.lines, self.shape(), count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Color;
    use crate::split::test_data::sizes;

    #[test]
    fn chunks_hold_every_face_once() {
        let data = sizes(&[4, 3], 0);
        let faces = Faces::new(
            data.training(),
            &ImageConfig {
                size: 8,
                ..Default::default()
            },
        )
        .unwrap();
        let chunks: Vec<_> = faces
            .labeled_chunks(3, &Device::Cpu)
            .map(Result::unwrap)
            .collect();
        let counts: Vec<usize> = chunks
            .iter()
            .map(|(images, _)| images.dim(0).unwrap())
            .collect();
        assert_eq!(counts, [3, 3, 1]);
        let labels: Vec<u32> = chunks
            .iter()
            .flat_map(|(_, labels)| labels.to_vec1::<u32>().unwrap())
            .collect();
        let expected: Vec<u32> = data
            .training()
            .iter()
            .filter_map(|entry| entry.label)
            .collect();
        assert_eq!(labels, expected);
        assert_eq!(faces.chunks(0, &Device::Cpu).count(), 7);
        assert_eq!(faces.chunks(usize::MAX, &Device::Cpu).count(), 1);
    }

    #[test]
    fn faces_without_a_label_cannot_be_measured_but_shown() {
        let data = sizes(&[1, 1], 1);
        let faces = Faces::new(
            data.training(),
            &ImageConfig {
                size: 8,
                ..Default::default()
            },
        )
        .unwrap();
        let error = faces
            .labeled_chunks(10, &Device::Cpu)
            .next()
            .unwrap()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "face \"u-0\" has no label, expected one to measure with"
        );
        assert_eq!(
            faces
                .chunks(10, &Device::Cpu)
                .next()
                .unwrap()
                .unwrap()
                .dims(),
            [3, 1, 8, 8]
        );
    }

    #[test]
    fn any_size_and_color_is_served() {
        let face = Face::new((0..30 * 20 * 3).map(|i| i as u8).collect(), 30, 20, 3).unwrap();
        let entries = [Entry::pixels("a", None, face)];
        for (color, channels) in [(Color::Gray, 1), (Color::Rgb, 3)] {
            let config = ImageConfig {
                size: 16,
                color,
                ..Default::default()
            };
            let faces = Faces::new(&entries, &config).unwrap();
            let images = faces.chunks(1, &Device::Cpu).next().unwrap().unwrap();
            assert_eq!(images.dims(), [1, channels, 16, 16]);
            let values = images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(values.iter().all(|v| (-1. ..=1.).contains(v)));
        }
    }

    #[test]
    fn only_as_many_faces_are_kept_as_there_is_room_for() {
        // A face of 512 x 512 takes a quarter of a megabyte.
        let data = sizes(&[4, 3], 0);
        let config = ImageConfig {
            size: 512,
            ..Default::default()
        };
        let faces = Faces::new(data.training(), &config).unwrap().with_cache(1);
        let mut last = (0, 0);
        faces.preload(|done, all| last = (done, all)).unwrap();
        assert_eq!(last, (4, 4));
        let kept = |place: usize| matches!(faces.planes(place).unwrap(), Cow::Borrowed(_));
        assert_eq!([0, 3, 4, 6].map(kept), [true, true, false, false]);
        let all = Faces::new(data.training(), &config).unwrap();
        for place in 0..7 {
            assert_eq!(faces.face(place).unwrap(), all.face(place).unwrap());
        }
        let none = all.with_cache(0);
        assert!(matches!(none.planes(0).unwrap(), Cow::Owned(_)));
    }

    #[test]
    fn preloading_names_the_first_bad_file() {
        let mut entries = sizes(&[2, 2], 0).training().to_vec();
        entries.push(Entry::file("m", None, "no/such/1.png"));
        entries.push(Entry::file("n", None, "no/such/2.png"));
        let faces = Faces::new(
            &entries,
            &ImageConfig {
                size: 8,
                ..Default::default()
            },
        )
        .unwrap();
        let mut last = (0, 0);
        let error = faces.preload(|done, all| last = (done, all)).unwrap_err();
        assert!(error.to_string().contains("1.png"), "{error}");
        assert_eq!(last, (6, 6));
    }
}
