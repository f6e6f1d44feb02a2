//! Makes the drawn-faces pack that `leaf-data` embeds.
//!
//! The faces are `avataaars` drawings whose mouth, eyes and eyebrows are chosen by the class, while
//! hair, skin, glasses, beard, clothes and colors vary from face to face. The same seed gives the
//! same bytes.

mod atlas;
mod draw;
mod manifest;
mod pack;
mod recipe;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use draw::Painter;
use pack::{Entry, Split, draw_split};
use recipe::RECIPES;

/// Draw labeled faces into PNG atlases with lists and a manifest.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Folder that the pack is written to; it is made if it does not exist.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Training faces a class.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    train: u32,
    /// Test faces a class, in each of the two test sets.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    test: u32,
    /// Which faces are drawn: the same seed gives the same bytes.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Also write a PNG file that shows 12 faces of each class (one row a class) of each split.
    #[arg(long, value_name = "FILE")]
    contact_sheet: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let splits = [
        split("train", false, options.train),
        split("test", false, options.test),
        split("test-unseen-styles", true, options.test),
    ];
    fs::create_dir_all(&options.out)
        .with_context(|| format!("cannot make {}", options.out.display()))?;

    let painter = Painter::new()?;
    let bar = progress(&splits)?;
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    let mut sheet = Vec::new();
    for split in &splits {
        bar.set_message(split.name);
        let entries = draw_split(&painter, split, options.seed, &mut seen, || bar.inc(1))?;
        let faces: Vec<&[u8]> = entries.iter().map(|e| e.face.pixels.as_slice()).collect();
        files.push((
            format!("{}.png", split.name),
            atlas::png(&faces, atlas::COLUMNS)?,
        ));
        files.push((
            format!("{}.csv", split.name),
            atlas::list(&entries).into_bytes(),
        ));
        sheet.extend(one_row_a_class(entries));
    }
    bar.finish();

    let manifest = manifest::manifest(options.seed, &splits, atlas::COLUMNS, &files)?;
    files.push(("manifest.json".into(), manifest.into_bytes()));
    for (name, bytes) in &files {
        atlas::write(&options.out.join(name), bytes)?;
        println!("{name}: {} bytes", bytes.len());
    }
    if let Some(path) = &options.contact_sheet {
        let faces: Vec<&[u8]> = sheet.iter().map(Vec::as_slice).collect();
        atlas::write(path, &atlas::png(&faces, SHEET_COLUMNS)?)?;
    }
    Ok(())
}

const SHEET_COLUMNS: usize = 12;

fn split(name: &'static str, unseen: bool, per_class: u32) -> Split {
    Split {
        name,
        unseen,
        per_class: per_class as usize,
    }
}

fn progress(splits: &[Split]) -> Result<ProgressBar> {
    let faces: usize = splits.iter().map(|s| s.per_class * RECIPES.len()).sum();
    let style = ProgressStyle::with_template("{msg:20} {bar:40} {pos}/{len} faces, {eta} left")?;
    Ok(ProgressBar::new(faces as u64).with_style(style))
}

/// The first faces of each class, padded with white.
fn one_row_a_class(entries: Vec<Entry>) -> Vec<Vec<u8>> {
    let mut rows: Vec<Vec<Vec<u8>>> = vec![Vec::new(); RECIPES.len()];
    for entry in entries {
        let row = &mut rows[entry.label];
        if row.len() < SHEET_COLUMNS {
            row.push(entry.face.pixels);
        }
    }
    let blank = vec![255; (draw::SIZE * draw::SIZE * 3) as usize];
    for row in &mut rows {
        row.resize(SHEET_COLUMNS, blank.clone());
    }
    rows.into_iter().flatten().collect()
}
