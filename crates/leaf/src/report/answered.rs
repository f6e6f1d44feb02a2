//! What the network says of the test faces, gathered chunk by chunk.

use candle_core::{DType, Device, Tensor};
use leaf_core::CategoryDecoupling;
use leaf_train::Answers;

use crate::Result;

/// The most faces whose features are kept.
pub(super) const FEATURES: usize = 700;

/// The answers of one evaluation.
#[derive(Clone, Debug, Default)]
pub(super) struct Answered {
    pub(super) faces: Vec<Answer>,
    /// Every `stride`-th face's features, from the first on.
    pub(super) features: Vec<Vec<f32>>,
    pub(super) stride: usize,
    /// By level, in the order of the passes.
    pub(super) gates: Vec<GateUse>,
}

/// What the network says of one face.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) label: usize,
    /// The probability of each class.
    pub(super) probs: Vec<f32>,
    /// The positive classes.
    pub(super) positive: Vec<usize>,
}

/// How much each expert counts for the faces of each class.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GateUse {
    pub(super) level: String,
    /// Sums of weights, a row a class, a column an expert.
    pub(super) sums: Vec<Vec<f64>>,
}

impl Answer {
    /// The class with the largest probability, the first among equals.
    pub(super) fn prediction(&self) -> usize {
        let largest = |best: usize, class: usize| {
            if self.probs[class] > self.probs[best] {
                class
            } else {
                best
            }
        };
        (0..self.probs.len()).fold(0, largest)
    }

    pub(super) fn confidence(&self) -> f32 {
        self.probs[self.prediction()]
    }

    /// The entropy of the probabilities in nats.
    pub(super) fn entropy(&self) -> f32 {
        let positive = self.probs.iter().filter(|&&prob| prob > 0.);
        positive.map(|prob| -prob * prob.ln()).sum()
    }
}

impl Answered {
    /// None yet, of that many faces to come.
    pub(super) fn of(faces: usize) -> Self {
        Self {
            stride: faces.div_ceil(FEATURES).max(1),
            ..Self::default()
        }
    }

    /// Adds a chunk's answers.
    ///
    /// # Errors
    /// Those of candle.
    pub(super) fn add(&mut self, answers: &Answers, sets: &CategoryDecoupling) -> Result<()> {
        let labels = on_host(answers.labels, DType::U32)?.to_vec1::<u32>()?;
        let logits = on_host(&answers.output.logits, DType::F32)?;
        let probs = candle_nn::ops::softmax(&logits, 1)?;
        let positive = sets.decouple(&probs)?.positive.to_vec2::<u8>()?;
        let features = on_host(&answers.output.features, DType::F32)?.to_vec2()?;
        let before = self.faces.len();
        for (row, row_of_features) in features.into_iter().enumerate() {
            if (before + row).is_multiple_of(self.stride) {
                self.features.push(row_of_features);
            }
        }
        self.add_gates(answers, &labels)?;
        let rows = labels.into_iter().zip(probs.to_vec2()?).zip(positive);
        self.faces.extend(rows.map(|((label, probs), row)| Answer {
            label: label as usize,
            probs,
            positive: (0..row.len()).filter(|&class| row[class] == 1).collect(),
        }));
        Ok(())
    }

    fn add_gates(&mut self, answers: &Answers, labels: &[u32]) -> Result<()> {
        let classes = answers.output.logits.dim(1)?;
        for (place, (level, routing)) in answers.output.routing.iter().enumerate() {
            let weights = on_host(&routing.dense()?, DType::F64)?.to_vec2::<f64>()?;
            if self.gates.len() == place {
                let experts = weights.first().map_or(0, Vec::len);
                self.gates.push(GateUse {
                    level: (*level).to_owned(),
                    sums: vec![vec![0.; experts]; classes],
                });
            }
            for (label, weights) in labels.iter().zip(weights) {
                let sums = &mut self.gates[place].sums[*label as usize];
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += weight;
                }
            }
        }
        Ok(())
    }
}

fn on_host(tensor: &Tensor, dtype: DType) -> Result<Tensor> {
    Ok(tensor.detach().to_device(&Device::Cpu)?.to_dtype(dtype)?)
}

#[cfg(test)]
mod tests {
    use leaf_core::{DecouplingConfig, HeadOutput, Routing};

    use super::*;

    #[test]
    fn chunks_add_up() -> Result<()> {
        let device = &Device::Cpu;
        let logits = Tensor::new(&[[9f32, 0., 0.], [2., 1.9, 1.]], device)?;
        let labels = Tensor::new(&[0u32, 2], device)?;
        let weights = Tensor::new(&[[0.75f32, 0.25], [1., 0.]], device)?;
        let output = HeadOutput {
            features: logits.clone(),
            aggregated: logits.clone(),
            balance: None,
            routing: vec![(
                "semantic",
                Routing {
                    importance: Tensor::zeros(4, DType::F32, device)?,
                    load: Tensor::zeros(4, DType::F32, device)?,
                    experts: Tensor::new(&[[3u32, 1], [0, 2]], device)?,
                    weights,
                },
            )],
            logits,
        };
        let config = DecouplingConfig {
            max_positives: 2,
            teacher_temperature: 1.,
            ..Default::default()
        };
        let sets = CategoryDecoupling::new(config, 3)?;
        let mut answered = Answered::of(2 * FEATURES);
        for before in [0, 2] {
            let (set, labels, output) = ("test", &labels, &output);
            answered.add(
                &Answers {
                    set,
                    before,
                    labels,
                    output,
                },
                &sets,
            )?;
        }
        assert_eq!(answered.faces.len(), 4);
        assert_eq!(answered.features.len(), 2, "every second face");
        assert_eq!(answered.gates.len(), 1);
        assert_eq!(answered.gates[0].sums[0], [0., 0.5, 0., 1.5]);
        assert_eq!(answered.gates[0].sums[2], [2., 0., 0., 0.]);
        let [sure, torn] = &answered.faces[..2] else {
            panic!("two faces at least");
        };
        assert_eq!((sure.prediction(), &sure.positive[..]), (0, &[0][..]));
        assert_eq!((torn.label, &torn.positive[..]), (2, &[0, 1][..]));
        assert!(torn.entropy() > sure.entropy() && torn.confidence() < sure.confidence());
        Ok(())
    }
}
