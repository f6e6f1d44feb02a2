//! Label files and folders as they should not be: each is read as documented or refused in words.

use std::fs;
use std::path::Path;

use leaf_data::{CheckLevel, DataSet, RafImages, class_folders, raf_db};
use tempfile::TempDir;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn face(path: &Path, shade: u8) -> Outcome {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(image::GrayImage::from_pixel(8, 8, image::Luma([shade])).save(path)?)
}

fn lines() -> Vec<String> {
    let train = (1..=7).map(|label| format!("train_{label:05}.png {label}"));
    let test = (1..=7).map(|label| format!("test_{label:04}.png {label}"));
    train.chain(test).collect()
}

/// RAF-DB's layout with this label file and an image for each line of [`lines`].
fn raf(text: impl AsRef<[u8]>) -> Result<TempDir, Box<dyn std::error::Error>> {
    let folder = tempfile::Builder::new().prefix("faces of RAF ").tempdir()?;
    fs::create_dir_all(folder.path().join("EmoLabel"))?;
    fs::write(folder.path().join("EmoLabel/list_patition_label.txt"), text)?;
    for (place, line) in lines().iter().enumerate() {
        let (name, _) = line.split_once(".png").ok_or("a line without a name")?;
        let image = format!("Image/aligned/{name}_aligned.png");
        face(&folder.path().join(image), place as u8)?;
    }
    Ok(folder)
}

fn read(folder: &TempDir) -> leaf_data::Result<DataSet> {
    raf_db(folder.path(), RafImages::Aligned)
}

fn refusal(folder: &TempDir) -> String {
    read(folder).unwrap_err().to_string()
}

#[test]
fn marks_line_ends_blanks_and_spaces_in_paths_do_not_matter() -> Outcome {
    for text in [
        lines().join("\n"),
        format!("\u{feff}{}\r\n", lines().join("\r\n")),
        format!("\n\n{}\n \n", lines().join("\n\t\n")),
    ] {
        let folder = raf(text)?;
        let data = read(&folder)?;
        assert_eq!((data.class_counts(), data.test().len()), (vec![1; 7], 7));
        assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
    }
    Ok(())
}

#[test]
fn a_face_is_listed_once() -> Outcome {
    let twice = [lines(), vec!["test_0003.png 3".to_owned()]].concat();
    let expected = "face \"test_0003.png\" occurs twice in the data set, expected once";
    assert_eq!(refusal(&raf(twice.join("\n"))?), expected);
    Ok(())
}

#[test]
fn a_face_is_in_one_list() -> Outcome {
    let folder = tempfile::tempdir()?;
    fs::create_dir_all(folder.path().join("label"))?;
    fs::create_dir_all(folder.path().join("aligned"))?;
    fs::write(folder.path().join("label/train.txt"), lines().join("\n"))?;
    fs::write(folder.path().join("label/test.txt"), "train_00002.png 2\n")?;
    let expected = "face \"train_00002.png\" occurs twice in the data set, expected once";
    assert_eq!(refusal(&folder), expected);
    Ok(())
}

#[test]
fn labels_out_of_range_are_quoted() -> Outcome {
    for label in ["0", "8", "-1", "1.5", "99999999999", "happy"] {
        let line = format!("train_00009.png {label}");
        let text = refusal(&raf([lines(), vec![line.clone()]].concat().join("\n"))?);
        assert!(
            text.contains(&format!("line 15: {line:?}, expected NAME LABEL")),
            "{text}"
        );
    }
    let mut bytes = lines().join("\n").into_bytes();
    bytes.extend(b"\ntrain_\xff\xfe.png 3\n");
    let text = refusal(&raf(bytes)?);
    assert!(text.contains("line 15: \"train_\u{fffd}"), "{text}");
    Ok(())
}

#[test]
fn what_is_listed_and_missing_is_named_what_is_not_listed_is_left_alone() -> Outcome {
    let folder = raf(lines().join("\n"))?;
    face(
        &folder.path().join("Image/aligned/train_00099_aligned.png"),
        9,
    )?;
    assert_eq!(read(&folder)?.training().len(), 7);
    fs::remove_file(folder.path().join("Image/aligned/test_0005_aligned.png"))?;
    let checked = read(&folder)?.checked(CheckLevel::Headers, false, |_, _| ());
    let text = checked.unwrap_err().to_string();
    assert!(text.starts_with("1 of 14 files cannot be used:"), "{text}");
    assert!(text.contains("test_0005_aligned.png: "), "{text}");
    let (data, bad) = read(&folder)?.checked(CheckLevel::Headers, true, |_, _| ())?;
    assert_eq!((data.test().len(), bad.len()), (6, 1));
    Ok(())
}

#[cfg(unix)]
mod links {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> Result<TempDir, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        for (shade, file) in ["train/x/a.png", "train/y/a.png", "test/x/a.png"]
            .iter()
            .enumerate()
        {
            face(&folder.path().join(file), shade as u8)?;
        }
        Ok(folder)
    }

    fn refusal(folder: &TempDir) -> String {
        class_folders(folder.path(), None).unwrap_err().to_string()
    }

    #[test]
    fn a_link_to_a_file_must_stay_in_the_folder() -> Outcome {
        let (folder, outside) = (folder()?, tempfile::tempdir()?);
        let link = folder.path().join("train/x/b.png");
        symlink(folder.path().join("train/x/a.png"), &link)?;
        let bad = |level| class_folders(folder.path(), None).map(|d| d.bad_files(level, |_, _| ()));
        assert!(bad(CheckLevel::Headers)?.is_empty());

        let target = outside.path().join("secret.png");
        face(&target, 1)?;
        fs::remove_file(&link)?;
        symlink(&target, &link)?;
        for level in [CheckLevel::Headers, CheckLevel::Full] {
            let found = bad(level)?;
            let (target, root) = (target.canonicalize()?, folder.path().display());
            let reason = format!(
                "it links to {}, expected a file in {root}",
                target.display()
            );
            assert_eq!((found.len(), &found[0].reason), (1, &reason));
        }
        fs::remove_file(&target)?;
        assert_eq!(bad(CheckLevel::Headers)?.len(), 1);
        Ok(())
    }

    #[test]
    fn a_link_to_a_folder_is_refused() -> Outcome {
        let folder = folder()?;
        symlink(
            folder.path().join("train"),
            folder.path().join("train/x/round"),
        )?;
        let text = refusal(&folder);
        assert!(text.contains("train/x/round is a link to "), "{text}");
        assert!(text.ends_with("/train, expected a folder"), "{text}");
        Ok(())
    }

    #[test]
    fn a_name_must_be_text() -> Outcome {
        let folder = folder()?;
        let path = folder
            .path()
            .join("train/x")
            .join(OsStr::from_bytes(b"\xff.png"));
        // Some file systems do not take such names at all.
        if fs::write(&path, "").is_err() {
            return Ok(());
        }
        let expected = "\u{fffd}.png is no Unicode text, expected one that a list can hold";
        assert!(refusal(&folder).ends_with(expected), "{}", refusal(&folder));
        Ok(())
    }

    #[test]
    fn the_data_sets_own_path_need_not_be_text() -> Outcome {
        let outer = tempfile::tempdir()?;
        let inner = outer.path().join(OsStr::from_bytes(b"d\xff ata"));
        if fs::create_dir(&inner).is_err() {
            return Ok(());
        }
        for file in ["train/x/a.png", "train/y/a.png", "test/x/a.png"] {
            face(&inner.join(file), 3)?;
        }
        let data = class_folders(&inner, None)?;
        assert_eq!(data.training()[0].name, "train/x/a.png");
        assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
        Ok(())
    }
}
