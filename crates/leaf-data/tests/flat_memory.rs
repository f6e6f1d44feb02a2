//! Two thousand batches take no more memory than the first few.
#![cfg(all(target_os = "linux", feature = "drawn-faces"))]

use std::error::Error;
use std::sync::Arc;

use candle_core::Device;
use leaf_core::Random;
use leaf_data::{
    Color, Faces, ImageConfig, LabelSplit, Loader, LoaderConfig, SplitConfig, drawn_faces,
};
use leaf_ssl::Views;

const WARM_UP: usize = 200;
const BATCHES: usize = 2000;

/// What all those batches hold is about 280 MB; a leak of a tenth of them would be seen.
const MOST_GROWTH_MB: f64 = 24.;

/// The process's resident size now.
fn resident_mb() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes
        .ok_or("no VmRSS in /proc/self/status")?
        .parse::<f64>()?
        / 1024.)
}

fn growth(cache_mb: usize) -> Result<f64, Box<dyn Error>> {
    let data = drawn_faces()?;
    let split = LabelSplit::new(&data, &SplitConfig::default())?;
    let images = ImageConfig {
        size: 24,
        color: Color::Rgb,
        normalization: None,
    };
    let faces = Arc::new(Faces::new(data.training(), &images)?.with_cache(cache_mb));
    faces.preload(|_, _| ())?;
    let config = LoaderConfig {
        batch_size: 4,
        mu: 2,
        threads: Some(2),
        ..LoaderConfig::default()
    };
    let (random, device) = (Random::new(0), Device::Cpu);
    let mut loader = Loader::new(faces, &split, Views::WEAK_STRONG, &config, &random, &device)?;
    let mut before = 0.;
    for step in 0..WARM_UP + BATCHES {
        if step == WARM_UP {
            before = resident_mb()?;
        }
        loader.next().ok_or("the sequence is endless")??;
    }
    Ok(resident_mb()? - before)
}

#[test]
fn memory_is_flat_with_and_without_kept_faces() -> Result<(), Box<dyn Error>> {
    for cache_mb in [2048, 0] {
        let grown = growth(cache_mb)?;
        println!("cache {cache_mb} MB: {grown:.1} MB more after {BATCHES} batches");
        assert!(
            grown < MOST_GROWTH_MB,
            "cache {cache_mb} MB: {grown:.1} MB more"
        );
    }
    Ok(())
}
