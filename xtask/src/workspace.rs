//! Where the workspace is, and how programs are run in it.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;

/// The folder that holds the workspace's manifest.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The cargo that runs this chore, started in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Cargo with what the user passed through: a cargo command, our `options`, then the rest of the
/// user's arguments, which may hold a `--` of their own.
///
/// # Errors
/// When the user's first argument is an option.
pub(crate) fn cargo_with(user: &[String], options: &[String]) -> Outcome<Command> {
    let (name, rest) = user.split_first().ok_or("no cargo command after --")?;
    if name.starts_with('-') {
        return Err(
            format!("{name:?} after --, expected a cargo command such as clippy first").into(),
        );
    }
    let mut command = cargo();
    command.arg(name).args(options).args(rest);
    Ok(command)
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started or fails; the message holds its command line.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command
        .status()
        .map_err(|error| format!("cannot run {}: {error}", line(command)))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{}: {status}", line(command)).into())
    }
}

/// What a program prints.
///
/// # Errors
/// When it cannot be started or fails; the message holds its command line and what it complained of.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {}: {error}", line(command)))?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        let complaint = String::from_utf8_lossy(&output.stderr);
        let said = format!("{}: {}\n{complaint}", line(command), output.status);
        // Without a code it was a signal that ended it.
        Err(match output.status.code() {
            Some(_) => said.into(),
            None => Box::new(Crash(said)),
        })
    }
}

/// A program was ended by a signal.
#[derive(Debug)]
pub(crate) struct Crash(String);

impl fmt::Display for Crash {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.0)
    }
}

impl Error for Crash {}

/// The files that git keeps, or would keep if they were added: paths from the root.
///
/// # Errors
/// When this is not a git checkout.
pub(crate) fn files() -> Outcome<Vec<PathBuf>> {
    let listing = output(
        Command::new("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .current_dir(root()),
    )?;
    let paths = listing.split_terminator('\0').map(PathBuf::from);
    // A file that was deleted but not yet committed is still in git's index.
    Ok(paths.filter(|path| root().join(path).is_file()).collect())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(std::ffi::OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_between_command_and_rest() -> Outcome {
        let user = ["clippy", "--all-targets", "--", "-D", "warnings"].map(String::from);
        let command = cargo_with(&user, &["--locked".to_owned()])?;
        let words: Vec<_> = command.get_args().collect();
        assert_eq!(
            words,
            [
                "clippy",
                "--locked",
                "--all-targets",
                "--",
                "-D",
                "warnings"
            ]
        );
        Ok(())
    }

    #[test]
    fn an_option_is_no_cargo_command() {
        let error = cargo_with(&["-p".to_owned()], &[]).expect_err("an option comes first");
        assert!(error.to_string().contains("\"-p\""), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_crash_is_told_from_a_failure() {
        let ended = |script: &str| {
            let error = output(Command::new("sh").args(["-c", script])).expect_err("it fails");
            (error.is::<Crash>(), error.to_string())
        };
        let (crashed, said) = ended("kill -9 $$");
        assert!(crashed && said.contains("signal: 9"), "{said}");
        assert!(!ended("exit 3").0);
    }

    #[test]
    fn a_failing_program_is_named() {
        let error = run(cargo()
            .arg("--no-such-option")
            .stderr(std::process::Stdio::null()));
        let error = error.expect_err("cargo refuses it").to_string();
        assert!(error.contains("--no-such-option"), "{error}");
    }
}
