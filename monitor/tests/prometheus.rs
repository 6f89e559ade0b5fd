//! The endpoint as clients see it, the well-behaved and the others.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use monitor::metrics::Record;
use monitor::prometheus::{Endpoint, Error, Limits};

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// What a request is answered with.
fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    connection.write_all(request).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

fn scrape(address: SocketAddr) -> String {
    let answer = ask(address, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n");
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", page.len())), "{head}");
    page.to_owned()
}

/// Samples without labels, after checking that every line is one the format knows.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with("# HELP ") && !line.starts_with("# TYPE ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("gopher_"), "{line}");
        samples.insert(name.to_owned(), value.replace("Inf", "inf").parse().unwrap());
    }
    samples
}

#[test]
fn a_scrape_sees_the_last_step() {
    let endpoint = Endpoint::bind(loopback()).unwrap();
    assert_ne!(endpoint.address().port(), 0);
    assert!(!samples(&scrape(endpoint.address())).contains_key("gopher_training_loss"));
    endpoint.begin(Path::new("runs/a"), 0, 2);
    for step in 1..=2 {
        let loss = 4.0 - step as f64;
        endpoint.step(&Record { step, loss, goodput: Some(0.5), ..Record::default() });
    }
    endpoint.saved();
    let samples = samples(&scrape(endpoint.address()));
    for (name, value) in [
        ("gopher_training_loss", 2.0),
        ("gopher_completed_steps", 2.0),
        ("gopher_goodput_ratio", 0.5),
        ("gopher_checkpoint_step", 2.0),
    ] {
        assert_eq!(samples.get(name), Some(&value), "{name} in {samples:?}");
    }
    assert!(!samples.contains_key("gopher_mfu_ratio"), "{samples:?}");
}

#[test]
fn other_requests_are_refused_in_words() {
    let endpoint = Endpoint::bind(loopback()).unwrap();
    let check = |request: &[u8], status: &str| {
        let answer = ask(endpoint.address(), request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    };
    check(b"GET /other HTTP/1.1\r\n\r\n", "404");
    check(b"DELETE /metrics HTTP/1.1\r\n\r\n", "405");
    check(b"\x16\x03\x01\x00\xa5\n\n", "400");
    check(b"GET /metrics HTTP/1.1\nHost: a\n\n", "200");
    check(&[&b"GET /metrics HTTP/1.1\r\nX: "[..], &[b'x'; 100_000], b"\r\n\r\n"].concat()[..9000], "431");
    let head = ask(endpoint.address(), b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn an_address_in_use_is_an_error_that_says_what_to_do() {
    let endpoint = Endpoint::bind(loopback()).unwrap();
    let error = Endpoint::bind(endpoint.address()).unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains(&endpoint.address().to_string()) && message.contains("another port"),
        "{message}"
    );
    // Not an address of this machine (RFC 5737).
    let message = Endpoint::bind("192.0.2.1:0".parse().unwrap()).unwrap_err().to_string();
    assert!(message.starts_with("cannot serve metrics on 192.0.2.1:0: "), "{message}");
}

#[test]
fn an_endpoint_that_is_gone_frees_its_address() {
    let endpoint = Endpoint::bind(loopback()).unwrap();
    let address = endpoint.address();
    let mut idle = TcpStream::connect(address).unwrap();
    scrape(address);
    drop(endpoint);
    assert!(TcpStream::connect(address).is_err());
    // Whoever was still connected is let go.
    idle.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(matches!(idle.read(&mut [0; 1]), Ok(0) | Err(_)));
}

/// More connections than there may be that say nothing, one byte now and then, or never read.
#[test]
fn slow_clients_keep_nobody_out() {
    let limits = Limits { connections: 4, time: Duration::from_secs(60), ..Limits::default() };
    let endpoint = Endpoint::bind_with(loopback(), limits).unwrap();
    let mut idle: Vec<_> = (0..50).map(|_| TcpStream::connect(endpoint.address()).unwrap()).collect();
    for _ in 0..5 {
        idle.iter_mut().for_each(|connection| {
            let _ = connection.write_all(b"G");
        });
        let start = Instant::now();
        scrape(endpoint.address());
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

#[test]
fn a_client_has_its_time_and_no_more() {
    let limits = Limits { time: Duration::from_millis(300), ..Limits::default() };
    let endpoint = Endpoint::bind_with(loopback(), limits).unwrap();
    let mut connection = TcpStream::connect(endpoint.address()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let start = Instant::now();
    // A byte within every timeout of a single read: it is the whole that counts.
    while connection.write_all(b"x").is_ok() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let elapsed = start.elapsed();
    assert!((Duration::from_millis(300)..Duration::from_secs(10)).contains(&elapsed), "{elapsed:?}");
}

/// Steps are written down as fast with clients that ask all the time as without.
#[test]
fn training_does_not_wait_for_clients() {
    let endpoint = Endpoint::bind(loopback()).unwrap();
    let address = endpoint.address();
    let (steps, end) = (20_000, Instant::now() + Duration::from_secs(60));
    std::thread::scope(|scope| {
        let scraping = scope
            .spawn(move || (0..50).for_each(|_| assert!(scrape(address).contains("gopher_steps_total"))));
        for step in 1..=steps {
            endpoint.step(&Record { step, ..Record::default() });
        }
        assert!(Instant::now() < end);
        scraping.join().unwrap();
    });
    assert_eq!(samples(&scrape(address))["gopher_steps_total"], steps as f64);
}
