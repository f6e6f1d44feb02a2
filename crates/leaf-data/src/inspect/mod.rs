//! What a data set holds, and what is odd about it.

mod sheet;
mod summary;

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

pub use sheet::{SHEET_COLUMNS, contact_sheet, png};

use crate::face::Color;
use crate::fnv::fnv1a64;
use crate::{DataSet, Entry, Face, Result, threads};

/// What [`inspect`] found. Printed, it is a page; everything is in its fields, and in its JSON form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The data set's name.
    pub name: String,
    /// Its classes.
    pub classes: Vec<ClassCount>,
    /// Training faces without a class.
    pub unlabeled: usize,
    /// How many faces have each size, the most frequent first.
    pub sizes: Vec<SizeCount>,
    /// How many of the readable faces have no color.
    pub gray: usize,
    /// Faces that cannot be read, in the lists' order.
    pub unreadable: Vec<Unreadable>,
    /// Faces whose pixels are the same, in groups.
    pub repeated: Vec<Repeated>,
}

/// How many faces a class has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    /// The class.
    pub name: String,
    /// Training faces.
    pub training: usize,
    /// Test faces.
    pub test: usize,
}

/// How many faces have a size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SizeCount {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// So many faces.
    pub count: usize,
}

/// A face that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Its name in the data set.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// Faces with the same pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repeated {
    /// Those of the training list.
    pub training: Vec<String>,
    /// Those of the test list.
    pub test: Vec<String>,
    /// Whether they do not all have the same class.
    pub classes_differ: bool,
}

impl Repeated {
    /// Whether a face is learned from and tested on.
    pub fn across(&self) -> bool {
        !self.training.is_empty() && !self.test.is_empty()
    }
}

/// What is kept of a face that was looked at.
struct Look {
    sides: (usize, usize),
    gray: bool,
    hash: u64,
}

/// Decodes every face on all threads and counts. `progress` is told how many faces of how many are done.
///
/// Faces are taken for the same if all their pixels are, as decoded, in color and at the file's size: a file
/// that was copied or stored anew without loss is found, one that was scaled or compressed again is not.
///
/// ```
/// use leaf_data::{DataSet, Entry, Face, inspect::inspect};
///
/// let face = |level: u8| Face::new(vec![level; 64], 8, 8, 1);
/// let training = vec![
///     Entry::pixels("a", Some(0), face(1)?),
///     Entry::pixels("b", Some(1), face(2)?),
/// ];
/// let test = vec![Entry::pixels("c", Some(0), face(2)?)];
/// let found = inspect(&DataSet::new("mine", ["happy", "sad"], training, test)?, |_, _| ());
/// assert!(found.repeated[0].across() && found.repeated[0].classes_differ);
/// # Ok::<(), leaf_data::Error>(())
/// ```
pub fn inspect(data: &DataSet, mut progress: impl FnMut(usize, usize)) -> Inspection {
    let entries: Vec<&Entry> = data.training().iter().chain(data.test()).collect();
    let mut looks: Vec<Option<Result<Look>>> = entries.iter().map(|_| None).collect();
    let mut done = 0;
    threads::each(
        entries.len(),
        |place| entries[place].face(Color::Rgb).map(|face| look(&face)),
        |place, look| {
            looks[place] = Some(look);
            done += 1;
            progress(done, entries.len());
        },
    );
    let mut sizes: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut same: HashMap<(u64, (usize, usize)), Vec<usize>> = HashMap::new();
    let (mut unreadable, mut gray) = (Vec::new(), 0);
    for (place, look) in looks.into_iter().enumerate() {
        match look {
            Some(Ok(look)) => {
                *sizes.entry(look.sides).or_default() += 1;
                same.entry((look.hash, look.sides)).or_default().push(place);
                gray += usize::from(look.gray);
            }
            Some(Err(error)) => unreadable.push(Unreadable {
                name: entries[place].name.clone(),
                reason: error.to_string(),
            }),
            None => {}
        }
    }
    Inspection {
        name: data.name().to_owned(),
        classes: classes(data),
        unlabeled: data
            .training()
            .iter()
            .filter(|entry| entry.label.is_none())
            .count(),
        sizes: by_frequency(sizes),
        gray,
        unreadable,
        repeated: repeated(&entries, data.training().len(), same.into_values()),
    }
}

fn look(face: &Face) -> Look {
    let pixels = face.samples().as_chunks::<3>().0;
    Look {
        sides: (face.height(), face.width()),
        gray: pixels.iter().all(|[r, g, b]| r == g && g == b),
        hash: fnv1a64(face.samples().iter().copied()),
    }
}

fn classes(data: &DataSet) -> Vec<ClassCount> {
    let count = |entries: &[Entry], class: usize| {
        let label = Some(class as u32);
        entries.iter().filter(|entry| entry.label == label).count()
    };
    let classes = data.classes().iter().enumerate();
    classes
        .map(|(class, name)| ClassCount {
            name: name.clone(),
            training: count(data.training(), class),
            test: count(data.test(), class),
        })
        .collect()
}

fn by_frequency(sizes: BTreeMap<(usize, usize), usize>) -> Vec<SizeCount> {
    let sizes = sizes.into_iter();
    let sizes = sizes.map(|((height, width), count)| SizeCount {
        height,
        width,
        count,
    });
    let mut sizes: Vec<SizeCount> = sizes.collect();
    sizes.sort_by_key(|size| std::cmp::Reverse(size.count));
    sizes
}

/// Those between the lists come first, each kind in the lists' order.
fn repeated(
    entries: &[&Entry],
    training: usize,
    same: impl Iterator<Item = Vec<usize>>,
) -> Vec<Repeated> {
    let mut groups: Vec<Vec<usize>> = same.filter(|places| places.len() > 1).collect();
    let across = |places: &[usize]| {
        places
            .iter()
            .any(|&place| (place < training) != (places[0] < training))
    };
    groups.sort_by_key(|places| (!across(places), places[0]));
    let names = |places: &[usize], of_training: bool| {
        let chosen = places
            .iter()
            .filter(|place| (**place < training) == of_training);
        chosen.map(|&place| entries[place].name.clone()).collect()
    };
    let group = |places: Vec<usize>| {
        let labels = || places.iter().filter_map(|&place| entries[place].label);
        Repeated {
            training: names(&places, true),
            test: names(&places, false),
            classes_differ: labels().min() != labels().max(),
        }
    };
    groups.into_iter().map(group).collect()
}

#[cfg(test)]
mod tests;
