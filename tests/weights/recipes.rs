//! Weights of a file as a recipe's start.
