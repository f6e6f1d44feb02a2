//! How to have the same run again.

use crate::report::html::{escape, facts, section};
use crate::report::page::Page;

/// Data, environment, commands and the recipe in full.
pub(in crate::report) fn about(page: &Page) -> String {
    let data = facts(page.data.iter().map(|(name, value)| (name, value)));
    let environment = facts(page.environment.iter().map(|(name, value)| (name, value)));
    let mut commands = String::new();
    for (what, command) in &page.commands {
        let (what, command) = (escape(what), escape(command));
        commands.push_str(&format!(
            "<p>{what}</p>\n<pre><code>{command}</code></pre>\n"
        ));
    }
    let toml = escape(&page.toml);
    let recipe = format!(
        "<details open><summary>recipe.toml</summary>\n<pre><code>{toml}</code></pre></details>\n"
    );
    [
        section("data", "Faces", &data),
        section("commands", "Commands", &commands),
        section("configuration", "Configuration", &recipe),
        section("environment", "Environment", &environment),
    ]
    .concat()
}
