//! Where a view is made: one face's planes, changed in place.

use crate::Face;
use crate::face::Planes;

/// A view in the making and the buffers that its operations need, all of which are used again for the
/// next view.
#[derive(Clone, Debug, Default)]
pub(crate) struct Canvas {
    pub(super) view: Planes,
    /// As long as the view's samples, once an operation needed it.
    pub(super) spare: Vec<u8>,
    /// Where the pixels of a row come from.
    pub(super) places: Vec<u32>,
}

impl Canvas {
    /// The view as it is now.
    pub(crate) fn view(&self) -> &Planes {
        &self.view
    }

    /// Begins with this face.
    pub(crate) fn load(&mut self, planes: &Planes) {
        self.begin(planes);
        self.view.samples.copy_from_slice(&planes.samples);
    }

    /// A view of the face's sides, its samples still those of the last one.
    pub(super) fn begin(&mut self, planes: &Planes) {
        let view = &mut self.view;
        view.samples.resize(planes.samples.len(), 0);
        (view.height, view.width) = (planes.height, planes.width);
        view.channels = planes.channels;
    }

    /// Each plane beside as much room, which becomes the view: `work(from, to)`.
    pub(super) fn through_spare(&mut self, mut work: impl FnMut(&[u8], &mut [u8])) {
        let area = self.view.area();
        self.spare.resize(self.view.samples.len(), 0);
        let planes = self.view.samples.chunks_exact(area);
        for (from, to) in planes.zip(self.spare.chunks_exact_mut(area)) {
            work(from, to);
        }
        std::mem::swap(&mut self.view.samples, &mut self.spare);
    }
}

/// What an operation makes of a face.
pub(super) fn changed(face: &Face, operation: impl FnOnce(&mut Canvas)) -> Face {
    let mut canvas = Canvas {
        view: Planes::of(face),
        ..Canvas::default()
    };
    operation(&mut canvas);
    canvas.view.to_face()
}
