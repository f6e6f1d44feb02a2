//! The curriculum's numbers in small examples, worked out with the function that was published (USB).

use candle_core::{Device, Tensor};
use leaf_ssl::{
    Curriculum, CurriculumConfig, HardLabels, PseudoLabeler, Result, Selector, State, Stateful,
};
use leaf_testkit::entries;
use leaf_trial::seen;

const PROBS: [[f32; 3]; 6] = [
    [0.97, 0.01, 0.02],
    [0.10, 0.80, 0.10],
    [0.02, 0.96, 0.02],
    [0.30, 0.30, 0.40],
    [0.60, 0.25, 0.15],
    [0.15, 0.20, 0.65],
];

/// The mask of these faces, whose weak predictions are the first of [`PROBS`].
fn mask(curriculum: &mut Curriculum, faces: &[usize]) -> Result<Vec<f64>> {
    let logits = Tensor::new(&PROBS, &Device::Cpu)?.log()?;
    let mut seen = seen(logits.narrow(0, 0, faces.len())?)?;
    seen.index = faces.to_vec();
    let mut labels = HardLabels::new(None, 3)?.label(&seen)?;
    Ok(entries(&curriculum.select(&mut labels, &seen)?)?)
}

fn learned(curriculum: &Curriculum) -> Result<Vec<i64>> {
    Ok(curriculum.state()?["selected"].to_vec1()?)
}

#[test]
fn ten_faces_of_which_seven_are_learned() -> Result<()> {
    let mut curriculum = Curriculum::new(CurriculumConfig::default(), 10, 3)?;
    let device = &Device::Cpu;
    let before = Tensor::new(&[0i64, 0, 0, 0, 1, 1, 2, -1, -1, -1], device)?;
    curriculum.load_state(&State::from([
        ("selected".to_owned(), before),
        (
            "class_acc".to_owned(),
            Tensor::new(&[1f32, 0.5, 0.25], device)?,
        ),
    ]))?;
    let mask = mask(&mut curriculum, &[7, 8, 9, 0, 1, 2])?;
    assert_eq!(mask, [1., 1., 1., 1., 0., 1.]);
    assert_eq!(learned(&curriculum)?, [0, 0, 0, 0, 1, 1, 2, 0, -1, 1]);
    assert_eq!(curriculum.status(), [1., 0.6, 0.2]);
    Ok(())
}

#[test]
fn six_faces_of_which_none_is_learned() -> Result<()> {
    for (warmup, status) in [(true, [0.25, 0.25, 0.]), (false, [1., 1., 0.])] {
        let config = CurriculumConfig {
            warmup,
            ..CurriculumConfig::default()
        };
        let mut curriculum = Curriculum::new(config, 6, 3)?;
        assert_eq!(mask(&mut curriculum, &[0, 1, 2, 3])?, [1.; 4]);
        assert_eq!(learned(&curriculum)?, [0, -1, 1, -1, -1, -1]);
        assert_eq!(curriculum.status(), status);
    }
    Ok(())
}
