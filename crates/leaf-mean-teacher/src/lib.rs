//! Mean Teacher on candle, plain and with LEAF.
