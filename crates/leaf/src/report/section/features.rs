//! The features in the plane.

use crate::report::chart::{Dot, Scatter};
use crate::report::html::{nothing, section};
use crate::report::page::Page;
use crate::report::projection::principal_plane;

/// Test faces by their features' two principal components.
pub(in crate::report) fn features(page: &Page) -> String {
    let heading = "Features";
    let Some(plane) = principal_plane(&page.answered.features) else {
        let why = "Too few faces were evaluated, or their features are all alike.";
        return section("features", heading, &nothing(why));
    };
    let points = plane.points.iter().enumerate();
    let dots: Vec<Dot> = points
        .map(|(number, &at)| {
            let answer = &page.answered.faces[number * page.answered.stride];
            let (label, prediction) = (answer.label, answer.prediction());
            let said = match label == prediction {
                true => "recognized".to_owned(),
                false => format!("taken for {}", page.class(prediction)),
            };
            Dot {
                at,
                series: label,
                hollow: label != prediction,
                title: format!("{}, {said}", page.class(label)),
            }
        })
        .collect();
    let percent = |axis: usize| 100. * plane.shares[axis];
    let scatter = Scatter {
        id: "chart-features",
        caption: &format!(
            "{} test faces by the two principal components of their unit-length features, which hold \
             {:.0}% and {:.0}% of the variance; rings are mistakes",
            dots.len(),
            percent(0),
            percent(1)
        ),
        names: page.classes,
        dots: &dots,
    };
    let body = format!("<div class=\"charts\">\n{}</div>\n", scatter.html());
    section("features", heading, &body)
}
