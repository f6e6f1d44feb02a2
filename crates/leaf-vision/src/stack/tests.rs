//! What networks of one's own must do.

use candle_core::{DType, Device, Var};
use leaf_core::Parameters;

use super::*;
use crate::{
    Activation, Block, BlockShape, Conv2dConfig, MaxPool2d, Residual, conv_norm, conv2d,
    residual_block,
};

#[test]
fn layers_that_do_not_fit_are_refused_at_once() -> Result<()> {
    let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
    let mut stack = Stack::new(3)?;
    stack.push(conv_norm(3, 4, 3, 1, vb.pp("a"))?)?;
    let error = stack.push(conv_norm(8, 8, 3, 1, vb.pp("b"))?).unwrap_err();
    assert_eq!(
        error.to_string(),
        "channels before a layer = 4, expected 8, which the layer takes"
    );
    assert!(
        stack
            .push(Residual(conv_norm(4, 6, 3, 1, vb.pp("c"))?))
            .is_err()
    );
    assert_eq!((stack.len(), stack.feature_dim()), (1, 4));
    assert!(!stack.is_empty());
    Ok(())
}

#[test]
fn a_stack_of_everything_is_differentiable() -> Result<()> {
    let parameters = Parameters::new(2);
    let vb = parameters.builder(DType::F64, &Device::Cpu);
    let shape = BlockShape {
        in_channels: 2,
        out_channels: 4,
        stride: 2,
    };
    let config = Conv2dConfig::default();
    let mut stack = Stack::new(1)?;
    stack.push(conv2d(1, 2, 1, &config, vb.pp("a"))?)?;
    stack.push(Activation::LeakyRelu(0.1))?;
    stack.push(MaxPool2d {
        kernel: 2,
        stride: 1,
        padding: 0,
    })?;
    let norm = crate::BatchNormConfig::default();
    stack.push(residual_block(Block::Bottleneck, shape, &norm, vb.pp("b"))?)?;
    stack.push(Residual(conv_norm(4, 4, 1, 1, vb.pp("c"))?))?;
    let xs = crate::finite_difference::normal(4, &[3, 1, 5, 6])?;
    let vars = parameters.trainable();
    let mut vars: Vec<&Var> = vars.values().collect();
    vars.push(&xs);
    crate::finite_difference::check(&vars, || {
        let features = stack.encode(&xs, Mode::Train);
        Ok(features.map_err(candle_core::Error::wrap)?)
    })
}
