//! Facial-expression data sets, label splits, augmentation and a deterministic loader.
