//! Pseudo-Label and Pi-Model on candle, plain and with LEAF.
