//! Weights of a file as a recipe's start, and a run's weights as a file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use candle_core::{Device, Tensor};
use leaf::recipe::{Prepared, Preset, Recipe, TrainerChoice};
use leaf::weights::{Layout, export};
use leaf_ssl::SupervisedConfig;
use leaf_train::{Checkpoint, Part, Weights};

use crate::{Outcome, file};

static FACES: LazyLock<Prepared> = LazyLock::new(|| {
    let prepared = recipe(Preset::None).prepare(|_| ());
    prepared.expect("the drawn faces")
});

/// A step that moves no weight.
fn recipe(preset: Preset) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.data.images.size = 16;
    recipe.data.split.labels_per_class = 1;
    recipe.data.loader.batch_size = 7;
    recipe.train.steps = 1;
    recipe.train.eval_every = 1;
    recipe.train.learning_rate = 1e-30;
    recipe.train.ema_decay = None;
    let supervised = TrainerChoice::Supervised(SupervisedConfig::default());
    recipe.trainer = supervised.with_leaf(preset.config());
    recipe
}

fn run(recipe: &Recipe, folder: &Path) -> Outcome<Checkpoint> {
    let outcome = recipe.train(&FACES, &Device::Cpu, folder, &mut [])?;
    Ok(Checkpoint::read(outcome.checkpoint)?)
}

fn save(tensors: BTreeMap<String, Tensor>, path: &Path) -> Outcome {
    Ok(candle_core::safetensors::save(
        &tensors.into_iter().collect(),
        path,
    )?)
}

fn weights<'a>(checkpoint: &'a Checkpoint, name: &str) -> Outcome<&'a Tensor> {
    let tensors = checkpoint.tensors(Part::Student).ok_or("no student")?;
    Ok(tensors.get(name).ok_or("no such tensor")?)
}

fn numbers(checkpoint: &Checkpoint, name: &str) -> Outcome<Vec<f32>> {
    Ok(weights(checkpoint, name)?.flatten_all()?.to_vec1()?)
}

#[test]
fn what_is_exported_can_be_started_from() -> Outcome {
    let folder = tempfile::tempdir()?;
    let plain = run(&recipe(Preset::None), &folder.path().join("plain"))?;
    let path = folder.path().join("plain.safetensors");
    save(export(&plain, Layout::Torchvision)?, &path)?;
    assert!(Weights::read(&path)?.tensors().contains_key("fc.weight"));

    let mut pretrained = recipe(Preset::Robust);
    pretrained.seed = 1;
    let own = run(&pretrained, &folder.path().join("own"))?;
    pretrained.pretrained = Some(path);
    let taken = pretrained
        .describe_pretrained(&FACES)?
        .ok_or("nothing taken")?;
    assert!(
        taken.contains("layout torchvision; left out: fc.bias, fc.weight"),
        "{taken}"
    );
    let started = run(&pretrained, &folder.path().join("started"))?;
    let (encoder, head) = ("encoder.layer3.0.conv2.weight", "head.classifier.weight");
    assert_eq!(numbers(&started, encoder)?, numbers(&plain, encoder)?);
    assert_ne!(numbers(&own, encoder)?, numbers(&plain, encoder)?);
    // The head is the one that the seed makes.
    assert_eq!(numbers(&started, head)?, numbers(&own, head)?);
    Ok(())
}

#[test]
fn a_whole_network_goes_out_and_in_under_every_layout_that_fits() -> Outcome {
    let folder = tempfile::tempdir()?;
    for (preset, layouts) in [
        (Preset::None, vec![Layout::Own, Layout::Torchvision]),
        (Preset::Robust, vec![Layout::Own]),
        (Preset::Released, vec![Layout::Own, Layout::Released]),
    ] {
        let checkpoint = run(&recipe(preset), &folder.path().join(preset.to_string()))?;
        for layout in Layout::ALL {
            let exported = export(&checkpoint, layout);
            if !layouts.contains(&layout) {
                let text = exported.err().ok_or("it fits")?.to_string();
                assert!(
                    text.contains(&format!("layout {layout} has no place for")),
                    "{text}"
                );
                continue;
            }
            let path = folder.path().join(format!("{preset}-{layout}.safetensors"));
            save(exported?, &path)?;
            let mut again = recipe(preset);
            again.seed = 5;
            again.init = Some(path);
            let started = run(&again, &folder.path().join("again"))?;
            let mut compared = 0;
            for (name, tensor) in checkpoint.tensors(Part::Student).ok_or("no student")? {
                // Statistics follow the faces, and what is 0 moves by what the learning rate leaves.
                if name.contains("running") {
                    continue;
                }
                let tensor = tensor.flatten_all()?.to_vec1::<f32>()?;
                let pairs = tensor.iter().zip(numbers(&started, name)?);
                let furthest = pairs.map(|(a, b)| (a - b).abs()).fold(0., f32::max);
                assert!(furthest < 1e-25, "{preset}, {layout}: {name}: {furthest}");
                compared += 1;
            }
            assert!(compared > 20);
        }
    }
    Ok(())
}

#[test]
fn weights_of_another_network_are_refused_before_anything_is_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("run");
    let refused = |recipe: Recipe, wanted: &[&str]| {
        let outcome = recipe.train(&FACES, &Device::Cpu, &out, &mut []);
        let text = outcome.unwrap_err().to_string();
        for wanted in wanted {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(!out.join("recipe.toml").exists());
    };
    let mut other = recipe(Preset::None);
    other.pretrained = Some(file("torchvision.pth"));
    let sizes = [
        "torchvision.pth",
        "encoder.conv1.weight has shape [4, 3, 7, 7], expected [8, 1, 3, 3]",
    ];
    refused(other.clone(), &sizes);
    other.init.clone_from(&other.pretrained);
    refused(other.clone(), &["init and pretrained", "one of them"]);
    other.pretrained = None;
    refused(other, &["fc", "network", "has shape"][1..]);
    Ok(())
}
