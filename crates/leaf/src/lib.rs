//! LEAF for facial expressions: facade over the workspace and the recipe that assembles a run.
