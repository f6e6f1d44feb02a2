//! DebiasPL on candle: class-imbalance debiasing around any trainer.
