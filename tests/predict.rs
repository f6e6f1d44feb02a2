//! `examples/predict.rs` labels faces from a checkpoint alone, as training's own evaluation does.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use candle_core::Device;
use leaf::recipe::{Outcome as Trained, Recipe};
use leaf_data::{Color, drawn_faces};
use serde_json::Value;
use tempfile::TempDir;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A short run on drawn faces, and its test faces as images.
struct Run {
    folder: TempDir,
    trained: Trained,
}

static RUN: LazyLock<Run> = LazyLock::new(|| Run::new().expect("a run"));

impl Run {
    fn new() -> Outcome<Self> {
        let mut recipe = Recipe::default();
        recipe.train.steps = 12;
        recipe.train.eval_every = 12;
        let faces = recipe.prepare(|_| ())?;
        let folder = tempfile::tempdir()?;
        let trained = recipe.train(&faces, &Device::Cpu, &folder.path().join("run"), &mut [])?;
        // Not where it was made, and nothing beside it.
        fs::create_dir(folder.path().join("alone"))?;
        fs::copy(
            &trained.checkpoint,
            folder.path().join("alone/model.safetensors"),
        )?;
        write_faces(&folder.path().join("faces"))?;
        Ok(Self { folder, trained })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Each test face as `CLASS/NUMBER.png`.
fn write_faces(folder: &Path) -> Outcome {
    let data = drawn_faces()?;
    for (place, entry) in data.test().iter().enumerate() {
        let class = &data.classes()[entry.label.ok_or("no label")? as usize];
        let face = entry.face(Color::Rgb)?;
        let (width, height) = (u32::try_from(face.width())?, u32::try_from(face.height())?);
        let image = image::RgbImage::from_raw(width, height, face.samples().to_vec());
        fs::create_dir_all(folder.join(class))?;
        image
            .ok_or("no image")?
            .save(folder.join(class).join(format!("{place:03}.png")))?;
    }
    Ok(())
}

fn predict(arguments: &[&Path]) -> std::io::Result<Output> {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "predict", "--"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
}

/// Runs it with this status, and gives what it printed.
fn printed(arguments: &[&Path], status: i32) -> Outcome<String> {
    let output = predict(arguments)?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {error}");
    Ok(String::from_utf8(output.stdout)? + &error)
}

#[test]
fn training_s_accuracy_is_reproduced_exactly() -> Outcome {
    let metrics = &RUN.trained.sets[0].metrics;
    assert_eq!(metrics.faces, 700);
    for (checkpoint, faces, name) in [
        ("run", RUN.path("faces"), "a.json"),
        ("alone/model.safetensors", RUN.path("faces"), "b.json"),
        ("run", PathBuf::from("drawn"), "c.json"),
    ] {
        let (checkpoint, out) = (RUN.path(checkpoint), RUN.path(name));
        let arguments: [&Path; 5] = [
            &checkpoint,
            &faces,
            "--truth".as_ref(),
            "--out".as_ref(),
            &out,
        ];
        let said = printed(&arguments, 0)?;
        let accuracy = format!(
            "accuracy {}, balanced {}",
            metrics.accuracy, metrics.balanced_accuracy
        );
        assert!(said.contains(&accuracy), "{accuracy}: {said}");

        // And what is written is what was counted.
        let rows: Vec<Value> = serde_json::from_str(&fs::read_to_string(&out)?)?;
        let classes = drawn_faces()?.classes().to_vec();
        let place = |name: &Value| classes.iter().position(|class| *name == **class);
        let mut confusion = vec![vec![0u64; 7]; 7];
        for row in &rows {
            let truth = place(&row["truth"]).ok_or("no truth")?;
            confusion[truth][place(&row["label"]).ok_or("no label")?] += 1;
        }
        assert_eq!(confusion, metrics.confusion);
    }
    Ok(())
}

#[test]
fn rows_and_sheet_say_what_is_seen() -> Outcome {
    let (checkpoint, faces) = (RUN.path("alone/model.safetensors"), RUN.path("faces/fear"));
    let (out, sheet) = (RUN.path("fear.csv"), RUN.path("fear.html"));
    let arguments: [&Path; 6] = [
        &checkpoint,
        &faces,
        "--out".as_ref(),
        &out,
        "--html".as_ref(),
        &sheet,
    ];
    printed(&arguments, 0)?;
    let text = fs::read_to_string(&out)?;
    let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
    let names: Vec<&str> = lines.next().ok_or("no names")?.split(',').collect();
    assert_eq!(names[..3], ["path", "label", "p_surprise"]);
    assert_eq!(
        names[9..],
        ["possible", "semantic_expert", "instance_expert"]
    );
    let mut count = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), names.len(), "{line}");
        let probs = cells[2..9].iter().map(|cell| cell.parse::<f64>());
        let probs = probs.collect::<Result<Vec<_>, _>>()?;
        assert!((probs.iter().sum::<f64>() - 1.).abs() < 1e-5, "{line}");
        let best = probs.iter().copied().fold(0., f64::max);
        let label = names[2..9].iter().position(|name| name[2..] == *cells[1]);
        assert_eq!(label.map(|label| probs[label]), Some(best), "{line}");
        let possible: Vec<&str> = cells[9].split('|').collect();
        assert!(
            cells[9].is_empty() || (possible.len() > 1 && possible[0] == cells[1]),
            "{line}"
        );
        for expert in &cells[10..] {
            assert!(expert.parse::<usize>()? < 4, "{line}");
        }
        count += 1;
    }
    assert_eq!(count, 100);
    let page = fs::read_to_string(&sheet)?;
    assert_eq!(
        page.matches("<img src=\"data:image/jpeg;base64,").count(),
        100
    );
    for outside in ["http:", "https:", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    Ok(())
}

#[test]
fn unreadable_images_are_named_counted_and_left_out() -> Outcome {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("faces"))?;
    let face = RUN.path("faces/anger");
    let face = fs::read_dir(face)?.next().ok_or("no face")??.path();
    fs::copy(&face, at("faces/good, \"one\" & <two>.png"))?;
    fs::write(at("faces/empty.jpg"), "")?;
    fs::write(at("faces/half.png"), &fs::read(&face)?[..300])?;
    let (checkpoint, faces) = (RUN.path("run/last.safetensors"), at("faces"));
    let (out, sheet) = (at("out.csv"), at("out.html"));
    let arguments: [&Path; 6] = [
        &checkpoint,
        &faces,
        "--out".as_ref(),
        &out,
        "--html".as_ref(),
        &sheet,
    ];
    let said = printed(&arguments, 1)?;
    for wanted in [
        "empty.jpg",
        "half.png",
        "2 images could not be read",
        "1 faces",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let text = fs::read_to_string(&out)?;
    assert!(text.contains("good, \"\"one\"\" & <two>.png\","), "{text}");
    assert_eq!(text.matches("\r\n").count(), 2);
    let page = fs::read_to_string(&sheet)?;
    assert!(page.contains("good, &quot;one&quot; &amp; &lt;two&gt;.png"));
    assert!(page.contains("half.png"));
    Ok(())
}

#[test]
fn what_cannot_be_done_is_said_and_nothing_is_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("empty"))?;
    let (run, faces) = (RUN.path("run"), RUN.path("faces"));
    let torch = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights/torchvision.safetensors");
    let out = at("out.csv");
    for (checkpoint, faces, out, wanted) in [
        (&at("empty"), &faces, &out, "last.safetensors"),
        (&torch, &faces, &out, "a checkpoint of this library"),
        (&run, &at("nobody"), &out, "nobody does not exist"),
        (&run, &at("empty"), &out, "jpg, jpeg, png"),
        (&run, &faces, &at("out.txt"), ".csv or .json"),
        (&run, &faces, &at("none/out.csv"), "none/out.csv"),
    ] {
        let said = printed(&[checkpoint, faces, "--out".as_ref(), out], 2)?;
        assert!(
            said.contains("error: ") && said.contains(wanted),
            "{wanted}: {said}"
        );
        assert!(!out.exists());
    }
    fs::create_dir(at("calm"))?;
    fs::copy(
        RUN.path("faces/anger")
            .join(first(&RUN.path("faces/anger"))?),
        at("calm/a.png"),
    )?;
    let said = printed(
        &[
            &run,
            &at("calm"),
            "--truth".as_ref(),
            "--out".as_ref(),
            &out,
        ],
        2,
    )?;
    assert!(
        said.contains("\"calm\"") && said.contains("surprise"),
        "{said}"
    );
    Ok(())
}

fn first(folder: &Path) -> Outcome<std::ffi::OsString> {
    Ok(fs::read_dir(folder)?.next().ok_or("no face")??.file_name())
}
