use leaf_core::Random;

use super::*;
use crate::augment::test_faces::noise;
use crate::face::decode;
use crate::{AugmentConfig, Augmentation};

fn face(level: u8) -> Face {
    Face::new(vec![level; 30], 5, 6, 1).unwrap()
}

fn data() -> DataSet {
    let training = vec![
        Entry::pixels("a", Some(0), face(1)),
        Entry::pixels("b", Some(1), face(2)),
        Entry::pixels("c", None, face(1)),
        Entry::pixels("d", None, noise(8, 8, 3)),
        Entry::file("e", Some(1), "no/such/e.png"),
    ];
    let test = vec![
        Entry::pixels("f", Some(0), face(2)),
        Entry::pixels("g", Some(1), face(3)),
    ];
    DataSet::new("mine", ["happy", "sad"], training, test).unwrap()
}

#[test]
fn everything_is_counted_and_what_is_odd_is_named() {
    let mut last = (0, 0);
    let found = inspect(&data(), |done, all| last = (done, all));
    assert_eq!(last, (7, 7));
    let counts = found
        .classes
        .iter()
        .map(|class| (class.training, class.test));
    assert_eq!(counts.collect::<Vec<_>>(), [(1, 1), (2, 1)]);
    assert_eq!((found.unlabeled, found.gray), (2, 5));
    let sizes = found
        .sizes
        .iter()
        .map(|size| (size.height, size.width, size.count));
    assert_eq!(sizes.collect::<Vec<_>>(), [(5, 6, 5), (8, 8, 1)]);
    assert_eq!(found.unreadable[0].name, "e");
    let names = |same: &Repeated| {
        (
            same.training.join(" "),
            same.test.join(" "),
            same.classes_differ,
        )
    };
    let wanted = [("b", "f", true), ("a c", "", false)];
    let wanted = wanted.map(|(training, test, differ)| (training.into(), test.into(), differ));
    assert_eq!(found.repeated.iter().map(names).collect::<Vec<_>>(), wanted);
}

#[test]
fn the_page_says_it_all() {
    let page = inspect(&data(), |_, _| ()).to_string();
    for part in [
        "Data set mine",
        "6 faces can be read, 5 of them without color",
        "  6 x 5: 5\n",
        "unreadable: 1\n  e: image \"no/such/e.png\"",
        "in training and test: 1\n  b = f, with different classes\n",
        "twice in a list: 1\n  a = c\n",
    ] {
        assert!(page.contains(part), "{part:?} is missing in\n{page}");
    }
}

#[test]
fn long_lists_are_cut_and_counted() {
    let bad = (0..20).map(|i| Entry::file(i.to_string(), None, "no/such.png"));
    let training = data().training().iter().cloned().chain(bad).collect();
    let data = DataSet::new("mine", ["happy", "sad"], training, vec![]).unwrap();
    let page = inspect(&data, |_, _| ()).to_string();
    assert!(
        page.contains("unreadable: 21\n") && page.contains("  and 13 more\n"),
        "{page}"
    );
    assert!(page.contains("in training and test: none\n"), "{page}");
}

#[test]
fn a_sheet_begins_with_the_face_itself() {
    let augmentation = Augmentation::new(AugmentConfig::default()).unwrap();
    let faces = [noise(8, 8, 3), noise(8, 8, 1)];
    let sheet = contact_sheet(&faces, 8, &augmentation, &Random::new(1)).unwrap();
    // Views of 8 pixels are shown 12 times as large.
    assert_eq!((sheet.height(), sheet.width()), (2 * 100 + 4, 6 * 100 + 4));
    assert_eq!(sheet.pixel(0, 0), [255; 3]);
    assert_eq!(sheet.pixel(4, 4), faces[0].pixel(0, 0));
    assert_eq!(sheet.pixel(99, 99), faces[0].pixel(7, 7));
    assert_eq!(sheet.pixel(104, 16), [faces[1].pixel(0, 1)[0]; 3]);
    let again = contact_sheet(&faces, 8, &augmentation, &Random::new(1)).unwrap();
    assert_eq!(again, sheet);
    assert!(contact_sheet(&[], 8, &augmentation, &Random::new(1)).is_err());
    let bytes = png("sheet.png", &sheet).unwrap();
    assert_eq!(decode("sheet.png", &bytes, Color::Rgb).unwrap(), sheet);
}
