//! All labeled faces once, for rules that look at them now and then.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use leaf_core::Random;
use leaf_ssl::LabeledFaces;

use super::Faces;
use super::view::{View, ViewMaker};
use crate::Result;

/// How many faces go through the network at once.
const CHUNK: usize = 128;

/// All labeled faces in weakly augmented views, in the split's order.
///
/// The views of a pass depend on the seed and the pass's number alone.
#[derive(Clone, Debug)]
pub struct LabeledPass {
    pub(super) faces: Arc<Faces>,
    pub(super) places: Arc<[usize]>,
    pub(super) maker: ViewMaker,
    pub(super) random: Random,
    pub(super) device: Device,
}

impl LabeledPass {
    fn chunk(&self, number: usize, places: &[usize], random: &Random) -> Result<(Tensor, Tensor)> {
        let mut stack = self.faces.stack(places.len());
        let mut maker = self.maker.clone();
        let mut labels = Vec::with_capacity(places.len());
        for (row, &place) in places.iter().enumerate() {
            let mut stream = random.split_index((number * CHUNK + row) as u64);
            let face = self.faces.look(place)?;
            maker.push(&mut stack, &face, View::Weak, &mut stream);
            labels.push(self.faces.label(place)?);
        }
        let labels = Tensor::from_vec(labels, places.len(), &Device::Cpu)?;
        let images = stack.tensor()?.to_device(&self.device)?;
        Ok((images, labels.to_device(&self.device)?))
    }
}

impl LabeledFaces for LabeledPass {
    fn pass(
        &self,
        pass: usize,
    ) -> Box<dyn Iterator<Item = leaf_ssl::Result<(Tensor, Tensor)>> + '_> {
        let random = self.random.split_index(pass as u64);
        let chunks = self.places.chunks(CHUNK).enumerate();
        Box::new(chunks.map(move |(number, places)| {
            self.chunk(number, places, &random)
                .map_err(|error| leaf_ssl::Error::LabeledFaces(Box::new(error)))
        }))
    }
}
