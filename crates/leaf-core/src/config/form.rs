//! How LEAF's configuration is written: in full, or by a preset's name.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use super::{LeafConfig, Preset};

impl Serialize for LeafConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The derived function, which `remote` makes inherent.
        Self::serialize(self, serializer)
    }
}

/// Reads `"robust"`, `"paper"`, `"released"`, `"none"`, or settings, of which those that are missing are
/// robust's.
impl<'de> Deserialize<'de> for LeafConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form)
    }
}

struct Form;

impl<'de> Visitor<'de> for Form {
    type Value = LeafConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or LEAF's settings", Preset::NAMES)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<LeafConfig, E> {
        let preset: Preset = name.parse().map_err(E::custom)?;
        Ok(preset.config())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LeafConfig, A::Error> {
        LeafConfig::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_settings() -> Result<(), serde_json::Error> {
        for preset in Preset::ALL {
            let text = format!("\"{preset}\"");
            assert_eq!(serde_json::from_str::<LeafConfig>(&text)?, preset.config());
        }
        let settings = serde_json::from_str::<LeafConfig>(r#"{"dropout": 0.1}"#)?;
        assert_eq!(settings.dropout, 0.1);
        assert_eq!(settings.semantic, LeafConfig::robust().semantic);
        let error = serde_json::from_str::<LeafConfig>("\"robusta\"").unwrap_err();
        assert!(error.to_string().contains("robust, paper"), "{error}");
        assert!(serde_json::from_str::<LeafConfig>(r#"{"drop": 0.1}"#).is_err());
        Ok(())
    }
}
