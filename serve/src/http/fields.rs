//! The fields of a request: each is taken once, and what is left over is refused by name.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use eval::Sampling;
use serde_json::{Map, Value};

use super::error::ApiError;

type Result<T> = std::result::Result<T, ApiError>;

/// Fields that are taken and change nothing.
const IGNORED: [&str; 7] = [
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "parallel_tool_calls",
];

/// Fields that change nothing where they are 0.
const PENALTIES: [&str; 2] = ["presence_penalty", "frequency_penalty"];

/// Stop strings of a request at most, and the bytes of each.
const MOST_STOPS: usize = 16;
const LONGEST_STOP: usize = 1024;

/// Answers of a request at most.
pub(crate) const MOST_ANSWERS: u64 = 128;

/// The fields of a JSON object.
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(other) => Err(ApiError::wrong(format!("the body is {}; send a JSON object", kind(&other)))),
            Err(error) => Err(ApiError::wrong(format!("the body is no JSON: {error}"))),
        }
    }

    /// Of an object that is part of a request.
    pub fn of(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// A field; `null` is as if it were not there.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A number of a range.
    pub fn number(&mut self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_f64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let (from, to) = (range.start(), range.end());
                let up_to = if *to < f64::from(f32::MAX) { format!(" to {to}") } else { String::new() };
                let message = format!("{name} is {}; it must be a number from {from}{up_to}", short(&value));
                Err(ApiError::field(name, message))
            }
        }
    }

    /// A whole number of a range.
    pub fn whole(&mut self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        // Clients of some languages write 16 as 16.0.
        let whole =
            value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0 && *number <= 2e15);
        let whole = value.as_u64().or(whole.map(|number| number as u64));
        match whole.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let (from, to) = (range.start(), range.end());
                let up_to = if *to == u64::MAX { String::new() } else { format!(" to {to}") };
                let message =
                    format!("{name} is {}; it must be a whole number from {from}{up_to}", short(&value));
                Err(ApiError::field(name, message))
            }
        }
    }

    /// Whether something is wanted.
    pub fn flag(&mut self, name: &str) -> Result<bool> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => {
                Err(ApiError::field(name, format!("{name} is {}; it must be true or false", short(&other))))
            }
        }
    }

    /// The model's name is this one, or not given.
    pub fn model(&mut self, served: &str) -> Result<()> {
        match self.take("model") {
            None => Ok(()),
            Some(Value::String(name)) if name == served || name.is_empty() => Ok(()),
            Some(other) => {
                let message = format!("there is no model {}; this server has {served}", short(&other));
                let error = ApiError::field("model", message).coded("model_not_found");
                Err(ApiError { status: axum::http::StatusCode::NOT_FOUND, ..error })
            }
        }
    }

    /// How tokens are chosen: as `default` says where the request does not. Without a seed, one is made up.
    pub fn sampling(&mut self, vocabulary_size: usize, default: Sampling) -> Result<Choice> {
        let temperature =
            self.number("temperature", 0.0..=f64::from(f32::MAX))?.unwrap_or(default.temperature);
        let top_p = match self.number("top_p", 0.0..=1.0)? {
            Some(0.0) => {
                let message = "top_p is 0; it must be above 0 and at most 1 (1 leaves every token in)";
                return Err(ApiError::field("top_p", message));
            }
            top_p => top_p.unwrap_or(default.top_p),
        };
        // Other servers take 0 and -1 for all tokens.
        let all = self.0.get("top_k").is_some_and(|value| matches!(value.as_i64(), Some(-1 | 0)));
        let top_k =
            self.take("top_k").filter(|_| !all).map(|value| Map::from_iter([("top_k".into(), value)]));
        let top_k = match top_k {
            Some(only) => Fields(only).whole("top_k", 1..=u64::from(u32::MAX))?.map(|top_k| top_k as u32),
            None => None,
        };
        let seed = match self.take("seed") {
            None => made_up(),
            Some(value) => {
                let signed = value.as_i64().map(|seed| seed as u64);
                signed.or(value.as_u64()).ok_or_else(|| {
                    let message = format!("seed is {}; it must be a whole number of 64 bits", short(&value));
                    ApiError::field("seed", message)
                })?
            }
        };
        let count = self.whole("n", 1..=MOST_ANSWERS)?.unwrap_or(1);
        if let Some(best_of) = self.whole("best_of", 1..=MOST_ANSWERS)?
            && best_of != count
        {
            let message = format!("best_of is {best_of} and n {count}; answers are not chosen among others");
            return Err(ApiError::field("best_of", message));
        }
        let sampling = Sampling { temperature, top_k, top_p, seed };
        sampling.check().map_err(|error| ApiError::wrong(error.to_string()))?;
        Ok(Choice {
            sampling,
            count: count as usize,
            logit_bias: self.logit_bias(vocabulary_size)?,
            stop: self.stop()?,
        })
    }

    fn logit_bias(&mut self, vocabulary_size: usize) -> Result<Arc<[(u32, f32)]>> {
        let wrong = |message: String| ApiError::field("logit_bias", message);
        let biases = match self.take("logit_bias") {
            None => return Ok(Arc::default()),
            Some(Value::Object(biases)) => biases,
            Some(other) => {
                return Err(wrong(format!("logit_bias is {}; it must be an object of ids", short(&other))));
            }
        };
        let bias = |(id, bias): (&String, &Value)| {
            let token = id.parse::<u32>().ok().filter(|&id| (id as usize) < vocabulary_size);
            let token = token.ok_or_else(|| {
                wrong(format!("logit_bias has {}, no id below {vocabulary_size}", short(&id.as_str().into())))
            })?;
            let number = bias.as_f64().filter(|bias| (-100.0..=100.0).contains(bias)).ok_or_else(|| {
                wrong(format!("logit_bias of {id} is {}; it must be from -100 to 100", short(bias)))
            })?;
            Ok((token, number as f32))
        };
        let mut all = biases.iter().map(bias).collect::<Result<Vec<_>>>()?;
        all.sort_unstable_by_key(|&(id, _)| id);
        Ok(all.into())
    }

    fn stop(&mut self) -> Result<Arc<[String]>> {
        let wrong = |what: String| {
            ApiError::field("stop", format!("stop {what}; it must be a text, or up to {MOST_STOPS} of them"))
        };
        let stops = match self.take("stop") {
            None => Vec::new(),
            Some(Value::Array(stops)) => stops,
            Some(one) => vec![one],
        };
        if stops.len() > MOST_STOPS {
            return Err(wrong(format!("has {} texts", stops.len())));
        }
        let stop = |stop: Value| match stop {
            Value::String(stop) if stop.len() <= LONGEST_STOP => Ok(stop),
            Value::String(stop) => {
                Err(wrong(format!("has a text of {} bytes, more than {LONGEST_STOP}", stop.len())))
            }
            other => Err(wrong(format!("has {}", short(&other)))),
        };
        // An empty text stops nothing.
        let stops = stops.into_iter().map(stop).filter(|stop| !matches!(stop, Ok(stop) if stop.is_empty()));
        stops.collect::<Result<Vec<_>>>().map(Into::into)
    }

    /// Whether the answer is wanted in pieces, and whether their last tells what was used.
    pub fn stream(&mut self) -> Result<(bool, bool)> {
        let stream = self.flag("stream")?;
        let options = match self.take("stream_options") {
            None => return Ok((stream, false)),
            Some(Value::Object(options)) if stream => options,
            Some(_) => {
                let message = "stream_options is an object, and only for an answer with \"stream\": true";
                return Err(ApiError::field("stream_options", message));
            }
        };
        let mut options = Fields(options);
        let usage = options.flag("include_usage")?;
        // It pads pieces against those who watch their sizes.
        options.flag("include_obfuscation")?;
        options.finish()?;
        Ok((stream, usage))
    }

    /// Refuses what nobody has taken.
    pub fn finish(mut self) -> Result<()> {
        IGNORED.iter().for_each(|name| {
            self.0.remove(*name);
        });
        for name in PENALTIES {
            if let Some(value) = self.take(name)
                && value.as_f64() != Some(0.0)
            {
                let message =
                    format!("{name} is {}; this server has no penalties, only 0 is taken", short(&value));
                return Err(ApiError::field(name, message));
            }
        }
        match self.0.iter().find(|(_, value)| !value.is_null()) {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(64).collect();
                let message = format!("this server does not support {name}; leave it out");
                Err(ApiError::field(&name, message).coded("unsupported_field"))
            }
        }
    }
}

/// How answers are chosen, how many, and where they end.
#[derive(Clone)]
pub(crate) struct Choice {
    pub sampling: Sampling,
    pub count: usize,
    pub logit_bias: Arc<[(u32, f32)]>,
    pub stop: Arc<[String]>,
}

impl Choice {
    /// How tokens are chosen of one of the answers to a prompt: the first has the request's seed.
    pub fn of(&self, answer: usize) -> Sampling {
        let seed = match answer {
            0 => self.sampling.seed,
            _ => mixed(self.sampling.seed ^ mixed(answer as u64)),
        };
        Sampling { seed, ..self.sampling }
    }
}

/// One step of splitmix64.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed that nobody has asked for: each time another.
fn made_up() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    HashMap::<(), ()>::new().hasher().build_hasher().finish()
}

/// What a value is.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value in an error: itself, if it is short.
pub(crate) fn short(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        Value::String(text) if text.chars().count() > 60 => {
            format!("a text of {} characters", text.chars().count())
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(body: &str, expected: &str) {
        let parsed = Fields::parse(body.as_bytes()).and_then(|mut fields| {
            fields.sampling(100, Sampling::default())?;
            fields.stream()?;
            fields.finish()
        });
        let error = parsed.expect_err(body);
        assert!(error.message.contains(expected), "{body}: {}", error.message);
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused("[1]", "the body is a list; send a JSON object");
        refused("{\"n\": 1", "the body is no JSON: EOF");
        refused(&"[".repeat(100_000), "recursion limit");
        refused(r#"{"temperature": 1e999}"#, "number out of range");
        refused(r#"{"temperature": -1}"#, "temperature is -1; it must be a number from 0");
        refused(r#"{"temperature": "hot"}"#, "temperature is \"hot\"");
        refused(r#"{"top_p": 0}"#, "top_p is 0; it must be above 0");
        refused(r#"{"top_p": 1.1}"#, "top_p is 1.1; it must be a number from 0 to 1");
        refused(r#"{"top_k": -2}"#, "top_k is -2");
        refused(r#"{"seed": 1.5}"#, "seed is 1.5");
        refused(r#"{"n": 0}"#, "n is 0; it must be a whole number from 1 to 128");
        refused(r#"{"n": 2, "best_of": 3}"#, "best_of is 3 and n 2");
        refused(r#"{"stop": 3}"#, "stop has 3");
        refused(&format!(r#"{{"stop": [{}"x"]}}"#, r#""x","#.repeat(16)), "stop has 17 texts");
        refused(r#"{"logit_bias": {"100": 1}}"#, "\"100\", no id below 100");
        refused(r#"{"logit_bias": {"-1": 1}}"#, "\"-1\", no id below 100");
        refused(r#"{"logit_bias": {"1": 101}}"#, "logit_bias of 1 is 101");
        refused(r#"{"logit_bias": [1]}"#, "logit_bias is a list");
        refused(r#"{"stream_options": {"include_usage": true}}"#, "only for an answer with");
        refused(r#"{"stream": true, "stream_options": {"x": 1}}"#, "does not support x");
        refused(r#"{"stream": 1}"#, "stream is 1");
        refused(r#"{"presence_penalty": 0.5}"#, "presence_penalty is 0.5");
        refused(r#"{"suffix": "x"}"#, "does not support suffix");
    }

    #[test]
    fn what_changes_nothing_is_taken() {
        let body = r#"{"user": "me", "suffix": null, "presence_penalty": 0, "top_k": -1, "n": 2.0, "seed": -1, "stop": ["", "a"]}"#;
        let mut fields = Fields::parse(body.as_bytes()).unwrap();
        let choice = fields.sampling(10, Sampling::default()).unwrap();
        assert_eq!((choice.count, choice.sampling.top_k, choice.sampling.seed), (2, None, u64::MAX));
        assert_eq!(*choice.stop, ["a".to_owned()]);
        fields.finish().unwrap();
    }

    #[test]
    fn each_answer_has_draws_of_its_own() {
        let mut fields = Fields::parse(br#"{"seed": 7}"#).unwrap();
        let choice = fields.sampling(10, Sampling::default()).unwrap();
        let seeds: std::collections::HashSet<u64> = (0..128).map(|answer| choice.of(answer).seed).collect();
        assert_eq!((choice.of(0).seed, seeds.len()), (7, 128));
        let made_up =
            || Fields::parse(b"{}").unwrap().sampling(10, Sampling::default()).unwrap().sampling.seed;
        assert_ne!(made_up(), made_up());
    }
}
