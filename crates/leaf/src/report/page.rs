//! The whole page.

use leaf_data::Faces;

use super::answered::Answered;
use super::course::Course;
use super::html::escape;
use super::section;
use crate::Result;

/// Everything that the page shows.
pub(super) struct Page<'a> {
    /// The run in a few words.
    pub(super) title: String,
    /// How far it is.
    pub(super) state: String,
    pub(super) classes: &'a [String],
    /// The name of the set that faces are shown of.
    pub(super) test: &'a str,
    /// The faces of that set.
    pub(super) faces: &'a Faces,
    pub(super) course: &'a Course,
    pub(super) answered: &'a Answered,
    /// How positive sets are drawn.
    pub(super) sets_rule: String,
    pub(super) data: Vec<(&'static str, String)>,
    pub(super) environment: Vec<(&'static str, String)>,
    /// What each command does, and the command.
    pub(super) commands: Vec<(&'static str, String)>,
    pub(super) toml: String,
}

/// The parts of the page that its head leads to.
const PARTS: [(&str, &str); 9] = [
    ("curves", "Curves"),
    ("classes", "Classes"),
    ("confusion", "Confusion"),
    ("gates", "Gates"),
    ("ambiguous", "Ambiguous faces"),
    ("mistakes", "Mistakes"),
    ("features", "Features"),
    ("commands", "Commands"),
    ("configuration", "Configuration"),
];

impl Page<'_> {
    /// A class's name.
    pub(super) fn class(&self, class: usize) -> String {
        let name = self.classes.get(class).cloned();
        name.unwrap_or_else(|| format!("class {class}"))
    }

    /// The page, which needs no other file.
    ///
    /// # Errors
    /// When a face that is shown cannot be decoded.
    pub(super) fn html(&self) -> Result<String> {
        let (title, state) = (escape(&self.title), escape(&self.state));
        let links = PARTS.map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>"));
        let body = [
            section::overview(self),
            section::curves(self),
            section::classes(self),
            section::confusion(self),
            section::gates(self),
            section::ambiguous(self)?,
            section::mistakes(self)?,
            section::features(self),
            section::about(self),
        ];
        Ok(format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <title>{title} – {state}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header>\n<h1>{title}</h1>\n<p>{state}</p>\n<nav aria-label=\"Parts\">{}</nav>\n</header>\n\
             <main>\n{}</main>\n</body>\n</html>\n",
            links.join(" "),
            body.concat()
        ))
    }
}

const STYLE: &str = include_str!("style.css");
