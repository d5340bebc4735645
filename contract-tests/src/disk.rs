//! A disk that is soon full.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use crate::watch::watch;

const WATCH: &str = r#"cat >/dev/null; umount --lazy "$1"; rmdir "$1""#;

/// A file system in memory of a few megabytes, which goes with the value, and with this process at the latest.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
    _watched: Child,
}

impl SmallDisk {
    /// Mounts one.
    ///
    /// # Errors
    ///
    /// Where this user may not mount; with the words of the system.
    ///
    /// # Panics
    ///
    /// Where there is no shell or no temporary folder.
    pub fn mount(megabytes: u32) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("todo-disk-").tempdir().expect("a temporary folder");
        let options = format!("size={megabytes}m,mode=777");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        let mount = mount.map_err(|error| error.to_string())?;
        if !mount.status.success() {
            return Err(String::from_utf8_lossy(&mount.stderr).trim().to_owned());
        }
        let folder = folder.keep();
        let watched = watch(Command::new("sh"), WATCH, &[&folder]);
        Ok(Self { folder, _watched: watched })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes all the room that is left. Says how many bytes that was.
    ///
    /// # Panics
    ///
    /// Where it is not the room that ends it.
    #[must_use]
    pub fn fill(&self) -> u64 {
        let mut ballast = fs::OpenOptions::new().create(true).append(true).open(self.ballast()).expect("a file");
        let error = io::copy(&mut io::repeat(0), &mut ballast).expect_err("the room ends");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
        ballast.metadata().expect("a file").len()
    }

    /// Gives that room back.
    ///
    /// # Panics
    ///
    /// Where it was not taken.
    pub fn empty(&self) {
        fs::remove_file(self.ballast()).expect("the room was taken");
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}
