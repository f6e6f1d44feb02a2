use super::*;
use crate::dataset::Entry;
use crate::{DataSet, Error, Face, SplitConfig, UnlabeledSet};

/// Three classes of different flat faces, with a gradient so that views differ.
fn data(unlabeled: usize) -> DataSet {
    let face = |i: usize| {
        let samples = (0..256).map(|p| ((p * (i + 3)) % 251) as u8).collect();
        Face::new(samples, 16, 16, 1).unwrap()
    };
    let labeled = (0..15).map(|i| Entry::pixels(format!("l{i}"), Some(i as u32 % 3), face(i)));
    let others = (0..unlabeled).map(|i| Entry::pixels(format!("u{i}"), None, face(20 + i)));
    DataSet::new(
        "d",
        ["x", "y", "z"],
        labeled.chain(others).collect(),
        vec![],
    )
    .unwrap()
}

/// So many labels of each class's 5.
fn labels(labels_per_class: usize) -> SplitConfig {
    SplitConfig {
        labels_per_class,
        ..Default::default()
    }
}

fn loader_of(data: &DataSet, views: Views, threads: usize, seed: u64) -> Loader {
    let config = LoaderConfig {
        batch_size: 4,
        mu: 3,
        threads: Some(threads),
        ..Default::default()
    };
    let split = LabelSplit::new(data, &labels(2)).unwrap();
    let images = ImageConfig {
        size: 16,
        ..Default::default()
    };
    let faces = Arc::new(Faces::new(data.training(), &images).unwrap());
    Loader::new(
        faces,
        &split,
        views,
        &config,
        &Random::new(seed),
        &Device::Cpu,
    )
    .unwrap()
}

/// A weak and a strong view with all places.
const PLACES: Views = Views {
    index: true,
    labeled_index: true,
    ..Views::WEAK_STRONG
};

fn loader(views: Views, threads: usize, seed: u64) -> Loader {
    loader_of(&data(0), views, threads, seed)
}

type Numbers = (Vec<usize>, Vec<usize>, Vec<u32>, Vec<Vec<f32>>);

fn numbers(batch: Result<Batch>) -> Numbers {
    let Batch { labeled, unlabeled } = batch.unwrap();
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let mut images = vec![flat(&labeled.images)];
    images.extend(unlabeled.weak.iter().chain(&unlabeled.strong).map(flat));
    (
        labeled.index,
        unlabeled.index,
        labeled.labels.to_vec1().unwrap(),
        images,
    )
}

fn take(loader: Loader, count: usize) -> Vec<Numbers> {
    loader.take(count).map(numbers).collect()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let one = take(loader(PLACES, 1, 5), 11);
    for threads in [2, 4, 7] {
        assert_eq!(take(loader(PLACES, threads, 5), 11), one);
    }
    assert_ne!(take(loader(PLACES, 2, 6), 11), one);
}

#[test]
fn starting_later_continues_the_sequence() {
    let whole = take(loader(PLACES, 3, 1), 9);
    for start in [0, 1, 4, 8] {
        let part = loader(PLACES, 2, 1).start_at(start);
        assert_eq!(take(part, 9 - start as usize), whole[start as usize..]);
    }
    let mut moved = loader(PLACES, 2, 1);
    moved.next();
    assert_eq!(moved.step(), 1);
    assert_eq!(take(moved.start_at(5), 4), whole[5..]);
}

#[test]
fn the_declared_views_are_served_and_no_others() {
    for (weak, strong) in [(0, 0), (1, 0), (0, 1), (2, 1), (1, 3)] {
        let views = Views {
            weak,
            strong,
            ..Views::NONE
        };
        let batch = loader(views, 2, 1).next().unwrap().unwrap();
        assert_eq!(batch.labeled.images.dims(), [4, 1, 16, 16]);
        assert_eq!(
            (batch.unlabeled.weak.len(), batch.unlabeled.strong.len()),
            (weak, strong)
        );
        for view in batch.unlabeled.weak.iter().chain(&batch.unlabeled.strong) {
            assert_eq!(view.dims(), [12, 1, 16, 16]);
        }
        assert!(batch.unlabeled.rotated.is_none());
        assert!(batch.unlabeled.index.is_empty() && batch.labeled.index.is_empty());
    }
}

#[test]
fn shared_views_are_the_same_for_both_trainers() {
    let one = numbers(loader(Views::WEAK_STRONG, 1, 3).next().unwrap());
    let pair = Views {
        weak: 2,
        ..Views::WEAK_STRONG
    };
    let two = numbers(loader(pair, 1, 3).next().unwrap());
    let none = numbers(loader(Views::NONE, 1, 3).next().unwrap());
    assert_eq!(
        (&one.3[0], &one.3[1], &one.3[2]),
        (&two.3[0], &two.3[1], &two.3[3])
    );
    assert_ne!(two.3[1], two.3[2]);
    assert_eq!((&one.0, &one.3[0]), (&none.0, &none.3[0]));
}

#[test]
fn labels_belong_to_their_faces() {
    let data = data(0);
    for batch in loader_of(&data, PLACES, 2, 1).take(5) {
        let batch = batch.unwrap();
        let label = |place: &usize| data.training()[*place].label.unwrap();
        let labels: Vec<u32> = batch.labeled.index.iter().map(label).collect();
        assert_eq!(batch.labeled.labels.to_vec1::<u32>().unwrap(), labels);
        let hidden = batch.unlabeled.index.iter().map(label).map(Some);
        assert_eq!(batch.unlabeled.hidden_labels, hidden.collect::<Vec<_>>());
    }
}

#[test]
fn a_hidden_label_is_known_or_unknown_for_each_face() {
    let data = data(40);
    let mut mixed = 0;
    for batch in loader_of(&data, PLACES, 1, 1).take(5) {
        let Unlabeled {
            index,
            hidden_labels,
            ..
        } = batch.unwrap().unlabeled;
        let label = |place: &usize| data.training()[*place].label;
        let wanted: Vec<Option<u32>> = index.iter().map(label).collect();
        mixed += usize::from(wanted.contains(&None) && wanted.iter().any(Option::is_some));
        assert_eq!(hidden_labels, wanted);
    }
    assert!(mixed > 0, "known and unknown ones in a batch");
}

#[test]
fn hidden_labels_are_empty_where_none_is_known() {
    let data = data(40);
    let config = SplitConfig {
        unlabeled: UnlabeledSet::WithoutLabeled,
        ..labels(5)
    };
    let split = LabelSplit::new(&data, &config).unwrap();
    let faces = Arc::new(Faces::new(data.training(), &ImageConfig::default()).unwrap());
    let (config, random) = (LoaderConfig::default(), Random::new(1));
    let mut loader = Loader::new(
        faces,
        &split,
        Views::WEAK_STRONG,
        &config,
        &random,
        &Device::Cpu,
    )
    .unwrap();
    let unlabeled = loader.next().unwrap().unwrap().unlabeled;
    assert!(unlabeled.faces().unwrap() > 0 && unlabeled.hidden_labels.is_empty());
}

#[test]
fn a_bad_file_is_named_and_ends_the_sequence() {
    let mut training = data(0).training().to_vec();
    training.push(Entry::file("bad", None, "no/such/bad.png"));
    let data = DataSet::new("d", ["x", "y", "z"], training, vec![]).unwrap();
    let mut loader = loader_of(&data, Views::WEAK_STRONG, 3, 1);
    let error = loader.find_map(Result::err).unwrap();
    assert!(matches!(error, Error::Image { .. }));
    assert!(error.to_string().contains("bad.png"), "{error}");
    assert!(loader.next().is_none());
}

#[test]
fn dropping_the_loader_ends_its_threads() {
    let data = data(0);
    let faces = Arc::new(Faces::new(data.training(), &ImageConfig::default()).unwrap());
    let split = LabelSplit::new(&data, &labels(4)).unwrap();
    let config = LoaderConfig {
        threads: Some(4),
        ..Default::default()
    };
    let (random, device) = (Random::new(1), Device::Cpu);
    let mut loader = Loader::new(
        faces.clone(),
        &split,
        Views::WEAK_STRONG,
        &config,
        &random,
        &device,
    )
    .unwrap();
    loader.next().unwrap().unwrap();
    assert!(Arc::strong_count(&faces) > 2);
    drop(loader);
    assert_eq!(Arc::strong_count(&faces), 1);
}

#[test]
fn splits_that_do_not_fit_are_refused() {
    let (large, small) = (data(10), data(0));
    let split = LabelSplit::new(&large, &labels(4)).unwrap();
    let faces = Arc::new(Faces::new(small.training(), &ImageConfig::default()).unwrap());
    let make = |split: &LabelSplit, views| {
        let (config, random) = (LoaderConfig::default(), Random::new(1));
        Loader::new(faces.clone(), split, views, &config, &random, &Device::Cpu).map(|_| ())
    };
    let error = make(&split, Views::NONE).unwrap_err().to_string();
    assert!(error.starts_with("the split names face"), "{error}");
    let config = SplitConfig {
        unlabeled: UnlabeledSet::WithoutLabeled,
        ..labels(5)
    };
    let all = LabelSplit::new(&small, &config).unwrap();
    assert!(make(&all, Views::NONE).is_ok());
    let error = make(&all, Views::WEAK_STRONG).unwrap_err().to_string();
    assert!(error.starts_with("unlabeled faces = 0"), "{error}");
}

#[test]
fn an_epoch_is_one_pass() {
    assert_eq!(loader(Views::WEAK_STRONG, 1, 1).steps_per_epoch(), 2);
    assert_eq!(loader(Views::NONE, 1, 1).steps_per_epoch(), 2);
    let mut seen: Vec<usize> = loader(PLACES, 2, 1)
        .take(2)
        .flat_map(|b| b.unwrap().unlabeled.index)
        .collect();
    seen.truncate(15);
    seen.sort_unstable();
    assert_eq!(seen, (0..15).collect::<Vec<_>>());
}

#[test]
fn turned_faces_and_places_are_served_on_request() {
    let views = Views {
        rotated: true,
        ..PLACES
    };
    let batch = loader(views, 2, 1).next().unwrap().unwrap();
    assert_eq!(
        (batch.labeled.index.len(), batch.unlabeled.index.len()),
        (4, 12)
    );
    let rotated = batch.unlabeled.rotated.unwrap();
    assert_eq!(rotated.images.dims(), [12, 1, 16, 16]);
    let quarters = rotated.quarters.to_vec1::<u32>().unwrap();
    let rows = |t: &Tensor| t.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
    let (turned, strong) = (rows(&rotated.images), rows(&batch.unlabeled.strong[0]));
    for (row, quarter) in quarters.into_iter().enumerate() {
        assert_eq!(turned[row] == strong[row], quarter == 0);
    }
}

#[test]
fn a_pass_shows_every_labeled_face_once() {
    use leaf_ssl::LabeledFaces;

    let pass = loader(Views::NONE, 1, 1).labeled_pass();
    let numbers = |number: usize| -> (Vec<u32>, Vec<f32>) {
        let (mut labels, mut samples) = (Vec::new(), Vec::new());
        for chunk in pass.pass(number) {
            let (images, classes) = chunk.unwrap();
            labels.extend(classes.to_vec1::<u32>().unwrap());
            samples.extend(images.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        }
        (labels, samples)
    };
    let first = numbers(0);
    let mut sorted = first.0.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [0, 0, 1, 1, 2, 2]);
    assert_eq!(first.1.len(), 6 * 16 * 16);
    assert_eq!(numbers(0), first);
    assert_ne!(numbers(1).1, first.1);
}
