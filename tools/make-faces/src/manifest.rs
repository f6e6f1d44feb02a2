//! How a pack was made, so that it can be made again.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::draw::SIZE;
use crate::pack::Split;
use crate::recipe::{ACCESSORIES_PERCENT, BACKGROUNDS, FACIAL_HAIR_PERCENT, PARTS, RECIPES};

const LOCK: &str = include_str!("../Cargo.lock");

/// The manifest's text. `files` are the written files' names and contents.
pub fn manifest(
    seed: u64,
    splits: &[Split],
    columns: usize,
    files: &[(String, Vec<u8>)],
) -> Result<String> {
    let recipes: Vec<Value> = RECIPES
        .iter()
        .map(
            |r| json!({"class": r.class, "eyes": r.eyes, "eyebrows": r.eyebrows, "mouth": r.mouth}),
        )
        .collect();
    let parts: Vec<Value> = PARTS
        .iter()
        .map(|p| json!({"part": p.name, "seen": p.seen, "unseen": p.unseen}))
        .collect();
    let counts: Vec<Value> = splits
        .iter()
        .map(
            |s| json!({"split": s.name, "faces_per_class": s.per_class, "unseen_styles": s.unseen}),
        )
        .collect();
    let files: Vec<Value> = files
        .iter()
        .map(|(name, bytes)| json!({"name": name, "bytes": bytes.len(), "fnv1a64": fnv1a64(bytes)}))
        .collect();
    let (train, test) = (splits[0].per_class, splits[1].per_class);
    let value = json!({
        "what": "drawn faces: not photographs; figures on them say nothing of photographs",
        "command": format!("cargo run --release -- --seed {seed} --train {train} --test {test} --out DIR"),
        "tool": format!("make-faces {}", env!("CARGO_PKG_VERSION")),
        "seed": seed,
        "crates": {
            "dicebear-core": locked("dicebear-core")?,
            "dicebear-styles": locked("dicebear-styles")?,
            "resvg": locked("resvg")?,
            "png": locked("png")?,
        },
        "style": "avataaars",
        "pixels": SIZE,
        "columns": columns,
        "crop": "x 42..150, y 48..156 of 192 pixels that show the view box 55 25 170 170",
        "accessories_percent": ACCESSORIES_PERCENT,
        "facial_hair_percent": FACIAL_HAIR_PERCENT,
        "backgrounds": BACKGROUNDS,
        "splits": counts,
        "recipes": recipes,
        "parts": parts,
        "files": files,
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

/// The version of a crate that this program was built with.
fn locked(name: &str) -> Result<String> {
    let start = LOCK.find(&format!("name = \"{name}\"\n"));
    let version = start.and_then(|start| {
        let line = LOCK[start..].lines().nth(1)?;
        line.strip_prefix("version = \"")?.strip_suffix('"')
    });
    Ok(version
        .with_context(|| format!("Cargo.lock names no {name}"))?
        .to_owned())
}

fn fnv1a64(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawing_crates_are_the_pinned_ones() {
        assert_eq!(locked("dicebear-core").unwrap(), "10.7.0");
        assert_eq!(locked("dicebear-styles").unwrap(), "10.6.0");
        assert!(locked("nothing").is_err());
    }
}
