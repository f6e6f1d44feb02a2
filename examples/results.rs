//! The tables of `docs/results.md` from the raw lines of the comparisons in `docs/results/`.
//!
//! ```text
//! cargo run --release --example results
//! cargo run --release --example results -- --check
//! ```

#[path = "common/say.rs"]
mod say;
#[path = "common/status.rs"]
mod status;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use leaf::compare::with_tables;
use say::say;

/// Makes the tables of a Markdown text anew from the raw lines of comparisons: between a line
/// '<!-- table FOLDER seeds=8..24 labels=4 -->' and the next '<!-- end -->' comes the table of the folder.
#[derive(Debug, Parser)]
#[command(name = "results")]
struct Arguments {
    /// The text [default: docs/results.md of this repository].
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Where the comparisons' folders are [default: the text's path without its ending].
    #[arg(long, value_name = "DIR")]
    lines: Option<PathBuf>,
    /// Changes nothing, and fails if a table is not what the lines say.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    status::of(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> leaf::Result<()> {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/results.md");
    let path = arguments.text.clone().unwrap_or_else(own);
    let lines = arguments.lines.clone();
    let lines = lines.unwrap_or_else(|| path.with_extension(""));
    let failed = |source| leaf::Error::File {
        path: path.display().to_string(),
        source,
    };
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    let made = with_tables(&text, &lines)?;
    let shown = path.display();
    if made == text {
        return say(format!("{shown}: its tables are what the lines say"));
    }
    if arguments.check {
        let what = "its tables are not what the lines say: run this without --check";
        return Err(failed(std::io::Error::other(what)));
    }
    leaf::train::write_atomically(&path, made.as_bytes())?;
    say(format!("{shown}: tables made anew"))
}
