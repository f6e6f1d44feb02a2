use std::sync::Arc;

use leaf_ssl::Views;

use super::*;
use crate::{
    AugmentConfig, DataSet, Entry, Face, ImageConfig, LabelSplit, Loader, LoaderConfig, SplitConfig,
};

/// Two classes of four flat faces.
fn data() -> DataSet {
    let face = |i: u8| Face::new(vec![20 * i; 64], 8, 8, 1).unwrap();
    let faces = (0..8).map(|i| Entry::pixels(format!("f{i}"), Some(u32::from(i) % 2), face(i)));
    DataSet::new("d", ["x", "y"], faces.collect(), vec![]).unwrap()
}

fn images() -> ImageConfig {
    ImageConfig {
        size: 8,
        ..Default::default()
    }
}

fn augmentation() -> Augmentation {
    Augmentation::new(AugmentConfig::default()).unwrap()
}

/// Mean and largest pixel of each image.
fn encode(images: &Tensor) -> Result<Tensor> {
    let pixels = images.flatten_from(1)?;
    Ok(Tensor::stack(&[pixels.mean(1)?, pixels.max(1)?], 1)?)
}

fn made(views: usize) -> ViewFeatures {
    let faces = Faces::new(data().training(), &images()).unwrap();
    ViewFeatures::make(
        &faces,
        &augmentation(),
        views,
        &Random::new(1),
        encode,
        |_, _| (),
    )
    .unwrap()
}

fn loader(faces: Faces, views: Views) -> Result<Loader> {
    let split = SplitConfig {
        labels_per_class: 2,
        ..Default::default()
    };
    let split = LabelSplit::new(&data(), &split)?;
    let config = LoaderConfig {
        batch_size: 4,
        ..Default::default()
    };
    let random = Random::new(3);
    Loader::new(
        Arc::new(faces),
        &split,
        views,
        &config,
        &random,
        &Device::Cpu,
    )
}

#[test]
fn a_face_as_it_is_has_the_features_of_its_image() {
    let faces = Faces::new(data().training(), &images()).unwrap();
    let image = faces.chunks(8, &Device::Cpu).next().unwrap().unwrap();
    let expected = encode(&image).unwrap().to_vec2::<f32>().unwrap();
    let faces = faces.with_features(Arc::new(made(3))).unwrap();
    let found = faces.chunks(8, &Device::Cpu).next().unwrap().unwrap();
    assert_eq!(found.to_vec2::<f32>().unwrap(), expected);
    let (_, labels) = faces
        .labeled_chunks(8, &Device::Cpu)
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(labels.to_vec1::<u32>().unwrap(), [0, 1, 0, 1, 0, 1, 0, 1]);
}

#[test]
fn batches_hold_views_that_were_made() {
    let features = made(3);
    let [_, weak, strong] = features.tensors().unwrap();
    let [weak, strong] = [weak, strong].map(|views| views.to_vec3::<f32>().unwrap());
    let faces = Faces::new(data().training(), &images()).unwrap();
    let faces = faces.with_features(Arc::new(features)).unwrap();
    let views = Views {
        index: true,
        labeled_index: true,
        ..Views::WEAK_STRONG
    };
    let mut seen = std::collections::HashSet::new();
    for batch in loader(faces, views).unwrap().take(20) {
        let batch = batch.unwrap();
        let labeled = (&batch.labeled.images, &batch.labeled.index, &weak);
        let unlabeled = &batch.unlabeled;
        let others = [(&unlabeled.weak[0], &weak), (&unlabeled.strong[0], &strong)];
        let others = others.map(|(rows, views)| (rows, &unlabeled.index, views));
        for (rows, index, views) in others.into_iter().chain([labeled]) {
            assert_eq!(rows.dims(), [index.len(), 2]);
            for (row, &place) in rows.to_vec2::<f32>().unwrap().iter().zip(index) {
                let view = views[place].iter().position(|view| view == row);
                seen.insert((place, view.expect("one of the face's views")));
            }
        }
    }
    assert!(seen.len() > 16, "{}", seen.len());
}

#[test]
fn tensors_give_the_same_features_back() {
    let features = made(2);
    let [plain, weak, strong] = features.tensors().unwrap();
    assert_eq!((plain.dims(), weak.dims()), (&[8, 2][..], &[8, 2, 2][..]));
    let names = || (0..8).map(|i| format!("f{i}"));
    let again = ViewFeatures::from_tensors(names(), &plain, &weak, &strong).unwrap();
    assert_eq!(
        (&again.plain, &again.weak, &again.strong),
        (&features.plain, &features.weak, &features.strong)
    );
    assert_eq!(again.rows, features.rows);

    let error = ViewFeatures::from_tensors(names().take(7), &plain, &weak, &strong).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("[8, 2], [8, 2, 2] and [8, 2, 2]"),
        "{error}"
    );
    assert!(ViewFeatures::from_tensors(names(), &plain, &plain, &strong).is_err());
}

#[test]
fn without_views_a_face_stands_for_them() {
    let features = made(0);
    let row = features.row("f3").unwrap();
    let view = features.view(row, View::Strong, &mut Random::new(1));
    assert_eq!(view, features.plain(row));
}

#[test]
fn what_has_no_features_is_named() {
    let other = [Entry::pixels(
        "g",
        None,
        Face::new(vec![0; 64], 8, 8, 1).unwrap(),
    )];
    let faces = Faces::new(&other, &images()).unwrap();
    let error = faces.with_features(Arc::new(made(1))).unwrap_err();
    assert!(error.to_string().contains("none of face \"g\""), "{error}");

    let faces = Faces::new(data().training(), &images()).unwrap();
    let faces = faces.with_features(Arc::new(made(1))).unwrap();
    let turned = Views {
        rotated: true,
        ..Views::WEAK_STRONG
    };
    let error = loader(faces, turned).unwrap_err();
    assert!(error.to_string().contains("turns images"), "{error}");
}

#[test]
fn standardized_features_have_mean_0_and_deviation_1() {
    let features = made(2);
    let standard = features.standard();
    let [plain, weak, _] = features.tensors().unwrap();
    let standardized = features.standardized(&standard);
    let unit = standardized.standard();
    for (mean, deviation) in &unit.0 {
        assert!(
            mean.abs() < 1e-5 && (deviation - 1.).abs() < 1e-4,
            "{unit:?}"
        );
    }
    // Views are moved by what the faces as they are say.
    let [_, moved, _] = standardized.tensors().unwrap();
    let (weak, moved) = (
        weak.to_vec3::<f32>().unwrap(),
        moved.to_vec3::<f32>().unwrap(),
    );
    let rows = plain.to_vec2::<f32>().unwrap();
    let mean = rows.iter().map(|row| row[0]).sum::<f32>() / rows.len() as f32;
    let squares = rows.iter().map(|row| (row[0] - mean).powi(2));
    let deviation = (squares.sum::<f32>() / rows.len() as f32).sqrt();
    assert!((moved[3][1][0] - (weak[3][1][0] - mean) / deviation).abs() < 1e-4);
}
