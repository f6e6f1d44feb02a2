//! Faces to look at.

use super::NO_EVALUATION;
use crate::Result;
use crate::report::answered::Answer;
use crate::report::html::{escape, nothing, paragraph, percent, section};
use crate::report::page::Page;
use crate::report::thumbnail;

/// How many faces are shown.
const SHOWN: usize = 12;

/// The faces whose predictions have the largest entropy, with their positive sets.
///
/// # Errors
/// When a face cannot be decoded.
pub(in crate::report) fn ambiguous(page: &Page) -> Result<String> {
    let places = first_by(page, |_| true, Answer::entropy);
    let words = "The test faces whose prediction has the largest entropy. Each shows its positive set, \
                 the classes that the face may well belong to, with their probabilities. ";
    let words = paragraph(&format!("{words}{}", escape(&page.sets_rule)));
    let cards = cards(page, &places, |answer| {
        let mut classes = answer.positive.clone();
        let prob = |class: usize| answer.probs[class];
        classes.sort_by(|&a, &b| prob(b).total_cmp(&prob(a)).then(a.cmp(&b)));
        let truth = match classes.contains(&answer.label) {
            true => format!("is {}", page.class(answer.label)),
            false => format!("is {}, outside the set", page.class(answer.label)),
        };
        (bars(page, answer, &classes), truth)
    })?;
    let body = with_cards(&words, &cards);
    Ok(section("ambiguous", "Most ambiguous faces", &body))
}

/// The wrong predictions that were surest.
///
/// # Errors
/// When a face cannot be decoded.
pub(in crate::report) fn mistakes(page: &Page) -> Result<String> {
    let wrong = |answer: &Answer| answer.prediction() != answer.label;
    let places = first_by(page, wrong, Answer::confidence);
    let heading = "Most confident mistakes";
    if places.is_empty() && !page.answered.faces.is_empty() {
        let body = nothing("Every test face is recognized.");
        return Ok(section("mistakes", heading, &body));
    }
    let all = page.answered.faces.iter().filter(|answer| wrong(answer));
    let words = format!(
        "The surest of {} wrong predictions on the test faces.",
        all.count()
    );
    let cards = cards(page, &places, |answer| {
        let prediction = answer.prediction();
        let both = [prediction, answer.label];
        let truth = format!("is {}", page.class(answer.label));
        (bars(page, answer, &both), truth)
    })?;
    let body = with_cards(&paragraph(&words), &cards);
    Ok(section("mistakes", heading, &body))
}

fn with_cards(words: &str, cards: &str) -> String {
    if cards.is_empty() {
        return nothing(NO_EVALUATION);
    }
    format!("{words}<ul class=\"faces\">\n{cards}</ul>\n")
}

/// The places of the faces with the largest values, the first among equals.
fn first_by(
    page: &Page,
    which: impl Fn(&Answer) -> bool,
    value: impl Fn(&Answer) -> f32,
) -> Vec<usize> {
    let faces = &page.answered.faces;
    let mut places: Vec<usize> = (0..faces.len())
        .filter(|&place| which(&faces[place]))
        .collect();
    places.sort_by(|&a, &b| {
        value(&faces[b])
            .total_cmp(&value(&faces[a]))
            .then(a.cmp(&b))
    });
    places.truncate(SHOWN);
    places
}

/// A card a face; what is said of it is its bars and one line, which is escaped here.
fn cards(
    page: &Page,
    places: &[usize],
    say: impl Fn(&Answer) -> (String, String),
) -> Result<String> {
    let mut html = String::new();
    for &place in places {
        let name = &page.faces.entries()[place].name;
        let answer = &page.answered.faces[place];
        let alt = format!("Test face {name} of class {}", page.class(answer.label));
        let image = thumbnail::image(page.faces, place, &alt)?;
        let (bars, line) = say(answer);
        let (line, name) = (escape(&line), escape(name));
        html.push_str(&format!(
            "<li>{image}<div><strong>{line}</strong>{bars}<small>{name}</small></div></li>\n"
        ));
    }
    Ok(html)
}

/// Classes with their probabilities as bars.
fn bars(page: &Page, answer: &Answer, classes: &[usize]) -> String {
    let mut html = String::from("<ul class=\"bars\">");
    for &class in classes {
        let prob = f64::from(answer.probs[class]);
        let right = if class == answer.label {
            " class=\"right\""
        } else {
            ""
        };
        html.push_str(&format!(
            "<li{right}><span style=\"width:{:.1}%\"></span><b>{}</b> {}</li>",
            100. * prob,
            escape(&page.class(class)),
            percent(Some(prob))
        ));
    }
    html.push_str("</ul>");
    html
}
