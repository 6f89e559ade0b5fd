//! One request of HTTP/1.x on a connection, and its answer. Just what a scraper needs: no bodies, no second request.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::Limits;

const TEXT: &str = "text/plain; charset=utf-8";
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bytes read after the answer, so that closing does not take it back from the client.
const MOST_LEFT_OVER: usize = 64 << 10;

struct Answer {
    status: &'static str,
    content_type: &'static str,
    body: String,
    /// Whether the client asked for the head only.
    head: bool,
}

/// Reads a request, answers it and closes; `page` is the page of metrics.
pub(super) fn serve(mut connection: TcpStream, limits: Limits, page: impl Fn() -> String) -> io::Result<()> {
    let end = Instant::now() + limits.time;
    let answer = match read_head(&mut connection, limits.request_bytes, end)? {
        Some(head) => answer(&head, page),
        None => refusal("431 Request Header Fields Too Large", "the request is too long\n"),
    };
    let Answer { status, content_type, body, head } = answer;
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let mut bytes = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{allow}Connection: close\r\n\r\n",
        body.len()
    );
    if !head {
        bytes.push_str(&body);
    }
    let mut rest = bytes.as_bytes();
    while !rest.is_empty() {
        connection.set_write_timeout(Some(left(end)?))?;
        match connection.write(rest)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => rest = &rest[written..],
        }
    }
    connection.shutdown(Shutdown::Write)?;
    let (mut buffer, mut read) = ([0; 4096], 0);
    while read < MOST_LEFT_OVER {
        connection.set_read_timeout(Some(left(end)?))?;
        match connection.read(&mut buffer)? {
            0 => break,
            count => read += count,
        }
    }
    Ok(())
}

/// The request up to the empty line that ends its head; `None` if it is too long.
fn read_head(connection: &mut TcpStream, most: usize, end: Instant) -> io::Result<Option<Vec<u8>>> {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        connection.set_read_timeout(Some(left(end)?))?;
        let count = match connection.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        // The end may lie across two reads.
        let from = head.len().saturating_sub(3);
        head.extend_from_slice(&buffer[..count]);
        let new = &head[from..];
        if new.windows(4).any(|end| end == b"\r\n\r\n") || new.windows(2).any(|end| end == b"\n\n") {
            return Ok(Some(head));
        }
        if head.len() >= most {
            return Ok(None);
        }
    }
}

/// Time left; an error if there is none.
fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn answer(head: &[u8], page: impl Fn() -> String) -> Answer {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return refusal("400 Bad Request", "this is not a request of HTTP/1.1\n");
    };
    if !version.starts_with("HTTP/1.") {
        return refusal("400 Bad Request", "this is not a request of HTTP/1.1\n");
    }
    if !matches!(method, "GET" | "HEAD") {
        return refusal("405 Method Not Allowed", "only GET and HEAD are answered\n");
    }
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let found = match path {
        "/metrics" => Answer { status: "200 OK", content_type: EXPOSITION, body: page(), head: false },
        "/" => Answer {
            status: "200 OK",
            content_type: TEXT,
            body: "the metrics are at /metrics\n".into(),
            head: false,
        },
        _ => refusal("404 Not Found", "the metrics are at /metrics\n"),
    };
    Answer { head: method == "HEAD", ..found }
}

fn refusal(status: &'static str, body: &str) -> Answer {
    Answer { status, content_type: TEXT, body: body.to_owned(), head: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_asked_has_an_answer(request in proptest::collection::vec(any::<u8>(), 0..200)) {
            let answer = answer(&request, || "page".to_owned());
            prop_assert!(answer.status.starts_with(['2', '4']));
        }
    }

    #[test]
    fn requests_get_the_answer_they_deserve() {
        let check = |request: &str, status: &str, body: &str| {
            let answer = answer(request.as_bytes(), || "page".to_owned());
            assert!(answer.status.starts_with(status), "{request:?}: {}", answer.status);
            assert!(answer.body.contains(body), "{request:?}: {}", answer.body);
        };
        check("GET /metrics HTTP/1.1\r\n\r\n", "200", "page");
        check("HEAD /metrics HTTP/1.0\r\n\r\n", "200", "page");
        check("GET /metrics?x=y HTTP/1.1\r\n\r\n", "200", "page");
        check("GET / HTTP/1.1\r\n\r\n", "200", "/metrics");
        check("GET /metrics/../../etc/passwd HTTP/1.1\r\n\r\n", "404", "/metrics");
        check("POST /metrics HTTP/1.1\r\n\r\n", "405", "GET");
        check("GET /metrics HTTP/2\r\n\r\n", "400", "");
        check("GET /metrics\r\n\r\n", "400", "");
        check("\u{16}\u{3}\u{1}\n\n", "400", "");
        check("", "400", "");
    }
}
