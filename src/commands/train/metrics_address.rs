//! Where metrics are served: `--metrics-addr`.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

/// Reads `PORT`, which is on this machine only, or `ADDRESS:PORT`.
pub fn parse(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let form = "expected PORT, or ADDRESS:PORT as in 127.0.0.1:9090";
    // An address left away would be every address elsewhere.
    if text.starts_with(':') || text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form.into());
    }
    match text.to_socket_addrs() {
        Ok(mut addresses) => addresses.next().ok_or_else(|| format!("{text} has no address")),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Err(form.into()),
        Err(error) => Err(format!("{error}; {form}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_this_machine_only() {
        let check =
            |text: &str, expected: &str| assert_eq!(parse(text), Ok(expected.parse().unwrap()), "{text}");
        check("9090", "127.0.0.1:9090");
        check("0", "127.0.0.1:0");
        check("127.0.0.1:9090", "127.0.0.1:9090");
        check("0.0.0.0:9090", "0.0.0.0:9090");
        check("[::1]:9090", "[::1]:9090");
        for text in ["", ":9090", "70000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "::1", "-1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
