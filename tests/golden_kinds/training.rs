//! Weight average, learning-rate schedule and metrics.

use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use leaf_core::Parameters;
use leaf_ssl::Step;
use leaf_train::{CosineSchedule, Schedule, Tally, WeightAverage};

use crate::case::{Case, Outcome};

/// The average after each step, from the recorded weights.
pub(crate) fn ema(case: &Case) -> Outcome {
    let initial = case.tensor("initial")?;
    let weights = case.tensor("weights")?;
    let (student, average) = (Parameters::new(0), Parameters::new(1));
    for parameters in [&student, &average] {
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        vb.get_with_hints(initial.dims(), "weight", Init::Const(0.))?;
    }
    let (student_weight, average_weight) = (&student.all()["weight"], &average.all()["weight"]);
    average_weight.set(&initial)?;
    let tracker = WeightAverage::new(case.number("decay")?, &student, &average)?;
    let mut averages = Vec::new();
    for step in 0..weights.dim(0)? {
        student_weight.set(&weights.get(step)?)?;
        tracker.update()?;
        averages.push(average_weight.as_detached_tensor().copy()?);
    }
    case.expect("averages", &Tensor::stack(&averages, 0)?)
}

/// The learning rate's factor every few steps, from the first step to the end.
pub(crate) fn cosine_7_16(case: &Case) -> Outcome {
    let schedule = CosineSchedule {
        warmup_steps: case.number("warmup_steps")?,
    };
    let total = case.number("total_steps")?;
    let factors: Vec<f64> = (0..=total)
        .step_by(case.number("every")?)
        .map(|index| schedule.factor(Step::new(index, total)))
        .collect();
    case.expect("factor", &Tensor::new(factors, &Device::Cpu)?)
}

/// What scikit-learn says about predictions where one class has no face.
pub(crate) fn metrics(case: &Case) -> Outcome {
    let labels = case.tensor("labels")?;
    let mut tally = Tally::new(case.number("classes")?)?;
    tally.add(&case.tensor("probs")?, &labels)?;
    let metrics = tally.metrics();
    for (name, value) in [
        ("accuracy", metrics.accuracy),
        ("balanced_accuracy", metrics.balanced_accuracy),
        ("macro_f1", metrics.macro_f1),
        ("macro_precision", metrics.macro_precision),
        ("macro_recall", metrics.macro_recall),
        ("top2", metrics.top_k[1]),
    ] {
        case.expect(name, &Tensor::new(&[value], &Device::Cpu)?)?;
    }
    let counts: Vec<i64> = metrics
        .confusion
        .concat()
        .into_iter()
        .map(i64::try_from)
        .collect::<Result<_, _>>()?;
    case.expect_exact("confusion", &Tensor::new(counts, &Device::Cpu)?)
}
