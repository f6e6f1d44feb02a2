//! From a pickle's description of a tensor to the tensor.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::pickle::{Id, Pickle, Value};
use super::refusal::{Refusal, Result};
use super::storage::Storages;

/// Where a tensor's numbers are in its storage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    key: String,
    dtype: DType,
    offset: usize,
    shape: Vec<usize>,
    stride: Vec<usize>,
}

impl Place {
    /// What a value says of a tensor; none if it is something else.
    pub(super) fn of(pickle: &Pickle, id: Id) -> Result<Option<Self>> {
        let Some(((module, name), arguments)) = pickle.call(id) else {
            return Ok(None);
        };
        match (module, name) {
            // A parameter is a tensor with its wish for gradients.
            ("torch._utils", "_rebuild_parameter") => match arguments.first() {
                Some(&data) if pickle.call(data).is_some_and(|(name, _)| is_rebuild(name)) => {
                    Self::of(pickle, data)
                }
                _ => Ok(None),
            },
            name if is_rebuild(name) => Self::read(pickle, arguments).map(Some),
            _ => Ok(None),
        }
    }

    fn read(pickle: &Pickle, arguments: &[Id]) -> Result<Self> {
        let parts = || {
            let &[storage, offset, shape, stride, ..] = arguments else {
                return None;
            };
            let (kind, key) = storage_name(pickle, storage)?;
            let (shape, stride) = (pickle.sizes(shape)?, pickle.sizes(stride)?);
            Some((kind, key, pickle.size(offset)?, shape, stride))
        };
        let Some((kind, key, offset, shape, stride)) = parts() else {
            return Err(Refusal::new("a tensor described in another way", TENSOR));
        };
        if shape.len() != stride.len() {
            let found = format!(
                "a tensor of {} sizes and {} strides",
                shape.len(),
                stride.len()
            );
            return Err(Refusal::new(found, "as many"));
        }
        Ok(Self {
            key: key.to_owned(),
            dtype: dtype(kind)?,
            offset,
            shape,
            stride,
        })
    }

    /// Bytes of one number.
    fn width(&self) -> usize {
        self.dtype.size_in_bytes()
    }

    /// How many numbers there are, unless they are too many to count.
    fn count(&self) -> Option<usize> {
        self.shape
            .iter()
            .try_fold(1usize, |count, &size| count.checked_mul(size))
    }

    /// How many numbers a storage must have.
    fn end(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return Some(0);
        }
        let steps = self.shape.iter().zip(&self.stride);
        let last = steps.map(|(&size, &stride)| (size - 1).checked_mul(stride));
        let last = last.sum::<Option<usize>>()?;
        self.offset.checked_add(last)?.checked_add(1)
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape
            .iter()
            .zip(&self.stride)
            .rev()
            .all(|(&size, &stride)| {
                let fits = size <= 1 || stride == expected;
                expected *= size.max(1);
                fits
            })
    }

    /// The tensor of a storage.
    fn tensor(&self, storage: &[u8]) -> Result<Tensor> {
        let width = self.width();
        let there = storage.len() / width;
        let count = match (self.count(), self.end()) {
            // No view of a storage that a network has is larger than the storage.
            (Some(count), Some(end)) if count <= there && end <= there => count,
            _ => {
                let Self {
                    shape,
                    stride,
                    offset,
                    ..
                } = self;
                return Err(Refusal::new(
                    format!("shape {shape:?} with strides {stride:?} from number {offset} on"),
                    format!("one within its storage of {there} numbers"),
                ));
            }
        };
        let start = self.offset.min(there) * width;
        let gathered: Vec<u8>;
        let bytes = match self.is_contiguous() {
            true => &storage[start..start + count * width],
            false => {
                gathered = self.gather(storage, count);
                &gathered
            }
        };
        Tensor::from_raw_buffer(bytes, self.dtype, &self.shape, &Device::Cpu)
            .map_err(|error| Refusal::new(error.to_string(), "a tensor"))
    }

    /// The numbers in the order of their indices; all lie within the storage.
    fn gather(&self, storage: &[u8], count: usize) -> Vec<u8> {
        let width = self.width();
        let mut bytes = Vec::with_capacity(count * width);
        for number in 0..count {
            let (mut rest, mut at) = (number, self.offset);
            for (&size, &stride) in self.shape.iter().zip(&self.stride).rev() {
                at += rest % size * stride;
                rest /= size;
            }
            bytes.extend_from_slice(&storage[at * width..(at + 1) * width]);
        }
        bytes
    }
}

/// The kind and the key of a storage.
fn storage_name(pickle: &Pickle, id: Id) -> Option<(&str, &str)> {
    let Value::Outside(storage) = *pickle.value(id) else {
        return None;
    };
    let &[_, kind, key, ..] = pickle.items(storage)? else {
        return None;
    };
    Some((pickle.global(kind)?.1, pickle.text(key)?))
}

/// The bytes of one number of each storage of a pickle, by its key.
pub(super) fn widths(pickle: &Pickle) -> Result<HashMap<String, usize>> {
    let storages = pickle.ids().filter_map(|id| storage_name(pickle, id));
    storages
        .map(|(kind, key)| {
            let width = match kind {
                "CharStorage" => 1,
                "ComplexFloatStorage" => 8,
                "ComplexDoubleStorage" => 16,
                kind => dtype(kind)?.size_in_bytes(),
            };
            Ok((key.to_owned(), width))
        })
        .collect()
}

const TENSOR: &str = "storage, offset, shape and strides";

fn is_rebuild((module, name): (&str, &str)) -> bool {
    module == "torch._utils" && matches!(name, "_rebuild_tensor_v2" | "_rebuild_tensor")
}

fn dtype(storage: &str) -> Result<DType> {
    Ok(match storage {
        "FloatStorage" => DType::F32,
        "DoubleStorage" => DType::F64,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "LongStorage" => DType::I64,
        "IntStorage" => DType::I32,
        "ShortStorage" => DType::I16,
        "ByteStorage" | "BoolStorage" => DType::U8,
        other => {
            let known =
                "FloatStorage, DoubleStorage, HalfStorage, BFloat16Storage or one of integers";
            return Err(Refusal::new(format!("a {other}"), known));
        }
    })
}

/// Makes tensors of storages; several of the same place are one.
#[derive(Debug)]
pub(super) struct Tensors<'a> {
    storages: Storages<'a>,
    made: HashMap<Place, Tensor>,
    /// Bytes of the file, and of the tensors made so far.
    file: usize,
    taken: usize,
}

impl<'a> Tensors<'a> {
    pub(super) fn new(storages: Storages<'a>, file: usize) -> Self {
        Self {
            storages,
            made: HashMap::new(),
            file,
            taken: 0,
        }
    }

    /// The tensor at a place.
    pub(super) fn make(&mut self, place: &Place) -> Result<Tensor> {
        if let Some(tensor) = self.made.get(place) {
            return Ok(tensor.clone());
        }
        let storage = self.storages.bytes(&place.key, self.file)?;
        let tensor = place.tensor(&storage)?;
        self.taken = self
            .taken
            .saturating_add(tensor.elem_count() * place.width());
        if self.taken > self.file {
            return Err(Refusal::new(
                format!(
                    "tensors of more than {} bytes in a file of {}",
                    self.taken - 1,
                    self.file
                ),
                "no more numbers than the file holds",
            ));
        }
        self.made.insert(place.clone(), tensor.clone());
        Ok(tensor)
    }
}
