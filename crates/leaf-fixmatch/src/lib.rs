//! FixMatch on candle, plain and with LEAF.
