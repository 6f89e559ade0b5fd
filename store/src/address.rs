//! Places in object stores, and why one cannot be used.

mod error;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs};

pub use error::{Error, Failure};

use crate::names;

/// Kinds of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A folder of this machine, or of a file system it has mounted.
    File,
    /// Amazon S3, or a server that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gs,
}

impl Scheme {
    const ALL: [Scheme; 3] = [Scheme::File, Scheme::S3, Scheme::Gs];

    fn start(self) -> &'static str {
        match self {
            Scheme::File => "file://",
            Scheme::S3 => "s3://",
            Scheme::Gs => "gs://",
        }
    }
}

/// A place in an object store: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `file:///PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: Scheme,
    /// Empty for a folder.
    bucket: String,
    /// Parts of the prefix.
    prefix: Vec<String>,
}

impl Address {
    /// Whether a text is meant as an address rather than a path.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://")
    }

    /// The kind of store.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The bucket; empty for a folder.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The parts of the prefix, or of the folder's path.
    pub fn prefix(&self) -> &[String] {
        &self.prefix
    }

    /// The address of the run and the step, if this is the address of a checkpoint; else itself.
    pub fn of_run(&self) -> (Address, Option<u64>) {
        match self.prefix.split_last().and_then(|(last, run)| Some((names::step_of(last)?, run))) {
            Some((step, run)) => (Address { prefix: run.to_vec(), ..self.clone() }, Some(step)),
            None => (self.clone(), None),
        }
    }

    /// Whether it is this folder.
    pub fn is_folder(&self, folder: &Path) -> bool {
        let path = PathBuf::from(format!("/{}", self.prefix.join("/")));
        self.scheme == Scheme::File
            && fs::canonicalize(path).ok().is_some_and(|path| Some(path) == fs::canonicalize(folder).ok())
    }

    /// An object below, for people to read.
    pub fn place(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{self}/{name}"))
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Address, Error> {
        let refuse = |reason: &str| Error::Address { given: text.to_owned(), reason: reason.to_owned() };
        let scheme = Scheme::ALL.into_iter().find(|scheme| text.starts_with(scheme.start()));
        let scheme = scheme.ok_or_else(|| refuse("it begins with none of file://, s3://, gs://"))?;
        let rest = &text[scheme.start().len()..];
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut parts = rest.split('/').map(str::to_owned);
        let bucket = parts.next().unwrap_or_default();
        let prefix: Vec<String> = parts.collect();
        match scheme {
            Scheme::File if !bucket.is_empty() || prefix.is_empty() => {
                return Err(refuse("after file:// comes the whole path of a folder, as in file:///mnt/run"));
            }
            Scheme::S3 | Scheme::Gs if bucket.is_empty() => return Err(refuse("it names no bucket")),
            _ => {}
        }
        let odd = |character: char| character.is_control() || "?#%*\\".contains(character);
        if let Some(part) = prefix
            .iter()
            .chain([&bucket])
            .find(|part| matches!(part.as_str(), "." | "..") || part.contains(odd))
        {
            return Err(refuse(&format!("{part:?} is no name there")));
        }
        if prefix.iter().any(String::is_empty) {
            return Err(refuse("there is nothing between two slashes"));
        }
        Ok(Address { scheme, bucket, prefix })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.scheme.start(), self.bucket)?;
        self.prefix.iter().try_for_each(|part| write!(f, "/{part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_bucket_and_a_prefix() {
        for text in ["s3://bucket", "s3://bucket/a/b", "gs://bucket/a b", "file:///a", "file:///a/step-1"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(format!("{text}/").parse::<Address>().unwrap(), address);
            assert_eq!(address.of_run(), (address.clone(), None));
        }
        let checkpoint: Address = "s3://bucket/a/step-00000300".parse().unwrap();
        assert_eq!(checkpoint.of_run(), ("s3://bucket/a".parse().unwrap(), Some(300)));
    }

    #[test]
    fn what_is_none_is_refused_in_a_line_that_says_why() {
        for (text, reason) in [
            ("http://host/a", "file://, s3://, gs://"),
            ("s3:///a", "it names no bucket"),
            ("file://a/b", "the whole path of a folder"),
            ("file:///", "the whole path of a folder"),
            ("s3://bucket/a//b", "nothing between two slashes"),
            ("s3://bucket/../a", "\"..\" is no name there"),
            ("gs://bucket/a?b", "\"a?b\" is no name there"),
        ] {
            let message = text.parse::<Address>().unwrap_err().to_string();
            assert!(message.starts_with(text) && message.contains(reason), "{message}");
        }
    }
}
