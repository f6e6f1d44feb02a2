//! The faces of a run.

use std::path::PathBuf;

use leaf_data::{
    AffectClasses, CheckLevel, DataSet, FerPlusMode, ImageConfig, LoaderConfig, RafImages,
    SplitConfig, affect_net, cifar10, class_folders, drawn_faces, drawn_faces_unseen_styles,
    fashion_mnist, fer_plus, fer2013, mnist, raf_db,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Where a run's faces come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum FaceSource {
    /// Drawn faces, which come with the library. A figure on them says nothing of photographs.
    #[default]
    Drawn,
    /// A folder in RAF-DB's layout.
    RafDb(PathBuf),
    /// FER2013's CSV.
    Fer2013(PathBuf),
    /// A folder in one of FERPlus's layouts, and how its votes become classes.
    FerPlus(PathBuf, FerPlusMode),
    /// A folder in one of AffectNet's layouts, and which of its classes are used.
    AffectNet(PathBuf, AffectClasses),
    /// A folder with `train/CLASS/` and `test/CLASS/`.
    Folder(PathBuf),
    /// The folder of CIFAR-10's binary version: no faces, to see that nothing is only for them.
    Cifar10(PathBuf),
    /// The folder of MNIST's four files, unpacked.
    Mnist(PathBuf),
    /// The folder of Fashion-MNIST's four files, unpacked.
    FashionMnist(PathBuf),
}

impl FaceSource {
    /// The forms that [`std::str::FromStr`] reads.
    pub const FORMS: &'static str = "drawn, rafdb:DIR, fer2013:FILE, ferplus:DIR, \
                                    ferplus-probability:DIR, ferplus-multi-target:DIR, \
                                    affectnet7:DIR, affectnet8:DIR, folder:DIR, cifar10:DIR, \
                                    mnist:DIR or fashion-mnist:DIR";

    /// Reads the lists; no image is decoded but the drawn ones.
    ///
    /// # Errors
    /// [`Error::Data`] if a folder or list is not as its layout says.
    pub fn read(&self) -> Result<DataSet> {
        Ok(match self {
            Self::Drawn => drawn_faces()?,
            Self::RafDb(folder) => raf_db(folder, RafImages::default())?,
            Self::Fer2013(file) => fer2013(file)?,
            Self::FerPlus(folder, mode) => fer_plus(folder, *mode)?,
            Self::AffectNet(folder, classes) => affect_net(folder, *classes)?,
            Self::Folder(folder) => class_folders(folder, None)?,
            Self::Cifar10(folder) => cifar10(folder)?,
            Self::Mnist(folder) => mnist(folder)?,
            Self::FashionMnist(folder) => fashion_mnist(folder)?,
        })
    }

    /// Test sets beside the data set's own, by name.
    pub(crate) fn more_tests(&self) -> Result<Vec<(&'static str, DataSet)>> {
        Ok(match self {
            Self::Drawn => vec![("unseen styles", drawn_faces_unseen_styles()?)],
            _ => Vec::new(),
        })
    }
}

impl From<FaceSource> for String {
    fn from(source: FaceSource) -> Self {
        source.to_string()
    }
}

impl TryFrom<String> for FaceSource {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl std::fmt::Display for FaceSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, place) = match self {
            Self::Drawn => return f.write_str("drawn"),
            Self::RafDb(folder) => ("rafdb", folder),
            Self::Fer2013(file) => ("fer2013", file),
            Self::FerPlus(folder, FerPlusMode::Majority) => ("ferplus", folder),
            Self::FerPlus(folder, FerPlusMode::Probability) => ("ferplus-probability", folder),
            Self::FerPlus(folder, FerPlusMode::MultiTarget) => ("ferplus-multi-target", folder),
            Self::AffectNet(folder, AffectClasses::Seven) => ("affectnet7", folder),
            Self::AffectNet(folder, AffectClasses::Eight) => ("affectnet8", folder),
            Self::Folder(folder) => ("folder", folder),
            Self::Cifar10(folder) => ("cifar10", folder),
            Self::Mnist(folder) => ("mnist", folder),
            Self::FashionMnist(folder) => ("fashion-mnist", folder),
        };
        write!(f, "{kind}:{}", place.display())
    }
}

impl std::str::FromStr for FaceSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::Choice {
            field: "data",
            value: text.to_owned(),
            expected: Self::FORMS,
        };
        if text == "drawn" {
            return Ok(Self::Drawn);
        }
        let (kind, place) = text.split_once(':').ok_or_else(unknown)?;
        let place = PathBuf::from(place);
        match kind {
            _ if place.as_os_str().is_empty() => Err(unknown()),
            "rafdb" => Ok(Self::RafDb(place)),
            "fer2013" => Ok(Self::Fer2013(place)),
            "ferplus" => Ok(Self::FerPlus(place, FerPlusMode::Majority)),
            "ferplus-probability" => Ok(Self::FerPlus(place, FerPlusMode::Probability)),
            "ferplus-multi-target" => Ok(Self::FerPlus(place, FerPlusMode::MultiTarget)),
            "affectnet7" => Ok(Self::AffectNet(place, AffectClasses::Seven)),
            "affectnet8" => Ok(Self::AffectNet(place, AffectClasses::Eight)),
            "folder" => Ok(Self::Folder(place)),
            "cifar10" => Ok(Self::Cifar10(place)),
            "mnist" => Ok(Self::Mnist(place)),
            "fashion-mnist" => Ok(Self::FashionMnist(place)),
            _ => Err(unknown()),
        }
    }
}

/// A run's faces: where they come from, which keep their label, and what the network sees of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataRecipe {
    /// Where the faces come from.
    pub source: FaceSource,
    /// Size, color and normalization of what the network sees.
    pub images: ImageConfig,
    /// Training faces of each class that are held out to choose the best step on; without any there is
    /// no best step, since nothing is ever chosen on the test faces.
    pub validation_per_class: usize,
    /// Which of the other training faces keep their label.
    pub split: SplitConfig,
    /// The batches and their views.
    pub loader: LoaderConfig,
    /// How closely files are looked at before the first step.
    pub check: CheckLevel,
    /// Whether bad files are left out, after every image was decoded whole; otherwise one is an error.
    pub skip_bad: bool,
}

impl Default for DataRecipe {
    /// Ten labels a class of gray drawn faces at 32 pixels, 21 labelled and 42 unlabelled a step.
    fn default() -> Self {
        Self {
            source: FaceSource::default(),
            images: ImageConfig::default(),
            validation_per_class: 0,
            split: SplitConfig::default(),
            loader: LoaderConfig::default(),
            check: CheckLevel::default(),
            skip_bad: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_go_both_ways() -> Result<()> {
        for text in [
            "drawn",
            "rafdb:some/folder",
            "fer2013:some/fer2013.csv",
            "ferplus:some/folder",
            "ferplus-probability:some/folder",
            "ferplus-multi-target:some/folder",
            "affectnet7:some/folder",
            "affectnet8:some/folder",
            "folder:C:\\faces",
            "cifar10:some/folder",
            "mnist:some/folder",
            "fashion-mnist:some/folder",
        ] {
            assert_eq!(text.parse::<FaceSource>()?.to_string(), text);
        }
        for text in ["photos", "rafdb", "rafdb:", "drawn:here", "affectnet:here"] {
            let error = text.parse::<FaceSource>().unwrap_err().to_string();
            assert!(
                error.contains("expected drawn, rafdb:DIR, fer2013:FILE, ferplus:DIR"),
                "{error}"
            );
        }
        Ok(())
    }
}
