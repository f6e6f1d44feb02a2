//! What can be compared, by the names of the command line.

use clap::ValueEnum;

/// A network and the sizes at which it is used.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Model {
    Resnet18,
    Narrow,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Mode {
    /// A training step of four views, a forward pass each.
    Train,
    /// A training step of four views in one forward pass.
    Concat,
    /// A training step of the labelled view alone.
    Supervised,
    /// An evaluation pass.
    Eval,
}

/// How PyTorch lays out its maps.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Peer {
    #[value(name = "default")]
    Default,
    #[value(name = "channels_last")]
    ChannelsLast,
}

impl Model {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Resnet18 => "resnet18",
            Self::Narrow => "narrow",
        }
    }

    pub(crate) fn sizes(self) -> &'static [usize] {
        match self {
            Self::Resnet18 => &[224, 112, 64],
            Self::Narrow => &[48],
        }
    }

    pub(crate) fn batch(self) -> usize {
        match self {
            Self::Resnet18 => 16,
            Self::Narrow => 64,
        }
    }
}

impl Mode {
    /// As both programs call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Train => "separate",
            Self::Concat => "concat",
            Self::Supervised => "supervised",
            Self::Eval => "eval",
        }
    }
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::ChannelsLast => "channels_last",
        }
    }
}

/// A count on the command line.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("expected a whole number: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_start_at_1() {
        assert_eq!(positive("3"), Ok(3));
        assert_eq!(positive("0"), Err("expected at least 1".to_owned()));
        assert!(positive("-1").is_err_and(|error| error.contains("whole number")));
    }

    #[test]
    fn names_in_results_are_those_of_the_command_line() {
        for model in Model::value_variants() {
            assert_eq!(Model::from_str(model.name(), false), Ok(*model));
        }
        for peer in Peer::value_variants() {
            assert_eq!(Peer::from_str(peer.name(), false), Ok(*peer));
        }
    }
}
