//! Labels as CSV or JSON.

use std::path::Path;

use leaf::predict::Prediction;
use serde_json::{Map, Value, json};

use crate::faces::{Labelled, Labels};

/// What a table is written as.
pub(crate) enum Form {
    /// Comma-separated values (RFC 4180), with a line of names.
    Csv,
    /// An array of objects.
    Json,
}

impl Form {
    /// The form that a name's ending says.
    pub(crate) fn of(path: &Path) -> leaf::Result<Self> {
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        match ending.as_ref().and_then(|ending| ending.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            _ => Err(leaf::Error::Choice {
                field: "out",
                value: path.display().to_string(),
                expected: "a name that ends with .csv or .json",
            }),
        }
    }

    /// The whole table.
    pub(crate) fn text(&self, labels: &Labels, classes: &[String]) -> leaf::Result<String> {
        match self {
            Self::Csv => Ok(csv(labels, classes)),
            Self::Json => json_text(labels, classes),
        }
    }
}

fn csv(labels: &Labels, classes: &[String]) -> String {
    let with_truth = labels.faces.iter().any(|face| face.truth.is_some());
    let experts = labels
        .faces
        .first()
        .map_or(&[][..], |face| &face.prediction.experts);
    let mut names = vec!["path".to_owned(), "label".to_owned()];
    names.extend(with_truth.then(|| "truth".to_owned()));
    names.extend(classes.iter().map(|class| format!("p_{class}")));
    names.push("possible".to_owned());
    names.extend(experts.iter().map(|(level, _)| format!("{level}_expert")));
    let rows = labels.faces.iter().map(|face| cells(face, classes));
    let lines = std::iter::once(names).chain(rows);
    lines.map(|cells| line(&cells)).collect()
}

fn cells(face: &Labelled, classes: &[String]) -> Vec<String> {
    let Prediction {
        probs,
        class,
        experts,
        ..
    } = &face.prediction;
    let mut cells = vec![face.path.clone(), classes[*class].clone()];
    cells.extend(face.truth.map(|truth| classes[truth].clone()));
    cells.extend(probs.iter().map(|p| format!("{p:.6}")));
    cells.push(possible(&face.prediction, classes).join("|"));
    let first = |kept: &Vec<(usize, f64)>| kept.first().map(|(expert, _)| expert.to_string());
    cells.extend(
        experts
            .iter()
            .map(|(_, kept)| first(kept).unwrap_or_default()),
    );
    cells
}

/// The classes in question, if there are several.
pub(crate) fn possible<'a>(prediction: &Prediction, classes: &'a [String]) -> Vec<&'a str> {
    match prediction.is_ambiguous() {
        true => prediction
            .positives
            .iter()
            .map(|&class| classes[class].as_str())
            .collect(),
        false => Vec::new(),
    }
}

fn line(cells: &[String]) -> String {
    let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    quoted.join(",") + "\r\n"
}

/// A cell that holds what separates cells stands in quotes, its own doubled.
fn quoted(cell: &str) -> String {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

fn json_text(labels: &Labels, classes: &[String]) -> leaf::Result<String> {
    let rows: Vec<Value> = labels
        .faces
        .iter()
        .map(|face| object(face, classes))
        .collect();
    let text = serde_json::to_string_pretty(&rows).map_err(|error| leaf::Error::File {
        path: "the table".to_owned(),
        source: error.into(),
    })?;
    Ok(text + "\n")
}

fn object(face: &Labelled, classes: &[String]) -> Value {
    let prediction = &face.prediction;
    let probs = classes.iter().zip(&prediction.probs);
    let probs: Map<String, Value> = probs.map(|(class, p)| (class.clone(), json!(p))).collect();
    let experts = prediction.experts.iter().map(|(level, kept)| {
        let kept = kept
            .iter()
            .map(|(expert, weight)| json!({"expert": expert, "weight": weight}));
        ((*level).to_owned(), kept.collect::<Value>())
    });
    let mut row = json!({
        "path": face.path,
        "label": classes[prediction.class],
        "probabilities": probs,
        "possible": possible(prediction, classes),
        "experts": experts.collect::<Map<String, Value>>(),
    });
    if let Some(truth) = face.truth {
        row["truth"] = json!(classes[truth]);
    }
    row
}
