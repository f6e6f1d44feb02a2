//! FreeMatch on candle, plain and with LEAF.
