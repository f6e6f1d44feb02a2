//! From an expression and a seed to the pixels of a face.

use anyhow::{Context, Result, anyhow};
use dicebear_core::Avatar;
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, Tree};
use serde_json::{Map, Value, json};

use crate::style::{BACKGROUNDS, Crop, Recipe, Style};

/// Side of a face in pixels.
pub const SIZE: u32 = 64;

/// A drawing that has not been turned into pixels.
pub struct Drawing {
    svg: String,
    /// What was chosen for it.
    pub chosen: Chosen,
}

/// The values of a drawing's options.
#[derive(Clone, Debug)]
pub struct Chosen(Value);

impl Chosen {
    /// The value of an option, such as `skinColor`; empty where the drawing does not show it.
    pub fn option(&self, name: &str) -> &str {
        let value = match &self.0[name] {
            Value::Array(values) => values.first().unwrap_or(&Value::Null),
            value => value,
        };
        value.as_str().unwrap_or("")
    }

    /// Who is drawn: skin, hair and beard, whatever the expression, glasses, clothes and background.
    pub fn person(&self, style: &Style) -> String {
        let factors = style.factors.iter().filter(|factor| factor.person);
        let values: Vec<&str> = factors.map(|factor| self.option(factor.option)).collect();
        values.join(",")
    }
}

/// Draws in one style.
pub struct Painter {
    /// The style.
    pub style: &'static Style,
    definition: dicebear_core::Style,
}

impl Painter {
    /// A painter of this style.
    pub fn new(style: &'static Style) -> Result<Self> {
        let definition: Value = serde_json::from_str(style.definition)?;
        Ok(Self {
            style,
            definition: dicebear_core::Style::from_value(definition)?,
        })
    }

    /// The drawing of this identity showing this expression.
    pub fn draw(&self, recipe: &Recipe, identity: &str, unseen: bool) -> Result<Drawing> {
        let options = self.options(recipe, identity, unseen);
        let mut avatar = Avatar::new(&self.definition, options)?.to_json();
        let svg = match avatar["svg"].take() {
            Value::String(svg) => svg,
            _ => return Err(anyhow!("identity {identity} has no drawing")),
        };
        let chosen = Chosen(avatar["options"].take());
        Ok(Drawing { svg, chosen })
    }

    /// Red, green and blue of every pixel of a drawing's face, row by row.
    pub fn pixels(&self, drawing: &Drawing) -> Result<Vec<u8>> {
        rasterize(&drawing.svg, &self.style.crop)
    }

    fn options(&self, recipe: &Recipe, identity: &str, unseen: bool) -> Value {
        let mut options = Map::new();
        options.insert("seed".into(), json!(identity));
        options.insert("size".into(), json!(self.style.canvas));
        options.insert("backgroundColor".into(), json!(BACKGROUNDS));
        for part in self.style.parts {
            let variants = if unseen { part.unseen } else { part.seen };
            options.insert(format!("{}Variant", part.name), json!(variants));
        }
        for (component, percent) in self.style.percents {
            options.insert(format!("{component}Probability"), json!(percent));
        }
        for (component, variants) in recipe.face {
            options.insert(format!("{component}Variant"), json!(variants));
        }
        Value::Object(options)
    }
}

fn rasterize(svg: &str, crop: &Crop) -> Result<Vec<u8>> {
    let tree = Tree::from_str(svg, &usvg::Options::default()).context("a drawing is no SVG")?;
    let mut canvas = Pixmap::new(SIZE, SIZE).ok_or_else(|| anyhow!("no canvas of {SIZE} px"))?;
    canvas.fill(Color::WHITE);
    let scale = SIZE as f32 / crop.side;
    let to_crop = Transform::from_scale(scale, scale).pre_translate(-crop.left, -crop.top);
    resvg::render(&tree, to_crop, &mut canvas.as_mut());
    // The canvas is opaque, so its premultiplied colors are the colors themselves.
    Ok(canvas
        .data()
        .chunks_exact(4)
        .flat_map(|rgba| [rgba[0], rgba[1], rgba[2]])
        .collect())
}
