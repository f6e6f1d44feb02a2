//! The faces of a run, with a bar while they are read.

use indicatif::{ProgressBar, ProgressStyle};
use leaf::recipe::{Prepared, Progress, Recipe};

use crate::say::say;

/// Reads, checks and decodes the faces, and says what was found.
pub(crate) fn prepare(recipe: &Recipe) -> leaf::Result<Prepared> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let data = recipe.prepare(|progress: Progress| {
        bar.set_message(progress.what);
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
    })?;
    bar.finish_and_clear();
    say(data.describe())?;
    for bad in data.bad_files() {
        say(format!("left out: {bad}"))?;
    }
    Ok(data)
}
