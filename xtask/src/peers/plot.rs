//! Time and memory as curves.

use std::path::Path;

use plotters::prelude::*;

use crate::Outcome;

/// Time in ms and memory in MB against one quantity.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    axis: &'static str,
    points: Vec<(f64, [f64; 2])>,
}

impl Curve {
    pub(crate) fn new(name: &'static str, axis: &'static str) -> Self {
        Self {
            name,
            axis,
            points: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, x: f64, (ms, mb): (f64, f64)) {
        self.points.push((x, [ms, mb]));
    }

    fn of(&self, which: usize) -> Vec<(f64, f64)> {
        self.points.iter().map(|(x, y)| (*x, y[which])).collect()
    }

    /// The share of the variance of time and memory that a line explains.
    pub(crate) fn determination(&self) -> [f64; 2] {
        [0, 1].map(|which| determination(&self.of(which)))
    }
}

/// Slope and intercept of the line with the least squared error.
fn fit(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let mean = |value: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(value).sum::<f64>() / count;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let covariance = mean(&|p| (p.0 - x) * (p.1 - y));
    let slope = covariance / mean(&|p| (p.0 - x).powi(2));
    (slope, y - slope * x)
}

fn determination(points: &[(f64, f64)]) -> f64 {
    let (slope, intercept) = fit(points);
    let mean = points.iter().map(|p| p.1).sum::<f64>() / points.len() as f64;
    let squares =
        |value: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(|p| value(p).powi(2)).sum::<f64>();
    let residual = squares(&|p| p.1 - slope * p.0 - intercept);
    1. - residual / squares(&|p| p.1 - mean)
}

/// Draws time and memory of each curve, a panel each.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn draw(path: &Path, title: &str, curves: &[Curve]) -> Outcome {
    let area = SVGBackend::new(path, (960, 640)).into_drawing_area();
    area.fill(&WHITE)?;
    let area = area.titled(title, ("sans-serif", 18))?;
    let panels = area.split_evenly((curves.len(), 2));
    for (curve, panels) in curves.iter().zip(panels.chunks(2)) {
        for (which, panel) in panels.iter().enumerate() {
            let quantity = ["ms", "peak MB"][which];
            draw_panel(panel, curve, &curve.of(which), quantity)?;
        }
    }
    area.present()?;
    Ok(())
}

fn draw_panel(
    panel: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    curve: &Curve,
    points: &[(f64, f64)],
    quantity: &str,
) -> Outcome {
    let largest = |value: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(value).fold(0., f64::max);
    let (right, top) = (largest(&|p| p.0) * 1.05, largest(&|p| p.1) * 1.1);
    let explained = determination(points);
    let caption = format!("{quantity} {}, R² = {explained:.4}", curve.name);
    let mut chart = ChartBuilder::on(panel)
        .caption(caption, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..right, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc(curve.axis)
        .y_desc(quantity)
        .light_line_style(WHITE)
        .draw()?;
    let (slope, intercept) = fit(points);
    let line = [0., right].map(|x| (x, slope * x + intercept));
    chart.draw_series(LineSeries::new(line, BLACK.mix(0.4)))?;
    let dots = points
        .iter()
        .map(|point| Circle::new(*point, 4, BLUE.filled()));
    chart.draw_series(dots)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found() {
        let points: Vec<(f64, f64)> = (0..5)
            .map(|x| (f64::from(x), 3. + 2. * f64::from(x)))
            .collect();
        let (slope, intercept) = fit(&points);
        assert!((slope - 2.).abs() < 1e-12 && (intercept - 3.).abs() < 1e-12);
        assert!((determination(&points) - 1.).abs() < 1e-12);
        let bent: Vec<(f64, f64)> = (0..5)
            .map(|x| (f64::from(x), f64::from(x).powi(2)))
            .collect();
        assert!(determination(&bent) < 0.97);
    }

    #[test]
    fn a_plot_names_its_axes_and_shows_every_point() -> Outcome {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("plot.svg");
        let mut curve = Curve::new("against batch", "faces");
        for faces in [4., 8., 16.] {
            curve.push(faces, (10. * faces, 100. + faces));
        }
        draw(&file, "a title", &[curve])?;
        let text = std::fs::read_to_string(&file)?;
        for word in ["a title", "faces", "peak MB", "against batch, R² = 1.0000"] {
            assert!(text.contains(word), "{word}");
        }
        assert_eq!(text.matches("<circle").count(), 6);
        Ok(())
    }
}
