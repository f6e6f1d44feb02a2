//! How several experts' answers become one.

/// How several experts' answers become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Combine {
    /// `Σ_e g_e E_e(x)`.
    #[default]
    WeightedSum,
    /// `ln Σ_e g_e e^{E_e(x)}`, finite for every finite answer.
    LogSpace,
}
