//! Makes drawn faces: the pack that `leaf-data` embeds, and further sets as folders of classes.
//!
//! The expression of a drawing is chosen by the class, while hair, skin, glasses, beard, clothes and
//! colors vary from face to face. The same options give the same bytes.

mod draw;
mod factors;
mod fnv;
mod folders;
mod manifest;
mod options;
mod pack;
mod people;
mod picture;
mod progress;
mod shares;
mod split;
mod style;

use anyhow::Result;
use clap::Parser;

use folders::Plan;
use options::Options;

fn main() -> Result<()> {
    let options = Options::parse();
    let amounts = options.amounts();
    let contact_sheet = options.contact_sheet.as_deref();
    if let Some(folder) = &options.folders {
        let plan = Plan {
            style: options.style.style(),
            shares: options.shares,
            amounts,
        };
        folders::make(folder, &plan, contact_sheet)?;
    }
    if let Some(folder) = &options.out {
        pack::make(folder, &amounts, contact_sheet)?;
    }
    if let Some(file) = &options.factors {
        pack::make_factors(file, &amounts)?;
    }
    Ok(())
}
