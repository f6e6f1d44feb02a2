//! That a run's report opens in a browser: all charts are drawn, nothing errs, nothing is wider than a phone.

mod browser;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::Outcome;
use crate::workspace::{cargo, root, run};
use browser::{Browser, Look};

/// The drawings that a run with gates at both levels and thresholds must have.
const CHARTS: &[&str] = &[
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
];

/// Widths in pixels, and heights that hold the whole page.
const SIZES: [(&str, u32, u32); 2] = [("desktop", 1280, 14_000), ("phone", 390, 20_000)];

/// Opens a run's report in a headless Chromium and saves how it looks, under target/report/.
#[derive(Debug, Args)]
pub(crate) struct CheckReport {
    /// The folder of a run whose report to open, instead of that of a short run on drawn faces.
    #[arg(value_name = "DIR")]
    run: Option<PathBuf>,
    /// A Chromium, instead of one that is installed here or from the distribution's packages.
    #[arg(long, value_name = "FILE")]
    chromium: Option<PathBuf>,
}

impl CheckReport {
    /// Runs the example `train` unless a run is given, then the browser.
    ///
    /// # Errors
    /// When a chart is missing or empty, the console has an error, the page is wider than its window, or
    /// there is no browser.
    pub(crate) fn run(&self) -> Outcome {
        let folder = root().join("target/report");
        std::fs::create_dir_all(&folder)?;
        let browser = Browser::find(self.chromium.as_deref(), &folder.join("profile"))?;
        notices_errors(&browser, &folder)?;
        let run_folder = match &self.run {
            Some(given) => given.clone(),
            None => {
                let run_folder = folder.join("run");
                run(&mut short_run(&run_folder))?;
                run_folder
            }
        };
        let page = run_folder.join("report.html").canonicalize();
        let page =
            page.map_err(|error| format!("{}/report.html: {error}", run_folder.display()))?;
        // A run of one's own may have no gates and no thresholds.
        let wanted = if self.run.is_some() { &[] } else { CHARTS };
        drawn(&browser.dom(&page)?, wanted)?;
        for (name, width, height) in SIZES {
            for dark in [false, true] {
                let scheme = if dark { "dark" } else { "light" };
                let picture = folder.join(format!("{name}-{scheme}.png"));
                let frame = frame(&folder, &page, width, height)?;
                browser.look(
                    &frame,
                    Look {
                        width,
                        height,
                        dark,
                    },
                    &picture,
                )?;
                println!("{}", picture.display());
            }
        }
        Ok(())
    }
}

/// A run with thresholds for each class, experts at both levels and several evaluations.
fn short_run(folder: &Path) -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--example", "train", "--"]);
    command.args(["--algorithm", "freematch", "--leaf", "paper"]);
    command.args(["--steps", "20", "--labels-per-class", "4"]);
    command.args(["--validation", "2", "--set", "train.log_every=2"]);
    command.args(["--set", "train.eval_every=10"]);
    command.arg("--out").arg(folder);
    command
}

/// A page that shows another one in a window of exactly that size, which Chromium itself does not make
/// narrower than 500 pixels, and says on the console if it is too wide.
fn frame(folder: &Path, page: &Path, width: u32, height: u32) -> Outcome<PathBuf> {
    let source = browser::address(page);
    let html = format!(
        "<!DOCTYPE html><meta charset=\"utf-8\"><style>body{{margin:0}}iframe{{border:0;display:block}}\
         </style><iframe src=\"{source}\" width=\"{width}\" height=\"{height}\"></iframe><script>\
         addEventListener('load',()=>{{const e=document.querySelector('iframe').contentDocument\
         .documentElement;if(e.scrollWidth>{width})console.error('the page is '+e.scrollWidth+\
         ' pixels wide in a window of {width}');if(e.scrollHeight>{height})console.error('the page is '\
         +e.scrollHeight+' pixels high, more than the picture of {height}')}})</script>"
    );
    let path = folder.join("frame.html");
    std::fs::write(&path, html)?;
    Ok(path)
}

/// That an error on the console is one here: otherwise this check could not fail.
fn notices_errors(browser: &Browser, folder: &Path) -> Outcome {
    let path = folder.join("erring.html");
    std::fs::write(&path, "<script>console.error('on purpose')</script>")?;
    match browser.dom(&path) {
        Err(error) if error.to_string().contains("on purpose") => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err("the browser does not report errors on the console".into()),
    }
}

/// Whether each chart is drawn, and whether every drawing of the page has something in it.
fn drawn(dom: &str, wanted: &[&str]) -> Outcome {
    let mut found = Vec::new();
    for part in dom.split("<svg id=\"chart-").skip(1) {
        let (name, rest) = part.split_once('"').ok_or("a drawing's id does not end")?;
        let drawing = rest.split("</svg>").next().unwrap_or_default();
        let shapes = ["<path", "<rect", "<circle"];
        if !shapes.iter().any(|shape| drawing.contains(shape)) {
            return Err(format!("the drawing chart-{name} is empty").into());
        }
        found.push(name);
    }
    for name in wanted {
        if !found.contains(name) {
            return Err(format!("no drawing chart-{name}, found {}", found.join(", ")).into());
        }
    }
    if found.is_empty() {
        return Err("the page has no drawing".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_empty_drawings_are_named() {
        let dom = "<svg id=\"chart-loss\" role=\"img\"><path d=\"M0 0\"/></svg>";
        assert!(drawn(dom, &["loss"]).is_ok());
        let problem = |dom: &str| drawn(dom, &["loss", "recall"]).unwrap_err().to_string();
        assert_eq!(problem(dom), "no drawing chart-recall, found loss");
        let empty = dom.replace("<path d=\"M0 0\"/>", "");
        assert_eq!(problem(&empty), "the drawing chart-loss is empty");
        assert!(drawn("<p>nothing</p>", &[]).is_err());
    }
}
