//! Faces on their way to a tensor.

use candle_core::{Device, Tensor};

use super::view::Look;
use crate::Result;
use crate::face::Planes;
use crate::normalize::{Line, append_planes};

/// Normalized images or features, one after the other.
#[derive(Debug)]
pub(super) struct Stack<'a> {
    lines: &'a [Line],
    /// Of each face.
    shape: Vec<usize>,
    values: Vec<f32>,
    count: usize,
}

impl<'a> Stack<'a> {
    /// An empty stack with room for `count` faces of a shape.
    pub(super) fn new(lines: &'a [Line], shape: Vec<usize>, count: usize) -> Self {
        let room = count * shape.iter().product::<usize>();
        Self {
            lines,
            shape,
            values: Vec::with_capacity(room),
            count: 0,
        }
    }

    /// Adds a face as it is.
    pub(super) fn push(&mut self, face: &Look) {
        match face {
            Look::Planes(planes) => self.push_planes(planes),
            Look::Features(features, row) => self.push_row(features.plain(*row)),
        }
    }

    /// Adds an image of the working size.
    pub(super) fn push_planes(&mut self, planes: &Planes) {
        append_planes(planes, self.lines, &mut self.values);
        self.count += 1;
    }

    /// Adds features.
    pub(super) fn push_row(&mut self, row: &[f32]) {
        self.values.extend_from_slice(row);
        self.count += 1;
    }

    /// `(N, channels, size, size)`, or `(N, D)`, on the CPU.
    pub(super) fn tensor(mut self) -> Result<Tensor> {
        self.shape.insert(0, self.count);
        Ok(Tensor::from_vec(self.values, self.shape, &Device::Cpu)?)
    }
}
