//! Event files as a reader of their own sees them.

use super::super::reports::tests::report;
use super::*;

/// The data of each record, in the order of the files' names.
fn records(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path).expect("read");
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().expect("8 bytes")) as usize;
            let (record, after) = rest.split_at(length + 16);
            let data = &record[12..12 + length];
            assert_eq!(record, record::framed(data));
            found.push(data.to_vec());
            rest = after;
        }
    }
    found
}

fn holds(record: &[u8], text: &str) -> bool {
    record
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// The number that follows a tag.
fn scalar(record: &[u8], tag: &str) -> f32 {
    let mut places = record.windows(tag.len());
    let start = places
        .position(|part| part == tag.as_bytes())
        .expect("the tag")
        + tag.len();
    assert_eq!(record[start], 2 << 3 | 5);
    f32::from_le_bytes(record[start + 1..start + 5].try_into().expect("4 bytes"))
}

#[test]
fn each_step_to_show_is_a_record_with_a_number_a_tag() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut board = TensorBoard::create(folder.path())?;
    board.on_step(&report())?;
    let hidden = StepReport {
        logged: false,
        ..report()
    };
    board.on_step(&hidden)?;
    let mut with_thresholds = report();
    let thresholds = (THRESHOLDS.to_owned(), vec![0.25, 0.95]);
    with_thresholds.diagnostics.push(thresholds);
    board.on_step(&with_thresholds)?;
    let found = records(folder.path());
    assert_eq!(found.len(), 3);
    assert!(holds(&found[0], "brain.Event:2"));
    for (tag, value) in [
        ("train/loss", 1.2345),
        ("train/utilization", 0.32),
        ("terms/supervised", 0.9),
        ("expert_usage_semantic/2", 0.5),
        ("speed/images_per_second", 350.),
        ("speed/resident_memory", (1u64 << 30) as f32),
    ] {
        assert_eq!(scalar(&found[1], tag), value, "{tag}");
    }
    assert!(!holds(&found[1], "thresholds"));
    assert!(holds(&found[2], "thresholds/all"));
    assert_eq!(scalar(&found[2], "thresholds/1"), 0.95);
    Ok(())
}

#[test]
fn a_run_goes_on_in_a_file_of_its_own_and_another_run_starts_afresh() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let foreign = folder.path().join("events.out.tfevents.1700000000.host");
    std::fs::write(&foreign, []).expect("written");
    TensorBoard::create(folder.path())?.on_step(&report())?;
    TensorBoard::continue_after(folder.path(), 100)?.on_step(&report())?;
    let found = records(folder.path());
    assert_eq!(found.len(), 5);
    let start = &found[3];
    // step = 101, session_log { status: START }
    assert!(start.ends_with(&[0x10, 101, 0x3a, 2, 0x08, 1]), "{start:?}");
    TensorBoard::create(folder.path())?;
    assert_eq!(records(folder.path()).len(), 1);
    assert!(foreign.exists(), "not ours to remove");
    assert!(TensorBoard::create(&folder.path().join("none")).is_err());
    Ok(())
}
