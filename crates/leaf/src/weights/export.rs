//! A checkpoint's weights under the names of PyTorch programs.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use leaf_core::LeafConfig;
use leaf_train::Checkpoint;

use super::Layout;
use super::shared::ALIASES;
use crate::recipe::{BackboneConfig, ClassifierSpec};
use crate::{Error, Result};

/// The weights of a checkpoint to predict with, under the names of a layout; heads that only training
/// needs are left out. In PyTorch they go into a module of these names:
///
/// ```python
/// from safetensors.torch import load_file
/// network = torchvision.models.resnet18(num_classes=7)
/// network.load_state_dict(load_file("exported.safetensors"))
/// ```
///
/// # Errors
/// [`Error::Layout`] naming what the layout has no place for: torchvision's networks have no mixtures and
/// no normalized features, the LEAF authors' network has just theirs.
pub fn export(checkpoint: &Checkpoint, layout: Layout) -> Result<BTreeMap<String, Tensor>> {
    let spec = ClassifierSpec::of_card(checkpoint.card())?;
    check(&spec, layout)?;
    let part = checkpoint.part_for_use();
    let all = checkpoint.tensors(part).into_iter().flatten();
    let own = all.filter(|(name, _)| !name.starts_with("auxiliary."));
    let mut tensors = BTreeMap::new();
    let mut homeless = Vec::new();
    for (name, tensor) in own {
        match layout.of_own(name) {
            Some(foreign) => drop(tensors.insert(foreign, tensor.clone())),
            None => homeless.push(name.clone()),
        }
    }
    if !homeless.is_empty() {
        return Err(refuse(layout, homeless.join(", ")));
    }
    if layout == Layout::Released {
        add_aliases(&mut tensors)?;
    }
    Ok(tensors)
}

/// Whether the layout's networks compute what this one does.
fn check(spec: &ClassifierSpec, layout: Layout) -> Result<()> {
    if layout == Layout::Own {
        return Ok(());
    }
    let backbone = spec.backbone;
    if !matches!(backbone.config(spec.channels), BackboneConfig::Residual(_)) {
        return Err(refuse(layout, format!("the backbone {backbone}")));
    }
    let there = &spec.leaf;
    let wanted = match layout {
        Layout::Released => LeafConfig::released(),
        Layout::Own | Layout::Torchvision => LeafConfig::off(),
    };
    let differs = [
        ("semantic level", there.semantic != wanted.semantic),
        ("instance level", there.instance != wanted.instance),
        ("normalization", there.normalization != wanted.normalization),
    ];
    let differs: Vec<&str> = differs
        .iter()
        .filter(|(_, differs)| *differs)
        .map(|(part, _)| *part)
        .collect();
    match differs.is_empty() {
        true => Ok(()),
        false => Err(refuse(
            layout,
            format!("this network's {}", differs.join(", ")),
        )),
    }
}

fn refuse(layout: Layout, what: String) -> Error {
    Error::Layout { layout, what }
}

/// The authors' names that mean no weights of their own: the expert's eight others and the constants.
fn add_aliases(tensors: &mut BTreeMap<String, Tensor>) -> Result<()> {
    for level in ["semantic_moe", "instance_moe"] {
        let first = format!("{level}.experts.0.");
        let expert: Vec<(String, Tensor)> = tensors
            .iter()
            .filter_map(|(name, tensor)| {
                Some((name.strip_prefix(&first)?.to_owned(), tensor.clone()))
            })
            .collect();
        for (rest, tensor) in expert {
            for alias in 1..ALIASES {
                tensors.insert(format!("{level}.experts.{alias}.{rest}"), tensor.clone());
            }
            tensors.insert(format!("{level}.expert.{rest}"), tensor);
        }
        for (name, value) in [("mean", 0f32), ("std", 1.)] {
            let constant = Tensor::new(&[value], &Device::Cpu)?;
            tensors.insert(format!("{level}.{name}"), constant);
        }
    }
    Ok(())
}
