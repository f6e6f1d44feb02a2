//! Where the run stands, in a few numbers.

use leaf_train::Metrics;

use super::NO_EVALUATION;
use crate::report::html::{escape, nothing, percent, section, table};
use crate::report::page::Page;

/// The last evaluation's rates.
pub(in crate::report) fn overview(page: &Page) -> String {
    let Some(metrics) = page.course.last(page.test) else {
        return section("overview", "Last evaluation", &nothing(NO_EVALUATION));
    };
    let mut body = tiles(page, metrics);
    if page.course.sets().len() > 1 {
        body.push_str(&sets(page));
    }
    for warning in &page.course.warnings {
        body.push_str(&format!("<p class=\"warning\">{}</p>\n", escape(warning)));
    }
    section("overview", "Last evaluation", &body)
}

fn tiles(page: &Page, metrics: &Metrics) -> String {
    let quality = page.course.evaluations.last();
    let quality = quality.and_then(|found| found.pseudo_labels.as_ref());
    let mut tiles = vec![
        ("accuracy", percent(Some(metrics.accuracy))),
        (
            "balanced accuracy",
            percent(Some(metrics.balanced_accuracy)),
        ),
        ("macro F1", format!("{:.3}", metrics.macro_f1)),
        ("among the best two", percent(metrics.top_k.get(1).copied())),
        (
            "calibration error",
            format!("{:.3}", metrics.calibration_error),
        ),
        ("loss", format!("{:.3}", metrics.loss)),
    ];
    if let Some(quality) = quality {
        tiles.push(("unlabelled faces used", percent(Some(quality.utilization))));
        tiles.push(("pseudo-labels right", percent(quality.accuracy)));
    }
    let mut html = String::from("<dl class=\"tiles\">\n");
    for (name, value) in tiles {
        html.push_str(&format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    }
    html.push_str("</dl>\n");
    html
}

fn sets(page: &Page) -> String {
    let header = [
        "faces",
        "number",
        "accuracy",
        "balanced",
        "macro F1",
        "calibration error",
    ];
    let rows = page.course.sets().into_iter().filter_map(|set| {
        let metrics = page.course.last(set)?;
        Some(vec![
            set.to_owned(),
            metrics.faces.to_string(),
            percent(Some(metrics.accuracy)),
            percent(Some(metrics.balanced_accuracy)),
            format!("{:.3}", metrics.macro_f1),
            format!("{:.3}", metrics.calibration_error),
        ])
    });
    table(&header, rows)
}
