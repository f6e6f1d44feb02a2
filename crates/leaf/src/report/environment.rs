//! What a run ran on.

use candle_core::Device;
use leaf_vision::InstructionSet;

/// Names and values for the page.
pub(super) fn environment(device: &Device) -> Vec<(&'static str, String)> {
    let device = match device {
        Device::Cpu => "cpu",
        Device::Cuda(_) => "cuda",
        Device::Metal(_) => "metal",
    };
    // An instruction set that cannot be used ends the run elsewhere, with its own words.
    let kernels = InstructionSet::in_use().map_or("none", InstructionSet::name);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    vec![
        ("LEAF", env!("CARGO_PKG_VERSION").to_owned()),
        ("candle", env!("LEAF_CANDLE_VERSION").to_owned()),
        ("Rust", env!("LEAF_RUSTC_VERSION").to_owned()),
        ("build", build().to_owned()),
        (
            "system",
            format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
        ),
        ("processor", processor()),
        (
            "threads",
            format!(
                "{} of {cores} that the process may use",
                candle_core::utils::get_num_threads()
            ),
        ),
        ("kernels", kernels.to_owned()),
        ("device", device.to_owned()),
    ]
}

fn build() -> &'static str {
    if cfg!(debug_assertions) {
        "with debug assertions"
    } else {
        "release"
    }
}

/// The processor's name where the system tells it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "model name").then(|| value.trim().to_owned())
    });
    named
        .or_else(|| std::env::var("PROCESSOR_IDENTIFIER").ok())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The command line of this process, as a shell reads it.
pub(super) fn command_line() -> String {
    let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.map(|word| quoted(&word)).collect();
    words.join(" ")
}

/// A word as a POSIX shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_known() {
        for (name, value) in environment(&Device::Cpu) {
            assert!(!value.is_empty(), "{name}");
        }
        assert!(env!("LEAF_RUSTC_VERSION").starts_with("rustc "));
    }

    #[test]
    fn words_survive_a_shell() {
        let found = ["--out=runs/a", "my faces", "it's", ""].map(quoted);
        assert_eq!(found, ["--out=runs/a", "'my faces'", "'it'\\''s'", "''"]);
    }
}
