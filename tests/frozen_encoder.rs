//! Heads on the features of a frozen encoder: they are made once, runs train on them, and what does not fit is named.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use image::{Rgb, RgbImage};
use leaf::core::Parameters;
use leaf::data::{Color, ImageConfig};
use leaf::predict::Predictor;
use leaf::recipe::{Backbone, FaceSource, FrozenEncoder, Prepared, Recipe, TrainerChoice};
use leaf::train::{Checkpoint, Part};
use leaf::vision::{FaceEncoderConfig, face_encoder};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Weights as an encoder begins with them.
fn weights(folder: &Path) -> Outcome<PathBuf> {
    let parameters = Parameters::new(5);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    face_encoder(&FaceEncoderConfig::default(), vb)?;
    let all = parameters.all().into_iter();
    let tensors: HashMap<String, Tensor> = all
        .map(|(name, var)| (name, var.as_tensor().clone()))
        .collect();
    let path = folder.join("encoder.safetensors");
    candle_core::safetensors::save(&tensors, &path)?;
    Ok(path)
}

/// Two classes, dark and light, of so many training faces and one test face each.
fn faces(folder: &Path, count: u8) -> Outcome {
    for (class, level) in [("dark", 20), ("light", 160)] {
        for (set, count) in [("train", count), ("test", 1)] {
            let place = folder.join(set).join(class);
            fs::create_dir_all(&place)?;
            for number in 0..count {
                let face = RgbImage::from_fn(16, 16, |x, y| {
                    Rgb([level + number, level + x as u8, level + 2 * y as u8])
                });
                face.save(place.join(format!("{number}.png")))?;
            }
        }
    }
    Ok(())
}

fn recipe(folder: &Path, weights: &Path) -> Recipe {
    let mut recipe = Recipe {
        backbone: Backbone::FaceFeatures,
        frozen: Some(FrozenEncoder {
            views: 2,
            ..FrozenEncoder::new(weights)
        }),
        trainer: "softmatch".parse::<TrainerChoice>().expect("a trainer"),
        ..Recipe::default()
    };
    recipe.data.source = FaceSource::Folder(folder.to_owned());
    recipe.data.images = ImageConfig {
        size: FaceEncoderConfig::MIN_SIZE,
        color: Color::Rgb,
        normalization: None,
    };
    recipe.data.split.labels_per_class = 1;
    recipe.data.loader.batch_size = 2;
    recipe.train.steps = 3;
    recipe
}

/// The faces, and whether views were encoded for them.
fn prepared(recipe: &Recipe) -> leaf::Result<(Prepared, bool)> {
    let mut encoded = false;
    let faces = recipe.prepare(|progress| encoded |= progress.what == "encoding views")?;
    Ok((faces, encoded))
}

fn test_features(faces: &Prepared) -> Outcome<Vec<Vec<f32>>> {
    let chunk = faces.tests()[0].1.chunks(10, &Device::Cpu).next();
    Ok(chunk.ok_or("no test faces")??.to_vec2()?)
}

#[test]
fn features_are_made_once_and_trained_on() -> Outcome {
    let place = tempfile::tempdir()?;
    let (data, out) = (place.path().join("faces"), place.path().join("run"));
    faces(&data, 4)?;
    let mut recipe = recipe(&data, &weights(place.path())?);
    let (first, encoded) = prepared(&recipe)?;
    assert!(encoded);
    let features = test_features(&first)?;
    assert_eq!((features.len(), features[0].len()), (2, 256));
    assert_ne!(features[0], features[1]);

    let (second, encoded) = prepared(&recipe)?;
    assert!(!encoded, "they are in the file");
    assert_eq!(test_features(&second)?, features);
    // Held-out faces have features too, and those of another list are others.
    recipe.data.validation_per_class = 1;
    let (held_out, encoded) = prepared(&recipe)?;
    assert!(!encoded);
    assert_eq!(held_out.validation().map(leaf::data::Faces::len), Some(2));

    let outcome = recipe.train(&held_out, &Device::Cpu, &out, &mut [])?;
    assert_eq!(outcome.sets[0].metrics.faces, 2);
    let predictor = Predictor::open(&out, &Device::Cpu)?;
    let image = Tensor::zeros((1, 3, 103, 103), DType::F32, &Device::Cpu)?;
    let error = predictor.predict(&image).unwrap_err().to_string();
    assert!(error.contains("features of a frozen encoder"), "{error}");
    Ok(())
}

#[test]
fn the_last_block_is_trained_from_the_weights_it_has() -> Outcome {
    let place = tempfile::tempdir()?;
    let (data, out) = (place.path().join("faces"), place.path().join("run"));
    faces(&data, 4)?;
    let weights = weights(place.path())?;
    let mut recipe = recipe(&data, &weights);
    recipe.backbone = Backbone::FaceTop;
    let (prepared, encoded) = prepared(&recipe)?;
    assert!(encoded);
    assert_eq!(test_features(&prepared)?[0].len(), 256 * 3 * 3);

    let pretrained = candle_core::safetensors::load(&weights, &Device::Cpu)?;
    let block = |name: &String| name.starts_with("conv256_down_out.");
    let names: Vec<&String> = pretrained.keys().filter(|&name| block(name)).collect();
    assert_eq!(names.len(), 6);
    let largest_change = |recipe: &Recipe, out: &Path| -> Outcome<Vec<f32>> {
        recipe.train(&prepared, &Device::Cpu, out, &mut [])?;
        let trained = Checkpoint::read(out.join("last.safetensors"))?;
        let trained = trained.tensors(Part::Student).ok_or("no student")?;
        let change = |name: &&String| -> Outcome<f32> {
            let now = &trained[&format!("encoder.{name}")];
            let change = (now - &pretrained[*name])?.abs()?.flatten_all()?;
            Ok(change.max(0)?.to_scalar()?)
        };
        names.iter().map(change).collect()
    };
    for change in largest_change(&recipe, &out)? {
        assert!(change > 1e-4, "{change}");
    }
    // What hardly learns shows where it began.
    recipe.train.learning_rate = 1e-9;
    for change in largest_change(&recipe, &place.path().join("slow"))? {
        assert!(change < 1e-6, "{change}");
    }
    Ok(())
}

#[test]
fn other_faces_have_other_features() -> Outcome {
    let place = tempfile::tempdir()?;
    let data = place.path().join("faces");
    faces(&data, 2)?;
    let mut recipe = recipe(&data, &weights(place.path())?);
    assert!(prepared(&recipe)?.1);
    faces(&data, 3)?;
    assert!(prepared(&recipe)?.1, "there are more faces");
    if let Some(frozen) = &mut recipe.frozen {
        frozen.views = 1;
    }
    assert!(prepared(&recipe)?.1, "there are fewer views");

    let is_cache = |path: &PathBuf| path.to_string_lossy().contains(".features-");
    let files = fs::read_dir(place.path())?.map(|entry| entry.map(|entry| entry.path()));
    for path in files
        .collect::<Result<Vec<_>, _>>()?
        .iter()
        .filter(|path| is_cache(path))
    {
        let bytes = fs::read(path)?;
        fs::write(path, &bytes[..bytes.len() - 9])?;
    }
    let error = prepared(&recipe).unwrap_err().to_string();
    assert!(error.contains("encoder.features-"), "{error}");
    Ok(())
}

#[test]
fn what_does_not_fit_is_named() -> Outcome {
    let place = tempfile::tempdir()?;
    let data = place.path().join("faces");
    faces(&data, 2)?;
    let good = recipe(&data, &place.path().join("missing.safetensors"));
    let problem = |change: fn(&mut Recipe)| -> Outcome<String> {
        let mut recipe = good.clone();
        change(&mut recipe);
        match recipe.prepare(|_| ()) {
            Ok(_) => Err("it fits".into()),
            Err(error) => Ok(error.to_string()),
        }
    };
    assert!(problem(|_| ())?.contains("missing.safetensors"));
    assert!(problem(|recipe| recipe.frozen = None)?.contains("frozen.weights"));
    assert!(problem(|recipe| recipe.backbone = Backbone::Narrow)?.contains("face_features"));
    let two = problem(|recipe| {
        recipe.backbone = Backbone::FaceTop;
        recipe.pretrained = Some("other.safetensors".into());
    })?;
    assert!(two.contains("pretrained with backbone face_top"), "{two}");
    let small = problem(|recipe| recipe.data.images.size = 64)?;
    assert!(small.contains("103"), "{small}");
    let none = problem(|recipe| {
        recipe.frozen = recipe
            .frozen
            .take()
            .map(|frozen| FrozenEncoder { views: 0, ..frozen })
    })?;
    assert!(none.contains("frozen.views = 0"), "{none}");
    Ok(())
}
