//! The command line of a comparison.

use std::path::{Path, PathBuf};

use clap::Parser;
use leaf::compare::{Plan, Seeds, Tuning, Variant};
use leaf::data::{Color, ImageConfig, Normalization};
use leaf::recipe::{Backbone, FaceSource, FrozenEncoder, Recipe, TrainerChoice};
use leaf::vision::FaceEncoderConfig;

/// Trains algorithms plain, with alignment and with LEAF, over label budgets and seeds, and shows the paired
/// differences: same labelled faces, initial encoder, batches and views in every run of a seed.
///
/// It goes on where it was ended: a finished run is a line of runs.jsonl in the folder, and is not done again.
/// Drawn faces are not photographs: a figure on them says nothing of photographs.
#[derive(Debug, Parser)]
#[command(name = "compare", after_long_help = NOTES)]
pub(crate) struct Arguments {
    /// The algorithms, joined by commas, or all [default: fixmatch].
    #[arg(long, value_name = "NAMES", help_heading = "Runs")]
    algorithms: Option<Algorithms>,
    /// What is put into each, joined by commas, or all: plain, aligned (alignment without LEAF, the control),
    /// robust, aligned-robust, paper, released, and robust's levels alone: semantic, instance, category
    /// [default: plain,aligned,robust].
    #[arg(long, value_name = "NAMES", help_heading = "Runs")]
    variants: Option<Variants>,
    /// A variant with other settings of its algorithm, under a name: 'eight=robust; leaf.semantic.gate.num_experts=8';
    /// may be repeated.
    #[arg(long, value_name = "NAME=VARIANT;PATH=VALUE", help_heading = "Runs")]
    tune: Vec<Tuning>,
    /// Labelled faces of each class: the budgets, joined by commas [default: 4,10; with --quick 4].
    #[arg(long, value_name = "N", value_delimiter = ',', help_heading = "Runs")]
    labels_per_class: Vec<usize>,
    /// The seeds from A up to but not including B [default: 0..8; with --quick 0..2].
    #[arg(long, value_name = "A..B", help_heading = "Runs")]
    seeds: Option<Seeds>,
    /// Training steps of each run [default: 700; with --frozen 600; with --fine-tune 1000; with --quick 300].
    #[arg(long, value_name = "N", help_heading = "Runs")]
    steps: Option<usize>,
    /// Where the faces come from: drawn, rafdb:DIR, fer2013:FILE, ferplus:DIR, affectnet7:DIR, affectnet8:DIR or
    /// folder:DIR.
    #[arg(
        long,
        value_name = "SOURCE",
        default_value = "drawn",
        help_heading = "Runs"
    )]
    data: FaceSource,
    /// Train heads on the features of dlib's face encoder, frozen, in place of networks on images: the file is
    /// what convert_face_encoder writes. Features of all faces and of some views are made once and kept beside it.
    /// A run takes a second or two; unless --set says otherwise it has 600 steps of 21 labelled and 63 unlabelled
    /// faces with learning rate .02.
    #[arg(long, value_name = "FILE", help_heading = "Runs")]
    frozen: Option<PathBuf>,
    /// Fine-tune the last block of dlib's face encoder, on what the rest of it, frozen, makes of faces; the file, and
    /// what is kept beside it, as with --frozen. A run has 1000 steps of 21 labelled and 63 unlabelled faces with
    /// learning rate .001 unless --set says otherwise; each of the --jobs holds 180 kB a training face in memory.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "frozen",
        help_heading = "Runs"
    )]
    fine_tune: Option<PathBuf>,
    /// Ask what each trained network's features still tell of skin, hair and whatever else a CSV file lists of every
    /// face, beside its expression: tools/make-faces --factors writes it for the drawn faces. Into lines it goes as
    /// kept: the share of each factor that a linear layer explains on people unseen in training. Runs that are finished
    /// already are not asked.
    #[arg(long, value_name = "FILE", help_heading = "Runs")]
    pub(crate) factors: Option<PathBuf>,
    /// A setting that all runs share, by its path in a recipe: backbone=resnet18, data.images.size=64,
    /// train.learning_rate=0.01; may be repeated.
    #[arg(long, value_name = "PATH=VALUE", help_heading = "Runs")]
    set: Vec<String>,
    /// Few and short runs, to see what it looks like: they show nothing of LEAF.
    #[arg(long, help_heading = "Runs")]
    quick: bool,
    /// Folder of the lines, the table and the page [default: runs/compare, with --quick runs/compare-quick].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Runs at the same time, each with one computing thread; it changes no number but the times of steps
    /// [default: as many as the machine runs threads].
    #[arg(long, value_name = "N", help_heading = "Output", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Does runs for another process, which writes them to standard input.
    #[arg(long, hide = true, exclusive = true)]
    pub(crate) worker: bool,
}

const NOTES: &str = "\
Into the folder go settings.json (what all runs share), runs.jsonl (a line a finished run: what it found, its recipe,
fingerprints of what it shares with its pairs, the command and the commit), table.md and compare.html (a page that
needs no network). A folder that was made with other settings is refused; more algorithms, variants, budgets and
seeds may be added to it at any time. Runs are done on the processor.";

/// Algorithms, joined by commas.
#[derive(Clone, Debug)]
struct Algorithms(Vec<TrainerChoice>);

/// Variants, joined by commas.
#[derive(Clone, Debug)]
struct Variants(Vec<Variant>);

impl std::str::FromStr for Algorithms {
    type Err = leaf::Error;

    fn from_str(text: &str) -> leaf::Result<Self> {
        match text {
            "all" => Ok(Self(TrainerChoice::all())),
            names => names
                .split(',')
                .map(|name| name.trim().parse())
                .collect::<leaf::Result<_>>()
                .map(Self),
        }
    }
}

impl std::str::FromStr for Variants {
    type Err = leaf::Error;

    fn from_str(text: &str) -> leaf::Result<Self> {
        match text {
            "all" => Ok(Self(Variant::ALL.to_vec())),
            names => names
                .split(',')
                .map(|name| name.trim().parse())
                .collect::<leaf::Result<_>>()
                .map(Self),
        }
    }
}

/// What every run has for itself, and no setting decides.
const OWN: [&str; 4] = [
    "trainer",
    "seed",
    "data.split.labels_per_class",
    "data.split.shuffle",
];

impl Arguments {
    /// The runs that the options ask for.
    pub(crate) fn plan(&self) -> leaf::Result<Plan> {
        let algorithms = match &self.algorithms {
            Some(algorithms) => algorithms.0.clone(),
            None => vec!["fixmatch".parse()?],
        };
        let usual = || vec![Variant::Plain, Variant::Aligned, Variant::Robust];
        let variants = self.variants.as_ref().map_or_else(usual, |v| v.0.clone());
        let labels_per_class = match (self.labels_per_class.as_slice(), self.quick) {
            ([], true) => vec![4],
            ([], false) => vec![4, 10],
            (given, _) => given.to_vec(),
        };
        let seeds = if self.quick { 0..2 } else { 0..8 };
        Ok(Plan {
            base: self.base()?,
            algorithms,
            variants,
            tunings: self.tune.clone(),
            labels_per_class,
            seeds: self.seeds.clone().unwrap_or(Seeds(seeds)),
        })
    }

    /// What all runs share.
    fn base(&self) -> leaf::Result<Recipe> {
        let mut recipe = Recipe::default();
        let mut usual = 700;
        if let Some(weights) = &self.frozen {
            recipe = on_frozen(recipe, weights, Backbone::FaceFeatures);
            recipe.train.learning_rate = 0.02;
            usual = 600;
        }
        if let Some(weights) = &self.fine_tune {
            recipe = on_frozen(recipe, weights, Backbone::FaceTop);
            recipe.train.learning_rate = 0.001;
            usual = 1000;
        }
        if self.quick {
            usual = 300;
        }
        let train = &mut recipe.train;
        train.steps = self.steps.unwrap_or(usual);
        // Only the last weights are compared, and a run that was ended begins again.
        train.eval_every = train.steps;
        train.checkpoint_every = None;
        recipe.data.source = self.data.clone();
        recipe.data.loader.threads = Some(1);
        for setting in &self.set {
            let path = setting.split('=').next().unwrap_or_default().trim();
            let is_own = |own: &&str| {
                let inner = path.strip_prefix(*own);
                inner.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            if OWN.iter().any(is_own) {
                return Err(leaf::Error::Choice {
                    field: "set",
                    value: setting.clone(),
                    expected: "a setting that all runs share: trainer, seed, labels and shuffle are each run's own",
                });
            }
            recipe = recipe.with_setting(setting)?;
        }
        Ok(recipe)
    }

    /// The folder.
    pub(crate) fn out(&self) -> PathBuf {
        let usual = match self.quick {
            true => "runs/compare-quick",
            false => "runs/compare",
        };
        self.out.clone().unwrap_or_else(|| PathBuf::from(usual))
    }

    /// How many runs at the same time.
    pub(crate) fn jobs(&self) -> usize {
        match self.jobs {
            Some(jobs) => usize::from(jobs),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Training on what the frozen encoder makes of faces as it wants them.
fn on_frozen(mut recipe: Recipe, weights: &Path, backbone: Backbone) -> Recipe {
    recipe.backbone = backbone;
    recipe.frozen = Some(FrozenEncoder::new(weights));
    recipe.data.images = ImageConfig {
        size: FaceEncoderConfig::IMAGE_SIZE,
        color: Color::Rgb,
        normalization: Some(Normalization {
            mean: FaceEncoderConfig::MEAN.to_vec(),
            std: FaceEncoderConfig::STD.to_vec(),
        }),
    };
    recipe.data.loader.mu = 3;
    recipe
}
