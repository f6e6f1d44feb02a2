//! SoftMatch on candle, plain and with LEAF.
