//! Tables of comparisons inside a text, made from their raw lines.

use std::path::Path;

use super::{Folder, Line, Seeds, kept_table, results, table};
use crate::{Error, Result};

/// Makes a table of runs.
type Maker = fn(&[Line]) -> String;

/// How a marker begins, and what comes behind it of its runs.
const MARKERS: [(&str, Maker); 2] = [
    ("<!-- table ", |runs| table(&results(runs))),
    ("<!-- kept ", kept_table),
];
const BEGIN_END: &str = " -->";
const END: &str = "<!-- end -->";

/// A Markdown text with its tables made anew: between a line `<!-- table FOLDER CHOICES -->` and the next
/// `<!-- end -->` comes the table of the comparison in `FOLDER`, a folder below `root`. Choices, each
/// `NAME=VALUE`, say which runs count: `seeds=A..B`, `labels=N,N`, `algorithms=NAME,NAME` and
/// `variants=NAME,NAME`, where `robust` is the variant as it is and `robust+soft` a tuning of it. Behind
/// `<!-- kept FOLDER CHOICES -->` comes what the runs' features keep ([`kept_table`]).
///
/// # Errors
/// [`Error::Document`] if a marker makes no sense, its table has no row or its end is missing, and those of
/// [`Folder::read`].
pub fn with_tables(text: &str, root: &Path) -> Result<String> {
    let mut made = String::with_capacity(text.len());
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        made.push_str(line);
        made.push('\n');
        let marker = MARKERS.iter().find_map(|(begin, made_of)| {
            let rest = line.strip_prefix(begin)?.strip_suffix(BEGIN_END)?;
            Some((rest, made_of))
        });
        let Some((marker, made_of)) = marker else {
            continue;
        };
        let wrong = |what: String| Error::Document {
            line: at + 1,
            marker: line.to_owned(),
            what,
        };
        if !lines.by_ref().any(|(_, line)| line == END) {
            return Err(wrong(format!("expected a line {END:?} behind it")));
        }
        let choice = Choice::parse(marker).map_err(&wrong)?;
        let (_, runs) = Folder::read(&root.join(choice.folder))?;
        let runs: Vec<Line> = runs.into_iter().filter(|run| choice.takes(run)).collect();
        let rows = match runs.is_empty() {
            true => String::new(),
            false => made_of(&runs),
        };
        if rows.is_empty() {
            return Err(wrong("no run is like that".to_owned()));
        }
        made.push_str(&format!("\n{rows}\n{END}\n"));
    }
    Ok(made)
}

/// Which runs a table is made of; what is empty chooses nothing.
#[derive(Debug, Default)]
struct Choice<'a> {
    folder: &'a str,
    seeds: Option<Seeds>,
    labels: Vec<&'a str>,
    algorithms: Vec<&'a str>,
    variants: Vec<&'a str>,
}

impl<'a> Choice<'a> {
    fn parse(marker: &'a str) -> std::result::Result<Self, String> {
        let mut words = marker.split_whitespace();
        let mut choice = Self {
            folder: words.next().ok_or("expected a folder")?,
            ..Self::default()
        };
        for word in words {
            let unknown = || {
                format!(
                    "{word:?}, expected seeds=A..B, labels=N,N, algorithms=NAMES or variants=NAMES"
                )
            };
            let (name, value) = word.split_once('=').ok_or_else(unknown)?;
            let values = value.split(',').collect();
            match name {
                "seeds" => {
                    choice.seeds = Some(value.parse().map_err(|error: Error| error.to_string())?)
                }
                "labels" => choice.labels = values,
                "algorithms" => choice.algorithms = values,
                "variants" => choice.variants = values,
                _ => return Err(unknown()),
            }
        }
        Ok(choice)
    }

    fn takes(&self, run: &Line) -> bool {
        let among = |names: &[&str], name: &str| names.is_empty() || names.contains(&name);
        let seeds = self.seeds.as_ref();
        seeds.is_none_or(|seeds| seeds.0.contains(&run.figures.seed))
            && among(&self.labels, &run.figures.labels_per_class.to_string())
            && among(&self.algorithms, &run.algorithm)
            && among(&self.variants, &run.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fake::{line, plan};

    fn folder(root: &Path) -> Result<()> {
        let plan = plan();
        let mut folder = Folder::open(&root.join("few"), &plan.settings()?)?;
        for run in plan.runs().0 {
            let accuracy = 0.25 + run.recipe.seed as f64 / 4.;
            folder.push(line(&run, accuracy))?;
        }
        Ok(())
    }

    #[test]
    fn tables_stand_where_their_markers_are() -> Result<()> {
        let root = tempfile::tempdir().expect("a folder");
        folder(root.path())?;
        let text = "# Few\n<!-- table few seeds=1..3 labels=4 algorithms=fixmatch variants=plain,robust -->\nold\n\
                    <!-- end -->\nand on\n";
        let made = with_tables(text, root.path())?;
        let rows: Vec<&str> = made
            .lines()
            .filter(|line| line.starts_with("| f"))
            .collect();
        assert_eq!(rows.len(), 2, "{made}");
        assert!(
            rows[0].contains("| plain ") && rows[0].contains(" 0.625 "),
            "{made}"
        );
        assert!(made.starts_with("# Few\n") && made.ends_with("<!-- end -->\nand on\n"));
        assert!(!made.contains("old"));
        assert_eq!(with_tables(&made, root.path())?, made);
        Ok(())
    }

    #[test]
    fn markers_without_sense_are_named() -> Result<()> {
        let root = tempfile::tempdir().expect("a folder");
        folder(root.path())?;
        let problem = |marker: &str| {
            let text = format!("\n{marker}\n<!-- end -->\n");
            with_tables(&text, root.path()).unwrap_err().to_string()
        };
        for (marker, said) in [
            ("<!-- table few seeds=3 -->", "A..B"),
            ("<!-- table few colors=red -->", "colors=red"),
            ("<!-- table few seeds=7..9 -->", "no run is like that"),
            ("<!-- table none -->", "none"),
            // These runs were not asked what they keep.
            ("<!-- kept few -->", "no run is like that"),
        ] {
            let problem = problem(marker);
            assert!(problem.contains(said), "{problem}");
        }
        let error = with_tables("<!-- table few -->\n", root.path()).unwrap_err();
        assert!(error.to_string().contains("line 1"), "{error}");
        Ok(())
    }
}
