//! Parts that may be off, in a form that every format can hold.
//!
//! `None` has no form of its own in TOML: an entry that is not there would be read as the default, which
//! may be on. `#[serde(with = "leaf_core::switch")]` on an `Option` writes it as `"off"`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{
    F64Deserializer, I64Deserializer, MapAccessDeserializer, StrDeserializer, U64Deserializer,
};
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

/// What is written for a part that is off.
const OFF: &str = "off";

/// Writes the part, or `"off"`.
///
/// # Errors
/// Those of the format.
pub fn serialize<T: Serialize, S: Serializer>(
    part: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match part {
        Some(part) => part.serialize(serializer),
        None => serializer.serialize_str(OFF),
    }
}

/// Reads the part; `"off"` and a null are off.
///
/// # Errors
/// Those of the part, or of a text that is not `"off"`.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Switch(PhantomData))
}

struct Switch<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Switch<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a part's settings or {OFF:?}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match text {
            OFF => Ok(None),
            _ => T::deserialize(StrDeserializer::new(text))
                .map(Some)
                .map_err(|error: E| E::custom(format!("{error}, or {OFF:?}"))),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        let number: I64Deserializer<E> = value.into_deserializer();
        T::deserialize(number).map(Some)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        let number: U64Deserializer<E> = value.into_deserializer();
        T::deserialize(number).map(Some)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        let number: F64Deserializer<E> = value.into_deserializer();
        T::deserialize(number).map(Some)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::LeafConfig;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        #[serde(with = "super")]
        decay: Option<f64>,
    }

    impl Default for Settings {
        fn default() -> Self {
            Self { decay: Some(0.99) }
        }
    }

    #[test]
    fn off_survives_where_on_is_the_default() -> Result<(), serde_json::Error> {
        for decay in [None, Some(0.5)] {
            let text = serde_json::to_string(&Settings { decay })?;
            assert_eq!(serde_json::from_str::<Settings>(&text)?, Settings { decay });
        }
        assert_eq!(serde_json::from_str::<Settings>("{}")?.decay, Some(0.99));
        let whole = serde_json::from_str::<Settings>(r#"{"decay": 1}"#)?;
        assert_eq!(whole.decay, Some(1.));
        assert!(serde_json::from_str::<Settings>(r#"{"decay": "of"}"#).is_err());
        Ok(())
    }

    #[test]
    fn a_part_may_be_a_name() -> Result<(), serde_json::Error> {
        #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
        struct Named {
            #[serde(with = "super")]
            loss: Option<crate::CategoryLoss>,
        }
        for loss in [None, Some(crate::CategoryLoss::Set)] {
            let text = serde_json::to_string(&Named { loss })?;
            assert_eq!(serde_json::from_str::<Named>(&text)?, Named { loss });
        }
        let error = serde_json::from_str::<Named>(r#"{"loss": "sett"}"#).unwrap_err();
        assert!(error.to_string().contains("`sett`"), "{error}");
        Ok(())
    }

    #[test]
    fn every_preset_survives_and_unknown_names_do_not() -> Result<(), serde_json::Error> {
        for config in [
            LeafConfig::off(),
            LeafConfig::robust(),
            LeafConfig::paper(),
            LeafConfig::released(),
        ] {
            let text = serde_json::to_string(&config)?;
            assert_eq!(serde_json::from_str::<LeafConfig>(&text)?, config);
        }
        let text = r#"{"semantic": {"gate": {"num_expert": 4}}}"#;
        let error = serde_json::from_str::<LeafConfig>(text).unwrap_err();
        assert!(error.to_string().contains("num_expert"), "{error}");
        Ok(())
    }
}
