//! Where a line comes from.

use std::process::Command;

use leaf::compare::Origin;

/// The command of this process, and the commit of the working copy that the program was built in.
pub(crate) fn of_this_process() -> Origin {
    let arguments = std::env::args().skip(1).map(|argument| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,".contains(c);
        match !argument.is_empty() && argument.chars().all(plain) {
            true => argument,
            false => format!("'{}'", argument.replace('\'', "'\\''")),
        }
    });
    let words: Vec<String> = std::iter::once("compare".to_owned())
        .chain(arguments)
        .collect();
    Origin {
        command: words.join(" "),
        commit: commit(),
    }
}

/// None without git, or outside of a working copy.
fn commit() -> Option<String> {
    let head = git(&["rev-parse", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let dirty = if changed.is_empty() { "" } else { "-dirty" };
    Some(format!("{head}{dirty}"))
}

fn git(arguments: &[&str]) -> Option<String> {
    let folder = env!("CARGO_MANIFEST_DIR");
    let mut command = Command::new("git");
    let output = command.args(["-C", folder]).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
