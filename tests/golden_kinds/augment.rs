//! Augmentation as Pillow does it.

use candle_core::Tensor;
use leaf_data::Face;
use leaf_data::augment as a;
use leaf_data::face::resize_shorter_side;

use crate::case::{Case, Outcome};

pub(crate) fn augment(case: &Case) -> Outcome {
    let (image, wanted) = (face(&case.tensor("image")?)?, face(&case.tensor("out")?)?);
    let value: f64 = case.number("value")?;
    let op = case.text("op")?;
    let found = match op {
        "autocontrast" => a::autocontrast(&image),
        "equalize" => a::equalize(&image),
        "invert" => a::invert(&image),
        "brightness" => a::brightness(&image, value),
        "color" => a::color(&image, value),
        "contrast" => a::contrast(&image, value),
        "sharpness" => a::sharpness(&image, value),
        "posterize" => a::posterize(&image, value as u32),
        "solarize" => a::solarize(&image, value),
        "rotate" => a::rotate(&image, value),
        "shear_x" => a::shear_x(&image, value),
        "shear_y" => a::shear_y(&image, value),
        "translate_x" => a::translate_x(&image, value),
        "translate_y" => a::translate_y(&image, value),
        "resize_bilinear" => resize_shorter_side(&image, value as usize)?,
        other => return Err(format!("unknown operation {other:?}").into()),
    };
    compare(&found, &wanted, picks_pixels(op))
}

/// Geometric operations pick pixels: at a tie they may pick another one, which differs by any amount.
fn picks_pixels(op: &str) -> bool {
    matches!(
        op,
        "rotate" | "shear_x" | "shear_y" | "translate_x" | "translate_y"
    )
}

/// At most 1% of the samples differ, by at most 1 level unless `ties` explain more.
fn compare(found: &Face, wanted: &Face, ties: bool) -> Outcome {
    let sides = |face: &Face| (face.height(), face.width(), face.channels());
    if sides(found) != sides(wanted) {
        return Err(format!("sides {:?}, expected {:?}", sides(found), sides(wanted)).into());
    }
    let pairs = found.samples().iter().zip(wanted.samples());
    let off: Vec<u8> = pairs
        .map(|(f, w)| f.abs_diff(*w))
        .filter(|d| *d > 0)
        .collect();
    let largest = off.iter().max().copied().unwrap_or(0);
    let share = off.len() as f64 / wanted.samples().len() as f64;
    if share > 0.01 || (largest > 1 && !ties) {
        return Err(format!(
            "{:.2}% of the samples are off, by up to {largest} levels",
            share * 100.
        )
        .into());
    }
    Ok(())
}

fn face(tensor: &Tensor) -> Outcome<Face> {
    let (height, width, channels) = tensor.dims3()?;
    let samples = tensor.flatten_all()?.to_vec1::<u8>()?;
    Ok(Face::new(samples, height, width, channels)?)
}
