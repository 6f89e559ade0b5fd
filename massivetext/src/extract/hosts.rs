//! Hosts that are not wanted.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::manifest::hexadecimal;
use crate::{Error, Result};

/// A list of domains, none of whose pages are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocklist {
    domains: BTreeSet<String>,
}

/// What the configuration says of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Domains.
    pub domains: usize,
    /// sha256 of them, sorted, a line each.
    pub sha256: String,
}

impl Blocklist {
    /// Reads a file with a domain on each line. Blank lines count for nothing, and neither does what follows a `#`.
    ///
    /// # Errors
    /// A file that cannot be read; a line that is no domain.
    pub fn read(path: &Path) -> Result<Self> {
        let text = inputs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        let mut domains = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            let domain = line.split('#').next().unwrap_or_default().trim();
            let domain = domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase();
            if domain.is_empty() {
                continue;
            }
            let is_wrong = |byte: u8| byte.is_ascii_whitespace() || b"/:*@\\".contains(&byte);
            if domain.bytes().any(is_wrong) || domain.starts_with('.') {
                let detail = format!(
                    "line {}: {domain:?}; a domain is expected, such as example.com, which stands for those under it too",
                    number + 1
                );
                return Err(Error::Damaged { path: path.into(), detail });
            }
            domains.insert(domain);
        }
        Ok(Self { domains })
    }

    /// What decides of it.
    pub fn describe(&self) -> Listed {
        let mut hash = Sha256::new();
        self.domains.iter().for_each(|domain| hash.update(format!("{domain}\n")));
        Listed { domains: self.domains.len(), sha256: hexadecimal(&hash.finalize()) }
    }

    /// The domain of the list that a host is or is under.
    pub fn find<'a>(&self, host: &'a str) -> Option<&'a str> {
        let mut domain = host;
        loop {
            if self.domains.contains(domain) {
                return Some(domain);
            }
            domain = domain.split_once('.')?.1;
        }
    }
}

/// The host of a URI, in lower case and without port: `http://user@Example.com:80/x` has `example.com`.
pub fn host_of(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => host.split(':').next()?,
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_uris() {
        let check = |uri, host: Option<&str>| assert_eq!(host_of(uri).as_deref(), host, "{uri}");
        check("http://example.com/a@b", Some("example.com"));
        check("https://user:pass@WWW.Example.COM.:8080?x", Some("www.example.com"));
        check("http://[::1]:80/", Some("::1"));
        check("urn:uuid:1", None);
        check("http:///x", None);
    }

    #[test]
    fn a_domain_stands_for_those_under_it() {
        let domains = ["bad.example", "x.org"].map(str::to_owned);
        let list = Blocklist { domains: domains.into_iter().collect() };
        for (host, domain) in [
            ("bad.example", Some("bad.example")),
            ("a.b.bad.example", Some("bad.example")),
            ("notbad.example", None),
            ("example", None),
            ("org", None),
        ] {
            assert_eq!(list.find(host), domain, "{host}");
        }
    }
}
