//! Versions, read from what is installed.

use std::{fs, process::Command};

use crate::paths::{sources, target};

/// A package, and so where its version stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Package {
    /// From npm, by its folder in `node_modules`: an alias where there are several versions.
    Npm(&'static str),
    /// From the Python Package Index.
    Python(&'static str),
    /// From crates.io, locked in the `Cargo.lock` of the named peer.
    Crate(&'static str),
    /// A program of the machine, and how it is asked for its version: the first word that starts with a digit.
    Program(&'static [&'static str]),
}

impl Package {
    /// Whether the peer's run installs or builds it; others are brought before.
    pub(crate) fn is_brought_by_its_run(self) -> bool {
        matches!(self, Self::Crate(_) | Self::Program(_))
    }

    /// The installed version; why not, where it cannot be told.
    pub(crate) fn version(self) -> Result<String, String> {
        match self {
            Self::Npm(name) => {
                let file = target().join("node_modules").join(name).join("package.json");
                let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                let package: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
                package["version"].as_str().map(str::to_owned).ok_or(format!("{} names no version", file.display()))
            }
            Self::Python(name) => {
                const PRINT: &str = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))";
                printed(Command::new(target().join("venv/bin/python")).args(["-c", PRINT, name]))
            }
            Self::Crate(name) => {
                let file = sources().join(name).join("Cargo.lock");
                let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
                let entry = text.split_once(&format!("name = \"{name}\"\nversion = \""));
                let version = entry.and_then(|(_, rest)| rest.split('"').next());
                version.map(str::to_owned).ok_or(format!("{} has no {name}", file.display()))
            }
            Self::Program(words) => {
                let (name, arguments) = words.split_first().ok_or("no program is named")?;
                printed(Command::new(name).args(arguments))
            }
        }
    }
}

fn printed(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    // Some say it among their errors, and some after their name and a slash.
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    let mut words = text.split(|c: char| c.is_whitespace() || c == '/');
    let version = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    version.map(str::to_owned).ok_or_else(|| format!("{command:?}: {}", text.trim()))
}
