//! What can go wrong, each with the thing, its value and what was expected.

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in `leaf-vision`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation of candle failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),

    /// A tensor has another shape than the layer needs.
    #[error("{what} has shape {found:?}, expected {expected}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// The shape in words, such as `(N, 3, H, W)`.
        expected: String,
        /// The shape that was given.
        found: Vec<usize>,
    },

    /// A whole number of a configuration is out of its bounds.
    #[error("{field} = {value}, expected {expected}")]
    OutOfRange {
        /// The configuration's field.
        field: &'static str,
        /// Its value.
        value: usize,
        /// The bounds in words.
        expected: String,
    },

    /// A real number of a configuration is out of its bounds.
    #[error("{field} = {value}, expected {expected}")]
    NumberOutOfRange {
        /// The configuration's field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The bounds in words.
        expected: &'static str,
    },

    /// An image is smaller than the network can see.
    #[error("size = {size}, expected at least {min_size}")]
    TooSmall {
        /// The image's shorter side in pixels.
        size: usize,
        /// The smallest side that the network takes.
        min_size: usize,
    },

    /// The environment asks for instructions that the processor lacks or nobody knows.
    #[error("LEAF_SIMD = {value:?}, expected one of {available:?}")]
    InstructionSet {
        /// The variable's value.
        value: String,
        /// What this processor has.
        available: Vec<&'static str>,
    },

    /// The environment variable of F(4x4, 3x3) has an unknown value.
    #[error("LEAF_WINOGRAD = {value:?}, expected on or off")]
    Winograd {
        /// The variable's value.
        value: String,
    },

    /// A map was given to another pass than the one that made it.
    #[error("the map belongs to another pass, expected one of this pass: finish that pass first")]
    OtherPass,

    /// A batch has no spread to normalize by.
    #[error(
        "batch norm has 1 value per channel (input {found:?}), expected at least 2: \
         use more images or larger ones"
    )]
    OneValuePerChannel {
        /// The input's shape.
        found: Vec<usize>,
    },
}

impl From<Error> for leaf_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(error) => Self::Candle(error),
            Error::Shape {
                what,
                expected,
                found,
            } => Self::Shape {
                what,
                expected,
                found,
            },
            // Not `wrap`, which may add a backtrace to the message.
            other => Self::Candle(candle_core::Error::Wrapped(Box::new(other))),
        }
    }
}

/// The four sizes of `(N, C, H, W)`.
pub(crate) fn dims4(
    what: &'static str,
    tensor: &candle_core::Tensor,
) -> Result<(usize, usize, usize, usize)> {
    match *tensor.dims() {
        [a, b, c, d] => Ok((a, b, c, d)),
        _ => Err(Error::Shape {
            what,
            expected: "4 dimensions".to_owned(),
            found: tensor.dims().to_vec(),
        }),
    }
}

/// Fails unless the images have that many channels and at least that side.
pub(crate) fn check_images(
    xs: &candle_core::Tensor,
    in_channels: usize,
    min_size: usize,
) -> Result<()> {
    let (_, channels, height, width) = dims4("images", xs)?;
    if channels != in_channels {
        return Err(Error::Shape {
            what: "images",
            expected: format!("(N, {in_channels}, H, W)"),
            found: xs.dims().to_vec(),
        });
    }
    let size = height.min(width);
    if size < min_size {
        return Err(Error::TooSmall { size, min_size });
    }
    Ok(())
}

/// Fails unless the value is at least 1.
pub(crate) fn positive(field: &'static str, value: usize) -> Result<()> {
    if value == 0 {
        return Err(Error::OutOfRange {
            field,
            value,
            expected: "at least 1".to_owned(),
        });
    }
    Ok(())
}
