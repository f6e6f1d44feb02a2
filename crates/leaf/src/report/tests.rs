//! The page as a whole.

use std::collections::BTreeMap;

use leaf_data::{Entry, Face, Faces, ImageConfig};

use super::answered::{Answer, Answered, GateUse};
use super::course::Course;
use super::page::Page;
use crate::Result;

const EVIL: &str = "<img src=x onerror=\"alert('a & b')\">";

fn metrics() -> String {
    let mut text = String::new();
    for step in [10, 20, 30] {
        let loss = 2. / f64::from(step);
        text.push_str(&format!(
            "{{\"event\":\"step\",\"step\":{step},\"loss\":{loss},\"learning_rate\":0.05,\
             \"images_per_second\":350.5,\"terms\":{{\"supervised\":{loss},\"consistency\":0.5}},\
             \"diagnostics\":{{\"utilization\":0.25,\"confidence\":0.7,\"pseudo-label accuracy\":null,\
             \"thresholds\":[0.9,0.8,0.7],\"expert usage, semantic\":[0.4,0.6],\
             \"gate entropy of rows, semantic\":0.6}}}}\n"
        ));
        let metrics = "{\"faces\":4,\"loss\":0.5,\"accuracy\":0.75,\"balanced_accuracy\":0.5,\
                       \"macro_precision\":0.5,\"macro_recall\":0.5,\"macro_f1\":0.5,\"top_k\":[0.75,1.0,1.0],\
                       \"calibration_error\":0.125,\"recalls\":[1.0,0.5,null],\
                       \"confusion\":[[2,0,0],[1,1,0],[0,0,0]]}";
        text.push_str(&format!(
            "{{\"event\":\"evaluation\",\"step\":{step},\"best\":false,\"pseudo_labels\":\
             {{\"utilization\":0.25,\"accuracy\":0.5,\"classes\":[]}},\
             \"sets\":{{\"test\":{metrics},\"validation\":{metrics}}}}}\n"
        ));
    }
    text + "{\"event\":\"warning\",\"step\":30,\"text\":\"<b>careful</b>\"}\n"
}

fn answered() -> Answered {
    let answer = |label: usize, probs: [f32; 3], positive: &[usize]| Answer {
        label,
        probs: probs.into(),
        positive: positive.into(),
    };
    Answered {
        faces: vec![
            answer(0, [0.8, 0.1, 0.1], &[0]),
            answer(0, [0.6, 0.3, 0.1], &[0, 1]),
            answer(1, [0.9, 0.05, 0.05], &[0]),
            answer(1, [0.2, 0.5, 0.3], &[1, 2]),
        ],
        features: vec![vec![1., 0.], vec![0.9, 0.3], vec![0., 1.], vec![-0.3, 0.8]],
        stride: 1,
        gates: vec![
            GateUse {
                level: "semantic".to_owned(),
                sums: vec![vec![1., 3.], vec![2., 0.], vec![0., 0.]],
            },
            GateUse {
                level: "instance".to_owned(),
                sums: vec![vec![1., 1.], vec![2., 2.], vec![0., 0.]],
            },
        ],
    }
}

fn html(course: &Course, answered: &Answered) -> Result<String> {
    let classes = [EVIL, "joy", "calm"].map(str::to_owned);
    let entry = |place: usize| {
        let face = Face::new(vec![40 * place as u8; 64], 8, 8, 1)?;
        Ok(Entry::pixels(format!("{EVIL}/{place}.png"), Some(0), face))
    };
    let entries = (0..4).map(entry).collect::<leaf_data::Result<Vec<_>>>()?;
    let images = ImageConfig {
        size: 8,
        ..ImageConfig::default()
    };
    Page {
        title: format!("fixmatch on {EVIL}"),
        state: "after 30 of 30 steps".to_owned(),
        classes: &classes,
        test: "test",
        faces: &Faces::new(&entries, &images)?,
        course,
        answered,
        sets_rule: "A rule.".to_owned(),
        data: vec![
            ("source", EVIL.to_owned()),
            ("split hash", "a1b2".to_owned()),
        ],
        environment: vec![("processor", EVIL.to_owned())],
        commands: vec![("This run:", format!("train --out '{EVIL}'"))],
        toml: format!("source = \"folder:{EVIL}\""),
    }
    .html()
}

fn whole() -> Result<String> {
    let course = Course::parse(&metrics()).expect("lines as the run writes them");
    html(&course, &answered())
}

#[test]
fn every_part_is_there() -> Result<()> {
    let html = whole()?;
    for id in [
        "overview",
        "curves",
        "classes",
        "confusion",
        "gates",
        "ambiguous",
        "mistakes",
        "features",
        "data",
        "commands",
        "configuration",
        "environment",
    ] {
        assert_eq!(
            html.matches(&format!("<section id=\"{id}\"")).count(),
            1,
            "{id}"
        );
    }
    for id in [
        "accuracy",
        "loss",
        "pseudo-labels",
        "terms",
        "learning-rate",
        "speed",
        "recall",
        "thresholds",
        "confusion",
        "gate-semantic",
        "gate-instance",
        "entropy",
        "features",
    ] {
        assert_eq!(
            html.matches(&format!("<svg id=\"chart-{id}\"")).count(),
            1,
            "{id}"
        );
    }
    assert!(html.contains("a1b2") && html.contains("A rule."));
    assert_eq!(html.matches("data:image/png;base64,").count(), 4 + 1);
    Ok(())
}

#[test]
fn ids_are_unique_and_links_lead_to_them() -> Result<()> {
    let html = whole()?;
    let values = |attribute: &str| -> Vec<String> {
        let start = format!(" {attribute}=\"");
        let parts = html.split(&start).skip(1);
        let value = |part: &str| part.split('"').next().map(str::to_owned);
        parts.filter_map(value).collect()
    };
    let mut counts = BTreeMap::new();
    for id in values("id") {
        *counts.entry(id).or_insert(0) += 1;
    }
    assert!(counts.values().all(|&count| count == 1), "{counts:?}");
    for name in values("aria-labelledby") {
        assert!(counts.contains_key(&name), "{name}");
    }
    for link in values("href").iter().filter(|link| link.starts_with('#')) {
        assert!(counts.contains_key(&link[1..]), "{link}");
    }
    Ok(())
}

#[test]
fn what_the_user_named_is_no_markup() -> Result<()> {
    let html = whole()?;
    assert!(!html.contains("<img src=x"), "a name is markup");
    assert!(!html.contains("<b>careful"), "a warning is markup");
    // Cut to its room in charts, whole elsewhere.
    assert!(html.matches("&lt;img src=x onerror=&quot;").count() >= 8);
    Ok(())
}

#[test]
fn nothing_is_fetched() -> Result<()> {
    let html = whole()?;
    for forbidden in ["http:", "https:", "src=\"//", "url(", "@import", "<script"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    Ok(())
}

#[test]
fn the_same_run_gives_the_same_page() -> Result<()> {
    assert_eq!(whole()?, whole()?);
    Ok(())
}

#[test]
fn mistakes_come_surest_first_and_ambiguous_faces_by_entropy() -> Result<()> {
    let html = whole()?;
    let part = |id: &str| -> String {
        let parts: Vec<&str> = html.split("<section ").collect();
        let part = parts
            .iter()
            .find(|part| part.starts_with(&format!("id=\"{id}\"")));
        part.map(|part| (*part).to_owned()).expect("a part")
    };
    let mistakes = part("mistakes");
    assert_eq!(mistakes.matches("<img ").count(), 1);
    assert!(mistakes.contains("The surest of 1 wrong") && mistakes.contains("/2.png"));
    let ambiguous = part("ambiguous");
    let place = |face: usize| ambiguous.find(&format!("/{face}.png</small>"));
    let order = [3, 1, 0, 2].map(|face| place(face).expect("the face"));
    assert!(order.is_sorted(), "{order:?}");
    assert!(ambiguous.contains("<b>joy</b> 50.0%"));
    Ok(())
}

#[test]
fn a_run_that_was_not_evaluated_says_so() -> Result<()> {
    let html = html(&Course::default(), &Answered::of(4))?;
    assert!(html.contains("Nothing was evaluated yet.") && !html.contains("<svg"));
    Ok(())
}
