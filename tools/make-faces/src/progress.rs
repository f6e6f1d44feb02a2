//! Drawing several sets under a progress bar.

use std::collections::HashSet;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::draw::Painter;
use crate::split::{Face, Split, draw_split};

/// The faces of each split. No picture occurs twice, in no two of them either.
pub fn draw_sets(painter: &Painter, splits: &[Split], seed: u64) -> Result<Vec<Vec<Face>>> {
    let faces: usize = splits.iter().flat_map(|split| &split.counts).sum();
    let style = ProgressStyle::with_template("{msg:20} {bar:40} {pos}/{len} faces, {eta} left")?;
    let bar = ProgressBar::new(faces as u64).with_style(style);
    let mut seen = HashSet::new();
    let mut sets = Vec::with_capacity(splits.len());
    for split in splits {
        bar.set_message(split.name);
        sets.push(draw_split(painter, split, seed, &mut seen, || bar.inc(1))?);
    }
    bar.finish();
    Ok(sets)
}
