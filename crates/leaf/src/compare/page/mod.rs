//! A comparison as a page that needs nothing but itself.

mod budgets;
mod dots;

use serde_json::Value;

use super::svg::escaped;
use super::table::{cells, heading};
use super::{Origin, Row};

use budgets::budgets;
use dots::dots;

const STYLE: &str = include_str!("style.css");

const HOW_TO_READ: &str = "\
Every difference is taken seed by seed: both runs have the same labelled faces, the same initial encoder, the same \
batches and the same views. A dot is the mean over seeds of the difference in accuracy on unseen people, and its \
whiskers are Student's 95% interval of that mean; with one seed there is none. Where the whiskers cross 0, the seeds \
do not tell the two apart. Alignment without LEAF is the control: what a variant gains over it is LEAF's own.";

const DRAWN: &str = "\
These faces are drawn. A figure on them says nothing of photographs.";

/// The page, as HTML without any address: plots for each algorithm, the table, and the settings. `missing` is how many runs
/// are still to come.
pub fn page(rows: &[Row], settings: &Value, origin: &Origin, missing: usize) -> String {
    let mut body = format!("<h1>What LEAF brings</h1>\n<p>{}</p>\n", about(settings));
    if missing > 0 {
        let note =
            format!("<p><strong>Not finished: {missing} runs are still to come.</strong></p>\n");
        body.push_str(&note);
    }
    body.push_str(&format!("<p>{HOW_TO_READ}</p>\n"));
    for rows in rows.chunk_by(|one, other| one.algorithm == other.algorithm) {
        body.push_str(&section(&rows.iter().collect::<Vec<_>>()));
    }
    body.push_str("<h2>All rows</h2>\n");
    body.push_str(&table(rows));
    body.push_str(&settings_of(settings, origin));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>What LEAF brings</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

fn about(settings: &Value) -> String {
    let text = |path: &str| {
        let value = settings.pointer(path);
        let value = value.map(|value| match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        });
        escaped(&value.unwrap_or_default())
    };
    let (faces, steps, backbone) = (
        text("/data/source"),
        text("/train/steps"),
        text("/backbone"),
    );
    let note = match faces.as_str() {
        "drawn" => format!(" {DRAWN}"),
        _ => String::new(),
    };
    format!("Faces: {faces}. Runs of {steps} steps of the network {backbone}.{note}")
}

fn section(rows: &[&Row]) -> String {
    let Some(algorithm) = rows.first().map(|row| row.algorithm.as_str()) else {
        return String::new();
    };
    let plain = dots("Difference to plain", algorithm, rows, |row| {
        row.to_plain.as_ref()
    });
    let aligned = dots(
        "Difference to plain with alignment (the control)",
        algorithm,
        rows,
        |row| row.to_aligned.as_ref(),
    );
    let name = escaped(algorithm);
    let budgets = format!("<div>{}</div>\n", budgets(algorithm, rows));
    format!("<h2>{name}</h2>\n<div class=\"grid\">\n{plain}{aligned}{budgets}</div>\n")
}

fn table(rows: &[Row]) -> String {
    let row = |tag: &str, cells: &[String]| {
        let cells = cells.iter().map(|cell| {
            let cell = escaped(cell);
            format!("<{tag}>{cell}</{tag}>")
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let mut text = String::from("<div class=\"scroll\"><table>\n");
    text.push_str(&row("th", &heading().map(str::to_owned)));
    text.extend(rows.iter().map(|found| row("td", &cells(found))));
    text + "</table></div>\n"
}

fn settings_of(settings: &Value, origin: &Origin) -> String {
    let commit = origin.commit.as_deref().unwrap_or("not known");
    let (command, commit) = (escaped(&origin.command), escaped(commit));
    let settings = escaped(&format!("{settings:#}"));
    format!(
        "<h2>How it was made</h2>\n<pre>{command}</pre>\n<p>Commit: {commit}</p>\n\
         <details><summary>What all runs share</summary><pre>{settings}</pre></details>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Result;
    use crate::compare::fake::{line, plan};
    use crate::compare::{Variant, results};

    fn made() -> Result<String> {
        let plan = plan();
        let (runs, _) = plan.runs();
        let lines: Vec<_> = runs
            .iter()
            .map(|run| {
                let gain = if run.variant == Variant::Robust {
                    0.02
                } else {
                    0.
                };
                line(run, 0.5 + gain + 0.01 * run.recipe.seed as f64)
            })
            .collect();
        let mut settings = plan.settings()?;
        settings["data"]["source"] = "folder:<b>".into();
        let origin = Origin {
            command: "compare --data 'folder:<b>'".to_owned(),
            commit: None,
        };
        Ok(page(&results(&lines), &settings, &origin, 3))
    }

    #[test]
    fn the_page_needs_nothing_but_itself() -> Result<()> {
        let page = made()?;
        for outside in ["http", "//", "src=", "@import", "url(", "<script"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(page.matches("href=").count(), 1, "the empty icon");
        assert!(page.contains("prefers-color-scheme: dark"));
        assert!(page.contains("width=device-width"));
        assert!(page.contains("folder:&lt;b&gt;") && !page.contains("<b>"));
        Ok(())
    }

    #[test]
    fn every_difference_has_its_dot_and_whisker() -> Result<()> {
        let page = made()?;
        // To plain: 3 variants of FixMatch and 1 of supervised training, at 2 budgets; to the control: 3 of FixMatch.
        let dots = page.matches("above 0 in").count();
        assert_eq!(dots, 2 * ((3 + 1) * 2 + 3 * 2), "in a dot and in the words");
        assert_eq!(page.matches("<figure>").count(), 5);
        assert!(page.contains(
            "robust at 4 labels a class: +0.020 (95%: +0.020 to +0.020), above 0 in 3 of 3"
        ));
        assert!(page.contains("3 runs are still to come"));
        assert!(!page.contains("NaN") && !page.contains("inf\""));
        for variant in Variant::ALL {
            assert!(STYLE.contains(&format!(".c-{variant} ")), "{variant}");
        }
        Ok(())
    }
}
