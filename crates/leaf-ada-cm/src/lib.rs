//! Ada-CM on candle, plain and with LEAF, and the LEAF authors' own trainer.
