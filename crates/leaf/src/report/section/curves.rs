//! The run over its steps.

use leaf_ssl::{CONFIDENCE, PSEUDO_ACCURACY, UTILIZATION};

use super::{NO_EVALUATION, NO_STEP};
use crate::report::chart::{Lines, Series};
use crate::report::html::section;
use crate::report::page::Page;

/// The loss's term of the labelled faces.
const SUPERVISED: &str = "supervised";

/// Accuracy, loss, pseudo-labels, the loss's terms and the learning rate.
pub(in crate::report) fn curves(page: &Page) -> String {
    let charts = [
        accuracy(page),
        loss(page),
        pseudo_labels(page),
        terms(page),
        learning_rate(page),
        speed(page),
    ];
    let body = format!("<div class=\"charts\">\n{}</div>\n", charts.concat());
    section("curves", "Curves", &body)
}

fn accuracy(page: &Page) -> String {
    let course = page.course;
    let sets = course.sets().into_iter();
    let mut series: Vec<Series> = sets
        .map(|set| course.rate(set, |metrics| Some(metrics.accuracy)))
        .collect();
    series.extend(measured(
        page,
        PSEUDO_ACCURACY,
        "training: pseudo-labels used",
    ));
    Lines {
        id: "chart-accuracy",
        caption: "Accuracy on evaluated faces, and of the pseudo-labels in training",
        empty: NO_EVALUATION,
        shares: true,
        series,
    }
    .html()
}

fn loss(page: &Page) -> String {
    let course = page.course;
    let sets = course.sets().into_iter();
    let mut series: Vec<Series> = sets
        .map(|set| course.rate(set, |metrics| Some(metrics.loss)))
        .collect();
    let training = course.term(SUPERVISED, "training: labelled faces");
    if !training.points.is_empty() {
        series.push(training);
    }
    Lines {
        id: "chart-loss",
        caption: "Cross-entropy on evaluated faces and on labelled faces in training",
        empty: NO_STEP,
        shares: false,
        series,
    }
    .html()
}

fn pseudo_labels(page: &Page) -> String {
    let mut series = measured(page, UTILIZATION, "used for training");
    series.extend(measured(page, CONFIDENCE, "mean confidence"));
    series.extend(measured(page, PSEUDO_ACCURACY, "right among the used"));
    Lines {
        id: "chart-pseudo-labels",
        caption: "Pseudo-labels: how many are used and how many of those are right",
        empty: "This training rule has no pseudo-labels, or none was shown yet.",
        shares: true,
        series,
    }
    .html()
}

fn terms(page: &Page) -> String {
    let terms = page.course.terms().into_iter();
    let mut series = vec![page.course.loss("whole loss")];
    series.extend(terms.map(|term| page.course.term(term, term)));
    Lines {
        id: "chart-terms",
        caption: "The loss and its terms before their weights",
        empty: NO_STEP,
        shares: false,
        series,
    }
    .html()
}

fn learning_rate(page: &Page) -> String {
    Lines {
        id: "chart-learning-rate",
        caption: "Learning rate",
        empty: NO_STEP,
        shares: false,
        series: vec![page.course.learning_rate()],
    }
    .html()
}

fn speed(page: &Page) -> String {
    Lines {
        id: "chart-speed",
        caption: "Speed: images a second, all views of all faces together",
        empty: NO_STEP,
        shares: false,
        series: vec![page.course.speed()],
    }
    .html()
}

/// A measurement with one value, if the run has it.
fn measured(page: &Page, name: &str, shown: &str) -> Vec<Series> {
    page.course.measurement(name, |_| shown.to_owned())
}
