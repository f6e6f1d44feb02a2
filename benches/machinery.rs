//! What a training step costs outside the network and the data: readings, norm, optimizer, average, observers.
//!
//! `cargo bench --bench machinery`. The same trainer takes steps of FixMatch with LEAF on ResNet-18, and steps
//! of a rule whose loss is one number a parameter and which measures what FixMatch measured. What the second
//! takes, less its own loss and backward pass, is the machinery's; it is to be under 5 % of the first. Steps of
//! the two come in turn, medians count. Every step is shown to all observers that write files, ten times as
//! often as usual.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor, Var};
use clap::Parser;
use leaf::core::{NoiseSource, Random, deposit};
use leaf::recipe::{Backbone, Classifier, ClassifierSpec, Recipe};
use leaf::ssl::{
    Algorithm, Batch, Context, Labeled, Losses, Stateful, Step, Task, Unlabeled, Views,
};
use leaf::train::{
    AdamConfig, EvaluationTable, Gradients, JsonLines, Learner, Observer, OptimizerConfig,
    SgdConfig, StepReport, StepTable, TensorBoard, TrainConfig, Trainer,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const CLASSES: usize = 7;
/// The largest share, in percent.
const BOUND: f64 = 5.;

/// Times the machinery of a step.
#[derive(Debug, Parser)]
struct Arguments {
    /// Pixels of a side.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Labelled faces of a step, and unlabelled ones.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Steps of each rule that count, after one that does not.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// One number a parameter, as a loss; everything else is what a real step measured.
struct Idle {
    parameters: BTreeMap<String, Var>,
    measured: Losses,
}

impl Idle {
    fn total(parameters: &BTreeMap<String, Var>) -> candle_core::Result<Tensor> {
        let mut total = Tensor::new(0f32, &Device::Cpu)?;
        for var in parameters.values() {
            total = (total + var.as_tensor().apply_op1(Touch)?)?;
        }
        Ok(total)
    }
}

/// A parameter's first entry, with a small gradient in every entry, which is handed over as a layer does:
/// little besides the gradient's memory is written.
struct Touch;

impl CustomOp1 for Touch {
    fn name(&self) -> &'static str {
        "touch"
    }

    fn cpu_fwd(
        &self,
        xs: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let first = xs.as_slice::<f32>()?[layout.start_offset()];
        Ok((CpuStorage::F32(vec![first]), Shape::from(())))
    }

    fn bwd(&self, xs: &Tensor, _: &Tensor, _: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let gradient = vec![1e-6f32; xs.elem_count()];
        let add = |sum: &mut [f32], more: &[f32]| {
            sum.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
        };
        match deposit(xs, gradient, add) {
            Ok(_) => Ok(None),
            Err(gradient) => Ok(Some(Tensor::from_vec(gradient, xs.shape(), xs.device())?)),
        }
    }
}

impl Algorithm for Idle {
    fn name(&self) -> &str {
        "idle"
    }

    fn views(&self) -> Views {
        Views::NONE
    }

    fn loss(&mut self, _: &Context, _: &Batch, _: Step) -> leaf::ssl::Result<Losses> {
        Ok(Losses {
            total: Self::total(&self.parameters)?,
            ..self.measured.clone()
        })
    }
}

impl Stateful for Idle {}

/// All observers that write files.
struct Files {
    lines: JsonLines,
    steps: StepTable,
    evaluations: EvaluationTable,
    board: TensorBoard,
}

impl Files {
    fn new(folder: &Path) -> Outcome<Self> {
        Ok(Self {
            lines: JsonLines::create(&folder.join("metrics.jsonl"))?,
            steps: StepTable::create(&folder.join("steps.csv"))?,
            evaluations: EvaluationTable::create(&folder.join("evaluations.csv"))?,
            board: TensorBoard::create(folder)?,
        })
    }

    fn show(&mut self, report: &StepReport) -> Outcome {
        let observers: [&mut dyn Observer; 4] = [
            &mut self.lines,
            &mut self.steps,
            &mut self.evaluations,
            &mut self.board,
        ];
        for observer in observers {
            observer.on_step(report)?;
        }
        Ok(())
    }
}

/// A trainer with an average, at the beginning of a long run that shows every step.
fn trainer<A: Algorithm>(
    optimizer: OptimizerConfig,
    student: Learner<Classifier>,
    average: Learner<Classifier>,
    algorithm: A,
) -> Outcome<Trainer<Classifier, A>> {
    let config = TrainConfig {
        steps: 100_000,
        learning_rate: 1e-4,
        log_every: 1,
        ..TrainConfig::default()
    };
    let optimizer = optimizer.build(&student.parameters.trainable())?;
    Ok(Trainer::new(config, student, algorithm, optimizer)?.with_average(average)?)
}

fn batch(arguments: &Arguments) -> Outcome<Batch> {
    let mut random = Random::new(1);
    let (faces, size) = (arguments.batch, arguments.size);
    let mut view =
        || random.normal_tensor(0., 1., (faces, 3, size, size), DType::F32, &Device::Cpu);
    let classes = || (0..faces as u32).map(|face| face % CLASSES as u32);
    Ok(Batch {
        labeled: Labeled {
            images: view()?,
            labels: Tensor::from_iter(classes(), &Device::Cpu)?,
            index: (0..faces).collect(),
        },
        unlabeled: Unlabeled {
            weak: vec![view()?],
            strong: vec![view()?],
            rotated: None,
            index: (0..faces).collect(),
            hidden_labels: classes().map(Some).collect(),
        },
    })
}

/// Milliseconds that it takes.
fn timed<T>(run: impl FnOnce() -> Outcome<T>) -> Outcome<(f64, T)> {
    let started = Instant::now();
    let done = run()?;
    Ok((started.elapsed().as_secs_f64() * 1e3, done))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The share of a step that is the machinery's, in percent.
fn measure(arguments: &Arguments, name: &str, optimizer: OptimizerConfig) -> Outcome<f64> {
    let recipe = Recipe {
        backbone: Backbone::Resnet18,
        ..Recipe::default()
    };
    let spec = ClassifierSpec {
        backbone: recipe.backbone,
        channels: 3,
        num_classes: CLASSES,
        leaf: recipe.trainer.leaf().clone(),
        heads: Default::default(),
    };
    let learner = || spec.build(0, &NoiseSource::new(Random::new(0)), &Device::Cpu);
    let batch = batch(arguments)?;
    let mut algorithm = recipe.algorithm(&Task::new(CLASSES))?;
    let student = learner()?;
    let context = Context::new(&student.network);
    let measured = algorithm.loss(&context, &batch, Step::new(0, 100_000))?;
    let measured = Losses {
        total: measured.total.detach(),
        ..measured
    };
    let mut real = trainer(optimizer, student, learner()?, algorithm)?;
    let student = learner()?;
    let parameters = student.parameters.trainable();
    let idle = Idle {
        parameters: parameters.clone(),
        measured,
    };
    let mut idle = trainer(optimizer, student, learner()?, idle)?;
    let folder = tempfile::tempdir()?;
    let mut files = Files::new(folder.path())?;
    let (mut steps, mut idles, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=arguments.steps {
        let (step, _) = timed(|| files.show(&real.step(&batch)?))?;
        let (all, _) = timed(|| files.show(&idle.step(&batch)?))?;
        let (loss, _) = timed(|| {
            let total = Idle::total(&parameters)?;
            Ok(Gradients::of(&total, idle.optimizer().parameters())?)
        })?;
        // The first allocates what the others use again.
        if round > 0 {
            steps.push(step);
            idles.push(all);
            losses.push(loss);
        }
    }
    let (step, all, loss) = (median(steps), median(idles), median(losses));
    let machinery = all - loss;
    let share = 100. * machinery / step;
    println!(
        "{name}: step {step:.1} ms, machinery {machinery:.2} ms ({all:.2} ms less {loss:.2} ms of loss and \
         backward pass): {share:.2} %"
    );
    Ok(share)
}

fn run() -> Outcome<bool> {
    let arguments = Arguments::parse();
    let (sgd, adam) = (SgdConfig::default(), AdamConfig::default());
    let mut holds = true;
    for (name, optimizer) in [
        ("SGD", OptimizerConfig::Sgd(sgd)),
        ("Adam", OptimizerConfig::Adam(adam)),
    ] {
        holds &= measure(&arguments, name, optimizer)? < BOUND;
    }
    Ok(holds)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("the machinery takes {BOUND} % of a step or more");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
