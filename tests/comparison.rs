//! `examples/compare.rs`: finished runs are kept, and nothing is done twice.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What it says with these options; the status must be this one.
fn compare(folder: &Path, status: i32, arguments: &[&str]) -> Outcome<String> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "compare", "--"])
        .args(["--variants", "plain,robust", "--labels-per-class", "2"])
        .args(arguments)
        .arg("--out")
        .arg(folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(output.status.code(), Some(status), "{text}");
    Ok(text)
}

fn lines(folder: &Path) -> Outcome<Vec<Value>> {
    let text = fs::read_to_string(folder.join("runs.jsonl"))?;
    let lines = text.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// A line without what time and place decide.
fn figures(line: &Value) -> Value {
    let mut line = line.clone();
    for name in ["milliseconds_per_step", "command", "commit"] {
        let removed = line.as_object_mut().and_then(|line| line.remove(name));
        assert!(removed.is_some(), "{name}: {line}");
    }
    line
}

#[test]
fn a_comparison_goes_on_where_it_was() -> Outcome {
    let place = tempfile::tempdir()?;
    let folder = &place.path().join("out");
    let short = ["--seeds", "3..4", "--steps", "2"];
    let said = compare(folder, 0, &[&short[..], &["--jobs", "2"]].concat())?;
    assert!(said.contains("2 runs, 2 of them to do"), "{said}");
    assert!(said.contains("| - plain [95%] |"), "{said}");
    let first = lines(folder)?;
    assert_eq!(first.len(), 2);
    assert_eq!(first[0]["pairing"], first[1]["pairing"]);
    assert_ne!(first[0]["recipe"], first[1]["recipe"]);
    assert!(fs::read_to_string(folder.join("table.md"))?.contains("| robust "));
    assert!(fs::read_to_string(folder.join("compare.html"))?.contains("<figure>"));
    assert!(!folder.join("work").exists());

    // Killed while it wrote the second line: the first stands, and the second comes out the same in one process.
    let path = folder.join("runs.jsonl");
    let whole = fs::read(&path)?;
    fs::write(&path, &whole[..whole.len() - 40])?;
    let said = compare(folder, 0, &[&short[..], &["--jobs", "1"]].concat())?;
    assert!(said.contains("a line that was not written whole"), "{said}");
    assert!(said.contains("2 runs, 1 of them to do"), "{said}");
    let second = lines(folder)?;
    assert_eq!(second[0], first[0]);
    assert_eq!(figures(&second[1]), figures(&first[1]));

    let before = fs::read(&path)?;
    let said = compare(folder, 0, &short)?;
    assert!(said.contains("2 runs, 0 of them to do"), "{said}");
    assert_eq!(fs::read(&path)?, before);

    let said = compare(folder, 2, &["--seeds", "3..5", "--steps", "3"])?;
    assert!(said.contains("train.steps is 3, expected 2"), "{said}");
    assert_eq!(fs::read(&path)?, before);
    Ok(())
}

#[test]
fn features_are_asked_what_they_keep() -> Outcome {
    let place = tempfile::tempdir()?;
    let (folder, file) = (place.path().join("out"), place.path().join("factors.csv"));
    let mut text = "set,name,class,hair\n".to_owned();
    let data = leaf_data::drawn_faces()?;
    for set in [data.training(), data.test()] {
        for (face, hair) in set.iter().zip(["long", "short", "bun"].iter().cycle()) {
            let class = face.label.ok_or("no label")?;
            text += &format!("set,{},{class},{hair}\n", face.name);
        }
    }
    fs::write(&file, &text)?;
    let file = file.to_str().ok_or("no path")?;
    let short = ["--seeds", "3..4", "--steps", "40", "--factors", file];
    compare(&folder, 0, &short)?;
    for line in lines(&folder)? {
        let share = |factor: &str, layer: &str| line["kept"][factor][layer].as_f64();
        for layer in ["encoder", "fused"] {
            let (class, hair) = (share("class", layer), share("hair", layer));
            // Hair is made up: it cannot be in the pictures.
            let (class, hair) = (class.ok_or("no class")?, hair.ok_or("no hair")?);
            assert!(class > 0.1 && hair < 0.05, "{layer}: {class}, {hair}");
        }
    }
    let some: Vec<&str> = text.lines().take(99).collect();
    fs::write(file, some.join("\n"))?;
    let said = compare(&place.path().join("other"), 2, &short)?;
    assert!(said.contains("of the data set is missing"), "{said}");
    Ok(())
}

#[test]
fn what_cannot_be_compared_is_named() -> Outcome {
    let place = tempfile::tempdir()?;
    let refused = |arguments: &[&str], wanted: &str| -> Outcome {
        let said = compare(&place.path().join("out"), 2, arguments)?;
        assert!(said.contains(wanted), "{arguments:?}: {said}");
        Ok(())
    };
    refused(&["--seeds", "4..4"], "A..B with A below B")?;
    refused(&["--algorithms", "fixmatch,fixmach"], "\"fixmach\"")?;
    refused(&["--set", "trainer.threshold=0.5"], "each run's own")?;
    refused(&["--set", "train.stepz=5"], "stepz")?;
    refused(&["--data", "folder:no/such/folder"], "no/such/folder")
}
