//! What a pass refuses, and with which words.

use super::*;

#[test]
fn a_second_backward_pass_says_what_to_do() -> Result<()> {
    let xs = Var::from_tensor(&draw(1, &[1, 2, 4, 4])?)?;
    let ys = crate::max_pool2d(&xs, 2, 2, 0)?.sum_all()?;
    ys.backward()?;
    let error = ys.backward().unwrap_err().to_string();
    assert!(error.contains("run backward before"), "{error}");
    Ok(())
}

#[test]
fn sums_of_other_shapes_are_refused() -> Result<()> {
    let (mut pass, xs) = Pass::begin(&draw(1, &[1, 2, 4, 4])?, Mode::Eval)?;
    let half = pass.max_pool2d(&xs, 2, 2, 0)?;
    let error = pass.add(&xs, &half).unwrap_err().to_string();
    assert_eq!(
        error,
        "second map of a sum has shape [1, 2, 2, 2], expected [1, 2, 4, 4]"
    );
    Ok(())
}

#[test]
fn maps_of_another_pass_are_refused() -> Result<()> {
    let xs = draw(1, &[1, 2, 4, 4])?;
    let (mut first, map) = Pass::begin(&xs, Mode::Train)?;
    let pooled = first.max_pool2d(&map, 2, 2, 0)?;
    let (mut second, own) = Pass::begin(&draw(2, &[1, 2, 4, 4])?, Mode::Train)?;
    let error = second.max_pool2d(&pooled, 2, 2, 0).unwrap_err();
    assert!(matches!(error, crate::Error::OtherPass), "{error}");
    second.max_pool2d(&own, 2, 2, 0)?;
    let error = second.max_pool2d(&map, 2, 2, 0).unwrap_err();
    assert!(matches!(error, crate::Error::OtherPass), "{error}");
    Ok(())
}

#[test]
fn slopes_without_a_gradient_are_refused() -> Result<()> {
    for slope in [-0.1, f32::NAN, f32::INFINITY] {
        let (mut pass, xs) = Pass::begin(&draw(1, &[1, 2, 4, 4])?, Mode::Train)?;
        let error = pass.activate(&xs, Activation::LeakyRelu(slope));
        let error = error.unwrap_err().to_string();
        let value = f64::from(slope);
        let wanted =
            format!("slope of LeakyRelu = {value}, expected a finite number of at least 0");
        assert_eq!(error, wanted);
    }
    Ok(())
}
