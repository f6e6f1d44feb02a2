//! A recipe's faces, read, checked, split and decoded.

use std::sync::Arc;

use leaf_data::{BadFile, CheckLevel, DataSet, Entry, Faces, LabelSplit, ViewFeatures};

use leaf_ssl::Task;

use super::Recipe;
use super::frozen_features::{FrozenFeatures, NamedList};
use crate::{Error, Result};

/// How far the preparation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done: `"checking files"`, `"encoding views"` or `"decoding"`.
    pub what: &'static str,
    /// How many faces are done.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

/// A recipe's faces: several runs may train on them, one after the other.
#[derive(Debug)]
pub struct Prepared {
    data: DataSet,
    split: LabelSplit,
    training: Arc<Faces>,
    validation: Option<Faces>,
    tests: Vec<(String, Faces)>,
    bad: Vec<BadFile>,
}

impl Recipe {
    /// Reads the faces, looks at every listed file, draws the split and decodes everything once.
    /// `progress` is told how far it is.
    ///
    /// # Errors
    /// Everything that can be wrong with the recipe or the data, before anything is written.
    pub fn prepare(&self, mut progress: impl FnMut(Progress)) -> Result<Prepared> {
        self.check_frozen()?;
        self.check_size()?;
        let read = self.data.source.read()?;
        let checking = report(&mut progress, "checking files");
        // Who wants bad files left out wants to know of all of them before the first step.
        let level = match self.data.skip_bad {
            true => CheckLevel::Full,
            false => self.data.check,
        };
        let (data, bad) = read.checked(level, self.data.skip_bad, checking)?;
        if data.test().is_empty() {
            return Err(Error::NoTestFaces {
                data: self.data.source.to_string(),
            });
        }
        let all = data.training().to_vec();
        let (data, held_out) = match self.data.validation_per_class {
            0 => (data, Vec::new()),
            count => data.hold_out(count, self.seed)?,
        };
        let split = LabelSplit::new(&data, &self.data.split)?;
        self.check(&task(&data, &split))?;
        let mut tests: Vec<NamedList> = vec![("test".to_owned(), data.test().to_vec())];
        for (name, more) in self.data.source.more_tests()? {
            tests.push((name.to_owned(), more.test().to_vec()));
        }
        let frozen = self.frozen.as_ref();
        let features = frozen
            .map(|frozen| FrozenFeatures::of(self, frozen, &all, &tests, &mut progress))
            .transpose()?;
        let features = features.as_ref();
        let for_training = features.map(|features| &features.training);
        let validation = match held_out.is_empty() {
            true => None,
            false => Some(self.faces(&held_out, for_training)?),
        };
        let training = self.faces(data.training(), for_training)?;
        training.preload(report(&mut progress, "decoding"))?;
        let tests = tests.into_iter().enumerate().map(|(number, (name, list))| {
            let features = features.map(|features| &features.tests[number]);
            Ok((name, self.faces(&list, features)?))
        });
        let tests = tests.collect::<Result<Vec<_>>>()?;
        for faces in tests.iter().map(|(_, faces)| faces).chain(&validation) {
            faces.preload(report(&mut progress, "decoding"))?;
        }
        Ok(Prepared {
            data,
            split,
            training: Arc::new(training),
            validation,
            tests,
            bad,
        })
    }

    fn faces(&self, entries: &[Entry], features: Option<&Arc<ViewFeatures>>) -> Result<Faces> {
        let faces = Faces::new(entries, &self.data.images)?;
        let faces = faces.with_cache(self.data.loader.cache_mb);
        Ok(match features {
            Some(features) => faces.with_features(features.clone())?,
            None => faces,
        })
    }
}

/// What a trainer must know of the faces.
fn task(data: &DataSet, split: &LabelSplit) -> Task {
    let class = |&place: &usize| {
        let label = data.training()[place].label?;
        Some((place, label as usize))
    };
    Task::new(data.classes().len())
        .with_training_faces(data.training().len())
        .with_labeled(split.labeled().iter().filter_map(class))
}

fn report(progress: &mut impl FnMut(Progress), what: &'static str) -> impl FnMut(usize, usize) {
    move |done, total| progress(Progress { what, done, total })
}

impl Prepared {
    /// The data set's name.
    pub fn name(&self) -> &str {
        self.data.name()
    }

    /// The classes' names, in the order of the logits.
    pub fn classes(&self) -> &[String] {
        self.data.classes()
    }

    /// What a trainer must know of the faces.
    pub fn task(&self) -> Task {
        task(&self.data, &self.split)
    }

    /// Which training faces keep their label.
    pub fn split(&self) -> &LabelSplit {
        &self.split
    }

    /// The training faces.
    pub fn training(&self) -> &Arc<Faces> {
        &self.training
    }

    /// The faces to choose the best step on, if any were held out.
    pub fn validation(&self) -> Option<&Faces> {
        self.validation.as_ref()
    }

    /// The test sets by name, the data set's own first.
    pub fn tests(&self) -> &[(String, Faces)] {
        &self.tests
    }

    /// The files that were left out.
    pub fn bad_files(&self) -> &[BadFile] {
        &self.bad
    }

    /// What was found, in a few lines.
    pub fn describe(&self) -> String {
        let tests: Vec<String> = self
            .tests
            .iter()
            .map(|(name, faces)| format!("{} {name}", faces.len()))
            .collect();
        let mut lines = vec![
            format!(
                "{}: {} classes ({})",
                self.data.name(),
                self.classes().len(),
                self.classes().join(", ")
            ),
            format!(
                "{} training faces, {} of them labelled (split {}), {} used without a label; tested on {}",
                self.training.len(),
                self.split.labeled().len(),
                self.split.hash(),
                self.split.unlabeled().len(),
                tests.join(", ")
            ),
        ];
        if let Some(validation) = &self.validation {
            let count = validation.len();
            lines.push(format!(
                "{count} faces are held out to choose the best step on"
            ));
        }
        if !self.bad.is_empty() {
            lines.push(format!("bad files left out: {}", self.bad.len()));
        }
        lines.join("\n")
    }
}
