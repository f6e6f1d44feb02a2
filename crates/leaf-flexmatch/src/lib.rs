//! FlexMatch on candle, plain and with LEAF.
