//! `tollgate init`: the commented sample of a configuration.

use super::output::print_line;
use crate::config::SAMPLE;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Write a commented tollgate.toml with every key and its default
#[derive(Args)]
pub(super) struct Init {
    /// Where to write it; made if it is missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Init {
    pub(super) fn run(self) -> Result<ExitCode> {
        fs::create_dir_all(&self.dir).with_context(|| format!("{} could not be made", self.dir.display()))?;
        let path = self.dir.join("tollgate.toml");
        let shown = path.display();
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                bail!("{shown} is there already and is left as it is; name another place with --dir")
            }
            Err(error) => return Err(error).with_context(|| format!("{shown} could not be made")),
        };
        file.write_all(SAMPLE.as_bytes()).with_context(|| format!("{shown} could not be written"))?;
        print_line(&format!("{shown} written; start a server with `tollgate serve --config {shown}`"))?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_written_once() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = temporary.path().join("new");
        Init { dir: dir.clone() }.run().unwrap();
        let path = dir.join("tollgate.toml");
        assert_eq!(fs::read_to_string(&path).unwrap(), SAMPLE);
        fs::write(&path, "mine").unwrap();
        let error = Init { dir }.run().unwrap_err();
        assert!(error.to_string().contains("left as it is"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
