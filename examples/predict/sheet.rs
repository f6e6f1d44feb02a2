//! A page of the faces with their labels, with everything in it.

use std::fmt::Write;

use leaf::predict::Predictor;

use crate::faces::{Labelled, Labels};
use crate::table::possible;

const STYLE: &str = include_str!("sheet.css");

/// The whole page: a class after the other, the surest faces first.
pub(crate) fn page(labels: &Labels, predictor: &Predictor) -> String {
    let classes = predictor.classes();
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{} faces</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        labels.faces.len()
    );
    page.push_str(&heading(labels, predictor));
    for (class, name) in classes.iter().enumerate() {
        let of_class = labels
            .faces
            .iter()
            .filter(|face| face.prediction.class == class);
        let mut faces: Vec<&Labelled> = of_class.collect();
        if faces.is_empty() {
            continue;
        }
        let sureness = |face: &Labelled| face.prediction.probs[class];
        faces.sort_by(|a, b| sureness(b).total_cmp(&sureness(a)));
        let cards: String = faces.iter().map(|face| card(face, classes)).collect();
        let (name, count) = (escaped(name), faces.len());
        // Writing to a text cannot fail.
        let _ = writeln!(
            page,
            "<section id=\"class-{class}\">\n<h2>{name} <small>{count}</small></h2>\n<div class=\"faces\">\n{cards}</div>\n</section>"
        );
    }
    page.push_str(&unreadable(labels));
    page.push_str("</body>\n</html>\n");
    page
}

fn heading(labels: &Labels, predictor: &Predictor) -> String {
    let classes = predictor.classes();
    let counts = classes.iter().enumerate().map(|(class, name)| {
        let count = labels
            .faces
            .iter()
            .filter(|face| face.prediction.class == class)
            .count();
        let name = escaped(name);
        match count {
            0 => format!("<span>{name} 0</span>"),
            _ => format!("<a href=\"#class-{class}\">{name} {count}</a>"),
        }
    });
    let counts: Vec<String> = counts.collect();
    let ambiguous = labels
        .faces
        .iter()
        .filter(|face| face.prediction.is_ambiguous())
        .count();
    let right = labels.metrics.as_ref().map_or_else(String::new, |metrics| {
        format!(
            ", {:.1}% of the labels are right (balanced {:.1}%)",
            100. * metrics.accuracy,
            100. * metrics.balanced_accuracy
        )
    });
    format!(
        "<header>\n<h1>{} faces</h1>\n<p>Labels of a {} network after {} steps; {ambiguous} faces are ambiguous{right}.</p>\n\
         <nav>{}</nav>\n</header>\n",
        labels.faces.len(),
        escaped(&predictor.card().architecture.name),
        predictor.step(),
        counts.join(" ")
    )
}

fn card(face: &Labelled, classes: &[String]) -> String {
    let prediction = &face.prediction;
    let p = 100. * prediction.probs[prediction.class];
    let wrong = face.truth.filter(|&truth| truth != prediction.class);
    let truth = wrong.map_or_else(String::new, |truth| {
        format!(
            "<span class=\"truth\">in truth {}</span>",
            escaped(&classes[truth])
        )
    });
    let others: Vec<String> = possible(prediction, classes)
        .into_iter()
        .zip(&prediction.positives)
        .skip(1)
        .map(|(name, &class)| {
            format!(
                "or {} {:.0}%",
                escaped(name),
                100. * prediction.probs[class]
            )
        })
        .collect();
    let path = escaped(&face.path);
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let label = escaped(&classes[prediction.class]);
    let image = face.thumbnail.as_deref().unwrap_or_default();
    format!(
        "<figure title=\"{path}\"{}><img src=\"data:image/jpeg;base64,{image}\" alt=\"{label}\" width=\"96\" height=\"96\">\
         <figcaption><b>{label}</b> {p:.0}%<span class=\"bar\"><i style=\"width:{p:.0}%\"></i></span>\
         <span class=\"others\">{}</span>{truth}\
         <span class=\"name\">{name}</span></figcaption></figure>\n",
        if wrong.is_some() {
            " class=\"wrong\""
        } else {
            ""
        },
        others.join("<br>")
    )
}

fn unreadable(labels: &Labels) -> String {
    if labels.unreadable.is_empty() {
        return String::new();
    }
    let items = labels.unreadable.iter();
    let items: String = items
        .map(|what| format!("<li>{}</li>\n", escaped(what)))
        .collect();
    let count = labels.unreadable.len();
    format!(
        "<section>\n<h2>Could not be read <small>{count}</small></h2>\n<ul>\n{items}</ul>\n</section>\n"
    )
}

/// Text that HTML takes for nothing else.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}
