//! The command line and the configuration file of `examples/train.rs`.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Output};

use leaf::recipe::{Preset, Recipe, TrainerChoice};
use leaf_core::LeafConfig;
use leaf_ssl::SupervisedConfig;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn train(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "train", "--"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
}

/// The recipe that these arguments make.
fn recipe(arguments: &[&str]) -> Outcome<Recipe> {
    let folder = tempfile::tempdir()?;
    let output = train(&[arguments, &["--print-config"]].concat())?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {message}");
    let path = folder.path().join("printed.toml");
    std::fs::write(&path, &output.stdout)?;
    Ok(Recipe::read(&path)?)
}

/// These arguments must end with the status 2 and a message with all of `texts`.
fn refused(arguments: &[&str], texts: &[&str]) -> Outcome {
    let output = train(arguments)?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    for wanted in texts {
        assert!(message.contains(wanted), "{arguments:?}: {message}");
    }
    Ok(())
}

fn file(folder: &Path, text: &str) -> Outcome<String> {
    let path = folder.join("mine.toml");
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

#[test]
fn options_make_a_recipe() -> Outcome {
    assert_eq!(recipe(&[])?, Recipe::default());
    let made = recipe(&[
        "--algorithm",
        "uda",
        "--leaf",
        "paper",
        "--levels",
        "semantic",
        "--steps",
        "9",
        "--seed",
        "4",
        "--set",
        "trainer.threshold=0.7",
        "--debias",
        "--pretrained",
        "resnet18.pth",
    ])?;
    assert_eq!(made.pretrained.as_deref(), Some(Path::new("resnet18.pth")));
    let TrainerChoice::Uda(uda) = &made.trainer else {
        panic!("{:?}", made.trainer);
    };
    assert_eq!(uda.threshold, 0.7);
    assert_eq!(uda.leaf.levels().to_string(), "semantic");
    assert_eq!(uda.leaf.semantic, LeafConfig::paper().semantic);
    assert_eq!((made.train.steps, made.seed), (9, 4));
    assert_eq!(
        made.data.split.shuffle,
        leaf_data::Shuffle::Seeded { seed: 4 }
    );
    assert!(made.debias.is_some());
    let host = recipe(&["--algorithm", "mixmatch"])?;
    assert_eq!(
        host.trainer.leaf().levels().to_string(),
        "semantic,instance"
    );
    Ok(())
}

#[test]
fn the_command_line_goes_before_the_file() -> Outcome {
    let folder = tempfile::tempdir()?;
    let text = "seed = 3\n[trainer]\nalgorithm = \"uda\"\nthreshold = 0.6\nleaf = \"paper\"\n\
                [train]\nsteps = 50\nema_decay = \"off\"\n[data.split]\nlabels_per_class = 25\n";
    let config = file(folder.path(), text)?;
    let read = recipe(&["--config", &config])?;
    assert_eq!(read, Recipe::read(Path::new(&config))?);
    assert_eq!((read.train.steps, read.train.ema_decay), (50, None));

    let changed = recipe(&["--config", &config, "--steps", "7", "--leaf", "none"])?;
    assert_eq!((changed.train.steps, changed.seed), (7, 3));
    assert_eq!(changed.data.split.labels_per_class, 25);
    let TrainerChoice::Uda(uda) = changed.trainer else {
        panic!("the file's trainer stays");
    };
    assert_eq!((uda.threshold, uda.leaf), (0.6, LeafConfig::off()));

    // The same algorithm keeps its settings, another one takes over the file's LEAF.
    let same = recipe(&["--config", &config, "--algorithm", "uda"])?;
    assert_eq!(same.trainer, read.trainer);
    let other = recipe(&["--config", &config, "--algorithm", "fixmatch"])?;
    assert_eq!(other.trainer.name(), "fixmatch");
    assert_eq!(other.trainer.leaf(), &LeafConfig::paper());
    let plain = ["--algorithm", "supervised", "--leaf", "none"];
    let plain = recipe(&[&["--config", &config], &plain[..]].concat())?;
    let supervised = SupervisedConfig::default().with_leaf(Preset::None.config());
    assert_eq!(plain.trainer, TrainerChoice::Supervised(supervised));
    Ok(())
}

#[test]
fn the_split_follows_the_seed_unless_the_file_says_otherwise() -> Outcome {
    let folder = tempfile::tempdir()?;
    let seeded = |seed| leaf_data::Shuffle::Seeded { seed };
    let shuffle = |text: &str, options: &[&str]| -> Outcome<leaf_data::Shuffle> {
        let config = file(folder.path(), text)?;
        Ok(recipe(&[&["--config", &config], options].concat())?
            .data
            .split
            .shuffle)
    };
    let own = "seed = 7\n[data.split.shuffle.seeded]\nseed = 9\n";
    assert_eq!(shuffle("seed = 7", &[])?, seeded(7));
    assert_eq!(shuffle(own, &[])?, seeded(9));
    assert_eq!(shuffle(own, &["--seed", "3"])?, seeded(3));
    assert_eq!(shuffle(own, &["--split", "seeded"])?, seeded(7));
    let numpy = "[data.split.shuffle.numpy_per_class]\nseed = 5\n";
    let kept = leaf_data::Shuffle::NumpyPerClass { seed: 5 };
    assert_eq!(shuffle(numpy, &["--seed", "3"])?, kept);
    Ok(())
}

#[test]
fn parts_that_are_on_can_be_switched_off() -> Outcome {
    let folder = tempfile::tempdir()?;
    let config = file(
        folder.path(),
        "[debias]\nstrength = 0.2\n[train]\nclip = 2.0\n",
    )?;
    let read = recipe(&["--config", &config])?;
    assert!(read.debias.is_some() && read.train.clip.is_some());
    let options = ["--debias=false", "--set", "train.clip=off"];
    let off = recipe(&[&["--config", &config], &options[..]].concat())?;
    assert!(off.debias.is_none() && off.train.clip.is_none());
    Ok(())
}

#[test]
fn levels_and_numbers_leave_the_rest_of_leaf_as_the_file_has_it() -> Outcome {
    let folder = tempfile::tempdir()?;
    let text =
        "[trainer]\nalgorithm = \"flexmatch\"\n[trainer.leaf.category]\nfaces = \"rejected\"\n";
    let config = file(folder.path(), text)?;
    for options in [&["--experts", "3"][..], &["--levels", "semantic,category"]] {
        let changed = recipe(&[&["--config", &config], options].concat())?;
        let category = changed.trainer.leaf().category.as_ref();
        let faces = category.map(|category| category.faces);
        assert_eq!(faces, Some(leaf_core::Faces::Rejected), "{options:?}");
    }
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    refused(
        &["--algorithm", "fixmach"],
        &["fixmach", "fixmatch, flexmatch"],
    )?;
    refused(
        &["--levels", "semantics"],
        &["semantics", "semantic, instance and category"],
    )?;
    refused(
        &["--algorithm", "pi-model", "--levels", "category"],
        &["levels = category", "pi-model", "semantic,instance"],
    )?;
    refused(&["--leaf", "none", "--levels", "semantic"], &["none"])?;
    refused(
        &["--algorithm", "mixmatch", "--max-positives", "2"],
        &["max-positives"],
    )?;
    refused(
        &["--algorithm", "supervised", "--debias"],
        &["debias", "supervised"],
    )?;
    refused(&["--steps", "-3"], &["-3", "--steps"])?;
    refused(
        &["--seed", "9223372036854775808"],
        &["seed", "9223372036854775807"],
    )?;
    refused(&["--config", "no/such.toml"], &["no/such.toml"])?;
    refused(
        &["--set", "trainer.treshold=0.5"],
        &["trainer.treshold=0.5"],
    )?;
    for (text, wanted) in [
        ("step = 5", "step"),
        ("[train]\nstep = 5", "step"),
        ("[trainer]\nalgorithm = \"uda\"\nheat = 1.0", "heat"),
        ("[trainer]\nalgorithm = \"udo\"", "udo"),
        (
            "[trainer]\nalgorithm = \"uda\"\n[trainer.leaf.category]\nwait = 1.0",
            "wait",
        ),
        ("seed = ", "line 1"),
        ("[train]\nsteps = \"many\"", "train.steps"),
    ] {
        let config = file(folder.path(), text)?;
        refused(&["--config", &config], &["mine.toml", wanted])?;
    }
    Ok(())
}

#[test]
fn a_run_leaves_its_recipe_and_its_figures() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (out, summary) = (path("out"), path("summary.json"));
    let arguments = [
        "--algorithm",
        "ada-cm",
        "--steps",
        "2",
        "--labels-per-class",
        "4",
        "--out",
        &out,
        "--summary",
        &summary,
    ];
    let output = train(&arguments)?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{message}");
    let written = Recipe::read(Path::new(&format!("{out}/recipe.toml")))?;
    assert_eq!(written, recipe(&arguments)?);
    assert!(Path::new(&out).join("last.safetensors").exists());
    let figures: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(summary)?)?;
    assert_eq!(figures["steps"], 2);
    assert!(figures["accuracy"].is_number());
    let quality = &figures["pseudo_labels"];
    assert!(quality["utilization"].is_number());
    assert_eq!(quality["classes"].as_array().map(Vec::len), Some(7));
    Ok(())
}
