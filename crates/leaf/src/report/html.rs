//! Text as HTML.

use std::fmt::Display;

/// Text that means itself between tags and in quoted attributes: names and paths are the user's.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A part of the page under a heading, which links can point to.
pub(super) fn section(id: &str, heading: &str, body: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{heading}</h2>\n{body}</section>\n")
}

/// A paragraph of our own words.
pub(super) fn paragraph(html: &str) -> String {
    format!("<p>{html}</p>\n")
}

/// What stands where there is nothing to show yet.
pub(super) fn nothing(why: &str) -> String {
    format!("<p class=\"none\">{why}</p>\n")
}

/// Names and values, a row each; both are escaped here.
pub(super) fn facts<N: Display, V: Display>(rows: impl IntoIterator<Item = (N, V)>) -> String {
    let mut html = String::from("<table class=\"facts\">\n");
    for (name, value) in rows {
        let (name, value) = (escape(&name.to_string()), escape(&value.to_string()));
        html.push_str(&format!(
            "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>\n"
        ));
    }
    html.push_str("</table>\n");
    html
}

/// A table under a header, the first column naming its row; cells are escaped here.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut html = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
    for name in header {
        html.push_str(&format!("<th scope=\"col\">{}</th>", escape(name)));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            html.push_str(&match column {
                0 => format!("<th scope=\"row\">{cell}</th>"),
                _ => format!("<td>{cell}</td>"),
            });
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

/// A share as people write it, or a dash.
pub(super) fn percent(share: Option<f64>) -> String {
    match share {
        Some(share) if share.is_finite() => format!("{:.1}%", 100. * share),
        _ => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_users_is_markup() {
        let name = "<script>alert('a & \"b\"')</script>";
        let safe = "&lt;script&gt;alert(&#39;a &amp; &quot;b&quot;&#39;)&lt;/script&gt;";
        assert_eq!(escape(name), safe);
        for html in [
            facts([(name, name)]),
            table(&[name], [vec![name.to_owned(), name.to_owned()]]),
        ] {
            assert!(!html.contains("<script"), "{html}");
            assert!(html.matches(safe).count() >= 2, "{html}");
        }
    }

    #[test]
    fn shares_that_are_none_are_a_dash() {
        assert_eq!(percent(Some(0.6994)), "69.9%");
        assert_eq!(percent(None), "–");
        assert_eq!(percent(Some(f64::NAN)), "–");
    }
}
