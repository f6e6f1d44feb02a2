//! A set as folders of classes, as `leaf-data`'s `class_folders` reads it, with the list of factors.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::draw::Painter;
use crate::factors::{Named, table};
use crate::manifest;
use crate::options::Amounts;
use crate::people::People;
use crate::picture;
use crate::progress::draw_sets;
use crate::shares::Shares;
use crate::split::Split;
use crate::style::Style;

/// What is drawn: the style, and how many training faces each class has.
#[derive(Debug)]
pub struct Plan {
    /// The style.
    pub style: &'static Style,
    /// Shares of the classes among the training faces.
    pub shares: Shares,
    /// How many faces, and the seed.
    pub amounts: Amounts,
}

/// Draws a set and writes it to a folder that is empty or does not exist.
pub fn make(folder: &Path, plan: &Plan, contact_sheet: Option<&Path>) -> Result<()> {
    let splits = splits(plan)?;
    let draft = Draft::begin(folder)?;
    let painter = Painter::new(plan.style)?;
    let sets = draw_sets(&painter, &splits, plan.amounts.seed)?;
    let mut faces = Vec::new();
    for (split, set) in splits.iter().zip(&sets) {
        let mut next = vec![0; plan.style.recipes.len()];
        for face in set {
            let class = plan.style.recipes[face.label].class;
            let name = format!("{}/{class}/{:05}.png", split.name, next[face.label]);
            next[face.label] += 1;
            draft.write(&name, &picture::png(&[&face.pixels], 1)?)?;
            let set = split.name;
            faces.push(Named { set, name, face });
        }
        println!("{}: {} faces", split.name, set.len());
    }
    draft.write("factors.csv", table(plan.style, &faces).as_bytes())?;
    draft.write(
        "manifest.json",
        manifest::of_folders(plan, &splits)?.as_bytes(),
    )?;
    draft.finish()?;
    if let Some(path) = contact_sheet {
        let sheet = picture::contact_sheet(&sets, plan.style.recipes.len())?;
        picture::write(path, &sheet)?;
    }
    Ok(())
}

/// The test set comes first, so that it is the same whatever is asked of the training set.
fn splits(plan: &Plan) -> Result<[Split; 2]> {
    let Amounts { train, test, seed } = plan.amounts;
    let split = |name, people, counts| Split {
        name,
        identities: format!("{seed}-{}-{name}", plan.style.name),
        unseen: false,
        people,
        counts,
    };
    let recipes = plan.style.recipes;
    Ok([
        split("test", People::Test, vec![test; recipes.len()]),
        split(
            "train",
            People::Training,
            plan.shares.counts(recipes, train)?,
        ),
    ])
}

/// A folder that is written beside its place and moved there when it is whole.
struct Draft {
    place: PathBuf,
    draft: PathBuf,
}

impl Draft {
    /// Takes what a killed run left at the draft's place away.
    fn begin(place: &Path) -> Result<Self> {
        let shown = place.display();
        match fs::read_dir(place) {
            Ok(mut entries) => ensure!(
                entries.next().is_none(),
                "{shown} is not empty: --folders needs a folder that is empty or does not exist"
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => bail!("{shown} cannot be written to as a folder: {error}"),
        }
        let name = place
            .file_name()
            .with_context(|| format!("{shown} does not end in a folder's name"))?;
        let draft = format!(".{}.make-faces-draft", name.to_string_lossy());
        let draft = place.with_file_name(draft);
        if draft.exists() {
            fs::remove_dir_all(&draft)
                .with_context(|| format!("cannot remove {}", draft.display()))?;
        }
        let place = place.to_owned();
        Ok(Self { place, draft })
    }

    /// Writes a file; its name has `/` between the parts.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.draft.join(name);
        let folder = path.parent().unwrap_or(&self.draft);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, bytes))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn finish(self) -> Result<()> {
        if self.place.exists() {
            fs::remove_dir(&self.place)
                .with_context(|| format!("cannot replace {}", self.place.display()))?;
        }
        fs::rename(&self.draft, &self.place)
            .with_context(|| format!("cannot make {}", self.place.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::{AVATAAARS, OPEN_PEEPS};

    /// An empty folder of a test's own, which goes when the test ends.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(test: &str) -> Self {
            let name = format!("make-faces-{}-{test}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn plan(style: &'static Style, shares: Shares, train: usize) -> Plan {
        Plan {
            style,
            shares,
            amounts: Amounts {
                train,
                test: 2,
                seed: 0,
            },
        }
    }

    #[test]
    fn a_folder_that_is_not_empty_is_refused_and_left_alone() {
        let scratch = Scratch::new("occupied");
        let mine = scratch.0.join("mine.txt");
        fs::write(&mine, "mine").unwrap();
        let error = make(&scratch.0, &plan(&AVATAAARS, Shares::Equal, 2), None).unwrap_err();
        let expected = format!(
            "{} is not empty: --folders needs a folder that is empty or does not exist",
            scratch.0.display()
        );
        assert_eq!(error.to_string(), expected);
        assert_eq!(fs::read_to_string(mine).unwrap(), "mine");
    }

    #[test]
    fn a_file_is_no_folder() {
        let scratch = Scratch::new("file");
        let file = scratch.0.join("faces");
        fs::write(&file, "").unwrap();
        let error = make(&file, &plan(&AVATAAARS, Shares::Equal, 2), None).unwrap_err();
        let expected = format!("{} cannot be written to as a folder: ", file.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }

    #[test]
    fn every_face_is_in_its_class_and_in_the_list_though_a_run_was_killed() {
        let scratch = Scratch::new("killed");
        let left = scratch.0.join(".faces.make-faces-draft/train/disgust");
        fs::create_dir_all(&left).unwrap();
        fs::write(left.join("00000.png"), "half").unwrap();
        let folder = scratch.0.join("faces");
        make(&folder, &plan(&OPEN_PEEPS, Shares::Equal, 3), None).unwrap();

        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1);
        for (set, count) in [("train", 3), ("test", 2)] {
            for recipe in OPEN_PEEPS.recipes {
                let class = folder.join(set).join(recipe.class);
                assert_eq!(fs::read_dir(class).unwrap().count(), count);
            }
            assert!(!folder.join(set).join("disgust").exists());
        }
        let list = fs::read_to_string(folder.join("factors.csv")).unwrap();
        assert_eq!(list.lines().count(), 1 + 6 * 5);
        for line in list.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let start = format!("{}/{}/", fields[0], fields[2]);
            assert!(fields[1].starts_with(&start) && folder.join(fields[1]).is_file());
        }
    }

    #[test]
    fn the_test_set_is_the_same_whatever_is_asked_of_training() {
        let painter = Painter::new(&AVATAAARS).unwrap();
        let test = |shares, train| {
            let splits = splits(&plan(&AVATAAARS, shares, train)).unwrap();
            let mut sets = draw_sets(&painter, &splits, 0).unwrap();
            let test = sets.swap_remove(0).into_iter();
            test.map(|face| face.pixels).collect::<Vec<_>>()
        };
        assert_eq!(test(Shares::Equal, 2), test(Shares::Raf, 20));
    }
}
