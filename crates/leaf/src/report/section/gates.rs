//! Which expert sees which class.

use leaf_ssl::{EXPERT_USAGE, GATE_ENTROPY_OF_ROWS};

use super::NO_STEP;
use crate::report::answered::GateUse;
use crate::report::chart::{Cell, Heat, Lines};
use crate::report::html::{nothing, percent, section};
use crate::report::page::Page;

/// A matrix of classes and experts for each gate, and the gates over time.
pub(in crate::report) fn gates(page: &Page) -> String {
    let gates = &page.answered.gates;
    let heading = "Gates";
    if gates.is_empty() {
        let why = "The network has no gate, or no face was evaluated yet.";
        return section("gates", heading, &nothing(why));
    }
    let mut charts: Vec<String> = (0..gates.len()).map(|place| matrix(page, place)).collect();
    for name in page.course.measured(EXPERT_USAGE) {
        charts.push(over_time(page, name, charts.len()));
    }
    charts.push(entropies(page));
    let body = format!("<div class=\"charts\">\n{}</div>\n", charts.concat());
    section("gates", heading, &body)
}

/// A name of its own for each gate, whatever the number of gates of a level.
fn name(gates: &[GateUse], place: usize) -> String {
    let level = &gates[place].level;
    let before = gates[..place].iter().filter(|gate| gate.level == *level);
    match before.count() {
        0 => level.clone(),
        earlier => format!("{level}-{}", earlier + 1),
    }
}

fn matrix(page: &Page, place: usize) -> String {
    let gate = &page.answered.gates[place];
    let name = name(&page.answered.gates, place);
    let experts = gate.sums.first().map_or(0, Vec::len);
    let columns: Vec<String> = (1..=experts)
        .map(|expert| format!("expert {expert}"))
        .collect();
    let shares: Vec<Vec<f64>> = gate.sums.iter().map(|sums| shares(sums)).collect();
    let largest = shares.iter().flatten().fold(0f64, |a, b| a.max(*b));
    let heat = Heat {
        id: &format!("chart-gate-{name}"),
        caption: &format!(
            "The {name} gate on test faces: each expert's share of the weights, by true class"
        ),
        rows: page.classes,
        columns: &columns,
    };
    heat.html(|row, column| {
        let share = shares[row][column];
        Cell {
            shade: if largest > 0. { share / largest } else { 0. },
            text: format!("{:.0}%", 100. * share),
            title: format!(
                "{}: {} of the weight to {}",
                page.class(row),
                percent(Some(share)),
                columns[column]
            ),
        }
    })
}

fn shares(sums: &[f64]) -> Vec<f64> {
    let all: f64 = sums.iter().sum();
    let share = |sum: &f64| if all > 0. { sum / all } else { 0. };
    sums.iter().map(share).collect()
}

fn over_time(page: &Page, name: &str, number: usize) -> String {
    let level = name.trim_start_matches(EXPERT_USAGE);
    let level = level.trim_start_matches([',', ' ']);
    Lines {
        id: &format!("chart-experts-{number}"),
        caption: &format!("Share of training faces that each expert serves ({level})"),
        empty: NO_STEP,
        shares: true,
        series: page
            .course
            .measurement(name, |expert| format!("expert {}", expert + 1)),
    }
    .html()
}

fn entropies(page: &Page) -> String {
    let names = page.course.measured(GATE_ENTROPY_OF_ROWS).into_iter();
    let series = names.flat_map(|name| page.course.measurement(name, |_| name.to_owned()));
    Lines {
        id: "chart-entropy",
        caption: "How undecided the gates are: entropy of a face's weights in nats",
        empty: NO_STEP,
        shares: false,
        series: series.collect(),
    }
    .html()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_of_one_level_have_names_of_their_own() {
        let gate = |level: &str| GateUse {
            level: level.to_owned(),
            sums: Vec::new(),
        };
        let gates = [gate("semantic"), gate("instance"), gate("instance")];
        let names: Vec<String> = (0..3).map(|place| name(&gates, place)).collect();
        assert_eq!(names, ["semantic", "instance", "instance-2"]);
    }

    #[test]
    fn a_class_without_faces_has_no_shares() {
        assert_eq!(shares(&[1., 3.]), [0.25, 0.75]);
        assert_eq!(shares(&[0., 0.]), [0., 0.]);
    }
}
