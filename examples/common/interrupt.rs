//! Ending a run with Ctrl-C.

use leaf::train::Stop;

/// From now on Ctrl-C asks for the end after the step that is running; the second one ends at once, with
/// the last checkpoint as it was.
pub(crate) fn stop() -> leaf::Result<Stop> {
    let stop = Stop::default();
    let asked = stop.clone();
    let handler = move || {
        if asked.is_requested() {
            std::process::exit(i32::from(crate::status::INTERRUPTED));
        }
        asked.request();
        eprintln!("\nending after this step, with a checkpoint; once more to end at once");
    };
    ctrlc::set_handler(handler).map_err(|error| leaf::Error::File {
        path: "the handler of Ctrl-C".to_owned(),
        source: std::io::Error::other(error),
    })?;
    Ok(stop)
}
