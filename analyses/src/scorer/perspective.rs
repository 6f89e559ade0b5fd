//! A scorer of texts over HTTP, as the Perspective API is asked: one text a request, scores by attribute.
//!
//! Requests are spaced, tried again when the service is away, slow or asks to wait, and answered from a file where a text was
//! scored before.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::TextScorer;
use crate::{Error, Result};

/// Where the Perspective API answers.
const PATH: &str = "/v1alpha1/comments:analyze";

/// Bytes of an answer at most.
const LONGEST: usize = 1 << 20;

/// The longest that is waited between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How a service is asked.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its address: `http://HOST:PORT`, with a path if it is not the Perspective API's.
    pub url: String,
    /// The attribute whose score is wanted.
    pub attribute: String,
    /// The key that it asks for, if it does.
    pub key: Option<String>,
    /// Requests in a second at most.
    pub rate: f64,
    /// Tries of a request.
    pub tries: usize,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// How long is waited after a try that failed; twice as long after each further one.
    pub wait: Duration,
    /// Scores are kept in this file.
    pub cache: Option<PathBuf>,
}

/// The scorer.
#[derive(Debug)]
pub struct Perspective {
    service: Service,
    address: Address,
    /// Scores by the hash of service, attribute and text.
    scores: BTreeMap<String, f64>,
    file: Option<File>,
    last: Option<Instant>,
}

/// An address, taken apart.
#[derive(Debug)]
struct Address {
    /// Host and port.
    host: String,
    path: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    key: String,
    score: f64,
}

/// What became of a request.
enum Outcome {
    Score(f64),
    /// It may be tried again, after so long if the service says so.
    Again(String, Option<Duration>),
    /// It may not.
    Refused(String),
}

impl Perspective {
    /// A scorer by a service. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Error::Scorer`] for an address that is none or is not plain HTTP, and a rate that is none; [`Error::Io`] and [`Error::Data`] for a
    /// file of scores that is none.
    pub fn new(service: Service) -> Result<Self> {
        let wrong = |detail: String| Error::Scorer { scorer: format!("perspective:{}", service.url), detail };
        let address = Address::parse(&service.url).map_err(wrong)?;
        let is_rate = service.rate.is_finite() && service.rate > 0.0;
        if !is_rate || service.tries == 0 {
            return Err(wrong(format!(
                "{} requests a second and {} tries: both must be above 0",
                service.rate, service.tries
            )));
        }
        let (scores, file) = match &service.cache {
            Some(path) => open(path).map(|(scores, file)| (scores, Some(file)))?,
            None => (BTreeMap::new(), None),
        };
        Ok(Self { service, address, scores, file, last: None })
    }

    fn key(&self, text: &str) -> String {
        let Service { url, attribute, .. } = &self.service;
        let digest = Sha256::digest(format!("{url}\n{attribute}\n{text}"));
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    fn error(&self, detail: impl Into<String>) -> Error {
        Error::Scorer { scorer: self.name(), detail: detail.into() }
    }

    async fn one(&mut self, text: &str) -> Result<f64> {
        let mut wait = self.service.wait;
        let mut tries = 0;
        loop {
            self.space().await;
            tries += 1;
            let (why, asked) = match self.ask(text).await {
                Outcome::Score(score) => return Ok(score),
                Outcome::Refused(why) => return Err(self.error(why)),
                Outcome::Again(why, asked) => (why, asked),
            };
            if tries >= self.service.tries {
                let often = if tries == 1 { String::new() } else { format!(" ({tries} tries)") };
                return Err(self.error(format!(
                    "{why}{often}; the same command goes on with the texts that have no score yet"
                )));
            }
            tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
            wait = wait.saturating_mul(2);
        }
    }

    /// Waits until a request may be made.
    async fn space(&mut self) {
        let least = Duration::from_secs_f64((1.0 / self.service.rate).min(3600.0));
        if let Some(last) = self.last {
            tokio::time::sleep(least.saturating_sub(last.elapsed())).await;
        }
        self.last = Some(Instant::now());
    }

    async fn ask(&self, text: &str) -> Outcome {
        let attribute = &self.service.attribute;
        let body = json!({
            "comment": { "text": text },
            "languages": ["en"],
            "requestedAttributes": { attribute.as_str(): {} },
            "doNotStore": true,
        });
        let asked = self.post(body.to_string());
        let (status, after, body) = match tokio::time::timeout(self.service.timeout, asked).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(why)) => return Outcome::Again(why, None),
            Err(_) => {
                let seconds = self.service.timeout.as_secs_f64();
                return Outcome::Again(format!("no answer within {seconds} s"), None);
            }
        };
        let value: Option<Value> = serde_json::from_slice(&body).ok();
        match status {
            200 => {}
            429 | 500..=599 => {
                return Outcome::Again(format!("it answers with status {status}"), after);
            }
            _ => {
                let message = value.as_ref().and_then(|value| value.pointer("/error/message")?.as_str());
                let message = message.map(|text| format!(": {}", one_line(text))).unwrap_or_default();
                return Outcome::Refused(format!("it answers with status {status}{message}"));
            }
        }
        let score = value.as_ref().and_then(|value| {
            value.get("attributeScores")?.get(attribute)?.pointer("/summaryScore/value")?.as_f64()
        });
        match score {
            Some(score) if (0.0..=1.0).contains(&score) => Outcome::Score(score),
            Some(score) => {
                Outcome::Refused(format!("its score of {attribute} is {score}, and 0 to 1 is expected"))
            }
            None => {
                Outcome::Refused(format!("its answer has no score of {attribute}: is it a Perspective API?"))
            }
        }
    }

    async fn post(&self, body: String) -> std::result::Result<(u16, Option<Duration>, Bytes), String> {
        let Address { host, path } = &self.address;
        let away = |error: &dyn std::fmt::Display| format!("it cannot be reached: {error}");
        let stream = tokio::net::TcpStream::connect(host).await.map_err(|error| away(&error))?;
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| away(&error))?;
        let path = match &self.service.key {
            Some(key) => format!("{path}?key={key}"),
            None => path.clone(),
        };
        let request = hyper::Request::post(path)
            .header("host", host)
            .header("content-type", "application/json")
            .header("connection", "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| away(&error))?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| away(&error))?;
            let status = response.status().as_u16();
            let after = response
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| format!("its answer ends early: {error}"))?.to_bytes();
            Ok((status, after.map(Duration::from_secs), body))
        };
        // The connection has to be driven for an answer to come.
        let (answer, _) = tokio::join!(answer, connection);
        answer
    }
}

impl TextScorer for Perspective {
    fn name(&self) -> String {
        format!("perspective:{} ({})", self.service.url, self.service.attribute)
    }

    /// One after another. A text of white space alone has 0 and is not asked about.
    fn score(&mut self, texts: &[&str]) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(texts.len());
        for text in texts {
            if text.trim().is_empty() {
                scores.push(0.0);
                continue;
            }
            let key = self.key(text);
            let score = match self.scores.get(&key) {
                Some(&score) => score,
                None => {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let runtime = runtime.map_err(|error| self.error(error.to_string()))?;
                    let score = runtime.block_on(self.one(text))?;
                    self.keep(key, score)?;
                    score
                }
            };
            scores.push(score);
        }
        Ok(scores)
    }
}

impl Perspective {
    fn keep(&mut self, key: String, score: f64) -> Result<()> {
        if let (Some(file), Some(path)) = (&mut self.file, &self.service.cache) {
            let line = serde_json::to_string(&Kept { key: key.clone(), score }).unwrap_or_default() + "\n";
            file.write_all(line.as_bytes()).map_err(|source| Error::Io { path: path.clone(), source })?;
        }
        self.scores.insert(key, score);
        Ok(())
    }
}

/// The scores in a file. What was being written when a program was stopped is cut off.
fn open(path: &Path) -> Result<(BTreeMap<String, f64>, File)> {
    let io = |source| Error::Io { path: path.into(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
    let (mut scores, mut whole, mut reader) = (BTreeMap::new(), 0, BufReader::new(&file));
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(io)? > 0 && line.ends_with(b"\n") {
        let kept: Kept = serde_json::from_slice(&line).map_err(|error| Error::Data {
            path: path.into(),
            detail: format!("it is no file of scores: {error}; name another with --scorer-cache"),
        })?;
        scores.insert(kept.key, kept.score);
        whole += line.len() as u64;
        line.clear();
    }
    file.set_len(whole).map_err(io)?;
    Ok((scores, file))
}

impl Address {
    fn parse(url: &str) -> std::result::Result<Self, String> {
        if url.starts_with("https://") {
            return Err(
                "https is not spoken here; have a forwarder on this machine speak it, and name that one with http://".into()
            );
        }
        let rest = url.strip_prefix("http://").ok_or("an address http://HOST:PORT is expected")?;
        let (host, path) =
            rest.split_once('/').map_or((rest, String::new()), |(host, path)| (host, format!("/{path}")));
        if host.is_empty()
            || url.contains(|c: char| c.is_whitespace() || c.is_control() || c == '?' || c == '#')
        {
            return Err("an address http://HOST:PORT is expected".into());
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if has_port { host.to_owned() } else { format!("{host}:80") };
        Ok(Self { host, path: if path.len() < 2 { PATH.to_owned() } else { path } })
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
