//! A trained checkpoint labels faces: a folder in, a table out.
//!
//! ```text
//! cargo run --release --example predict -- runs/fixmatch_leaf my/faces --out labels.csv --html labels.html
//! ```

mod faces;
#[path = "../common/say.rs"]
mod say;
mod sheet;
mod source;
#[path = "../common/status.rs"]
mod status;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use faces::Labels;
use leaf::DeviceChoice;
use leaf::data::Entry;
use leaf::predict::Predictor;
use leaf::recipe::Summary;
use say::say;

/// Labels faces with a trained checkpoint, which is all that it needs: classes, preprocessing and
/// network travel inside it.
#[derive(Debug, Parser)]
#[command(name = "predict", after_long_help = ABOUT)]
struct Arguments {
    /// A checkpoint (last.safetensors, best.safetensors), or a run's folder, whose last one is taken.
    checkpoint: PathBuf,
    /// Images, and folders of them (jpg, jpeg, png, bmp or webp, in folders below too); the word drawn means
    /// the drawn test faces that come with the library.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The table to write, by its ending: .csv or .json.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A sheet of the faces with their labels, too: one HTML file with everything in it.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Take the name of each image's folder as its true class, and report how many labels are right.
    #[arg(long)]
    truth: bool,
    /// A face is ambiguous if one class alone and the next likeliest do not reach this probability.
    #[arg(long, value_name = "P", default_value_t = 0.9)]
    mass: f64,
    /// Largest number of classes in question for a face [default: 3, or one less than there are].
    #[arg(long, value_name = "K")]
    max_positives: Option<usize>,
    /// Where to compute: cpu, cuda or metal (the latter two need a build with that feature).
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: DeviceChoice,
}

const ABOUT: &str = "\
A row of the CSV: path; label, the likeliest class; truth, with --truth; p_CLASS, each class's probability; possible,
the classes in question joined by |, if there are several; LEVEL_expert, the expert (from 0) that counts most at each of
LEAF's levels that the network has. The JSON says the same, and each kept expert's weight.

The classes in question are the positive set of LEAF's category level on the probabilities as they are: the likeliest
n classes, n the smallest number for which n + 1 classes reach --mass, or --max-positives.

Images that cannot be read are named, left out and counted; then it ends with the status 1. Anything else wrong ends
it with an error and the status 2.";

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => status::of(Err(error)),
    }
}

/// How many images could not be read.
fn run(arguments: &Arguments) -> leaf::Result<usize> {
    let form = table::Form::of(&arguments.out)?;
    for path in arguments.html.iter().chain([&arguments.out]) {
        Summary::check_path(path)?;
    }
    let predictor = arguments.predictor()?;
    say(describe(&predictor))?;
    let entries = arguments.entries(predictor.classes())?;
    let labels = Labels::of(&predictor, &entries, &arguments.job()?)?;
    write(&arguments.out, &form.text(&labels, predictor.classes())?)?;
    if let Some(path) = &arguments.html {
        write(path, &sheet::page(&labels, &predictor))?;
    }
    for skipped in &labels.unreadable {
        say(format!("left out: {skipped}"))?;
    }
    say(labels.summary(predictor.classes()))?;
    Ok(labels.unreadable.len())
}

impl Arguments {
    fn predictor(&self) -> leaf::Result<Predictor> {
        let predictor = Predictor::open(&self.checkpoint, &self.device.open()?)?;
        let at_most = predictor.classes().len().saturating_sub(1).min(3);
        predictor.with_sets(self.mass, self.max_positives.unwrap_or(at_most))
    }

    /// The faces at all paths, in their order.
    fn entries(&self, classes: &[String]) -> leaf::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for path in &self.paths {
            match path.as_os_str() == "drawn" && !path.exists() {
                true => entries.extend(source::drawn(classes, self.truth)?),
                false => entries.extend(source::at(path, classes, self.truth)?),
            }
        }
        Ok(entries)
    }

    fn job(&self) -> leaf::Result<faces::Job> {
        Ok(faces::Job {
            truth: self.truth,
            thumbnails: self.html.is_some(),
            device: self.device.open()?,
        })
    }
}

fn describe(predictor: &Predictor) -> String {
    let card = predictor.card();
    format!(
        "{}: {} network after {} steps, {} pixels, classes {}",
        predictor.path().display(),
        card.architecture.name,
        predictor.step(),
        card.preprocessing.size,
        card.classes.join(", ")
    )
}

fn write(path: &Path, text: &str) -> leaf::Result<()> {
    leaf::train::write_atomically(path, text.as_bytes())?;
    say(format!("written: {}", path.display()))
}
