//! Foreign weights into a network that recipes train.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use leaf_core::Parameters;
use leaf_train::{Weights, assign};

use super::Layout;
use super::shared::without_aliases;
use crate::Result;

/// How many names of tensors a line shows.
const SHOWN: usize = 6;

/// What was taken of a file, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whose names the file has.
    pub layout: Layout,
    /// Under which name the weights were in it, if they were under one.
    pub nest: Option<String>,
    /// How many tensors were taken.
    pub count: usize,
    /// The heads' tensors that were not, under the file's names.
    pub left_out: Vec<String>,
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} tensors under the names of layout {}",
            self.count, self.layout
        )?;
        if let Some(nest) = &self.nest {
            write!(f, ", from {nest}")?;
        }
        let shown = &self.left_out[..self.left_out.len().min(SHOWN)];
        if !shown.is_empty() {
            write!(f, "; left out: {}", shown.join(", "))?;
        }
        match self.left_out.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Gives the encoder of a network the weights of a file, whatever head they were trained with; the
/// network's own head stays as it is.
///
/// # Errors
/// [`leaf_train::Error::OtherTensors`] naming every tensor that is missing, unexpected or wrongly shaped, and
/// [`leaf_train::Error::NotACheckpoint`] if names that should mean one tensor do not. Then nothing is changed.
pub fn load_encoder(weights: &Weights, parameters: &Parameters) -> Result<Taken> {
    let mut vars = parameters.all();
    vars.retain(|name, _| is_of_encoder(name));
    let (layout, named) = own_names(weights)?;
    let (heads, encoder) = named
        .into_iter()
        .partition::<BTreeMap<_, _>, _>(|(own, _)| is_of_head(own));
    let left_out = heads.into_values().map(|(name, _)| name).collect();
    take(weights, layout, &vars, encoder, "encoder", left_out)
}

/// Gives a network all weights of a file: encoder and head. Heads that only training rules need stay
/// as they are.
///
/// # Errors
/// Those of [`load_encoder`].
pub fn load_all(weights: &Weights, parameters: &Parameters) -> Result<Taken> {
    let mut vars = parameters.all();
    vars.retain(|name, _| !is_auxiliary(name));
    let (layout, mut named) = own_names(weights)?;
    named.retain(|own, _| !is_auxiliary(own));
    take(weights, layout, &vars, named, "network", Vec::new())
}

/// Tensors under our names, each with the file's.
type Named = BTreeMap<String, (String, Tensor)>;

fn own_names(weights: &Weights) -> Result<(Layout, Named)> {
    let layout = Layout::of(weights.tensors().keys().map(String::as_str));
    let tensors = weights.tensors().clone();
    let tensors = match layout {
        Layout::Released => without_aliases(tensors, weights.path())?,
        Layout::Own | Layout::Torchvision => tensors,
    };
    let named = tensors.into_iter().filter_map(|(name, tensor)| {
        let own = layout.to_own(&name)?;
        Some((own, (name, tensor)))
    });
    Ok((layout, named.collect()))
}

fn take(
    weights: &Weights,
    layout: Layout,
    vars: &BTreeMap<String, Var>,
    named: Named,
    part: &'static str,
    left_out: Vec<String>,
) -> Result<Taken> {
    // What the network does not have is called by the name that is in the file.
    let tensors: BTreeMap<String, Tensor> = named
        .into_iter()
        .map(|(own, (name, tensor))| match vars.contains_key(&own) {
            true => (own, tensor),
            false => (name, tensor),
        })
        .collect();
    assign(vars, &tensors, part, weights.path())?;
    Ok(Taken {
        layout,
        nest: weights.nest().map(str::to_owned),
        count: tensors.len(),
        left_out,
    })
}

fn is_of_encoder(name: &str) -> bool {
    name.starts_with("encoder.")
}

fn is_auxiliary(name: &str) -> bool {
    name.starts_with("auxiliary.")
}

/// What stands behind an encoder.
fn is_of_head(name: &str) -> bool {
    name.starts_with("head.") || is_auxiliary(name)
}
