//! LEAF's presets, as the checks go through them.

use leaf_core::LeafConfig;

/// Every preset by name; the first is the plain trainer.
pub fn presets() -> [(&'static str, LeafConfig); 4] {
    [
        ("off", LeafConfig::off()),
        ("robust", LeafConfig::robust()),
        ("paper", LeafConfig::paper()),
        ("released", LeafConfig::released()),
    ]
}

/// Which preset that is, for messages.
pub(crate) fn preset_name(leaf: &LeafConfig) -> &'static str {
    let mut presets = presets().into_iter();
    let found = presets.find(|(_, preset)| preset == leaf);
    found.map_or("its own LEAF", |(name, _)| name)
}

/// The presets under which no face's loss may depend on another face: off, and paper without the balance
/// loss, which is of all rows together.
pub fn faces_apart() -> [LeafConfig; 2] {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    [LeafConfig::off(), paper]
}

/// The same for pseudo-labels alone: neither labelled faces nor what compares or balances rows counts.
#[must_use]
pub fn unlabeled_alone(leaf: LeafConfig) -> LeafConfig {
    LeafConfig {
        supervised_weight: 0.,
        balance_weight: 0.,
        invariance_weight: 0.,
        ..leaf
    }
}
