//! How an example ends.

use std::error::Error;
use std::process::ExitCode;

/// Success, or the error with all its causes and the status 2.
pub(crate) fn of(outcome: leaf::Result<()>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    eprintln!("error: {text}");
    ExitCode::from(2)
}
