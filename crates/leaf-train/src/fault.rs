//! Points between the steps of writing a file, at which tests end a process.
//!
//! Nothing happens at them unless a program asks for it in its own code: no variable and no option
//! turns them on.

use std::path::Path;
use std::sync::OnceLock;

type Hook = Box<dyn Fn(&str, &Path) + Send + Sync>;

static HOOK: OnceLock<Hook> = OnceLock::new();

/// From now on calls the hook with the name of every point that this process comes to and the file that
/// it is about; the first hook stays. For tests of what a killed run leaves behind.
///
/// The points of a file are `begin`, `half` (of its bytes), `written`, `flushed`, `renamed`, in this
/// order; `removed` follows the removal of an old one.
#[doc(hidden)]
pub fn at_fault_points(hook: impl Fn(&str, &Path) + Send + Sync + 'static) {
    // A second hook would take the first one's place in the middle of a run.
    let _ = HOOK.set(Box::new(hook));
}

/// Where a process may be ended.
pub(crate) fn point(name: &str, path: &Path) {
    if let Some(hook) = HOOK.get() {
        hook(name, path);
    }
}
