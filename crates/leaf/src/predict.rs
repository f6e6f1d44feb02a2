//! Labels for new faces, from a checkpoint alone.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use leaf_core::{CategoryDecoupling, DecouplingConfig, Mode, Routing, SetWeighting};
use leaf_data::{Color, ImageConfig, Normalization};
use leaf_ssl::Network;
use leaf_train::{Checkpoint, ModelCard};

use crate::Result;
use crate::recipe::{Classifier, ClassifierSpec, EVALUATION_CHUNK};

/// The file that a run's folder is read from.
const LAST: &str = "last.safetensors";

/// A trained network, made from nothing but its checkpoint: classes, preprocessing and architecture travel
/// inside it.
///
/// ```no_run
/// use candle_core::Device;
/// use leaf::data::{Entry, Faces};
/// use leaf::predict::Predictor;
///
/// # fn main() -> leaf::Result<()> {
/// let predictor = Predictor::open("runs/fixmatch_leaf", &Device::Cpu)?;
/// let faces = [Entry::file("me", None, "me.jpg")];
/// let faces = Faces::new(&faces, predictor.images())?;
/// for images in faces.chunks(100, &Device::Cpu) {
///     for face in predictor.predict(&images?)?.faces {
///         println!("{} ({:.2})", predictor.classes()[face.class], face.probs[face.class]);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Predictor {
    network: Classifier,
    path: PathBuf,
    card: ModelCard,
    step: usize,
    images: ImageConfig,
    sets: CategoryDecoupling,
}

/// What a network says of several faces.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// Scores before the softmax `(N, C)`.
    pub logits: Tensor,
    /// Each face.
    pub faces: Vec<Prediction>,
}

/// What a network says of a face.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Each class's probability.
    pub probs: Vec<f64>,
    /// The likeliest class; among equal ones the first.
    pub class: usize,
    /// The classes that the face may belong to, the likeliest first: several if it is ambiguous.
    pub positives: Vec<usize>,
    /// For each level with a gate (`"semantic"`, `"instance"`) the experts that serve the face with their
    /// weights, the one that counts most first.
    pub experts: Vec<(&'static str, Vec<(usize, f64)>)>,
}

impl Prediction {
    /// Whether several classes are in question.
    pub fn is_ambiguous(&self) -> bool {
        self.positives.len() > 1
    }
}

impl Predictor {
    /// How many faces training's evaluations take at once.
    pub const CHUNK: usize = EVALUATION_CHUNK;

    /// Reads a checkpoint, or the last one in a run's folder: the average of the weights if it is there.
    ///
    /// # Errors
    /// When the file cannot be read, is no checkpoint of a network that recipes train, or is damaged.
    pub fn open(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let path = match path.as_ref().is_dir() {
            true => path.as_ref().join(LAST),
            false => path.as_ref().to_owned(),
        };
        let checkpoint = Checkpoint::read(&path)?;
        let card = checkpoint.card().clone();
        let images = images(&card)?;
        let network = ClassifierSpec::load(&checkpoint, device)?.network;
        let sets = default_sets(card.classes.len())?;
        Ok(Self {
            network,
            path,
            step: checkpoint.step(),
            card,
            images,
            sets,
        })
    }

    /// The same network with another rule for which classes are in question: those that reach
    /// `probability` together ([`CategoryDecoupling`]), `at_most` that many. Unless set it is 0.9 and 3.
    ///
    /// # Errors
    /// When a number is out of its bounds: a probability in (0, 1], and 1 to one class less than there are.
    pub fn with_sets(mut self, probability: f64, at_most: usize) -> Result<Self> {
        self.sets = sets(probability, at_most, self.classes().len())?;
        Ok(self)
    }

    /// The checkpoint.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many steps the weights were trained.
    pub fn step(&self) -> usize {
        self.step
    }

    /// What the checkpoint says of the network.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The classes' names, in the order of the logits.
    pub fn classes(&self) -> &[String] {
        &self.card.classes
    }

    /// How faces become tensors.
    pub fn images(&self) -> &ImageConfig {
        &self.images
    }

    /// What the network says of images `(N, channels, size, size)`, in the pass that training's
    /// evaluations take.
    ///
    /// # Errors
    /// When the images do not fit, or a score is not finite.
    pub fn predict(&self, images: &Tensor) -> Result<Predictions> {
        let output = self.network.forward(images, Mode::Eval)?;
        let logits = output.logits.to_device(&Device::Cpu)?;
        let rows = logits.to_dtype(DType::F64)?.to_vec2::<f64>()?;
        if let Some(row) = rows
            .iter()
            .position(|row| row.iter().any(|score| !score.is_finite()))
        {
            let scores = rows[row].clone();
            return Err(leaf_train::Error::NonFiniteScores { row, scores }.into());
        }
        let probs: Vec<Vec<f64>> = rows.iter().map(|row| softmax(row)).collect();
        let positives = self.positives(&probs)?;
        let levels = output.routing.iter();
        let levels = levels.map(|(level, routing)| Ok((*level, experts(routing)?)));
        let levels = levels.collect::<Result<Vec<_>>>()?;
        let faces = probs.into_iter().zip(positives).enumerate();
        let faces = faces.map(|(row, (probs, positives))| Prediction {
            class: largest(&rows[row]),
            probs,
            positives,
            experts: levels
                .iter()
                .map(|(level, rows)| (*level, rows[row].clone()))
                .collect(),
        });
        let faces = faces.collect();
        Ok(Predictions { logits, faces })
    }

    /// The classes in question of each row, the likeliest first.
    fn positives(&self, probs: &[Vec<f64>]) -> Result<Vec<Vec<usize>>> {
        let shape = (probs.len(), self.classes().len());
        let flat = Tensor::from_vec(probs.concat(), shape, &Device::Cpu)?;
        let sets = self.sets.decouple(&flat.to_dtype(DType::F32)?)?;
        let rows = sets.positive.to_vec2::<u8>()?;
        let each = rows.iter().zip(probs).map(|(row, probs)| {
            let mut classes: Vec<usize> = (0..row.len()).filter(|&class| row[class] == 1).collect();
            classes.sort_by(|&a, &b| probs[b].total_cmp(&probs[a]));
            classes
        });
        Ok(each.collect())
    }
}

/// How the card's images are made.
fn images(card: &ModelCard) -> Result<ImageConfig> {
    let preprocessing = &card.preprocessing;
    let color = match preprocessing.channels {
        1 => Color::Gray,
        3 => Color::Rgb,
        other => {
            return Err(leaf_train::Error::Card {
                field: "preprocessing.channels",
                found: other.to_string(),
                expected: "1 or 3",
            }
            .into());
        }
    };
    Ok(ImageConfig {
        size: preprocessing.size,
        color,
        normalization: Some(Normalization {
            mean: preprocessing.mean.clone(),
            std: preprocessing.std.clone(),
        }),
    })
}

fn default_sets(classes: usize) -> Result<CategoryDecoupling> {
    let DecouplingConfig {
        max_positives,
        threshold,
        ..
    } = DecouplingConfig::default();
    sets(
        threshold,
        max_positives.min(classes.saturating_sub(1)),
        classes,
    )
}

/// Sets of probabilities as they are: softening is for teachers.
fn sets(threshold: f64, max_positives: usize, classes: usize) -> Result<CategoryDecoupling> {
    let config = DecouplingConfig {
        max_positives,
        threshold,
        weighting: SetWeighting::None,
        teacher_temperature: 1.,
    };
    Ok(CategoryDecoupling::new(config, classes)?)
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// The first of the largest, as evaluations count.
fn largest(scores: &[f64]) -> usize {
    (1..scores.len()).fold(0, |best, class| {
        if scores[class] > scores[best] {
            class
        } else {
            best
        }
    })
}

/// Each row's experts with their weights.
fn experts(routing: &Routing) -> Result<Vec<Vec<(usize, f64)>>> {
    let host = |tensor: &Tensor| tensor.detach().to_device(&Device::Cpu);
    let numbers = host(&routing.experts)?.to_vec2::<u32>()?;
    let weights = host(&routing.weights)?
        .to_dtype(DType::F64)?
        .to_vec2::<f64>()?;
    let rows = numbers.iter().zip(&weights).map(|(numbers, weights)| {
        let numbers = numbers.iter().map(|&number| number as usize);
        numbers.zip(weights.iter().copied()).collect()
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use leaf_core::{LeafConfig, Random};
    use leaf_train::{Part, Preprocessing, save_checkpoint};

    use super::*;
    use crate::recipe::Backbone;

    fn checkpoint(folder: &Path, channels: usize) -> Result<()> {
        let spec = ClassifierSpec {
            backbone: Backbone::Narrow,
            channels: 1,
            num_classes: 4,
            leaf: LeafConfig::robust(),
            heads: leaf_ssl::Heads::default(),
        };
        let noise = leaf_core::NoiseSource::new(Random::new(0));
        let network = spec.build(0, &noise, &Device::Cpu)?;
        let card = ModelCard {
            classes: ["happy", "sad", "angry", "calm"]
                .map(str::to_owned)
                .to_vec(),
            preprocessing: Preprocessing {
                size: 16,
                channels,
                mean: vec![0.25; channels],
                std: vec![0.5; channels],
            },
            architecture: spec.architecture(),
        };
        let parts = [(Part::Student, &network.parameters)];
        Ok(save_checkpoint(&folder.join(LAST), &card, 5, &parts)?)
    }

    #[test]
    fn faces_are_described_in_full() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        checkpoint(folder.path(), 1)?;
        let predictor = Predictor::open(folder.path(), &Device::Cpu)?;
        assert_eq!((predictor.step(), predictor.images().size), (5, 16));
        assert_eq!(predictor.images().normalization().mean, [0.25]);
        let xs = Random::new(1).normal_tensor(0., 1., (4, 1, 16, 16), DType::F32, &Device::Cpu)?;
        let found = predictor.predict(&xs)?;
        assert_eq!((found.logits.dims(), found.faces.len()), (&[4, 4][..], 4));
        for face in &found.faces {
            assert!((face.probs.iter().sum::<f64>() - 1.).abs() < 1e-12);
            assert_eq!(face.positives[0], face.class);
            assert_eq!(face.class, largest(&face.probs));
            let levels: Vec<&str> = face.experts.iter().map(|(level, _)| *level).collect();
            assert_eq!(levels, ["semantic", "instance"]);
            for (_, experts) in &face.experts {
                assert_eq!(experts.len(), 2);
                assert!((experts[0].1 + experts[1].1 - 1.).abs() < 1e-6);
            }
        }
        let sure = predictor.with_sets(0.01, 1)?;
        let faces = sure.predict(&xs)?.faces;
        assert!(faces.iter().all(|face| !face.is_ambiguous()));
        assert!(
            sure.with_sets(0.9, 4).is_err(),
            "as many as there are classes"
        );
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_named() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let problem = |path: &Path| Predictor::open(path, &Device::Cpu).unwrap_err().to_string();
        assert!(problem(folder.path()).contains(LAST));
        checkpoint(folder.path(), 2)?;
        assert!(
            problem(folder.path()).contains("channels"),
            "{}",
            problem(folder.path())
        );
        Ok(())
    }

    #[test]
    fn ties_go_to_the_first_class() {
        assert_eq!(
            (largest(&[1., 3., 3.]), largest(&[2., 2.]), largest(&[5.])),
            (1, 0, 0)
        );
        assert_eq!(softmax(&[1000., 1000.]), [0.5, 0.5]);
    }
}
