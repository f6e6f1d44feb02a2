//! Golden numbers: what PyTorch, torchvision, Pillow and scikit-learn compute for the same inputs.
//!
//! Every `.safetensors` file below `tests/golden/` is a case; its metadata names the `kind`, and
//! [`KINDS`] says which function checks it. `LEAF_GOLDEN_DIR=DIR cargo test --test golden` checks
//! another folder of the same form. `tests/golden/README.md` says what each tensor is.

#[path = "golden_kinds/aggregation.rs"]
mod aggregation;
#[path = "golden_kinds/augment.rs"]
mod augment;
#[path = "golden_kinds/backbones.rs"]
mod backbones;
#[path = "golden_kinds/case.rs"]
mod case;
#[path = "golden_kinds/face_encoder.rs"]
mod face_encoder;
#[path = "golden_kinds/leaf_step.rs"]
mod leaf_step;
#[path = "golden_kinds/losses.rs"]
mod losses;
#[path = "golden_kinds/selection.rs"]
mod selection;
#[path = "golden_kinds/training.rs"]
mod training;
#[path = "golden_kinds/vision.rs"]
mod vision;
#[path = "golden_kinds/vit.rs"]
mod vit;

use std::error::Error;
use std::path::{Path, PathBuf};

use case::Case;

type Check = fn(&Case) -> Result<(), Box<dyn Error>>;

/// Which function checks a kind of case.
const KINDS: &[(&str, Check)] = &[
    ("aggregation", aggregation::aggregation),
    ("augment", augment::augment),
    ("category", losses::category),
    ("supcon", losses::supcon),
    ("ada_margin", selection::ada_margin),
    ("fixmatch", selection::fixmatch),
    ("flexmatch", selection::flexmatch),
    ("freematch", selection::freematch),
    ("freematch_fairness", selection::freematch_fairness),
    ("softmatch", selection::softmatch),
    ("uda", selection::uda),
    ("adamatch", selection::adamatch),
    ("leaf_rejected", selection::leaf_rejected),
    ("leaf_step", leaf_step::leaf_step),
    ("ema", training::ema),
    ("cosine_7_16", training::cosine_7_16),
    ("metrics", training::metrics),
    ("conv2d", vision::conv2d),
    ("max_pool2d", vision::max_pool2d),
    ("batch_norm", vision::batch_norm),
    ("resnet18", vision::resnet18),
    ("vit", vit::vit_case),
    ("face_encoder", face_encoder::face_encoder_case),
    ("bottleneck", backbones::bottleneck),
    ("wide_resnet", backbones::wide_resnet),
];

#[test]
fn golden_files_agree() {
    let root = std::env::var_os("LEAF_GOLDEN_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"),
        PathBuf::from,
    );
    let files = safetensors_below(&root);
    assert!(!files.is_empty(), "no golden files in {}", root.display());
    let failures: Vec<String> = files
        .iter()
        .filter_map(|file| {
            let error = check(file).err()?;
            Some(format!("{}: {error}", file.display()))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} golden files disagree:\n{}",
        failures.len(),
        files.len(),
        failures.join("\n")
    );
}

fn check(file: &Path) -> Result<(), Box<dyn Error>> {
    let case = Case::read(file)?;
    let kind = case.text("kind")?;
    let (_, check) = KINDS
        .iter()
        .find(|(name, _)| *name == kind)
        .ok_or_else(|| format!("no test knows the kind {kind:?}"))?;
    check(&case)
}

fn safetensors_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            files.extend(safetensors_below(&path));
        } else if path
            .extension()
            .is_some_and(|ending| ending == "safetensors")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}
