//! How an example ends.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

/// The status after Ctrl-C, as of a program that the signal itself ends.
pub(crate) const INTERRUPTED: u8 = 130;

/// Success; or the error with all its causes and the status 2; or what was done until Ctrl-C and how to go
/// on, and the status 130.
pub(crate) fn of(outcome: leaf::Result<()>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    if let leaf::Error::Train(leaf::train::Error::Stopped {
        step,
        total,
        checkpoint,
    }) = &error
    {
        eprintln!("stopped after step {step} of {total}");
        // The checkpoints are in a folder of the run's own.
        let folder = checkpoint.as_deref().and_then(Path::parent);
        if let Some(folder) = folder.and_then(Path::parent) {
            eprintln!("go on with: --resume {}", folder.display());
        }
        return ExitCode::from(INTERRUPTED);
    }
    eprintln!("error: {}", text(&error));
    ExitCode::from(2)
}

/// The error with all its causes.
pub(crate) fn text(error: &leaf::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
