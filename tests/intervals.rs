//! Means, spreads and Student's intervals against SciPy's.
//!
//! `tests/golden/intervals.py` wrote the numbers.

use std::error::Error;
use std::path::Path;

use leaf::compare::{Sample, t_quantile};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    quantiles: Vec<(f64, usize, f64)>,
    samples: Vec<GoldenSample>,
}

#[derive(Deserialize)]
struct GoldenSample {
    numbers: Vec<f64>,
    mean: f64,
    deviation: f64,
    intervals: Vec<(f64, f64, f64)>,
}

fn golden() -> Result<Golden, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/evaluation");
    let text = std::fs::read_to_string(folder.join("intervals.json"))?;
    Ok(serde_json::from_str(&text)?)
}

fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= 1e-10 * wanted.abs().max(1.)
}

#[test]
fn quantiles_are_scipys() -> Result<(), Box<dyn Error>> {
    let golden = golden()?;
    assert!(golden.quantiles.len() > 50);
    for (probability, degrees, wanted) in golden.quantiles {
        let found = t_quantile(probability, degrees);
        assert!(
            near(found, wanted),
            "{probability}, {degrees}: {found} {wanted}"
        );
    }
    Ok(())
}

#[test]
fn samples_are_scipys() -> Result<(), Box<dyn Error>> {
    let golden = golden()?;
    assert!(golden.samples.len() > 3);
    for wanted in golden.samples {
        let sample = Sample::of(&wanted.numbers);
        assert_eq!(sample.count, wanted.numbers.len());
        assert!(near(sample.mean, wanted.mean));
        assert!(
            sample
                .deviation
                .is_some_and(|found| near(found, wanted.deviation))
        );
        for (probability, low, high) in wanted.intervals {
            let found = sample.interval(probability).ok_or("an interval")?;
            assert!(near(found.low, low) && near(found.high, high), "{found:?}");
        }
    }
    Ok(())
}
