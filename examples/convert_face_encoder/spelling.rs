//! From face-api.js's names and layout to the encoder's.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::Outcome;

/// Every tensor of the encoder, which has these shapes, out of the published ones; none of them may be
/// left over.
pub(crate) fn to_encoder(
    published: BTreeMap<String, Tensor>,
    shapes: &BTreeMap<String, Vec<usize>>,
) -> Outcome<BTreeMap<String, Tensor>> {
    let mut published = Published(published);
    let mut tensors = BTreeMap::new();
    for (name, shape) in shapes {
        if let Some(layer) = name.strip_suffix(".conv.weight") {
            let filters = published.filters(layer, shape)?;
            let (scale, bias) = published.scale(layer, shape[0])?;
            tensors.insert(name.clone(), filters);
            tensors.insert(format!("{layer}.scale.weight"), scale);
            tensors.insert(format!("{layer}.scale.bias"), bias);
        }
    }
    let fc = "fc.weight";
    if let Some([out_dim, in_dim]) = shapes.get(fc).map(Vec::as_slice) {
        let weight = published.take("fc", &[*in_dim, *out_dim])?;
        tensors.insert(fc.to_owned(), weight.t()?.contiguous()?);
    }
    published.none_left()?;
    match shapes.keys().find(|name| !tensors.contains_key(*name)) {
        None => Ok(tensors),
        Some(name) => Err(format!("the encoder's {name:?} is not among what is converted").into()),
    }
}

/// What is not yet converted.
struct Published(BTreeMap<String, Tensor>);

impl Published {
    /// `(out, in, h, w)`, of `(h, w, in, out)`.
    fn filters(&mut self, layer: &str, shape: &[usize]) -> Outcome<Tensor> {
        let mut stored = shape.to_vec();
        stored.rotate_left(2);
        stored[2..].reverse();
        let filters = self.take(&path(layer, "conv/filters"), &stored)?;
        Ok(filters.permute((3, 2, 0, 1))?.contiguous()?)
    }

    /// Scale and bias; the convolution's own bias, about 1e-7 in the published weights, becomes part
    /// of the latter: `w (y + c) + b = w y + (b + w c)`.
    fn scale(&mut self, layer: &str, channels: usize) -> Outcome<(Tensor, Tensor)> {
        let scale = self.take(&path(layer, "scale/weights"), &[channels])?;
        let bias = self.take(&path(layer, "scale/biases"), &[channels])?;
        let own_bias = self.take(&path(layer, "conv/bias"), &[channels])?;
        let bias = (bias + (&scale * own_bias)?)?;
        Ok((scale, bias))
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Outcome<Tensor> {
        let tensor = self.0.remove(name);
        let tensor = tensor.ok_or_else(|| format!("tensor {name:?} is missing"))?;
        match tensor.dims() == shape {
            true => Ok(tensor),
            false => Err(format!(
                "tensor {name:?} has shape {:?}, expected {shape:?}",
                tensor.dims()
            )
            .into()),
        }
    }

    fn none_left(&self) -> Outcome {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("tensor {name:?} is not one of the face encoder's").into()),
        }
    }
}

fn path(layer: &str, part: &str) -> String {
    format!("{}/{part}", layer.replace('.', "/"))
}
