//! Weak and strong views of a face, whatever it is given as.

use std::borrow::Cow;

use leaf_core::Random;

use super::features::ViewFeatures;
use super::stack::Stack;
use crate::Augmentation;
use crate::augment::Canvas;
use crate::face::Planes;

/// Which view of a face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Weak,
    Strong,
}

impl View {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Strong => "strong",
        }
    }
}

/// A face that was looked up.
#[derive(Debug)]
pub(super) enum Look<'a> {
    /// Its pixels at the working size.
    Planes(Cow<'a, Planes>),
    /// A row of a frozen encoder's features.
    Features(&'a ViewFeatures, usize),
}

/// Makes views, one after the other in the same memory.
#[derive(Clone, Debug)]
pub(super) struct ViewMaker {
    augmentation: Augmentation,
    canvas: Canvas,
}

impl ViewMaker {
    pub(super) fn new(augmentation: Augmentation) -> Self {
        Self {
            augmentation,
            canvas: Canvas::default(),
        }
    }

    /// Adds a view of the face to the stack.
    pub(super) fn push(&mut self, stack: &mut Stack, face: &Look, view: View, random: &mut Random) {
        match face {
            Look::Features(features, row) => stack.push_row(features.view(*row, view, random)),
            Look::Planes(planes) => {
                let (augmentation, canvas) = (&self.augmentation, &mut self.canvas);
                match view {
                    View::Weak => augmentation.make_weak(planes, canvas, random),
                    View::Strong => augmentation.make_strong(planes, canvas, random),
                }
                stack.push_planes(canvas.view());
            }
        }
    }
}
