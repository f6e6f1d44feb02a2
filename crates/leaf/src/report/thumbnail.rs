//! Faces inside the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use leaf_data::Faces;
use leaf_data::face::{encode_png, resize};

use super::html::escape;
use crate::Result;

/// The longest side of a face in the page.
const SIDE: usize = 96;

/// The face as an image of its pixels; `alt` is escaped here.
///
/// # Errors
/// When the face cannot be decoded.
pub(super) fn image(faces: &Faces, place: usize, alt: &str) -> Result<String> {
    let face = faces.face(place)?;
    let png = if face.height().max(face.width()) > SIDE {
        encode_png(&resize(&face, SIDE, SIDE)?)?
    } else {
        encode_png(&face)?
    };
    let (data, alt) = (STANDARD.encode(png), escape(alt));
    Ok(format!(
        "<img src=\"data:image/png;base64,{data}\" alt=\"{alt}\" width=\"{SIDE}\" height=\"{SIDE}\">"
    ))
}
