use super::*;
use crate::test_files::{fer2013_row, png};
use crate::{CheckLevel, Color};
use std::fs;
use tempfile::TempDir;

/// All votes for one class, unknown (8) or no face (9).
fn votes(class: usize) -> String {
    let all = (0..10).map(|i| if i == class { "10" } else { "0" });
    all.collect::<Vec<_>>().join(",")
}

#[test]
fn other_modes_keep_the_shares() {
    let folder = folders();
    let label_file = folder.path().join("FER2013Test/label.csv");
    let more = format!(
        "{}fer9.png,3,4,0,0,0,0,0,0,1,1\n",
        fs::read_to_string(&label_file).unwrap()
    );
    fs::write(label_file, more).unwrap();
    let last = |mode| {
        let data = fer_plus(folder.path(), mode).unwrap();
        let last = data.test().last().cloned().unwrap();
        (
            last.name,
            last.label,
            last.distribution.map(|shares| shares.to_vec()),
        )
    };
    let mut shares = vec![0.; 8];
    (shares[0], shares[1]) = (3. / 7., 4. / 7.);
    let name = "fer9.png".to_owned();
    assert_eq!(last(FerPlusMode::Majority), (name.clone(), Some(1), None));
    assert_eq!(
        last(FerPlusMode::Probability),
        (name.clone(), Some(1), Some(shares.clone()))
    );
    (shares[0], shares[1]) = (0.5, 0.5);
    assert_eq!(
        last(FerPlusMode::MultiTarget),
        (name, Some(1), Some(shares))
    );
}

const BOX: &str = "\"(0, 0, 48, 48)\"";

/// Three folders, a face of each class in each, one of no known expression in each.
fn folders() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (place, (part, _)) in PARTS.iter().enumerate() {
        let line = |class| format!("fer{place}{class}.png,{BOX},{}\n", votes(class));
        for class in 0..8 {
            let image = folder
                .path()
                .join(part)
                .join(format!("fer{place}{class}.png"));
            png(&image, class as u8);
        }
        let text: String = (0..9).map(line).collect();
        fs::write(folder.path().join(part).join("label.csv"), text).unwrap();
    }
    folder
}

fn error(folder: &TempDir) -> String {
    fer_plus(folder.path(), FerPlusMode::Majority)
        .unwrap_err()
        .to_string()
}

#[test]
fn three_folders() {
    let folder = folders();
    let data = fer_plus(folder.path(), FerPlusMode::Majority).unwrap();
    assert_eq!(data.class_counts(), [2; 8]);
    assert_eq!((data.training().len(), data.test().len()), (16, 8));
    assert_eq!(data.test()[3].name, "fer23.png");
    assert_eq!(data.test()[3].label, Some(3));
    assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
    fs::remove_file(folder.path().join("FER2013Valid/fer15.png")).unwrap();
    let bad = data.bad_files(CheckLevel::Headers, |_, _| ());
    assert_eq!((bad.len(), bad[0].name.as_str()), (1, "fer15.png"));
}

#[test]
fn a_label_file_in_every_dress() {
    let folder = folders();
    let file = folder.path().join("FER2013Train/label.csv");
    let text = fs::read_to_string(&file).unwrap();
    for text in [
        format!("\u{feff}{}", text.replace('\n', "\r\n")),
        text.replace('\n', "\n\n"),
        text.replace(&format!("{BOX},"), ""),
    ] {
        fs::write(&file, text).unwrap();
        let data = fer_plus(folder.path(), FerPlusMode::Majority).unwrap();
        assert_eq!(data.class_counts(), [2; 8]);
        assert_eq!(data.training()[0].name, "fer00.png");
    }
}

#[test]
fn bad_lines_of_a_label_file() {
    for line in [
        format!("x.png,{BOX},{}", &votes(1)[2..]),
        format!("x.png,{BOX},{},0", votes(1)),
        format!("x.png,{BOX},{}", votes(1).replace("10", "11")),
        format!("x.png,{BOX},{}", votes(1).replace("10", "-1")),
        format!("x.png,{BOX},{}", votes(1).replace("10", "")),
        format!("x.png,\"(0, 0, x, 48)\",{}", votes(1)),
        format!("../x.png,{BOX},{}", votes(1)),
        format!(",{BOX},{}", votes(1)),
        "x.png".into(),
    ] {
        let folder = folders();
        let file = folder.path().join("FER2013Valid/label.csv");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{text}{line}\n")).unwrap();
        let text = error(&folder);
        let expected = format!("label.csv, line 10: {line:?}, expected NAME");
        assert!(text.contains(&expected), "{text}");
        assert!(text.ends_with("10 votes of 0 to 10"), "{text}");
    }
}

#[test]
fn missing_folders_and_files() {
    let text = fer_plus(Path::new("no/such"), FerPlusMode::Majority)
        .unwrap_err()
        .to_string();
    assert_eq!(
        text,
        "no/such does not exist, expected the folder of FERPlus"
    );
    let folder = tempfile::tempdir().unwrap();
    assert!(error(&folder).contains("FER2013Train does not exist"));
    let folder = folders();
    fs::write(folder.path().join("FER2013Test/label.csv"), "\n").unwrap();
    assert!(error(&folder).contains("label.csv, line 1: \"\", expected NAME"));
    fs::remove_file(folder.path().join("FER2013Test/label.csv")).unwrap();
    assert!(error(&folder).contains("label.csv does not exist, expected FERPlus's label file"));
}

const HEADER: &str = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,\
                      contempt,unknown,NF";

/// The two CSVs' lines: a face of each class to learn from, one without a face, one to measure on.
fn two_csvs() -> (Vec<String>, Vec<String>) {
    let mut votes_file = vec![HEADER.to_owned()];
    let mut pixels = vec!["emotion,pixels,Usage".to_owned()];
    for place in 0..10 {
        let usage = match place {
            7 => "PublicTest",
            9 => "PrivateTest",
            _ => "Training",
        };
        let name = if place == 8 {
            String::new()
        } else {
            format!("fer{place:07}.png")
        };
        let class = if place == 8 { 9 } else { place % 8 };
        votes_file.push(format!("{usage},{name},{}", votes(class)));
        pixels.push(fer2013_row(0, place as u8, usage));
    }
    (votes_file, pixels)
}

fn written(votes: &str, pixels: &[String]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("fer2013new.csv"), votes).unwrap();
    fs::write(folder.path().join("fer2013.csv"), pixels.join("\n")).unwrap();
    folder
}

#[test]
fn two_csvs_in_every_dress() {
    let (votes, pixels) = two_csvs();
    for text in [
        votes.join("\n"),
        format!("\u{feff}{}\r\n", votes.join("\r\n")),
        format!("\n{}\n\n", votes.join("\n\n")),
    ] {
        let folder = written(&text, &pixels);
        let data = fer_plus(folder.path(), FerPlusMode::Majority).unwrap();
        assert_eq!(data.class_counts(), [1; 8]);
        let test = &data.test()[0];
        assert_eq!(
            (test.name.as_str(), test.label),
            ("fer0000009.png", Some(1))
        );
        assert_eq!(test.face(Color::Gray).unwrap().samples()[..2], [9, 10]);
    }
}

#[test]
fn bad_lines_of_two_csvs() {
    let good = votes(1);
    for (line, expected) in [
        (format!("Test,fer0000003.png,{good}"), VOTE_LINE),
        (format!("Training,{good}"), VOTE_LINE),
        (
            format!("Training,fer0000003.png,{}", good.replace("10", "12")),
            VOTE_LINE,
        ),
        (format!("PrivateTest,fer0000003.png,{good}"), SAME_ROWS),
    ] {
        let (mut votes, pixels) = two_csvs();
        votes[4] = line.clone();
        let text = error(&written(&votes.join("\n"), &pixels));
        let expected = format!("fer2013new.csv, line 5: {line:?}, expected {expected}");
        assert!(text.ends_with(&expected), "{text}");
    }
}

#[test]
fn two_csvs_that_do_not_fit_each_other() {
    let (votes, mut pixels) = two_csvs();
    let text = error(&written(&votes[..9].join("\n"), &pixels));
    assert!(
        text.contains("fer2013new.csv, line 10: \"\", expected a row for each"),
        "{text}"
    );
    let text = error(&written(&votes[1..].join("\n"), &pixels));
    assert!(
        text.contains("line 1: \"Training,fer0000000.png,10,"),
        "{text}"
    );
    let turned = votes
        .join("\n")
        .replacen("neutral,happiness", "happiness,neutral", 1);
    assert!(error(&written(&turned, &pixels)).contains("expected a header of Usage,Image name"));
    assert!(error(&written("", &pixels)).contains("line 1: \"\", expected a header"));
    pixels.pop();
    let folder = written(&votes.join("\n"), &pixels);
    assert!(error(&folder).contains("line 11: \"PrivateTest,fer0000009.png"));
    fs::remove_file(folder.path().join("fer2013.csv")).unwrap();
    assert!(error(&folder).contains("fer2013.csv does not exist"));
}
