//! Layers and backbones for images that candle cannot train by itself.
