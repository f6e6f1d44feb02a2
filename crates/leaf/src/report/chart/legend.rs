//! Which color is what.

use super::color;
use crate::report::html::escape;

/// The names of the series, in their order.
pub(super) fn legend<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut html = String::from("<ul class=\"legend\">");
    for (series, name) in names.enumerate() {
        let (color, name) = (color(series), escape(name));
        html.push_str(&format!("<li class=\"{color}\">{name}</li>"));
    }
    html.push_str("</ul>\n");
    html
}
