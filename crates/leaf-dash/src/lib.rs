//! Dash on candle, plain and with LEAF.
