//! AddressSanitizer over leaf-core and leaf-vision, whose kernels hold all `unsafe` code.
//!
//! The sanitizer is an unstable option of rustc. It is given to the workspace's own crates alone, by
//! standing between cargo and rustc: the dependencies are those that the tests have built already. The
//! sanitizer's allocator serves all of them, so a kernel that leaves its buffer is caught wherever the
//! buffer was made.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode};

use clap::Args;

use crate::Outcome;
use crate::workspace::{cargo, output, run};

/// Tells this program that cargo calls it in place of rustc.
const COMPILER: &str = "XTASK_IS_THE_COMPILER";

/// Hosts for which rustc brings the sanitizer.
const HOSTS: &[&str] = &[
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "x86_64-unknown-linux-gnu",
];

/// Runs leaf-core's modules by hand and leaf-vision's kernels and passes under AddressSanitizer, the latter
/// on every instruction set that this processor has.
#[derive(Debug, Args)]
pub(crate) struct CheckMemory {
    /// Random cases for each property.
    #[arg(long, default_value_t = 20)]
    cases: u32,
}

impl CheckMemory {
    /// Builds the tests with the sanitizer and runs them.
    ///
    /// # Errors
    /// When the sanitizer is not to be had here, or a test fails.
    pub(crate) fn run(&self) -> Outcome {
        let version = output(Command::new(rustc()).arg("-vV"))?;
        let host = host(&version)?;
        let folder = output(Command::new(rustc()).args(["--print", "target-libdir"]))?;
        let found = std::fs::read_dir(folder.trim())?.flatten();
        if !found.into_iter().any(|file| is_runtime(&file.file_name())) {
            return Err(format!(
                "{} holds no AddressSanitizer for {host}, expected a toolchain of rustup",
                folder.trim()
            )
            .into());
        }
        self.sanitized(&["--package=leaf-core", "--lib", "--", "fast::"])?;
        let modules = ["experts", "gate", "losses"].map(|name| format!("--test=fast_{name}"));
        let [experts, gate, losses] = modules.each_ref().map(String::as_str);
        self.sanitized(&["--package=leaf-core", experts, gate, losses])?;
        self.sanitized(&[
            "--package=leaf-vision",
            "--lib",
            "--",
            "kernels::",
            "pass::",
        ])
    }

    /// Runs tests that are built with the sanitizer.
    fn sanitized(&self, tests: &[&str]) -> Outcome {
        run(cargo()
            .arg("test")
            .args(tests)
            .env("RUSTC_WORKSPACE_WRAPPER", std::env::current_exe()?)
            .env(COMPILER, "1")
            .env("PROPTEST_CASES", self.cases.to_string())
            // Memory that is still held at the end is no error of access.
            .env("ASAN_OPTIONS", "detect_leaks=0"))
    }
}

/// rustc with the sanitizer, if that is what cargo calls this program for: its first argument is rustc
/// then, the others are rustc's.
pub(crate) fn as_compiler() -> Option<ExitCode> {
    std::env::var_os(COMPILER)?;
    let mut arguments = std::env::args_os().skip(1);
    let status = Command::new(arguments.next()?)
        .args(arguments)
        .args(["-Zsanitizer=address", "--cfg=exact_buffers"])
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    Some(match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run rustc: {error}");
            ExitCode::FAILURE
        }
    })
}

fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// The host in what `rustc -vV` prints.
fn host(version: &str) -> Outcome<&str> {
    let mut lines = version.lines();
    let host = lines.find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc -vV names no host")?;
    if HOSTS.contains(&host) {
        return Ok(host);
    }
    let hosts = HOSTS.join(", ");
    Err(format!("AddressSanitizer: host = {host}, expected one of {hosts}").into())
}

/// Whether a file of the toolchain is the sanitizer's part that programs are linked with.
fn is_runtime(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.contains("_rt.asan.") || name.contains("_rt.asan_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_hosts_are_refused() -> Outcome {
        let known = "rustc 1.89.0\nhost: x86_64-unknown-linux-gnu\nrelease: 1.89.0\n";
        assert_eq!(host(known)?, "x86_64-unknown-linux-gnu");
        let error = host("host: x86_64-pc-windows-gnu\n").expect_err("not among them");
        let start = "AddressSanitizer: host = x86_64-pc-windows-gnu, expected one of aarch64-";
        assert!(error.to_string().starts_with(start), "{error}");
        Ok(())
    }

    #[test]
    fn the_runtime_is_recognized() {
        for (name, expected) in [
            ("librustc-stable_rt.asan.a", true),
            ("librustc-stable_rt.asan_osx_dynamic.dylib", true),
            ("librustc-stable_rt.tsan.a", false),
        ] {
            assert_eq!(is_runtime(name.as_ref()), expected, "{name}");
        }
    }
}
