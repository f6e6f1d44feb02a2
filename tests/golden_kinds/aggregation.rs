//! Gates, experts and mixtures.

use candle_core::{Tensor, Var};
use leaf_core::{
    Aggregator, Combine, Expert, ExpertBank, Gate, GateWeighting, Linear, MixtureOfExperts, Mode,
    NoiseSource, NoisyTopK, NoisyTopKConfig,
};

use crate::case::{Case, Outcome, within};

/// A case's variables, which gradients are compared for.
pub(crate) type Vars = Vec<(String, Var)>;

/// A mixture whose weights lie in the case under `prefix`.
pub(crate) struct Stored<'a> {
    pub(crate) case: &'a Case,
    pub(crate) prefix: &'a str,
    pub(crate) gate: NoisyTopKConfig,
    pub(crate) linear_experts: bool,
    pub(crate) tied: bool,
    pub(crate) combine: Combine,
    /// By candle's operations instead of by hand.
    pub(crate) plain: bool,
}

impl Stored<'_> {
    pub(crate) fn mixture(&self, noise: NoiseSource, vars: &mut Vars) -> Outcome<MixtureOfExperts> {
        let w_gate = self.var("w_gate", vars)?;
        let w_noise = self.var("w_noise", vars)?;
        let gate = NoisyTopK::new(w_gate, Some(w_noise), self.gate.clone(), noise)?;
        let experts = if self.tied {
            ExpertBank::tied(self.expert(0, vars)?, self.gate.num_experts)?
        } else {
            let experts = (0..self.gate.num_experts).map(|i| self.expert(i, vars));
            ExpertBank::distinct(experts.collect::<Outcome<_>>()?)?
        };
        let mixture = MixtureOfExperts::new(gate, experts, self.combine)?;
        Ok(if self.plain { mixture.plain() } else { mixture })
    }

    fn expert(&self, i: usize, vars: &mut Vars) -> Outcome<Expert> {
        let mut layer = |name: &str| -> Outcome<Linear> {
            Ok(Linear::new(
                self.var(&format!("experts.{i}.{name}weight"), vars)?,
                self.var(&format!("experts.{i}.{name}bias"), vars)?,
            ))
        };
        if self.linear_experts {
            return Ok(Expert::Linear(layer("")?));
        }
        let (fc1, fc2) = (layer("fc1.")?, layer("fc2.")?);
        Ok(Expert::ResidualMlp { fc1, fc2 })
    }

    fn var(&self, name: &str, vars: &mut Vars) -> Outcome<Tensor> {
        let name = format!("{}{name}", self.prefix);
        let var = self.case.var(&name)?;
        let tensor = var.as_tensor().clone();
        vars.push((name, var));
        Ok(tensor)
    }
}

/// The gate's configuration as the case's metadata gives it.
pub(crate) fn gate_config(case: &Case) -> Outcome<NoisyTopKConfig> {
    Ok(NoisyTopKConfig {
        num_experts: case.number("experts")?,
        k: case.number("top_k")?,
        weighting: match case.text("gate")? {
            "topk_softmax" => GateWeighting::TopKSoftmax,
            "softmax_topk" => GateWeighting::SoftmaxTopK,
            other => return Err(format!("unknown gate {other:?}").into()),
        },
        noise: true,
        noise_epsilon: 1e-2,
        init_std: 0.,
    })
}

pub(crate) fn combine(case: &Case) -> Outcome<Combine> {
    match case.text("combine")? {
        "weighted_sum" => Ok(Combine::WeightedSum),
        "log_space" => Ok(Combine::LogSpace),
        other => Err(format!("unknown combination {other:?}").into()),
    }
}

/// The gradients of `loss`; a variable that it does not depend on has gradient 0, which PyTorch may
/// leave out of the file.
pub(crate) fn expect_gradients(case: &Case, loss: &Tensor, vars: &Vars) -> Outcome {
    let grads = loss.backward()?;
    for (name, var) in vars {
        let grad = match grads.get(var) {
            Some(grad) => grad.clone(),
            None => var.zeros_like()?,
        };
        let stored = format!("grad.{name}");
        match case.has(&stored) {
            true => case.expect_gradient(&stored, &grad)?,
            false => within(&stored, &grad, &var.zeros_like()?, |_| 0.)?,
        }
    }
    Ok(())
}

pub(crate) fn aggregation(case: &Case) -> Outcome {
    for (case, plain) in case.ways()? {
        one_way(&case, plain)?;
    }
    Ok(())
}

fn one_way(case: &Case, plain: bool) -> Outcome {
    let stored = Stored {
        case,
        prefix: "",
        gate: NoisyTopKConfig {
            noise_epsilon: case.number("noise_epsilon")?,
            ..gate_config(case)?
        },
        linear_experts: case.text("expert")? == "linear",
        tied: case.flag("tied_experts")?,
        combine: combine(case)?,
        plain,
    };
    let train = case.flag("train")?;
    let mode = if train { Mode::Train } else { Mode::Eval };
    let noise = match train {
        true => vec![case.tensor("noise")?; 2],
        false => Vec::new(),
    };
    let x = case.var("x")?;
    let mut vars: Vars = vec![("x".to_owned(), x.clone())];
    let mixture = stored.mixture(NoiseSource::recorded(noise), &mut vars)?;

    let routing = mixture.gate().route(&x, mode)?;
    case.expect("gates", &routing.dense()?)?;
    case.expect_exact("selected", &routing.experts)?;
    case.expect("importance", &routing.importance)?;
    case.expect("load", &routing.load)?;

    let aggregated = mixture.aggregate(&x, mode)?;
    let balance = aggregated.balance.ok_or("a mixture has a balance loss")?;
    case.expect("balance", &balance)?;
    case.expect("y", &aggregated.output)?;
    if !train {
        // Evaluation keeps no graph; its gradients are those of training without noise, below.
        return eval_gradients(case, &stored);
    }
    let loss = scalar(case, &aggregated.output, &balance)?;
    expect_gradients(case, &loss, &vars)
}

fn scalar(case: &Case, output: &Tensor, balance: &Tensor) -> Outcome<Tensor> {
    let weighted = (output * case.tensor("cotangent")?)?.sum_all()?;
    Ok((weighted + (balance * case.number::<f64>("balance_coef")?)?)?)
}

/// The stored evaluation gradients are those of a gate without noise, where the load is a count.
fn eval_gradients(case: &Case, stored: &Stored) -> Outcome {
    let x = case.var("x")?;
    let mut vars: Vars = vec![("x".to_owned(), x.clone())];
    let noiseless = Stored {
        gate: NoisyTopKConfig {
            noise: false,
            ..stored.gate.clone()
        },
        ..*stored
    };
    let mixture = noiseless.mixture(NoiseSource::recorded([]), &mut vars)?;
    let aggregated = mixture.aggregate(&x, Mode::Train)?;
    let balance = aggregated.balance.ok_or("a mixture has a balance loss")?;
    case.expect("y", &aggregated.output)?;
    expect_gradients(case, &scalar(case, &aggregated.output, &balance)?, &vars)
}
