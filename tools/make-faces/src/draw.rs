//! From an expression and a seed to the pixels of a face.

use anyhow::{Context, Result, anyhow};
use dicebear_core::{Avatar, Style};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};
use serde_json::{Map, Value, json};

use crate::recipe::{ACCESSORIES_PERCENT, BACKGROUNDS, FACIAL_HAIR_PERCENT, PARTS, Recipe};

/// Side of a face in pixels.
pub const SIZE: u32 = 64;

/// The tight face crop in the drawing's units: pixels x 42..150, y 48..156 of the 192 that show the
/// view box 55 25 170 170, as RAF-DB's aligned faces are cropped.
const CROP_LEFT: f32 = 55. + 42. * UNIT;
const CROP_TOP: f32 = 25. + 48. * UNIT;
const CROP_SIDE: f32 = 108. * UNIT;
const UNIT: f32 = 170. / 192.;

/// Side of a drawing in its own units.
const CANVAS: u32 = 280;

/// One drawn face.
#[derive(Debug)]
pub struct Face {
    /// Red, green and blue of every pixel, row by row.
    pub pixels: Vec<u8>,
    /// The variant of each of [`PARTS`]; empty where it is absent.
    pub parts: [String; PARTS.len()],
}

/// Draws with one style.
pub struct Painter {
    style: Style,
}

impl Painter {
    /// The style `avataaars`.
    pub fn new() -> Result<Self> {
        let definition: Value = serde_json::from_str(dicebear_styles::AVATAAARS)?;
        Ok(Self {
            style: Style::from_value(definition)?,
        })
    }

    /// The face of this identity showing this expression.
    pub fn draw(&self, recipe: &Recipe, identity: &str, unseen: bool) -> Result<Face> {
        let avatar = Avatar::new(&self.style, options(recipe, identity, unseen))?;
        let chosen = avatar.to_json();
        let parts = PARTS
            .each_ref()
            .map(|part| variant(&chosen["options"], part.name));
        let pixels = rasterize(avatar.to_svg()).with_context(|| format!("identity {identity}"))?;
        Ok(Face { pixels, parts })
    }
}

fn options(recipe: &Recipe, identity: &str, unseen: bool) -> Value {
    let mut options = Map::new();
    for part in &PARTS {
        let variants = if unseen { part.unseen } else { part.seen };
        options.insert(format!("{}Variant", part.name), json!(variants));
    }
    options.insert("seed".into(), json!(identity));
    options.insert("size".into(), json!(CANVAS));
    options.insert("eyesVariant".into(), json!(recipe.eyes));
    options.insert("eyebrowsVariant".into(), json!(recipe.eyebrows));
    options.insert("mouthVariant".into(), json!(recipe.mouth));
    options.insert("accessoriesProbability".into(), json!(ACCESSORIES_PERCENT));
    options.insert("facialHairProbability".into(), json!(FACIAL_HAIR_PERCENT));
    options.insert("backgroundColor".into(), json!(BACKGROUNDS));
    Value::Object(options)
}

fn variant(options: &Value, part: &str) -> String {
    match &options[format!("{part}Variant")] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names
            .first()
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned(),
        _ => String::new(),
    }
}

fn rasterize(svg: &str) -> Result<Vec<u8>> {
    let tree = Tree::from_str(svg, &Options::default())?;
    let mut canvas = Pixmap::new(SIZE, SIZE).ok_or_else(|| anyhow!("no canvas of {SIZE} px"))?;
    canvas.fill(resvg::tiny_skia::Color::WHITE);
    let scale = SIZE as f32 / CROP_SIDE;
    let to_crop = Transform::from_scale(scale, scale).pre_translate(-CROP_LEFT, -CROP_TOP);
    resvg::render(&tree, to_crop, &mut canvas.as_mut());
    // The canvas is opaque, so its premultiplied colors are the colors themselves.
    Ok(canvas
        .data()
        .chunks_exact(4)
        .flat_map(|rgba| [rgba[0], rgba[1], rgba[2]])
        .collect())
}
