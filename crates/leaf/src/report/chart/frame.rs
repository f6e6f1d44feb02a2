//! The frame of a chart with two axes.

use super::WIDTH;
use super::axis::{Axis, short};

const LEFT: f64 = 46.;
const RIGHT: f64 = 12.;
const TOP: f64 = 10.;
const BOTTOM: f64 = 38.;

/// Two axes and where values lie between them.
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) height: f64,
}

impl Frame {
    pub(super) fn at_x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    pub(super) fn at_y(&self, value: f64) -> f64 {
        let bottom = self.height - BOTTOM;
        bottom - self.y.place(value) * (bottom - TOP)
    }

    /// The grid with its numbers, and what the x axis counts.
    pub(super) fn grid(&self, x_name: &str) -> String {
        let (bottom, right) = (self.height - BOTTOM, WIDTH - RIGHT);
        let mut svg = String::new();
        for &tick in &self.y.ticks {
            let y = self.at_y(tick);
            svg.push_str(&format!(
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                 <text class=\"y\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\n",
                LEFT - 6.,
                y + 4.,
                short(tick)
            ));
        }
        for &tick in &self.x.ticks {
            let x = self.at_x(tick);
            svg.push_str(&format!(
                "<text class=\"x\" x=\"{x:.1}\" y=\"{:.0}\">{}</text>\n",
                bottom + 16.,
                short(tick)
            ));
        }
        let middle = f64::midpoint(LEFT, right);
        svg.push_str(&format!(
            "<text class=\"x\" x=\"{middle:.0}\" y=\"{:.0}\">{x_name}</text>\n",
            bottom + 32.
        ));
        svg
    }
}
