//! Copies of two crates that stop refusing Linux.

use std::path::Path;

use super::remove;
use crate::Outcome;
use crate::package_source::package_source;

/// One replacement in a file of a crate.
struct Edit {
    package: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

/// What keeps the crates below candle's Metal feature from being read on Linux.
const EDITS: &[Edit] = &[
    // Only Apple's linker knows frameworks; rustc refuses the word elsewhere.
    Edit {
        package: "objc2-metal",
        file: "src/generated/mod.rs",
        from: "#[link(name = \"Metal\", kind = \"framework\")]\n",
        to: "",
    },
    // GNUstep is the Objective-C runtime that objc2 accepts on Linux ...
    Edit {
        package: "objc2-foundation",
        file: "Cargo.toml",
        from: "\ndefault = [",
        to: "\ndefault = [\n    \"gnustep-2-1\",",
    },
    // ... and this function, which candle's Metal crate calls, is left out with it.
    Edit {
        package: "objc2-foundation",
        file: "src/url.rs",
        from: "#![cfg(not(feature = \"gnustep-1-7\"))]",
        to: "",
    },
];

/// Makes the copies below `folder` and returns the cargo options that put them in the originals' place.
///
/// # Errors
/// When a crate is not found or is not as the edits expect it, as after an upgrade.
pub(super) fn make(folder: &Path) -> Outcome<Vec<String>> {
    let mut options = Vec::new();
    for package in ["objc2-metal", "objc2-foundation"] {
        let source = package_source(package, "metal")?;
        let copy = folder.join(format!("{package}-{}", source.version));
        // A copy that stays has the same times: cargo does not build it again.
        if !copy.exists() {
            let part = folder.join(format!("{package}.part"));
            remove(&part)?;
            copy_folder(&source.folder, &part)?;
            for edit in EDITS.iter().filter(|edit| edit.package == package) {
                apply(edit, &part)?;
            }
            std::fs::rename(&part, &copy)?;
        }
        options.push(format!(
            "--config=patch.crates-io.{package}.path='{}'",
            copy.display()
        ));
    }
    Ok(options)
}

fn apply(edit: &Edit, folder: &Path) -> Outcome {
    let file = folder.join(edit.file);
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let found = text.matches(edit.from).count();
    if found != 1 {
        let (package, file, from) = (edit.package, edit.file, edit.from);
        return Err(format!("{package}: {from:?} {found} times in {file}, expected 1").into());
    }
    Ok(std::fs::write(file, text.replace(edit.from, edit.to))?)
}

fn copy_folder(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDIT: Edit = Edit {
        package: "one",
        file: "src/lib.rs",
        from: "old\n",
        to: "",
    };

    #[test]
    fn an_edit_is_done_once_or_refused() -> Outcome {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("src"))?;
        std::fs::write(folder.path().join("src/lib.rs"), "first\nold\nlast\n")?;
        let copy = tempfile::tempdir()?;
        copy_folder(folder.path(), copy.path())?;
        apply(&EDIT, copy.path())?;
        let text = std::fs::read_to_string(copy.path().join("src/lib.rs"))?;
        assert_eq!(text, "first\nlast\n");
        let error = apply(&EDIT, copy.path()).expect_err("nothing left to edit");
        assert!(error.to_string().contains("0 times"), "{error}");
        Ok(())
    }
}
