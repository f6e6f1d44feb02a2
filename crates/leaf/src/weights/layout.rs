//! Whose names a file's tensors have.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Whose names a file's tensors have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// This library's: `encoder.*`, `head.*`.
    #[default]
    Own,
    /// torchvision's ResNets: `conv1.weight`, `layer1.0.conv1.weight`, `fc.weight`.
    Torchvision,
    /// The LEAF authors' trainer: `base.0.weight`, `semantic_moe.*`, `instance_moe.*`, `classifier.*`.
    Released,
}

/// Places in the authors' sequence of torchvision's layers, those that hold weights.
const BASE: [(&str, &str); 6] = [
    ("0", "conv1"),
    ("1", "bn1"),
    ("4", "layer1"),
    ("5", "layer2"),
    ("6", "layer3"),
    ("7", "layer4"),
];

/// Layers of an expert, in the authors' names and in ours.
const EXPERT: [(&str, &str); 2] = [("fc.0.", "fc1."), ("fc.2.", "fc2.")];

impl Layout {
    /// All, in the order of [`Layout::NAMES`].
    pub const ALL: [Self; 3] = [Self::Own, Self::Torchvision, Self::Released];

    /// The names that [`std::str::FromStr`] reads.
    pub const NAMES: &'static str = "own, torchvision or released";

    /// The layout of these names.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let starts = names
            .into_iter()
            .find_map(|name| match name.split_once('.')?.0 {
                "encoder" | "head" => Some(Self::Own),
                "base" | "semantic_moe" | "instance_moe" => Some(Self::Released),
                _ => None,
            });
        starts.unwrap_or(Self::Torchvision)
    }

    /// A name of this layout in a network of this library. None for what such a network does not
    /// have: batch norm's counters and the constants of the authors' gates.
    pub(super) fn to_own(self, name: &str) -> Option<String> {
        if name.ends_with("num_batches_tracked") {
            return None;
        }
        match self {
            Self::Own => Some(name.to_owned()),
            Self::Torchvision => Some(match name.strip_prefix("fc.") {
                Some(rest) => format!("head.classifier.{rest}"),
                None => format!("encoder.{name}"),
            }),
            Self::Released => released_to_own(name),
        }
    }

    /// A name of a network of this library in this layout. None for what the layout has no place for.
    pub(super) fn of_own(self, name: &str) -> Option<String> {
        match self {
            Self::Own => Some(name.to_owned()),
            Self::Torchvision => match name.strip_prefix("head.classifier.") {
                Some(rest) => Some(format!("fc.{rest}")),
                None => name.strip_prefix("encoder.").map(str::to_owned),
            },
            Self::Released => own_to_released(name),
        }
    }
}

fn released_to_own(name: &str) -> Option<String> {
    let unknown = || Some(name.to_owned());
    let Some((first, rest)) = name.split_once('.') else {
        return unknown();
    };
    match first {
        "base" => {
            let Some((place, rest)) = rest.split_once('.') else {
                return unknown();
            };
            let layer = BASE.iter().find(|(number, _)| *number == place);
            match layer {
                Some((_, layer)) => Some(format!("encoder.{layer}.{rest}")),
                None => unknown(),
            }
        }
        "classifier" => Some(format!("head.{name}")),
        "semantic_moe" | "instance_moe" => {
            let level = first.trim_end_matches("_moe");
            match rest {
                "mean" | "std" => None,
                "w_gate" | "w_noise" => Some(format!("head.{level}.gate.{rest}")),
                _ => {
                    let [(a, ours_a), (b, ours_b)] = EXPERT;
                    let rest = rest.replace(a, ours_a).replace(b, ours_b);
                    Some(format!("head.{level}.{rest}"))
                }
            }
        }
        _ => unknown(),
    }
}

fn own_to_released(name: &str) -> Option<String> {
    if let Some(rest) = name.strip_prefix("encoder.") {
        let (layer, rest) = rest.split_once('.')?;
        let (number, _) = BASE.iter().find(|(_, own)| *own == layer)?;
        return Some(format!("base.{number}.{rest}"));
    }
    let rest = name.strip_prefix("head.")?;
    match rest.split_once('.')? {
        ("classifier", _) => Some(rest.to_owned()),
        (level @ ("semantic" | "instance"), rest) => {
            let [(a, ours_a), (b, ours_b)] = EXPERT;
            let rest = rest.strip_prefix("gate.").unwrap_or(rest);
            let rest = rest.replace(ours_a, a).replace(ours_b, b);
            Some(format!("{level}_moe.{rest}"))
        }
        _ => None,
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Own => "own",
            Self::Torchvision => "torchvision",
            Self::Released => "released",
        })
    }
}

impl std::str::FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        let named = |layout: &Self| layout.to_string() == text;
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| Error::Choice {
                field: "layout",
                value: text.to_owned(),
                expected: Self::NAMES,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for (layout, foreign, own) in [
            (
                Layout::Torchvision,
                "layer4.1.bn2.running_var",
                "encoder.layer4.1.bn2.running_var",
            ),
            (Layout::Torchvision, "fc.bias", "head.classifier.bias"),
            (Layout::Released, "base.0.weight", "encoder.conv1.weight"),
            (
                Layout::Released,
                "base.7.1.conv2.weight",
                "encoder.layer4.1.conv2.weight",
            ),
            (
                Layout::Released,
                "semantic_moe.w_gate",
                "head.semantic.gate.w_gate",
            ),
            (
                Layout::Released,
                "instance_moe.experts.3.fc.2.bias",
                "head.instance.experts.3.fc2.bias",
            ),
            (
                Layout::Released,
                "classifier.weight",
                "head.classifier.weight",
            ),
        ] {
            assert_eq!(layout.to_own(foreign).as_deref(), Some(own));
            assert_eq!(layout.of_own(own).as_deref(), Some(foreign));
            assert_eq!(
                Layout::of([foreign]),
                if foreign.starts_with("classifier") {
                    Layout::Torchvision
                } else {
                    layout
                }
            );
        }
        assert_eq!(Layout::of(["fc.bias", "encoder.conv1.weight"]), Layout::Own);
        for layout in Layout::ALL {
            assert_eq!(layout.to_string().parse().ok(), Some(layout));
            assert_eq!(layout.to_own("bn1.num_batches_tracked"), None);
        }
        assert_eq!(Layout::Released.to_own("instance_moe.std"), None);
        assert_eq!(
            Layout::Torchvision.of_own("head.semantic.gate.w_gate"),
            None
        );
    }

    #[test]
    fn unknown_names_stay_to_be_named() {
        let own = |name| Layout::Released.to_own(name);
        for name in ["base.2.weight", "decoder.weight", "base"] {
            assert_eq!(own(name).as_deref(), Some(name));
        }
    }
}
