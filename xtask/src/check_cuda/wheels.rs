//! NVIDIA's real toolkit, from its Python wheels: no installation, no rights needed.
//!
//! The wheels carry NVIDIA's license. They stay below `target/` and are never committed.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::stub::link;
use crate::Outcome;
use crate::workspace::run;

/// CUDA 13.0: the oldest that the wheels hold a whole compiler of. PTX of a newer one is refused by
/// drivers that are older than it.
const WHEELS: &[&str] = &[
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cccl==13.0.85",
    "nvidia-cuda-nvrtc==13.0.88",
    "nvidia-curand==10.4.0.35",
    "nvidia-cublas==13.0.2.14",
];

/// The compiler of the installed wheels.
pub(super) fn nvcc(toolkit: &Path) -> PathBuf {
    prefix(&toolkit.join("site")).join("bin/nvcc")
}

/// Installs the wheels, once, and returns their compiler.
///
/// # Errors
/// When pip fails or a file cannot be linked.
pub(super) fn install(toolkit: &Path) -> Outcome<PathBuf> {
    let site = toolkit.join("site");
    if !site.exists() {
        // Under another name until it is whole: an interrupted download is done again.
        let part = toolkit.join("site.part");
        run(Command::new("python3")
            .args(["-m", "pip", "install", "--no-deps", "--no-compile"])
            .args(["--only-binary=:all:", "--upgrade", "--target"])
            .arg(&part)
            .args(WHEELS))?;
        // nvcc looks for its libraries in lib64, the wheels have lib.
        link("lib", &prefix(&part).join("lib64"))?;
        std::fs::rename(&part, &site)?;
    }
    link_libraries(&prefix(&site).join("lib"), &toolkit.join("lib"))?;
    Ok(nvcc(toolkit))
}

/// All wheels unpack into one prefix, as an installed toolkit has it.
fn prefix(site: &Path) -> PathBuf {
    site.join("nvidia/cu13")
}

/// The wheels hold `libX.so.13` only: adds the `libX.so` that the linker asks for.
fn link_libraries(from: &Path, to: &Path) -> Outcome {
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if let Some((stem, _version)) = name.split_once(".so.") {
            link(&path.to_string_lossy(), &to.join(name))?;
            link(name, &to.join(format!("{stem}.so")))?;
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_library_gets_the_name_without_a_version() -> Outcome {
        let (from, to) = (tempfile::tempdir()?, tempfile::tempdir()?);
        std::fs::write(from.path().join("libcublas.so.13"), "x")?;
        std::fs::write(from.path().join("readme.txt"), "x")?;
        for _twice in 0..2 {
            link_libraries(from.path(), to.path())?;
        }
        assert_eq!(
            std::fs::read_to_string(to.path().join("libcublas.so"))?,
            "x"
        );
        assert_eq!(std::fs::read_dir(to.path())?.count(), 2);
        Ok(())
    }
}
