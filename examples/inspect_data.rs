//! What a data set holds, and what a network will see of it.
//!
//! ```text
//! cargo run --release --example inspect_data
//! cargo run --release --example inspect_data -- --data rafdb:DIR --size 224 --color --out look
//! ```

#[path = "common/say.rs"]
mod say;
#[path = "common/status.rs"]
mod status;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use leaf::core::Random;
use leaf::data::face::to_gray;
use leaf::data::inspect::{Inspection, SHEET_COLUMNS, contact_sheet, inspect, png};
use leaf::data::{AugmentConfig, Augmentation, Color, DataSet, Entry, Face};
use leaf::recipe::FaceSource;
use leaf::train::write_atomically;
use say::say;

/// Looks at every face of a data set: classes, counts, sizes, files that cannot be read, and pictures that
/// are in training and in test.
///
/// Prints a page and writes it to OUT/summary.txt, everything found to OUT/summary.json, and a contact
/// sheet of each class to OUT/CLASS.png: a row a face, with the face itself, two weak and three strong views.
#[derive(Debug, Parser)]
#[command(name = "inspect_data")]
struct Arguments {
    /// Where the faces come from: drawn (with this library; not photographs), rafdb:DIR (RAF-DB's
    /// layout), fer2013:FILE (its CSV), ferplus:DIR (FER2013Train/ and its siblings, or fer2013new.csv
    /// beside fer2013.csv), affectnet7:DIR or affectnet8:DIR (without or with contempt; train_set/,
    /// training.csv or split/) or folder:DIR (train/CLASS/*.jpg and test/CLASS/*.jpg).
    #[arg(long, value_name = "SOURCE", default_value = "drawn")]
    data: FaceSource,
    /// Height and width in pixels that the network will see.
    #[arg(long, value_name = "PX", default_value_t = 64)]
    size: usize,
    /// Show faces in color instead of gray.
    #[arg(long)]
    color: bool,
    /// Faces on each contact sheet, evenly from the class's training faces; 0 writes no sheets.
    #[arg(long, value_name = "N", default_value_t = 8)]
    faces: usize,
    /// Largest random shift of a view, as a share of its side.
    #[arg(long, value_name = "SHARE", default_value_t = 0.03125)]
    shift: f64,
    /// Random operations of a strong view.
    #[arg(long, value_name = "N", default_value_t = 3)]
    operations: usize,
    /// What decides the random views.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Folder for the page and the sheets; it is made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "runs/inspect_data")]
    out: PathBuf,
}

fn main() -> ExitCode {
    status::of(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> leaf::Result<()> {
    // Settings that make no sense end this before a large data set is read.
    let augmentation = arguments.augmentation()?;
    let data = arguments.data.read()?;
    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|source| file_error(out, source))?;
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("decoding");
    let found = inspect(&data, |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    say(&found)?;
    write_atomically(&out.join("summary.txt"), found.to_string().as_bytes())?;
    write_atomically(&out.join("summary.json"), json(&found, out)?.as_bytes())?;
    if arguments.faces > 0 {
        arguments.sheets(&data, &augmentation)?;
        say(format!(
            "on each sheet, from the left: {}",
            SHEET_COLUMNS.join(", ")
        ))?;
    }
    Ok(())
}

impl Arguments {
    fn augmentation(&self) -> leaf::Result<Augmentation> {
        Ok(Augmentation::new(AugmentConfig {
            padding: self.shift,
            operations: self.operations,
            ..AugmentConfig::default()
        })?)
    }

    fn sheets(&self, data: &DataSet, augmentation: &Augmentation) -> leaf::Result<()> {
        for (class, name) in data.classes().iter().enumerate() {
            let faces = self.faces_of(data, class as u32);
            if faces.is_empty() {
                say(format!(
                    "{name}: no training face can be read, so there is no sheet"
                ))?;
                continue;
            }
            let random = Random::new(self.seed).split("contact sheet").split(name);
            let sheet = contact_sheet(&faces, self.size, augmentation, &random)?;
            let path = self.out.join(format!("{}.png", file_name(name)));
            write_atomically(&path, &png(name, &sheet)?)?;
            say(path.display())?;
        }
        Ok(())
    }

    /// Readable training faces of a class, evenly from its list. Those that cannot be read are on the page.
    fn faces_of(&self, data: &DataSet, class: u32) -> Vec<Face> {
        let of_class = |entry: &&Entry| entry.label == Some(class);
        let entries: Vec<&Entry> = data.training().iter().filter(of_class).collect();
        let step = (entries.len() / self.faces).max(1);
        let readable = entries
            .iter()
            .step_by(step)
            .filter_map(|entry| entry.face(Color::Rgb).ok());
        let shown = readable.map(|face| if self.color { face } else { to_gray(&face) });
        shown.take(self.faces).collect()
    }
}

/// A class's name as a file's: what may mean a folder or nothing to some system becomes a dash.
fn file_name(class: &str) -> String {
    let allowed = |letter: char| letter.is_alphanumeric() || "-_ ".contains(letter);
    class
        .chars()
        .map(|letter| if allowed(letter) { letter } else { '-' })
        .collect()
}

fn json(found: &Inspection, out: &Path) -> leaf::Result<String> {
    let text = serde_json::to_string_pretty(found);
    Ok(text.map_err(|error| file_error(out, error.into()))? + "\n")
}

fn file_error(path: &Path, source: std::io::Error) -> leaf::Error {
    leaf::Error::File {
        path: path.display().to_string(),
        source,
    }
}
