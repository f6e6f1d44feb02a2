//! UDA on candle, plain and with LEAF.
