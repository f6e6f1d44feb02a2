//! Vision transformers.

use candle_core::{DType, Device};
use leaf_core::{Encoder, Mode, Parameters};
use leaf_vision::{TokenPooling, VitConfig, resample_position_embedding, vit};

use crate::case::{Case, Outcome};
use crate::vision::{fill, near};

/// Tokens and features in f32 and f64, all gradients, and positions of other image sizes.
pub(crate) fn vit_case(case: &Case) -> Outcome {
    for dtype in [DType::F32, DType::F64] {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(dtype, &Device::Cpu);
        let network = vit(&config(case)?, vb)?;
        fill(&parameters, case.text("names")?, case.number("phase")?)?;

        let xs = case.tensor("x")?.to_dtype(dtype)?;
        near(case, "tokens", &network.tokens(&xs, Mode::Eval)?, 2e-5)?;
        let features = network.encode(&xs, Mode::Train)?;
        near(case, "features", &features, 2e-5)?;
        let cotangent = case.tensor("cotangent")?.to_dtype(dtype)?;
        let gradients = (features * cotangent)?.sum_all()?.backward()?;
        for (name, var) in parameters.trainable() {
            let gradient = gradients.get(&var);
            let gradient = gradient.ok_or_else(|| format!("{name} has no gradient"))?;
            case.expect_gradient(&format!("grad.{name}"), gradient)?;
        }
        for grid in case.text("grids")?.split(';') {
            let positions = &parameters.all()["pos_embed"];
            let resized = resample_position_embedding(positions, grid.parse()?)?;
            let patches = resized.narrow(1, 1, resized.dim(1)? - 1)?;
            case.expect(&format!("pos_embed.{grid}"), &patches)?;
        }
    }
    Ok(())
}

fn config(case: &Case) -> Outcome<VitConfig> {
    Ok(VitConfig {
        in_channels: case.number("in_channels")?,
        image_size: case.number("image_size")?,
        patch_size: case.number("patch_size")?,
        width: case.number("width")?,
        depth: case.number("depth")?,
        heads: case.number("heads")?,
        mlp_width: case.number("mlp_width")?,
        pooling: match case.text("pooling")? {
            "class_token" => TokenPooling::ClassToken,
            "mean_of_patches" => TokenPooling::MeanOfPatches,
            other => return Err(format!("unknown pooling {other:?}").into()),
        },
        norm_eps: case.number("norm_eps")?,
    })
}
