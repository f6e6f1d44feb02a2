//! Compiles the CUDA feature without a GPU and, unless asked otherwise, without the CUDA toolkit.
//!
//! candle's CUDA feature wants three things at build time: a version of CUDA, a compiler for its
//! kernels, and libraries to link. This check gives it a fixed version, a stand-in compiler
//! (`nvcc.sh`) and stand-in libraries ([`stub`]), so that our own code behind the feature is checked
//! on every change. It says nothing about results on a GPU.

mod mode;
mod stub;
mod wheels;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::Outcome;
use crate::workspace::{cargo_with, output, root, run};
use mode::Mode;

/// The stand-in compiler's text.
const NVCC: &str = include_str!("nvcc.sh");

/// What is run where the user passes nothing through.
const DEFAULT: &[&str] = &["clippy", "--all-targets", "--", "-D", "warnings"];

/// Compiles the CUDA feature on a machine without a GPU.
#[derive(Args, Debug)]
pub(crate) struct CheckCuda {
    /// How much of NVIDIA's toolkit takes part.
    #[arg(long, value_enum, default_value_t = Mode::Stub)]
    mode: Mode,
    /// Which features are compiled (cudnn and nccl have stand-in libraries too).
    #[arg(long, default_value = "cuda")]
    features: String,
    /// A cargo command with its arguments [default: clippy --all-targets -- -D warnings]
    #[arg(last = true)]
    pub(crate) cargo: Vec<String>,
}

impl CheckCuda {
    /// Makes the stand-ins and runs cargo with them.
    ///
    /// # Errors
    /// When the stand-ins cannot be made, or cargo fails.
    pub(crate) fn run(&self) -> Outcome {
        if !cfg!(target_os = "linux") {
            return Err(
                "check-cuda makes stand-ins for Linux's libraries and runs there only".into(),
            );
        }
        let toolkit = root().join("target").join(format!("cuda-{}", self.mode));
        let nvcc = self.prepare(&toolkit)?;
        let user = match &self.cargo[..] {
            [] => DEFAULT.iter().copied().map(String::from).collect(),
            given => given.to_vec(),
        };
        let mut command = cargo_with(&user, &self.options(&user))?;
        self.environment(&mut command, &toolkit, &nvcc);
        run(&mut command)
    }

    /// Fills the folder that poses as an installed toolkit; returns the compiler to use.
    fn prepare(&self, toolkit: &Path) -> Outcome<PathBuf> {
        let folder = toolkit.join("bin");
        std::fs::create_dir_all(&folder)?;
        let nvcc = folder.join("nvcc");
        write_if_different(&nvcc, NVCC)?;
        make_executable(&nvcc)?;
        stub::make(toolkit, self.mode)?;
        if self.mode == Mode::Stub {
            return Ok(nvcc);
        }
        let real = wheels::install(toolkit)?;
        Ok(if self.mode == Mode::Full { real } else { nvcc })
    }

    fn options(&self, user: &[String]) -> Vec<String> {
        // One folder a mode: candle's build script remembers compiled kernels by source and
        // architecture, not by compiler, so a stand-in's empty kernels would pass for real ones.
        let mut options = vec![
            "--locked".to_owned(),
            format!("--target-dir=target/cargo-cuda-{}", self.mode),
            format!("--features={}", self.features),
        ];
        let runs_nothing = user
            .first()
            .is_some_and(|name| name == "check" || name == "clippy");
        if runs_nothing && self.mode == Mode::Stub {
            // The workspace optimizes every dependency, macros and build scripts included. A check
            // that only reads types is done sooner without. (Not with real kernels: another profile
            // gives their build script another folder, and they would be compiled again.)
            options.push("--config=profile.dev.package.\"*\".opt-level=0".to_owned());
        }
        options
    }

    fn environment(&self, command: &mut Command, toolkit: &Path, nvcc: &Path) {
        // cudarc looks for libraries, and the kernels' builder for headers, below these.
        command.env("CUDA_HOME", toolkit).env("CUDA_PATH", toolkit);
        command
            .env_remove("CUDA_ROOT")
            .env_remove("CUDA_TOOLKIT_ROOT_DIR");
        // Otherwise cudarc asks the nvcc in PATH for its version, and refuses one it does not know.
        command.env("CUDARC_CUDA_VERSION", "13000");
        // Otherwise the kernels' builder asks nvidia-smi which GPU is there.
        if std::env::var_os("CUDA_COMPUTE_CAP").is_none() {
            command.env("CUDA_COMPUTE_CAP", "80");
        }
        // Otherwise `check` and `build` give the kernels' build script two folders and compile them twice.
        command.env("CARGO_PROFILE_DEV_BUILD_OVERRIDE_DEBUG", "0");
        command.env("NVCC", nvcc);
        match self.mode {
            Mode::Ptx => command.env("REAL_NVCC", wheels::nvcc(toolkit)),
            Mode::Stub | Mode::Full => command.env_remove("REAL_NVCC"),
        };
        command.env("LD_LIBRARY_PATH", self.library_path(toolkit));
    }

    /// Where a program that was built finds its libraries when it starts.
    fn library_path(&self, toolkit: &Path) -> OsString {
        let mut folders = vec![toolkit.join("lib")];
        // Real kernels deserve the real driver where there is one.
        if self.mode == Mode::Stub || !has_driver() {
            folders.push(stub::driver_folder(toolkit));
        }
        let set = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        folders.extend(std::env::split_paths(&set));
        // Only a folder with a colon in its name cannot be joined.
        std::env::join_paths(folders).unwrap_or(set)
    }
}

fn has_driver() -> bool {
    let known = output(Command::new("ldconfig").arg("-p"));
    known.is_ok_and(|listing| listing.contains("libcuda.so.1"))
}

/// Leaves the file's time alone where nothing changes, so that nothing is built again.
fn write_if_different(path: &Path, text: &str) -> Outcome<bool> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    std::fs::write(path, text)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(true)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Outcome {
    use std::os::unix::fs::PermissionsExt;

    Ok(std::fs::set_permissions(
        path,
        PermissionsExt::from_mode(0o755),
    )?)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Outcome {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unchanged_files_are_not_written_again() -> Outcome {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("nvcc");
        assert!(write_if_different(&file, "one")?);
        assert!(!write_if_different(&file, "one")?);
        assert!(write_if_different(&file, "two")?);
        Ok(())
    }

    #[test]
    fn each_mode_builds_in_a_folder_of_its_own() {
        let folder = |mode| {
            let chore = CheckCuda {
                mode,
                features: "cuda".to_owned(),
                cargo: Vec::new(),
            };
            chore.options(&["build".to_owned()])[1].clone()
        };
        assert_eq!(folder(Mode::Stub), "--target-dir=target/cargo-cuda-stub");
        assert_ne!(folder(Mode::Ptx), folder(Mode::Full));
    }
}
