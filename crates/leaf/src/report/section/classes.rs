//! What happens to each class.

use leaf_ssl::THRESHOLDS;
use leaf_train::Metrics;

use super::NO_EVALUATION;
use crate::report::chart::{Cell, Heat, Lines, Series};
use crate::report::html::{nothing, percent, section, table};
use crate::report::page::Page;

/// Recall and thresholds over time, and each class's rates.
pub(in crate::report) fn classes(page: &Page) -> String {
    let body = format!(
        "<div class=\"charts\">\n{}{}</div>\n{}",
        recalls(page),
        thresholds(page),
        rates(page)
    );
    section("classes", "Classes", &body)
}

fn recalls(page: &Page) -> String {
    let recall = |class: usize| Series {
        name: page.classes[class].clone(),
        ..page
            .course
            .rate(page.test, |metrics| *metrics.recalls.get(class)?)
    };
    Lines {
        id: "chart-recall",
        caption: "Recall of each class on the test faces",
        empty: NO_EVALUATION,
        shares: true,
        series: (0..page.classes.len()).map(recall).collect(),
    }
    .html()
}

fn thresholds(page: &Page) -> String {
    let mut series = page
        .course
        .measurement(THRESHOLDS, |class| page.class(class));
    if let [all] = series.as_mut_slice() {
        "all classes".clone_into(&mut all.name);
    }
    Lines {
        id: "chart-thresholds",
        caption: "Confidence from which a pseudo-label of a class counts",
        empty: "This training rule has no thresholds, or no step was shown yet.",
        shares: true,
        series,
    }
    .html()
}

fn rates(page: &Page) -> String {
    let Some(metrics) = page.course.last(page.test) else {
        return String::new();
    };
    let quality = page.course.evaluations.last();
    let quality = quality.and_then(|found| found.pseudo_labels.as_ref());
    let header = [
        "class",
        "test faces",
        "recall",
        "pseudo-labels right",
        "unlabelled faces used",
    ];
    let rows = page.classes.iter().enumerate().map(|(class, name)| {
        let pseudo = quality.and_then(|quality| quality.classes.get(class));
        vec![
            name.clone(),
            faces(metrics, class).to_string(),
            percent(metrics.recalls.get(class).copied().flatten()),
            percent(pseudo.and_then(|pseudo| pseudo.accuracy)),
            percent(pseudo.and_then(|pseudo| pseudo.coverage)),
        ]
    });
    table(&header, rows)
}

fn faces(metrics: &Metrics, class: usize) -> u64 {
    metrics
        .confusion
        .get(class)
        .map_or(0, |row| row.iter().sum())
}

/// Which class is taken for which.
pub(in crate::report) fn confusion(page: &Page) -> String {
    let heading = "Confusion";
    let Some(metrics) = page.course.last(page.test) else {
        return section("confusion", heading, &nothing(NO_EVALUATION));
    };
    let heat = Heat {
        id: "chart-confusion",
        caption: "True class (row), predicted class (column): number of test faces, shaded by the row's share",
        rows: page.classes,
        columns: page.classes,
    };
    let drawing = heat.html(|row, column| {
        let count = metrics.confusion[row][column];
        let share = count as f64 / faces(metrics, row).max(1) as f64;
        Cell {
            shade: share,
            text: count.to_string(),
            title: format!(
                "{} taken for {}: {count} ({})",
                page.class(row),
                page.class(column),
                percent(Some(share))
            ),
        }
    });
    let body = format!("<div class=\"charts\">\n{drawing}</div>\n");
    section("confusion", heading, &body)
}
