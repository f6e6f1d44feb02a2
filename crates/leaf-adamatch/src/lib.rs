//! AdaMatch on candle, plain and with LEAF.
