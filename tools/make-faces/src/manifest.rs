//! How a pack or a set was made, so that it can be made again.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::draw::SIZE;
use crate::fnv::fnv1a64;
use crate::folders::Plan;
use crate::options::Amounts;
use crate::split::Split;
use crate::style::{ACCESSORIES_PERCENT, AVATAAARS, BACKGROUNDS, FACIAL_HAIR_PERCENT, Style};

const LOCK: &str = include_str!("../Cargo.lock");

const WHAT: &str = "drawn faces: not photographs; figures on them say nothing of photographs";

/// The manifest of the pack. `files` are the written files' names and contents.
pub fn of_pack(
    amounts: &Amounts,
    splits: &[Split],
    columns: usize,
    files: &[(String, Vec<u8>)],
) -> Result<String> {
    let Amounts { train, test, seed } = amounts;
    let parts: Vec<Value> = AVATAAARS
        .parts
        .iter()
        .map(|p| json!({"part": p.name, "seen": p.seen, "unseen": p.unseen}))
        .collect();
    let counts: Vec<Value> = splits
        .iter()
        .map(
            |s| json!({"split": s.name, "faces_per_class": s.counts[0], "unseen_styles": s.unseen}),
        )
        .collect();
    let files: Vec<Value> = files
        .iter()
        .map(|(name, bytes)| {
            let hash = format!("{:016x}", fnv1a64(bytes));
            json!({"name": name, "bytes": bytes.len(), "fnv1a64": hash})
        })
        .collect();
    let value = json!({
        "what": WHAT,
        "command": format!("cargo run --release -- --seed {seed} --train {train} --test {test} --out DIR"),
        "tool": tool(),
        "seed": seed,
        "crates": crates()?,
        "style": AVATAAARS.name,
        "pixels": SIZE,
        "columns": columns,
        "crop": "x 42..150, y 48..156 of 192 pixels that show the view box 55 25 170 170",
        "accessories_percent": ACCESSORIES_PERCENT,
        "facial_hair_percent": FACIAL_HAIR_PERCENT,
        "backgrounds": BACKGROUNDS,
        "splits": counts,
        "recipes": recipes(&AVATAAARS),
        "parts": parts,
        "files": files,
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

/// The manifest of a set as folders.
pub fn of_folders(plan: &Plan, splits: &[Split]) -> Result<String> {
    let style = plan.style;
    let definition: Value = serde_json::from_str(style.definition)?;
    let Amounts { train, test, seed } = plan.amounts;
    let shares = plan.shares.name();
    let classes: Vec<&str> = style.recipes.iter().map(|recipe| recipe.class).collect();
    let sets: Vec<Value> = splits
        .iter()
        .map(|split| {
            let counts: Map<String, Value> = classes
                .iter()
                .zip(&split.counts)
                .map(|(class, count)| ((*class).to_owned(), json!(count)))
                .collect();
            json!({"set": split.name, "faces": counts})
        })
        .collect();
    let value = json!({
        "what": WHAT,
        "command": format!(
            "cargo run --release -- --style {} --shares {shares} --seed {seed} --train {train} \
             --test {test} --folders DIR",
            style.name
        ),
        "tool": tool(),
        "crates": crates()?,
        "style": style.name,
        "license": definition["meta"]["license"],
        "pixels": SIZE,
        "sets": sets,
        "recipes": recipes(style),
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn tool() -> String {
    format!("make-faces {}", env!("CARGO_PKG_VERSION"))
}

fn crates() -> Result<Value> {
    Ok(json!({
        "dicebear-core": locked("dicebear-core")?,
        "dicebear-styles": locked("dicebear-styles")?,
        "resvg": locked("resvg")?,
        "png": locked("png")?,
    }))
}

fn recipes(style: &Style) -> Vec<Value> {
    let recipe = |class: &str, face: &[(&str, &[&str])]| {
        let mut recipe = Map::new();
        recipe.insert("class".into(), json!(class));
        for (component, variants) in face {
            recipe.insert((*component).to_owned(), json!(variants));
        }
        Value::Object(recipe)
    };
    style
        .recipes
        .iter()
        .map(|r| recipe(r.class, r.face))
        .collect()
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
