//! The command line of a run.

mod choices;

use std::path::PathBuf;

use clap::Args;
use leaf::DeviceChoice;
use leaf::core::{InstanceLevel, LeafConfig, MixtureConfig};
use leaf::data::{CheckLevel, Color, Shuffle, UnlabeledSet};
use leaf::recipe::{Backbone, FaceSource, Preset, Recipe};
use leaf::train::CosineSchedule;

use choices::{CheckArgument, SplitArgument};

/// Which faces, which network, how long: everything about a run but its training rule.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArguments {
    /// Where the faces come from: drawn (with this library; not photographs), rafdb:DIR (RAF-DB's
    /// layout), fer2013:FILE (its CSV), ferplus:DIR (FER2013Train/ and its siblings, or fer2013new.csv
    /// beside fer2013.csv; ferplus-probability:DIR and ferplus-multi-target:DIR keep more faces, by the
    /// most votes), affectnet7:DIR or affectnet8:DIR (without or with contempt; train_set/,
    /// training.csv or split/), folder:DIR (train/CLASS/*.jpg and test/CLASS/*.jpg), or no faces:
    /// cifar10:DIR, mnist:DIR or fashion-mnist:DIR.
    #[arg(
        long,
        value_name = "SOURCE",
        default_value = "drawn",
        help_heading = "Faces"
    )]
    data: FaceSource,
    /// Labelled faces of each class; every training face is used without its label too.
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Faces")]
    labels_per_class: usize,
    /// Labelled faces in all instead, the same number of each class.
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "labels_per_class",
        help_heading = "Faces"
    )]
    labels: Option<usize>,
    /// File with the labelled faces' names, one a line or a split.json, instead of drawing them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["labels", "labels_per_class", "imbalance", "unlabelled_imbalance"], help_heading = "Faces")]
    labelled_list: Option<PathBuf>,
    /// How many times more labels the first class has than the last; negative for the reverse order.
    #[arg(
        long,
        value_name = "RATIO",
        default_value_t = 1.,
        help_heading = "Faces"
    )]
    imbalance: f64,
    /// The same for the faces that are used without a label.
    #[arg(
        long,
        value_name = "RATIO",
        default_value_t = 1.,
        help_heading = "Faces"
    )]
    unlabelled_imbalance: f64,
    /// Training faces of each class to hold out and choose the best step on (best.safetensors); none
    /// is ever chosen on the test faces.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Faces")]
    validation: usize,
    /// How the labelled faces are drawn: this library's generator with --seed, or NumPy's with seed 5
    /// as LEAF's authors do for RAF-DB or (one stream) FERPlus and AffectNet, who use only the other
    /// faces without a label.
    #[arg(long, value_enum, default_value_t = SplitArgument::Seeded, help_heading = "Faces")]
    split: SplitArgument,
    /// Height and width in pixels.
    #[arg(long, value_name = "PX", default_value_t = 32, help_heading = "Faces")]
    size: usize,
    /// Train on gray faces; --grey=false keeps the color.
    #[arg(
        long, visible_alias = "gray", value_name = "BOOL", default_value_t = true, num_args = 0..=1,
        require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set,
        help_heading = "Faces"
    )]
    grey: bool,
    /// Largest random shift of a view, as a share of its side.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.03125,
        help_heading = "Faces"
    )]
    shift: f64,
    /// Megabytes of decoded faces to keep of each list of faces; the others are decoded whenever they are used.
    #[arg(
        long,
        value_name = "MB",
        default_value_t = 2048,
        help_heading = "Faces"
    )]
    cache_mb: usize,
    /// How closely every listed file is looked at before the first step.
    #[arg(long, value_enum, default_value_t = CheckArgument::Headers, help_heading = "Faces")]
    check: CheckArgument,
    /// Decode every image before the first step and leave bad files out, and count them, instead of
    /// ending at one.
    #[arg(long, help_heading = "Faces")]
    skip_bad: bool,

    /// The encoder: narrow (for 32 to 64 pixels), resnet18, resnet34, resnet50, wrn28_2 or wrn28_8.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "narrow",
        help_heading = "Network"
    )]
    backbone: Backbone,
    /// What LEAF adds: robust (measured to work), paper (as drawn), released (as the authors' code
    /// computes) or none.
    #[arg(
        long,
        value_name = "PRESET",
        default_value = "robust",
        help_heading = "Network"
    )]
    pub(crate) leaf: Preset,
    /// Experts of each mixture, instead of the preset's.
    #[arg(long, value_name = "N", help_heading = "Network")]
    experts: Option<usize>,
    /// Experts that each face keeps, instead of the preset's.
    #[arg(long, value_name = "K", help_heading = "Network")]
    k: Option<usize>,
    /// Largest number of positive classes of a face, instead of the preset's.
    #[arg(long, value_name = "K", help_heading = "Network")]
    max_positives: Option<usize>,
    /// Start from all weights in this file: a checkpoint of the same network, or one that the LEAF
    /// authors' trainer saved (.pth.tar, with --leaf released).
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    init: Option<PathBuf>,
    /// Start the encoder from the weights in this file, whatever head they had: PyTorch's .pth, .pth.tar or
    /// .safetensors of a ResNet under torchvision's names or the LEAF authors', or a checkpoint. Such
    /// networks mostly see color: --grey=false.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "init",
        help_heading = "Network"
    )]
    pretrained: Option<PathBuf>,

    /// Training steps.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 700,
        help_heading = "Training"
    )]
    steps: usize,
    /// Steps of linear warm-up, which are part of the steps.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    warmup: usize,
    /// Labelled faces a step.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 21,
        help_heading = "Training"
    )]
    batch: usize,
    /// Unlabelled faces a step for each labelled one.
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Training")]
    mu: usize,
    /// Base learning rate of SGD with Nesterov momentum; it falls by cosine 7/16.
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 0.05,
        help_heading = "Training"
    )]
    learning_rate: f64,
    /// Share of the weights' average that each step keeps.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.99,
        help_heading = "Training"
    )]
    ema: f64,
    /// Evaluate and save after every so many steps.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        help_heading = "Training"
    )]
    eval_every: usize,
    /// Save everything that the run needs to go on (--resume) after every so many steps; 0 saves it only
    /// on Ctrl-C.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        help_heading = "Training"
    )]
    checkpoint_every: usize,
    /// How many of these checkpoints are kept.
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Training")]
    keep: usize,
    /// Leave out steps whose loss is infinite or not a number, and count them, instead of ending at one.
    #[arg(long, help_heading = "Training")]
    skip_nonfinite: bool,
    /// What decides split (unless NumPy's generator does), initial weights, batches and noise.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub(crate) seed: u64,
    /// Where to compute: cpu, cuda or metal (the latter two need a build with that feature).
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "cpu",
        help_heading = "Training"
    )]
    pub(crate) device: DeviceChoice,

    /// Folder for checkpoints, metrics, split and recipe; it is made if it is not there [default:
    /// runs/ and the example's name].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Do not write report.html, a page to look at, into the folder.
    #[arg(long, help_heading = "Output")]
    pub(crate) no_report: bool,
    /// JSON file for the final figures.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) summary: Option<PathBuf>,
}

/// Whether an option counts: all of them, or those that the command line names.
pub(crate) type Given<'a> = &'a dyn Fn(&str) -> bool;

impl RunArguments {
    /// Puts the options that count into a recipe, but for the training rule.
    pub(crate) fn change(&self, recipe: &mut Recipe, given: Given) {
        let set = |name: &str, change: &mut dyn FnMut()| {
            if given(name) {
                change();
            }
        };
        set("seed", &mut || recipe.seed = self.seed);
        set("backbone", &mut || recipe.backbone = self.backbone);
        set("init", &mut || recipe.init.clone_from(&self.init));
        set("pretrained", &mut || {
            recipe.pretrained.clone_from(&self.pretrained);
        });
        let warmup_steps = self.warmup;
        set("warmup", &mut || {
            recipe.schedule = CosineSchedule { warmup_steps };
        });
        let train = &mut recipe.train;
        set("steps", &mut || train.steps = self.steps);
        set("learning_rate", &mut || {
            train.learning_rate = self.learning_rate;
        });
        set("ema", &mut || train.ema_decay = Some(self.ema));
        set("eval_every", &mut || train.eval_every = self.eval_every);
        set("checkpoint_every", &mut || {
            train.checkpoint_every = Some(self.checkpoint_every).filter(|&every| every > 0);
        });
        set("keep", &mut || train.keep = self.keep);
        set("skip_nonfinite", &mut || {
            train.skip_nonfinite = self.skip_nonfinite;
        });
        self.change_data(recipe, given);
    }

    fn change_data(&self, recipe: &mut Recipe, given: Given) {
        let (run_seed, data) = (recipe.seed, &mut recipe.data);
        let set = |name: &str, change: &mut dyn FnMut()| {
            if given(name) {
                change();
            }
        };
        set("data", &mut || data.source = self.data.clone());
        set("size", &mut || data.images.size = self.size);
        let color = if self.grey { Color::Gray } else { Color::Rgb };
        set("grey", &mut || data.images.color = color);
        set("validation", &mut || {
            data.validation_per_class = self.validation;
        });
        set("skip_bad", &mut || data.skip_bad = self.skip_bad);
        set("check", &mut || data.check = self.check.level());
        let (split, loader) = (&mut data.split, &mut data.loader);
        set("labels_per_class", &mut || {
            split.labels_per_class = self.labels_per_class;
        });
        set("labels", &mut || split.total_labels = self.labels);
        set("labelled_list", &mut || {
            split.list.clone_from(&self.labelled_list);
        });
        set("imbalance", &mut || {
            split.labeled_imbalance = self.imbalance
        });
        set("unlabelled_imbalance", &mut || {
            split.unlabeled_imbalance = self.unlabelled_imbalance;
        });
        set("split", &mut || split.unlabeled = self.split.unlabeled());
        // The seed decides which faces keep their label, unless NumPy's generator does.
        let by_seed = matches!(split.shuffle, Shuffle::Seeded { .. });
        if given("split") || (given("seed") && by_seed) {
            split.shuffle = match given("split") {
                true => self.split.shuffle(run_seed),
                false => Shuffle::Seeded { seed: run_seed },
            };
        }
        set("batch", &mut || loader.batch_size = self.batch);
        set("mu", &mut || loader.mu = self.mu);
        set("cache_mb", &mut || loader.cache_mb = self.cache_mb);
        set("shift", &mut || loader.augment.padding = self.shift);
    }

    /// Puts numbers of experts and classes into a configuration.
    ///
    /// # Errors
    /// When an option changes a part that the configuration does not have.
    pub(crate) fn change_leaf(&self, leaf: &mut LeafConfig) -> leaf::Result<()> {
        let instance = leaf.instance.as_mut().map(|level| match level {
            InstanceLevel::Features(mixture) | InstanceLevel::Predictions(mixture) => mixture,
        });
        let mixtures: Vec<&mut MixtureConfig> = [leaf.semantic.as_mut(), instance]
            .into_iter()
            .flatten()
            .collect();
        for (field, value) in [("experts", self.experts), ("k", self.k)] {
            if mixtures.is_empty() {
                refuse(field, value)?;
            }
        }
        for mixture in mixtures {
            mixture.gate.num_experts = self.experts.unwrap_or(mixture.gate.num_experts);
            mixture.gate.k = self.k.unwrap_or(mixture.gate.k);
        }
        match &mut leaf.category {
            Some(category) => {
                let sets = &mut category.decoupling;
                sets.max_positives = self.max_positives.unwrap_or(sets.max_positives);
                Ok(())
            }
            None => refuse("max-positives", self.max_positives),
        }
    }
}

impl SplitArgument {
    fn shuffle(self, seed: u64) -> Shuffle {
        match self {
            Self::Seeded => Shuffle::Seeded { seed },
            Self::Authors => Shuffle::NumpyPerClass { seed: 5 },
            Self::AuthorsOneStream => Shuffle::NumpyOneStream { seed: 5 },
        }
    }

    fn unlabeled(self) -> UnlabeledSet {
        match self {
            Self::Seeded => UnlabeledSet::WithLabeled,
            Self::Authors | Self::AuthorsOneStream => UnlabeledSet::WithoutLabeled,
        }
    }
}

impl CheckArgument {
    fn level(self) -> CheckLevel {
        match self {
            Self::Headers => CheckLevel::Headers,
            Self::Full => CheckLevel::Full,
            Self::None => CheckLevel::None,
        }
    }
}

/// An option that would do nothing is an error, not ignored.
fn refuse(field: &'static str, value: Option<usize>) -> leaf::Result<()> {
    match value {
        None => Ok(()),
        Some(value) => Err(leaf::Error::Choice {
            field,
            value: value.to_string(),
            expected: "no value, since this trainer has no such part of LEAF",
        }),
    }
}
