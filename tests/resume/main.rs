//! Runs that are killed, stopped or refused, and go on as if nothing had been.

mod child;
mod command_line;
mod guards;
mod killed;
mod place;
mod refusals;
