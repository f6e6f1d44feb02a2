//! Libraries that have every function of CUDA's and do nothing.
//!
//! cudarc brings its own declarations of CUDA's functions, so no header is needed: the names in them
//! are the names that a program may link. Each function returns an error of its library, hence a
//! program starts without a driver and gets an error, not a crash, from the first call.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::mode::Mode;
use super::write_if_different;
use crate::Outcome;
use crate::package_source::package_source;
use crate::workspace::run;

/// One library of CUDA's.
struct Library {
    /// What the linker is asked for.
    name: &'static str,
    /// What a program asks for when it starts: the version is part of it.
    file: &'static str,
    /// The module of cudarc that declares its functions.
    module: &'static str,
    /// What its functions return: "not initialized" or the like, in its own numbering.
    status: u32,
}

const fn library(
    name: &'static str,
    file: &'static str,
    module: &'static str,
    status: u32,
) -> Library {
    Library {
        name,
        file,
        module,
        status,
    }
}

/// The driver comes with the GPU, not with the toolkit: it has a folder of its own, so that it never
/// hides a real one.
const DRIVER: Library = library("cuda", "libcuda.so.1", "driver", 34);

/// What the toolkit holds, cuDNN and NCCL beside it.
const TOOLKIT: &[Library] = &[
    library("cublas", "libcublas.so.13", "cublas", 1),
    library("cublasLt", "libcublasLt.so.13", "cublaslt", 1),
    library("cudart", "libcudart.so.13", "runtime", 34),
    library("cudnn", "libcudnn.so.9", "cudnn", 1001),
    library("curand", "libcurand.so.10", "curand", 203),
    library("nccl", "libnccl.so.2", "nccl", 2),
    library("nvrtc", "libnvrtc.so.13", "nvrtc", 11),
];

/// Where the driver's stand-in lies.
pub(super) fn driver_folder(toolkit: &Path) -> PathBuf {
    toolkit.join("lib").join("stubs")
}

/// Makes the stand-ins that the mode needs.
///
/// # Errors
/// When cudarc's source is not found or the C compiler fails.
pub(super) fn make(toolkit: &Path, mode: Mode) -> Outcome {
    let cudarc = package_source("cudarc", "cuda")?.folder.join("src");
    compile(&DRIVER, &cudarc, &driver_folder(toolkit))?;
    if mode == Mode::Stub {
        for library in TOOLKIT {
            compile(library, &cudarc, &toolkit.join("lib"))?;
        }
    }
    Ok(())
}

fn compile(library: &Library, cudarc: &Path, folder: &Path) -> Outcome {
    std::fs::create_dir_all(folder)?;
    let declarations = cudarc.join(library.module).join("sys/mod.rs");
    let declarations = std::fs::read_to_string(&declarations)
        .map_err(|error| format!("cannot read {}: {error}", declarations.display()))?;
    let source = folder.join(format!("{}.c", library.name));
    let built = folder.join(library.file);
    let changed = write_if_different(&source, &program(&declarations, library.status))?;
    if !changed && built.exists() {
        return Ok(());
    }
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    run(Command::new(compiler)
        .args(["-shared", "-fPIC", "-w"])
        .arg(format!("-Wl,-soname,{}", library.file))
        .arg(&source)
        .arg("-o")
        .arg(&built))?;
    link(
        library.file,
        &folder.join(format!("lib{}.so", library.name)),
    )
}

/// The C source of a library whose functions all return `status`.
fn program(declarations: &str, status: u32) -> String {
    let lines = functions(declarations).into_iter().map(|name| match name {
        // These hand out a text, which cudarc reads whatever they return.
        "cuGetErrorName" | "cuGetErrorString" => {
            format!(
                "int {name}(int e, const char **s) {{ *s = \"stand-in library\"; return 0; }}\n"
            )
        }
        _ => format!("int {name}(void) {{ return {status}; }}\n"),
    });
    lines.collect()
}

/// The names of CUDA's functions in a file of declarations.
fn functions(declarations: &str) -> BTreeSet<&str> {
    let after = declarations.split("fn ").skip(1);
    let names = after.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    });
    let prefixes = ["cu", "nccl", "nvrtc"];
    names
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .collect()
}

/// Makes `to` a link to the file `name` beside it.
#[cfg(unix)]
pub(super) fn link(name: &str, to: &Path) -> Outcome {
    if to.symlink_metadata().is_ok() {
        std::fs::remove_file(to)?;
    }
    Ok(std::os::unix::fs::symlink(name, to)?)
}

#[cfg(not(unix))]
pub(super) fn link(_: &str, to: &Path) -> Outcome {
    Err(format!("cannot link {}: not a Unix", to.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARATIONS: &str = "pub unsafe fn cuInit(Flags: c_uint) -> CUresult {\n    fn cuInit(\
         Flags: c_uint) -> CUresult;\n}\nfn cuGetErrorName(e: CUresult) -> CUresult;\n\
         impl Other { fn helper() {} }\n";

    #[test]
    fn functions_are_found_once() {
        let found: Vec<_> = functions(DECLARATIONS).into_iter().collect();
        assert_eq!(found, ["cuGetErrorName", "cuInit"]);
    }

    #[test]
    fn functions_return_the_status() {
        let source = program(DECLARATIONS, 34);
        assert!(
            source.contains("int cuInit(void) { return 34; }"),
            "{source}"
        );
        assert!(source.contains("*s = \"stand-in library\""), "{source}");
    }
}
