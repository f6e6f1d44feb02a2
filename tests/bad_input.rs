//! What a user can get wrong: each is an error that names thing, value and bound, with exit status 2,
//! before anything is written.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

type Outcome = Result<(), Box<dyn Error>>;

/// Runs the main job; whether it was built before or not.
fn main_job(arguments: &[&str]) -> std::io::Result<Output> {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "fixmatch_leaf", "--"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
}

/// The main job must refuse these arguments, say all of `texts`, and write nothing.
fn refused(arguments: &[&str], texts: &[&str]) -> Outcome {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("out");
    let mut all = vec!["--out", text(&out)];
    all.extend(arguments);
    let output = main_job(&all)?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    for wanted in texts {
        assert!(message.contains(wanted), "{arguments:?}: {message}");
    }
    assert!(!out.exists(), "{arguments:?} wrote into {}", out.display());
    Ok(())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

/// Class folders with this many training faces and one test face a class.
fn class_folders(classes: &[(&str, usize)]) -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    for (place, (class, count)) in classes.iter().enumerate() {
        for (split, count) in [("train", *count), ("test", 1)] {
            let class = folder.path().join(split).join(class);
            fs::create_dir_all(&class)?;
            for i in 0..count {
                face(&class.join(format!("{split}-{i}.png")), place * 50 + i)?;
            }
        }
    }
    Ok(folder)
}

fn face(path: &Path, shade: usize) -> Outcome {
    let pixels = image::GrayImage::from_fn(32, 32, |x, y| {
        image::Luma([(x as usize * 7 + y as usize * 3 + shade) as u8])
    });
    Ok(pixels.save(path)?)
}

fn folder_argument(folder: &TempDir) -> String {
    format!("folder:{}", folder.path().display())
}

/// RAF-DB's layout with these lines in its list and an image for each well-formed one.
fn raf_db(lines: &[&str]) -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let images = folder.path().join("Image/aligned");
    fs::create_dir_all(&images)?;
    fs::create_dir_all(folder.path().join("EmoLabel"))?;
    fs::write(
        folder.path().join("EmoLabel/list_patition_label.txt"),
        lines.join("\n"),
    )?;
    for (i, line) in lines.iter().enumerate() {
        if let Some((name, _)) = line.split_once(".jpg ") {
            face(&images.join(format!("{name}_aligned.jpg")), i)?;
        }
    }
    Ok(folder)
}

const FIVE: [(&str, usize); 5] = [("a", 3), ("b", 3), ("c", 3), ("d", 3), ("e", 3)];

#[test]
fn data_that_is_not_there_or_not_enough() -> Outcome {
    refused(&["--data", "rafdb:no/such/folder"], &["no/such/folder"])?;
    refused(
        &["--data", "photos"],
        &["photos", "drawn, rafdb:DIR, fer2013:FILE"],
    )?;
    let one = class_folders(&[("only", 3)])?;
    refused(
        &["--data", &folder_argument(&one)],
        &["1 classes", "at least 2"],
    )?;
    let empty = class_folders(&[("a", 3), ("b", 0), ("c", 3), ("d", 3)])?;
    refused(
        &["--data", &folder_argument(&empty)],
        &["train/b holds 0 images", "at least 1"],
    )?;
    refused(&["--labels-per-class", "0"], &["0", "expected"])?;
    refused(&["--labels-per-class", "401"], &["401", "400", "surprise"])
}

#[test]
fn a_bad_line_in_a_label_file() -> Outcome {
    let folder = raf_db(&[
        "train_00001.jpg 5",
        "train_00002.jpg eight",
        "test_0001.jpg 1",
    ])?;
    let data = format!("rafdb:{}", folder.path().display());
    refused(
        &["--data", &data],
        &["list_patition_label.txt", "2", "train_00002.jpg eight"],
    )?;
    let folder = raf_db(&["train_00001.jpg 5", "train_00002.jpg 8"])?;
    let data = format!("rafdb:{}", folder.path().display());
    refused(&["--data", &data], &["2", "train_00002.jpg 8", "1 to 7"])?;
    let csv = folder.path().join("fer2013.csv");
    fs::write(&csv, "emotion,pixels,Usage\n7,0 0,Training\n")?;
    let data = format!("fer2013:{}", csv.display());
    refused(
        &["--data", &data],
        &["fer2013.csv, line 2", "\"7\"", "0 to 6"],
    )
}

#[test]
fn a_corrupt_image_is_named_or_left_out_and_counted() -> Outcome {
    let folder = class_folders(&FIVE)?;
    let bad = folder.path().join("train/c/broken.png");
    fs::write(&bad, b"\x89PNG\r\n\x1a\n and then nothing")?;
    // Another one has a good header and ends too early.
    let whole = fs::read(folder.path().join("train/d/train-0.png"))?;
    fs::write(
        folder.path().join("train/d/short.png"),
        &whole[..whole.len() / 2],
    )?;
    let data = folder_argument(&folder);
    let common = ["--data", data.as_str(), "--labels-per-class", "2"];
    refused(&common, &["broken.png"])?;

    let out = folder.path().join("out");
    let mut lenient = common.to_vec();
    lenient.extend([
        "--skip-bad",
        "--steps",
        "1",
        "--batch",
        "5",
        "--out",
        text(&out),
    ]);
    let output = main_job(&lenient)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("bad files left out: 2"), "{said}");
    assert!(
        said.contains("broken.png") && said.contains("short.png"),
        "{said}"
    );
    Ok(())
}

#[test]
fn options_out_of_bounds() -> Outcome {
    refused(&["--size", "4"], &["4", "8"])?;
    refused(&["--steps", "-5"], &["-5"])?;
    refused(&["--steps", "many"], &["many"])?;
    refused(&["--steps", "0"], &["steps = 0", "at least 1"])?;
    refused(&["--batch", "0"], &["batch_size = 0"])?;
    refused(&["--learning-rate=-1"], &["learning_rate = -1"])?;
    refused(&["--threshold", "1.5"], &["threshold = 1.5", "0 to 1"])?;
    refused(&["--warmup", "700"], &["warmup_steps = 700"])?;
    refused(&["--k", "9"], &["k = 9", "num_experts = 4"])?;
    refused(&["--leaf", "none", "--k", "9"], &["k = \"9\"", "no value"])?;
    refused(
        &["--summary", "no/such/folder/s.json"],
        &["no/such/folder/s.json"],
    )?;
    refused(&["--compare", "--init", "x.safetensors"], &["--init"])?;
    let both = ["--init", "x.safetensors", "--pretrained", "x.pth"];
    refused(&both, &["--pretrained", "--init"])?;
    refused(&["--pretrained", "no/such/x.pth"], &["no/such/x.pth"])?;
    let torch = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/weights/torchvision.pth");
    refused(
        &["--pretrained", torch],
        &["torchvision.pth", "encoder.conv1.weight has shape"],
    )?;
    refused(&["--experts", "0"], &["num_experts = 0"])?;
    refused(
        &["--leaf", "strong"],
        &["strong", "robust, paper, released or none"],
    )?;
    refused(
        &["--max-positives", "7"],
        &["max_positives = 7", "7 classes", "1 to 6"],
    )
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_that_this_build_cannot_use() -> Outcome {
    refused(&["--device", "cuda"], &["--features cuda"])?;
    refused(&["--device", "gpu"], &["gpu", "cpu, cuda or metal"])
}

#[test]
fn weights_that_do_not_fit() -> Outcome {
    let folder = class_folders(&FIVE)?;
    let data = folder_argument(&folder);
    let common = [
        "--data",
        data.as_str(),
        "--labels-per-class",
        "2",
        "--steps",
        "1",
        "--batch",
        "5",
    ];
    let out = folder.path().join("run");
    let mut first = common.to_vec();
    first.extend(["--out", text(&out)]);
    let output = main_job(&first)?;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let weights = out.join("last.safetensors");

    let with_init = |more: &[&'static str]| {
        let mut arguments: Vec<String> =
            common.iter().map(|&argument| argument.to_owned()).collect();
        arguments.extend(["--init".to_owned(), text(&weights).to_owned()]);
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    };
    let refused_with = |arguments: Vec<String>, texts: &[&str]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, texts)
    };
    refused_with(
        with_init(&["--leaf", "none"]),
        &["last.safetensors", "architecture"],
    )?;
    refused_with(with_init(&["--size", "64"]), &["last.safetensors", "size"])?;

    // Another class in the place of the first one: the order of all that follow moves.
    let other = class_folders(&[("b", 3), ("c", 3), ("d", 3), ("e", 3), ("f", 3)])?;
    let mut arguments = with_init(&[]);
    arguments[1] = folder_argument(&other);
    refused_with(arguments, &["last.safetensors", "classes"])?;

    let nothing: PathBuf = folder.path().join("nothing.safetensors");
    let mut arguments = with_init(&[]);
    let place = arguments.len() - 1;
    arguments[place] = text(&nothing).to_owned();
    refused_with(arguments, &["nothing.safetensors"])
}
