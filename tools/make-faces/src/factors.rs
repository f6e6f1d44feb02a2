//! The list of everything but the expression that each face varies in.

use std::fmt::Write as _;

use crate::split::Face;
use crate::style::Style;

/// A face under the name by which a data set knows it.
pub struct Named<'a> {
    /// The set that it is in.
    pub set: &'static str,
    /// Its name there.
    pub name: String,
    /// The face.
    pub face: &'a Face,
}

/// One line a face after a header: set, name, class, and the style's factors; a factor that the
/// drawing does not show is empty.
pub fn table(style: &Style, faces: &[Named]) -> String {
    let mut text = String::from("set,name,class");
    for factor in style.factors {
        let _ = write!(text, ",{}", factor.column);
    }
    text.push('\n');
    for Named { set, name, face } in faces {
        let _ = write!(text, "{set},{name},{}", style.recipes[face.label].class);
        for factor in style.factors {
            let _ = write!(text, ",{}", face.chosen.option(factor.option));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::draw::Painter;
    use crate::people::People;
    use crate::split::{Split, draw_split};
    use crate::style::{AVATAAARS, OPEN_PEEPS};

    fn lines(style: &'static Style, unseen: bool, per_class: usize) -> Vec<Vec<String>> {
        let split = Split {
            name: "train",
            identities: "0-train".into(),
            unseen,
            people: People::All,
            counts: vec![per_class; style.recipes.len()],
        };
        let painter = Painter::new(style).unwrap();
        let faces = draw_split(&painter, &split, 0, &mut HashSet::new(), || ()).unwrap();
        let named: Vec<Named> = faces
            .iter()
            .map(|face| Named {
                set: "train",
                name: face.identity.clone(),
                face,
            })
            .collect();
        let fields = |line: &str| line.split(',').map(str::to_owned).collect();
        table(style, &named).lines().map(fields).collect()
    }

    #[test]
    fn the_first_avataaars_face_is_as_drawn() {
        let lines = lines(&AVATAAARS, false, 1);
        assert_eq!(lines[0][..5], ["set", "name", "class", "skin", "hair"]);
        assert_eq!(lines[1][..3], ["train", "0-train-surprise-0", "surprise"]);
        assert_eq!(lines[1][4], "shortCurly");
        assert_eq!(lines.len(), 8);
    }

    #[test]
    fn every_factor_of_every_style_varies() {
        // Only unseen styles wear shirts with prints.
        for (style, unseen) in [(&AVATAAARS, true), (&OPEN_PEEPS, false)] {
            let lines = lines(style, unseen, 40);
            for (column, name) in lines[0].iter().enumerate().skip(1) {
                let values: HashSet<&String> = lines[1..].iter().map(|l| &l[column]).collect();
                assert!(values.len() > 2, "{} {name}: {values:?}", style.name);
            }
            let width = lines[0].len();
            assert!(lines.iter().all(|line| line.len() == width));
        }
    }
}
