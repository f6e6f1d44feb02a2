//! Where cargo keeps the source of a dependency.

use std::path::PathBuf;

use serde_json::Value;

use crate::Outcome;
use crate::workspace::{cargo, output};

/// A dependency's version and the folder with its source.
#[derive(Debug)]
pub(crate) struct PackageSource {
    pub(crate) version: String,
    pub(crate) folder: PathBuf,
}

/// Finds a dependency that the workspace has with `feature`, and fetches it where need be.
///
/// # Errors
/// When cargo cannot resolve the workspace, or no dependency, or several, have that name.
pub(crate) fn package_source(name: &str, feature: &str) -> Outcome<PackageSource> {
    let json = output(cargo().args([
        "metadata",
        "--locked",
        "--format-version=1",
        "--features",
        feature,
    ]))?;
    find(&serde_json::from_str(&json)?, name)
}

fn find(metadata: &Value, name: &str) -> Outcome<PackageSource> {
    let packages = metadata["packages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let named: Vec<&Value> = packages.iter().filter(|p| p["name"] == name).collect();
    let [package] = named[..] else {
        return Err(format!("{} packages named {name}, expected 1", named.len()).into());
    };
    let text = |key: &str| {
        let value = package[key].as_str();
        value.ok_or_else(|| format!("cargo metadata gives {name} no {key}"))
    };
    let mut folder = PathBuf::from(text("manifest_path")?);
    folder.pop();
    Ok(PackageSource {
        version: text("version")?.to_owned(),
        folder,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_package_is_found_by_its_name() -> Outcome {
        let metadata = json!({"packages": [
            {"name": "one", "version": "1.0.0", "manifest_path": "registry/one/Cargo.toml"},
            {"name": "two", "version": "2.0.0", "manifest_path": "registry/two/Cargo.toml"},
        ]});
        let found = find(&metadata, "two")?;
        assert_eq!(found.version, "2.0.0");
        assert_eq!(found.folder, PathBuf::from("registry/two"));
        assert!(find(&metadata, "three").is_err());
        Ok(())
    }
}
