//! A headless Chromium.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::Outcome;
use crate::workspace::{output, run};

/// Under which names Chromium is installed.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// A browser with its own profile.
#[derive(Debug)]
pub(super) struct Browser {
    program: PathBuf,
    profile: PathBuf,
    /// Chromium keeps its sandbox unless it is started by root, where it refuses to.
    as_root: bool,
}

/// A window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) dark: bool,
}

impl Browser {
    /// The given one, an installed one, or the distribution's.
    ///
    /// # Errors
    /// When there is none and none can be installed.
    pub(super) fn find(given: Option<&Path>, profile: &Path) -> Outcome<Self> {
        let program = match given {
            Some(given) => given.to_owned(),
            None => match installed() {
                Some(found) => found,
                None => install()?,
            },
        };
        let user = output(Command::new("id").arg("-u")).unwrap_or_default();
        let browser = Self {
            program,
            profile: profile.to_owned(),
            as_root: user.trim() == "0",
        };
        output(Command::new(&browser.program).arg("--version"))?;
        Ok(browser)
    }

    /// A page as it is once its scripts have run.
    ///
    /// # Errors
    /// When the browser fails or the page's console has an error or a warning.
    pub(super) fn dom(&self, page: &Path) -> Outcome<String> {
        let mut command = self.command();
        let found = self.open(command.arg("--dump-dom"), page)?;
        Ok(String::from_utf8(found.stdout)?)
    }

    /// Saves how a page looks.
    ///
    /// # Errors
    /// Those of [`Browser::dom`], and when there is no picture.
    pub(super) fn look(&self, page: &Path, look: Look, picture: &Path) -> Outcome {
        if picture.exists() {
            std::fs::remove_file(picture)?;
        }
        let mut command = self.command();
        command.arg(format!("--window-size={},{}", look.width, look.height));
        if look.dark {
            command.arg("--blink-settings=preferredColorScheme=0");
        }
        command.arg(format!("--screenshot={}", picture.display()));
        self.open(&mut command, page)?;
        match picture.metadata() {
            Ok(file) if file.len() > 0 => Ok(()),
            _ => Err(format!("{} was not written", picture.display()).into()),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--headless", "--disable-gpu", "--hide-scrollbars"]);
        command.args(["--no-first-run", "--enable-logging=stderr", "--v=0"]);
        // A frame may look into a page beside it; nothing else is opened.
        command.arg("--allow-file-access-from-files");
        command.arg(format!("--user-data-dir={}", self.profile.display()));
        if self.as_root {
            command.arg("--no-sandbox");
        }
        command
    }

    fn open(&self, command: &mut Command, page: &Path) -> Outcome<Output> {
        let found = command.arg(address(page)).output();
        let found = found.map_err(|error| format!("{}: {error}", self.program.display()))?;
        let log = String::from_utf8_lossy(&found.stderr);
        if !found.status.success() {
            return Err(format!("{}: {}\n{log}", self.program.display(), found.status).into());
        }
        let said: Vec<&str> = log
            .lines()
            .filter(|line| line.contains(":CONSOLE"))
            .collect();
        match said.as_slice() {
            [] => Ok(found),
            said => Err(format!("{} says:\n{}", page.display(), said.join("\n")).into()),
        }
    }
}

/// The address of a file.
pub(super) fn address(file: &Path) -> String {
    let path = file.display().to_string();
    let escaped = path.replace('%', "%25").replace('#', "%23");
    format!("file://{}", escaped.replace('?', "%3F").replace('"', "%22"))
}

fn installed() -> Option<PathBuf> {
    let there = |name: &&&str| output(Command::new(name).arg("--version")).is_ok();
    NAMES.iter().find(there).map(PathBuf::from)
}

/// From the distribution's packages, where that can be done without asking.
fn install() -> Outcome<PathBuf> {
    eprintln!("installing Chromium from the distribution's packages (apt-get install chromium)");
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--no-install-recommends", "chromium"]);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    let hinted = |error| {
        format!(
            "{error}; a Chromium or Chrome is needed: install one (on Debian and Ubuntu \
             `apt-get install chromium` as root), or name one with --chromium FILE"
        )
    };
    run(&mut apt).map_err(hinted)?;
    installed().ok_or_else(|| hinted("apt-get installed no chromium".into()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_browser_is_named() {
        let missing = Path::new("no-such-folder/chromium");
        let error = Browser::find(Some(missing), Path::new("profile"));
        let error = error.expect_err("no such program").to_string();
        assert!(error.contains("no-such-folder/chromium"), "{error}");
    }

    #[test]
    fn addresses_hold_any_path() {
        let found = address(Path::new("/a #1/b?%.html"));
        assert_eq!(found, "file:///a %231/b%3F%25.html");
    }
}
