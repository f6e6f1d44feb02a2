//! The command line.

use std::path::PathBuf;

use clap::{ArgGroup, Parser, value_parser};

use crate::shares::Shares;
use crate::style::StyleName;

/// Draw labeled faces: the pack that leaf-data embeds, or further sets as folders of classes.
///
/// The same options give the same bytes. The faces are drawings: a figure on them says nothing of
/// photographs.
#[derive(Debug, Parser)]
#[command(version, group(ArgGroup::new("what").required(true)))]
pub struct Options {
    /// Write the pack (atlases, lists, manifest) to this folder; it is made if it does not exist.
    #[arg(long, value_name = "DIR", group = "what")]
    pub out: Option<PathBuf>,
    /// Write a set as DIR/train/CLASS/NAME.png and DIR/test/CLASS/NAME.png, with DIR/factors.csv;
    /// DIR must be empty or not exist.
    #[arg(long, value_name = "DIR", group = "what")]
    pub folders: Option<PathBuf>,
    /// Write skin, hair, accessories and the like of every face of the pack to this CSV file.
    #[arg(long, value_name = "FILE", group = "what")]
    pub factors: Option<PathBuf>,
    /// Drawing style of the folders; the pack is always avataaars.
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["out", "factors"])]
    pub style: StyleName,
    /// Shares of the classes among the folders' training faces; the test faces are always equal.
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["out", "factors"])]
    pub shares: Shares,
    /// Training faces a class, on average where the shares differ.
    #[arg(long, default_value_t = 400, value_parser = value_parser!(u32).range(1..=10_000))]
    pub train: u32,
    /// Test faces a class, in each test set.
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u32).range(1..=10_000))]
    pub test: u32,
    /// Which faces are drawn.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Also write a PNG file that shows 12 faces of each class (one row a class) of each set.
    #[arg(long, value_name = "FILE", conflicts_with = "factors")]
    pub contact_sheet: Option<PathBuf>,
}

impl Options {
    /// How many faces, and the seed.
    pub fn amounts(&self) -> Amounts {
        Amounts {
            train: self.train as usize,
            test: self.test as usize,
            seed: self.seed,
        }
    }
}

/// How many faces are drawn, and which.
#[derive(Clone, Copy, Debug)]
pub struct Amounts {
    /// Training faces a class, on average.
    pub train: usize,
    /// Test faces a class, in each test set.
    pub test: usize,
    /// The same seed gives the same faces.
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn exactly_one_thing_is_made() {
        assert!(parse("make-faces").is_err());
        assert!(parse("make-faces --out a --folders b").is_err());
        assert!(parse("make-faces --folders b --factors c").is_err());
        assert!(parse("make-faces --folders b").is_ok());
    }

    #[test]
    fn style_and_shares_are_the_folders_alone() {
        let options = parse("make-faces --folders b --style open-peeps --shares raf").unwrap();
        assert_eq!(options.style, StyleName::OpenPeeps);
        assert_eq!(options.shares, Shares::Raf);
        for line in ["--out a --style open-peeps", "--factors a --shares raf"] {
            let error = parse(&format!("make-faces {line}"))
                .unwrap_err()
                .to_string();
            assert!(error.contains("cannot be used with"), "{error}");
        }
    }
}
