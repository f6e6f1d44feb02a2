//! MixMatch and ReMixMatch on candle, plain and with LEAF.
