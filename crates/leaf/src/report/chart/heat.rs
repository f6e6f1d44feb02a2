//! A matrix of shares in colors.

use super::{WIDTH, figure};
use crate::report::html::escape;

/// Width of a letter in a drawing, and the most of a name that is drawn.
const LETTER: f64 = 7.;
const LETTERS: usize = 13;

/// Room above the columns for their slanted names.
const TOP: f64 = 74.;

/// The narrowest cell that a number fits into; the pointer is told it in any.
const NARROWEST: f64 = 20.;

/// From this share of the darkest color on text is light.
const STRONG: f64 = 0.55;

/// One cell: how dark it is, in [0, 1], what stands in it and what the pointer is told.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Cell {
    pub(in crate::report) shade: f64,
    pub(in crate::report) text: String,
    pub(in crate::report) title: String,
}

/// A matrix with names for its rows and columns.
pub(in crate::report) struct Heat<'a> {
    pub(in crate::report) id: &'a str,
    pub(in crate::report) caption: &'a str,
    pub(in crate::report) rows: &'a [String],
    pub(in crate::report) columns: &'a [String],
}

impl Heat<'_> {
    /// The drawing, with the cell of each row and column.
    pub(in crate::report) fn html(&self, cell: impl Fn(usize, usize) -> Cell) -> String {
        let longest = self.rows.iter().map(|name| drawn(name).chars().count());
        let left = 12. + LETTER * longest.max().unwrap_or(0) as f64;
        let width = ((WIDTH - left - 24.) / self.columns.len().max(1) as f64).min(64.);
        let height = width.clamp(18., 34.);
        let mut svg = String::new();
        for (column, name) in self.columns.iter().enumerate() {
            let x = left + width * (column as f64 + 0.5);
            svg.push_str(&format!(
                "<text x=\"0\" y=\"0\" transform=\"translate({x:.1} {:.0}) rotate(-45)\">{}</text>\n",
                TOP - 8.,
                escape(&drawn(name))
            ));
        }
        for (row, name) in self.rows.iter().enumerate() {
            let y = TOP + height * row as f64;
            svg.push_str(&format!(
                "<text class=\"y\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\n",
                left - 8.,
                y + height / 2. + 4.,
                escape(&drawn(name))
            ));
            for column in 0..self.columns.len() {
                let x = left + width * column as f64;
                svg.push_str(&square(&cell(row, column), x, y, width, height));
            }
        }
        let all = TOP + height * self.rows.len() as f64 + 4.;
        figure(self.id, self.caption, all, &svg, "")
    }
}

fn square(cell: &Cell, x: f64, y: f64, width: f64, height: f64) -> String {
    let shade = cell.shade.clamp(0., 1.);
    let strong = if shade > STRONG { " strong" } else { "" };
    let text = if width < NARROWEST { "" } else { &cell.text };
    let (title, text) = (escape(&cell.title), escape(text));
    format!(
        "<g><title>{title}</title><rect class=\"cell\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
         height=\"{:.1}\" rx=\"3\"/><rect class=\"shade\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
         height=\"{:.1}\" rx=\"3\" fill-opacity=\"{shade:.3}\"/><text class=\"x{strong}\" x=\"{:.1}\" \
         y=\"{:.1}\">{text}</text></g>\n",
        x + 1.,
        y + 1.,
        width - 2.,
        height - 2.,
        x + 1.,
        y + 1.,
        width - 2.,
        height - 2.,
        x + width / 2.,
        y + height / 2. + 4.,
    )
}

/// As much of a name as there is room for.
fn drawn(name: &str) -> String {
    if name.chars().count() <= LETTERS {
        return name.to_owned();
    }
    let start: String = name.chars().take(LETTERS - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_there_with_its_title() {
        let names = ["anger & <fear>".to_owned(), "joy".to_owned()];
        let html = Heat {
            id: "confusion",
            caption: "Who is taken for whom",
            rows: &names,
            columns: &names,
        }
        .html(|row, column| Cell {
            shade: if row == column { 2. } else { 0.1 },
            text: format!("{row}{column}"),
            title: format!("{} as {}", names[row], names[column]),
        });
        assert_eq!(html.matches("class=\"shade\"").count(), 4);
        assert!(html.contains("<title>anger &amp; &lt;fear&gt; as joy</title>"));
        assert!(html.contains("fill-opacity=\"1.000\""));
        assert!(html.contains(">anger &amp; &lt;fea…<"), "{html}");
    }
}
