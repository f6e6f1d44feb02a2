//! A page for people.

use std::fmt;

use super::{Inspection, Repeated};

/// Lines of a list on the page; how many more there are is said.
const LINES: usize = 8;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.classes.iter().map(|class| class.name.chars().count());
        let width = names.max().unwrap_or(0).max("without a class".len());
        writeln!(f, "Data set {}\n", self.name)?;
        writeln!(f, "{:width$}  training     test", "class")?;
        for class in &self.classes {
            let (training, test) = (class.training, class.test);
            writeln!(f, "{:width$}  {training:8} {test:8}", class.name)?;
        }
        writeln!(f, "{:width$}  {:8}", "without a class", self.unlabeled)?;
        let training: usize = self.classes.iter().map(|class| class.training).sum();
        let test: usize = self.classes.iter().map(|class| class.test).sum();
        writeln!(
            f,
            "{:width$}  {:8} {test:8}\n",
            "all",
            training + self.unlabeled
        )?;

        let readable: usize = self.sizes.iter().map(|size| size.count).sum();
        writeln!(
            f,
            "{readable} faces can be read, {} of them without color.",
            self.gray
        )?;
        let sizes = self.sizes.iter();
        let sizes = sizes.map(|size| format!("{} x {}: {}", size.width, size.height, size.count));
        list(f, "sizes, width x height", sizes)?;
        let bad = self.unreadable.iter();
        list(
            f,
            "unreadable",
            bad.map(|face| format!("{}: {}", face.name, face.reason)),
        )?;
        let of = |across: bool| {
            self.repeated
                .iter()
                .filter(move |same| same.across() == across)
        };
        list(
            f,
            "the same picture in training and test",
            of(true).map(line),
        )?;
        list(f, "the same picture twice in a list", of(false).map(line))
    }
}

fn line(same: &Repeated) -> String {
    let names: Vec<&str> = same
        .training
        .iter()
        .chain(&same.test)
        .map(String::as_str)
        .collect();
    let remark = if same.classes_differ {
        ", with different classes"
    } else {
        ""
    };
    format!("{}{remark}", names.join(" = "))
}

/// A heading with the number of items, and the first of them.
fn list(
    f: &mut fmt::Formatter<'_>,
    heading: &str,
    items: impl Iterator<Item = String> + Clone,
) -> fmt::Result {
    let count = items.clone().count();
    writeln!(
        f,
        "\n{heading}: {}",
        if count == 0 {
            "none".to_owned()
        } else {
            count.to_string()
        }
    )?;
    for item in items.take(LINES) {
        writeln!(f, "  {item}")?;
    }
    if count > LINES {
        writeln!(f, "  and {} more", count - LINES)?;
    }
    Ok(())
}
