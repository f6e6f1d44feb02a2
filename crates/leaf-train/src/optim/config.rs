//! The choice of an optimizer as a value.

use std::collections::BTreeMap;

use candle_core::Var;
use serde::{Deserialize, Serialize};

use super::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use crate::Result;

/// Which optimizer, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerConfig {
    /// Gradient descent with momentum.
    Sgd(SgdConfig),
    /// Adam or AdamW.
    Adam(AdamConfig),
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self::Sgd(SgdConfig::default())
    }
}

impl OptimizerConfig {
    /// The optimizer of these parameters.
    ///
    /// # Errors
    /// When a setting is out of its bounds or there are no parameters.
    pub fn build(self, parameters: &BTreeMap<String, Var>) -> Result<Box<dyn Optimizer>> {
        Ok(match self {
            Self::Sgd(cfg) => Box::new(Sgd::new(parameters, cfg)?),
            Self::Adam(cfg) => Box::new(Adam::new(parameters, cfg)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_readable_as_json() {
        let text = r#"{"adam": {"beta2": 0.99, "weight_decay": {"decoupled": 0.01}}}"#;
        let config: OptimizerConfig = serde_json::from_str(text).expect("a configuration");
        let OptimizerConfig::Adam(adam) = config else {
            panic!("{config:?}");
        };
        assert_eq!((adam.beta1, adam.beta2), (0.9, 0.99));
        assert!(serde_json::from_str::<OptimizerConfig>(r#"{"sgd": {"momentun": 0.9}}"#).is_err());
    }
}
