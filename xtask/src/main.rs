//! The project's own chores, behind `cargo xtask`.
//!
//! Each subcommand is a file (or a folder) of its own. The checks need nothing but cargo, git and, for
//! the CUDA check, a C compiler, for TensorBoard's a Python with pip, for the report's a Chromium.

mod check_core;
mod check_cuda;
mod check_memory;
mod check_metal;
mod check_report;
mod check_style;
mod check_tensorboard;
mod ci;
mod gradient_error;
mod package_source;
mod peers;
mod python;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a chore returns: nothing, or what went wrong.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Everything that a change must pass, in the order and with the commands of .ci/run.
    Ci,
    /// File lengths, unfinished places, paths of one machine, the README's test command.
    CheckStyle,
    /// That leaf-core reaches its users with few dependencies.
    CheckCore,
    /// Runs leaf-core's and leaf-vision's kernels under AddressSanitizer.
    CheckMemory(check_memory::CheckMemory),
    /// How far f32's gradients are from f64's, beside PyTorch's; needs a Python with torch.
    GradientError(gradient_error::GradientError),
    /// That TensorBoard itself reads a run's event files; installs it with pip.
    CheckTensorboard(check_tensorboard::CheckTensorboard),
    /// That a run's report opens in a browser, with pictures of it; installs Chromium if there is none.
    CheckReport(check_report::CheckReport),
    /// Compiles the CUDA feature on a machine without a GPU and without the CUDA toolkit.
    CheckCuda(check_cuda::CheckCuda),
    /// Type-checks the Metal feature, on Linux too.
    CheckMetal(check_metal::CheckMetal),
    /// Side by side with PyTorch.
    #[command(subcommand)]
    Peers(peers::Peers),
}

fn main() -> ExitCode {
    if let Some(status) = check_memory::as_compiler() {
        return status;
    }
    let outcome = match Cli::parse().chore {
        Chore::Ci => ci::run(),
        Chore::CheckStyle => check_style::run(),
        Chore::CheckCore => check_core::run(),
        Chore::CheckMemory(chore) => chore.run(),
        Chore::GradientError(chore) => chore.run(),
        Chore::CheckTensorboard(chore) => chore.run(),
        Chore::CheckReport(chore) => chore.run(),
        Chore::CheckCuda(chore) => chore.run(),
        Chore::CheckMetal(chore) => chore.run(),
        Chore::Peers(chore) => chore.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn cargo_arguments_pass_through() -> Result<(), clap::Error> {
        let line = "cargo-xtask check-cuda --mode ptx -- clippy -p leaf-core -- -D warnings";
        let cli = Cli::try_parse_from(line.split(' '))?;
        let Chore::CheckCuda(chore) = cli.chore else {
            panic!("another chore: {cli:?}");
        };
        assert_eq!(chore.cargo.join(" "), "clippy -p leaf-core -- -D warnings");
        Ok(())
    }
}
