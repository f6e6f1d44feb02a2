//! CoMatch and SimMatch on candle, plain and with LEAF.
