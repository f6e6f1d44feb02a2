//! What faces differ in, beside their expression.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use leaf_data::Faces;
use nalgebra::DMatrix;

use crate::{Error, Result};

/// What each face of a list is like: skin, hair, glasses and whatever else is known.
///
/// A CSV file with a header and a line a face. The column `name` has the face's name in its data set, `set` is not
/// looked at, and every other column is a factor; an empty field is a value as any other ("none"). For drawn faces
/// `tools/make-faces` writes it.
#[derive(Clone, Debug)]
pub struct Factors {
    path: String,
    names: Vec<String>,
    faces: HashMap<String, Vec<String>>,
}

/// The column with the faces' names.
const NAME: &str = "name";

/// The column that says which list of the data set a face is in.
const SET: &str = "set";

impl Factors {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Factors`] if it cannot be read, has no column `name`, no factor, or a face twice.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().display().to_string();
        let wrong = |what: String| Error::Factors {
            path: path.clone(),
            what,
        };
        let failed = |error: csv::Error| wrong(error.to_string());
        let mut reader = csv::Reader::from_path(&path).map_err(failed)?;
        let header = reader.headers().map_err(failed)?.clone();
        let place = header.iter().position(|column| column == NAME);
        let place = place.ok_or_else(|| wrong(format!("no column {NAME:?}, expected one")))?;
        let is_factor = |at: usize| at != place && &header[at] != SET;
        let columns: Vec<usize> = (0..header.len()).filter(|&at| is_factor(at)).collect();
        if columns.is_empty() {
            return Err(wrong("no factor, expected a column of one".to_owned()));
        }
        let mut faces = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(failed)?;
            let values = columns.iter().map(|&at| record[at].to_owned()).collect();
            if faces.insert(record[place].to_owned(), values).is_some() {
                let face = &record[place];
                return Err(wrong(format!("face {face:?} twice, expected it once")));
            }
        }
        let names = columns.iter().map(|&at| header[at].to_owned()).collect();
        Ok(Self { path, names, faces })
    }

    /// The factors' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether every face of some lists has a line.
    ///
    /// # Errors
    /// [`Error::Factors`] with the first face that has none.
    pub fn check<'a>(&self, lists: impl IntoIterator<Item = &'a Faces>) -> Result<()> {
        let mut lists = lists.into_iter();
        lists.try_for_each(|faces| self.values(0, faces).map(drop))
    }

    /// A factor of the faces of two lists: a row a face, and for each value of the first list a column that is 1
    /// where a face has it. `None` if there is but one value.
    pub(super) fn columns(
        &self,
        name: &str,
        lists: [&Faces; 2],
    ) -> Result<Option<[DMatrix<f64>; 2]>> {
        let Some(factor) = self.names().position(|other| other == name) else {
            return Ok(None);
        };
        let [first, second] = lists.map(|faces| self.values(factor, faces));
        let (first, second) = (first?, second?);
        let all: Vec<&str> = BTreeSet::from_iter(first.iter().copied())
            .into_iter()
            .collect();
        let varies = |values: &[&str]| values.iter().any(|value| Some(value) != values.first());
        let matrix = |values: &[&str]| {
            DMatrix::from_fn(values.len(), all.len(), |row, column| {
                f64::from(values[row] == all[column])
            })
        };
        let both = varies(&first) && varies(&second);
        Ok(both.then(|| [matrix(&first), matrix(&second)]))
    }

    fn values(&self, factor: usize, faces: &Faces) -> Result<Vec<&str>> {
        let value = |name: &String| {
            let face = self.faces.get(name).ok_or_else(|| Error::Factors {
                path: self.path.clone(),
                what: format!("face {name:?} of the data set is missing"),
            })?;
            Ok(face[factor].as_str())
        };
        faces
            .entries()
            .iter()
            .map(|entry| value(&entry.name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use leaf_data::ImageConfig;

    use super::*;

    fn read(text: &str) -> Result<Factors> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        Factors::read(file.path())
    }

    fn faces(take: &[usize]) -> Result<(Faces, Vec<String>)> {
        let data = leaf_data::drawn_faces()?;
        let entries: Vec<_> = take.iter().map(|&at| data.training()[at].clone()).collect();
        let names = entries.iter().map(|entry| entry.name.clone()).collect();
        Ok((Faces::new(&entries, &ImageConfig::default())?, names))
    }

    #[test]
    fn values_become_columns() -> Result<()> {
        let ((first, names), (second, others)) = (faces(&[0, 1, 2])?, faces(&[3, 4])?);
        let text = format!(
            "set,name,hair,hat\na,{},long,\na,{},,red\na,{},long,\nb,{},bun,\nb,{},long,red\n",
            names[0], names[1], names[2], others[0], others[1]
        );
        let factors = read(&text)?;
        assert_eq!(factors.names().collect::<Vec<_>>(), ["hair", "hat"]);
        let hair = factors.columns("hair", [&first, &second])?;
        let [fit, judge] = hair.expect("it varies");
        // "" comes before "long", and nobody of the first list has a bun.
        assert_eq!(
            fit,
            DMatrix::from_row_slice(3, 2, &[0., 1., 1., 0., 0., 1.])
        );
        assert_eq!(judge, DMatrix::from_row_slice(2, 2, &[0., 0., 0., 1.]));
        assert_eq!(factors.columns("shoes", [&first, &second])?, None);
        let (one, _) = faces(&[3])?;
        assert_eq!(factors.columns("hair", [&first, &one])?, None);
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() -> Result<()> {
        let problem = |text: &str| read(text).unwrap_err().to_string();
        assert!(problem("face,hair\na,long\n").contains("no column \"name\""));
        assert!(problem("name,set\na,train\n").contains("no factor"));
        assert!(problem("name,hair\na,long\na,bun\n").contains("face \"a\" twice"));
        assert!(problem("name,hair\na\n").contains("line: 2"));
        let missing = Factors::read("nowhere/factors.csv").unwrap_err();
        assert!(missing.to_string().contains("nowhere/factors.csv"));

        let factors = read("name,hair\na,long\n")?;
        let (drawn, names) = faces(&[0])?;
        assert!(factors.check([&drawn]).is_err() && factors.check([]).is_ok());
        let error = factors.columns("hair", [&drawn, &drawn]).unwrap_err();
        assert!(error.to_string().contains(&names[0]), "{error}");
        Ok(())
    }
}
