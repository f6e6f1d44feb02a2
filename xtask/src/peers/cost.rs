//! `cargo xtask peers cost`.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use plotters::prelude::*;

use super::case::positive;
use super::load::Watch;
use super::modules::sample;
use super::{environment, results};
use crate::Outcome;
use crate::workspace::root;

/// What stays while another quantity changes.
const USUAL: Setting = Setting {
    rows: 256,
    experts: 8,
    dim: 512,
    kept: 2,
};

/// Our aggregation against rows (N), experts (E), width (D) and experts a row (k).
#[derive(Debug, Args)]
pub(crate) struct Cost {
    /// Where the table (.csv) and the plot (.svg) go.
    #[arg(long, value_name = "PATH", default_value = "docs/module-cost")]
    out: PathBuf,
    /// How many threads.
    #[arg(long, default_value_t = 2, value_parser = positive)]
    threads: usize,
    /// Passes of a process that count, of which the median is taken.
    #[arg(long, default_value_t = 20, value_parser = positive)]
    repeats: usize,
    /// Takes samples although other work runs.
    #[arg(long)]
    allow_load: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Setting {
    rows: usize,
    experts: usize,
    dim: usize,
    kept: usize,
}

/// A quantity, the settings that differ in it, and what a pass takes in training and in evaluation.
struct Curve {
    name: &'static str,
    points: Vec<(f64, [f64; 2])>,
}

fn settings() -> [(&'static str, Vec<(usize, Setting)>); 4] {
    let curve = |values: &[usize], set: fn(&mut Setting, usize)| {
        let one = |value: &usize| {
            let mut setting = USUAL;
            set(&mut setting, *value);
            (*value, setting)
        };
        values.iter().map(one).collect()
    };
    [
        (
            "rows (N)",
            curve(&[16, 64, 256, 1024, 4096], |s, v| s.rows = v),
        ),
        (
            "experts (E)",
            curve(&[2, 4, 8, 16, 32, 64], |s, v| s.experts = v),
        ),
        (
            "width (D)",
            curve(&[128, 256, 512, 1024, 2048], |s, v| s.dim = v),
        ),
        ("experts a row (k)", curve(&[1, 2, 4, 8], |s, v| s.kept = v)),
    ]
}

impl Cost {
    pub(super) fn run(&self) -> Outcome {
        let path = |extension: &str| root().join(self.out.with_extension(extension));
        results::check(&path("csv"))?;
        let ours = environment::ours("modules")?;
        let mut watch = Watch::new(self.allow_load);
        let mut lines = vec!["rows,experts,dim,kept,eval_ms,train_ms".to_owned()];
        let mut curves = Vec::new();
        for (name, settings) in settings() {
            let mut points = Vec::new();
            for (value, setting) in settings {
                let [eval, train] = watch.sample(|| self.measure(&ours, setting))?;
                let Setting {
                    rows,
                    experts,
                    dim,
                    kept,
                } = setting;
                eprintln!("{name} = {value}: {eval:.3} ms, {train:.3} ms");
                lines.push(format!(
                    "{rows},{experts},{dim},{kept},{eval:.4},{train:.4}"
                ));
                points.push((value as f64, [train, eval]));
            }
            curves.push(Curve { name, points });
        }
        eprintln!("{}", watch.report());
        results::write(&path("csv"), &(lines.join("\n") + "\n"))?;
        let title = format!(
            "Aggregation, residual experts, 256 rows, 8 experts, width 512, k = 2 unless said; {}, {}",
            environment::machine(),
            environment::today()
        );
        draw(&path("svg"), &title, &curves)
    }

    /// What a pass takes in evaluation and in training.
    fn measure(&self, program: &Path, setting: Setting) -> Outcome<[f64; 2]> {
        let mut command = Command::new(program);
        command.args(["--module", "aggregation"]);
        for (name, value) in [
            ("--rows", setting.rows),
            ("--num-experts", setting.experts),
            ("--dim", setting.dim),
            ("--top-k", setting.kept),
            ("--repeats", self.repeats),
        ] {
            command.args([name, &value.to_string()]);
        }
        let (lines, _) = sample(&mut command, self.threads)?;
        match lines.as_slice() {
            [eval, train] => Ok([eval.ms, train.ms]),
            other => Err(format!("{} cases, expected 2", other.len()).into()),
        }
    }
}

/// Draws each curve in a panel of its own, both axes by powers.
fn draw(path: &Path, title: &str, curves: &[Curve]) -> Outcome {
    let area = SVGBackend::new(path, (960, 720)).into_drawing_area();
    area.fill(&WHITE)?;
    let area = area.titled(title, ("sans-serif", 15))?;
    for (curve, panel) in curves.iter().zip(area.split_evenly((2, 2))) {
        let values = || curve.points.iter().flat_map(|point| point.1);
        let (low, high) = (
            values().fold(f64::INFINITY, f64::min) / 1.5,
            values().fold(0., f64::max) * 1.5,
        );
        let places = || curve.points.iter().map(|point| point.0);
        let (left, right) = (
            places().fold(f64::INFINITY, f64::min) / 1.2,
            places().fold(0., f64::max) * 1.2,
        );
        let mut chart = ChartBuilder::on(&panel)
            .caption(
                format!("ms of a pass against {}", curve.name),
                ("sans-serif", 15),
            )
            .margin(10)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d((left..right).log_scale(), (low..high).log_scale())?;
        chart
            .configure_mesh()
            .x_desc(curve.name)
            .y_desc("ms")
            .light_line_style(WHITE)
            .draw()?;
        for (which, (name, color)) in [("training", BLUE), ("evaluation", RED)]
            .into_iter()
            .enumerate()
        {
            let points = || curve.points.iter().map(|(x, y)| (*x, y[which]));
            chart
                .draw_series(LineSeries::new(points(), color))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
            chart.draw_series(points().map(|point| Circle::new(point, 3, color.filled())))?;
        }
        chart
            .configure_series_labels()
            .border_style(BLACK.mix(0.3))
            .draw()?;
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_curve_changes_one_quantity() {
        for (name, settings) in settings() {
            assert!(
                settings.iter().any(|(_, setting)| *setting == USUAL),
                "{name} leaves out the usual setting"
            );
        }
    }

    #[test]
    fn a_plot_has_every_point() -> Outcome {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("plot.svg");
        let points = [16., 64., 256.].map(|rows| (rows, [rows / 10., rows / 30.]));
        let curve = Curve {
            name: "rows (N)",
            points: points.to_vec(),
        };
        draw(&file, "a title", &[curve])?;
        let text = std::fs::read_to_string(&file)?;
        for word in ["a title", "rows (N)", "training", "evaluation"] {
            assert!(text.contains(word), "{word}");
        }
        assert_eq!(text.matches("<circle").count(), 6);
        Ok(())
    }
}
