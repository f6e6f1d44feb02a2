//! The authors' splits of a training list of RAF-DB's size, place for place as NumPy draws them.

use leaf_data::{DataSet, Entry, Face, LabelSplit, Shuffle, SplitConfig, UnlabeledSet};
use serde::Deserialize;

/// What `authors_split.py` wrote.
const REFERENCE: &str = include_str!("authors_split.json");

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    total: usize,
    each_class: bool,
    labeled: Vec<usize>,
    labeled_hash: String,
    unlabeled: Vec<usize>,
    unlabeled_hash: String,
}

/// RAF-DB's numbers of training faces.
const COUNTS: [usize; 7] = [1290, 281, 717, 4772, 1982, 705, 2524];

fn data() -> leaf_data::Result<DataSet> {
    let counted = COUNTS.iter().enumerate();
    let grouped: Vec<u32> = counted
        .flat_map(|(label, &count)| std::iter::repeat_n(label as u32, count))
        .collect();
    let face = Face::new(vec![0; 64], 8, 8, 1)?;
    let entry = |place: usize| {
        let label = grouped[place * 7919 % grouped.len()];
        Entry::pixels(place.to_string(), Some(label), face.clone())
    };
    let training = (0..grouped.len()).map(entry).collect();
    DataSet::new(
        "like RAF-DB",
        ["a", "b", "c", "d", "e", "f", "g"],
        training,
        vec![],
    )
}

fn fnv(places: &[usize]) -> String {
    let bytes = places
        .iter()
        .flat_map(|place| format!("{place}\n").into_bytes());
    let value = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |value, byte| {
        (value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{value:016x}")
}

#[test]
fn splits_of_12271_labels_are_numpys() -> Result<(), Box<dyn std::error::Error>> {
    let data = data()?;
    assert_eq!(data.training().len(), 12_271);
    let reference: Reference = serde_json::from_str(REFERENCE)?;
    assert_eq!(reference.cases.len(), 8);
    for case in reference.cases {
        let config = SplitConfig {
            total_labels: Some(case.total),
            shuffle: match case.each_class {
                true => Shuffle::NumpyPerClass { seed: 5 },
                false => Shuffle::NumpyOneStream { seed: 5 },
            },
            unlabeled: UnlabeledSet::WithoutLabeled,
            ..SplitConfig::default()
        };
        let split = LabelSplit::new(&data, &config)?;
        let (labeled, unlabeled) = (split.labeled(), split.unlabeled());
        let of = format!("{} labels, each class: {}", case.total, case.each_class);
        assert_eq!(labeled.len() + unlabeled.len(), 12_271, "{of}");
        assert_eq!(labeled[..case.labeled.len()], case.labeled, "{of}");
        assert_eq!(unlabeled[..case.unlabeled.len()], case.unlabeled, "{of}");
        assert_eq!(fnv(labeled), case.labeled_hash, "{of}");
        assert_eq!(fnv(unlabeled), case.unlabeled_hash, "{of}");
    }
    Ok(())
}
