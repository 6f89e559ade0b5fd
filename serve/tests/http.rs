//! The API over real connections, with a model that needs no device.

mod common;

use std::sync::Arc;

use common::server::{CHAT, COMPLETIONS, start};
use common::{WINDOW, tokenizer};
use eval::dialogue::{ChatTemplate, DialogueForm, Role, Turn};
use serde_json::{Value, json};

#[test]
fn texts_are_continued() {
    let server = start(&Arc::default(), |_| ());
    let body = json!({"model": "hamlet", "prompt": "To be", "max_tokens": 9, "seed": 3});
    let answer = server.answer(COMPLETIONS, body.clone());
    assert_eq!((&answer["object"], &answer["model"]), (&"text_completion".into(), &"hamlet".into()));
    let choice = &answer["choices"][0];
    assert_eq!((&choice["index"], &choice["logprobs"]), (&0.into(), &Value::Null));
    assert_eq!(choice["finish_reason"], "length");
    let prompt_tokens = tokenizer().encode("To be").len();
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": prompt_tokens, "completion_tokens": 9, "total_tokens": prompt_tokens + 9})
    );
    assert_eq!(server.answer(COMPLETIONS, body)["choices"], answer["choices"], "the same seed");
    // Every form of a prompt, and several answers to each.
    let ids = tokenizer().encode("To be");
    let texts = |answer: &Value| -> Vec<String> {
        let choices = answer["choices"].as_array().unwrap();
        choices.iter().map(|choice| choice["text"].as_str().unwrap().to_owned()).collect()
    };
    let of = |prompt: Value, n: u32| {
        let body = json!({"prompt": prompt, "max_tokens": 9, "seed": 3, "n": n});
        texts(&server.answer(COMPLETIONS, body))
    };
    let one = of(json!("To be"), 1);
    assert_eq!(of(json!(["To be", "or not"]), 1)[0], one[0]);
    assert_eq!(of(json!(ids), 1), one);
    let lists = of(json!([ids, tokenizer().encode("or not")]), 2);
    assert_eq!((lists.len(), &lists[0]), (4, &one[0]));
    assert_ne!(lists[0], lists[1], "answers to one prompt have draws of their own");
    assert_eq!(lists[2..], of(json!("or not"), 2));
    // No tokens at all, and the default.
    assert_eq!(texts(&server.answer(COMPLETIONS, json!({"prompt": "a", "max_tokens": 0}))), [""]);
    let default =
        server.answer(COMPLETIONS, json!({"prompt": "a", "logit_bias": {"40": 100}, "temperature": 0}));
    assert_eq!(default["usage"]["completion_tokens"], 16);
}

/// A stream put together is the answer that comes without.
#[test]
fn streams_are_the_answers() {
    let server = start(&Arc::default(), |_| ());
    for index in 0..12 {
        let mut body = json!({"prompt": ["To be", "日"], "n": 2, "max_tokens": 25, "seed": index});
        if index % 2 == 0 {
            body["stop"] = json!(["e", " t"]);
        }
        if index % 3 == 0 {
            body["logprobs"] = json!(2);
        }
        if index % 4 < 2 {
            body["echo"] = json!(true);
        }
        let whole = server.answer(COMPLETIONS, body.clone());
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        let mut events = server.post(COMPLETIONS, &body).events();
        let last = events.pop().unwrap();
        assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &whole["usage"]));
        for choice in whole["choices"].as_array().unwrap() {
            let of: Vec<&Value> = events
                .iter()
                .map(|event| &event["choices"][0])
                .filter(|of| of["index"] == choice["index"])
                .collect();
            let (last, inner) = of.split_last().unwrap();
            assert!(inner.iter().all(|of| of["finish_reason"].is_null()));
            assert_eq!(last["finish_reason"], choice["finish_reason"]);
            let text: String = of.iter().map(|of| of["text"].as_str().unwrap()).collect();
            assert_eq!(text, choice["text"].as_str().unwrap(), "{body}");
            for list in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
                let all = of.iter().filter_map(|of| of["logprobs"][list].as_array()).flatten();
                let all: Vec<&Value> = all.collect();
                let expected = choice["logprobs"][list].as_array().into_iter().flatten();
                assert_eq!(all, expected.collect::<Vec<_>>(), "{list}: {body}");
            }
        }
        assert!(events.iter().all(|event| event["usage"].is_null() && event["id"] == last["id"]));
    }
}

/// As lm-evaluation-harness asks: the whole prompt's tokens, and exactly one more.
#[test]
fn prompts_are_scored() {
    let server = start(&Arc::default(), |_| ());
    let ids = tokenizer().encode("To be, or not to be");
    let body = json!({
        "prompt": [ids, ids[..3]], "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": true, "seed": 1234
    });
    let answer = server.answer(COMPLETIONS, body);
    for (choice, count) in answer["choices"].as_array().unwrap().iter().zip([ids.len(), 3]) {
        let logprobs = &choice["logprobs"];
        let list = |name: &str| logprobs[name].as_array().unwrap().clone();
        let (numbers, top) = (list("token_logprobs"), list("top_logprobs"));
        assert_eq!((numbers.len(), top.len(), list("tokens").len()), (count + 1, count + 1, count + 1));
        assert!(numbers[0].is_null() && top[0].is_null());
        for ((number, top), token) in numbers.iter().zip(&top).zip(&list("tokens")).skip(1) {
            let top = top.as_object().unwrap();
            assert_eq!(top[token.as_str().unwrap()], *number, "the token itself is there");
            assert!(top.values().all(|other| other.as_f64() >= number.as_f64()));
        }
        let generated = top[count].as_object().unwrap();
        assert_eq!(generated.len(), 1, "a greedy token is the most probable one");
        let text: String = list("tokens").iter().map(|token| token.as_str().unwrap()).collect();
        let is_text = !text.contains("bytes:") && choice["finish_reason"] == "length";
        assert!(!is_text || text.ends_with(choice["text"].as_str().unwrap()));
        assert_eq!(list("text_offset")[0], 0);
    }
    // Without log-probabilities, an echo is only text.
    let answer = server.answer(COMPLETIONS, json!({"prompt": "To be", "echo": true, "max_tokens": 0}));
    assert_eq!(answer["choices"][0]["text"], "To be");
}

#[test]
fn dialogues_are_answered() {
    let server = start(&Arc::default(), |_| ());
    let messages = json!([
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "Who "}, {"type": "text", "text": "are you?"}]},
        {"role": "assistant", "content": "Nobody."},
        {"role": "user", "content": "Why?", "name": "me"},
    ]);
    let mut body = json!({"messages": messages, "max_completion_tokens": 30, "seed": 5, "logprobs": true,
        "top_logprobs": 3, "n": 2});
    let whole = server.answer(CHAT, body.clone());
    assert_eq!(whole["object"], "chat.completion");
    for choice in whole["choices"].as_array().unwrap() {
        let content = choice["message"]["content"].as_str().unwrap();
        assert_eq!(choice["message"]["role"], "assistant");
        assert_eq!(content.trim(), content);
        let scores = choice["logprobs"]["content"].as_array().unwrap();
        assert!(scores.iter().all(|score| score["top_logprobs"].as_array().unwrap().len() == 3));
        assert!(
            scores.iter().all(|score| score["bytes"].is_array() && score["logprob"].as_f64().unwrap() < 0.0)
        );
    }
    body["stream"] = json!(true);
    let events = server.post(CHAT, &body).events();
    for choice in whole["choices"].as_array().unwrap() {
        let of = events.iter().map(|event| &event["choices"][0]).filter(|of| of["index"] == choice["index"]);
        let of: Vec<&Value> = of.collect();
        assert_eq!(of[0]["delta"]["role"], "assistant");
        assert!(of[1..].iter().all(|of| of["delta"].get("role").is_none()));
        let text: String = of.iter().filter_map(|of| of["delta"]["content"].as_str()).collect();
        assert_eq!(text, choice["message"]["content"].as_str().unwrap());
        assert_eq!(of.last().unwrap()["finish_reason"], choice["finish_reason"]);
    }
    // Without a number, an answer may be as long as there is room; turns that have none are left out, and counted.
    let long: Vec<Value> = (0..40)
        .map(|turn| json!({"role": if turn % 2 == 0 { "user" } else { "assistant" }, "content": "To be or not"}))
        .chain([json!({"role": "user", "content": "Why?"})])
        .collect();
    let reply = server.post(CHAT, &json!({"messages": long, "seed": 1}));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.head.contains("x-gopher-turns-left-out: "), "{}", reply.head);
    assert!(reply.json()["usage"]["total_tokens"].as_u64().unwrap() <= WINDOW as u64 + 1);
    let refused = |messages: Value, message: &str| {
        server.refused(CHAT, json!({"messages": messages}), 400, Some("messages"), message);
    };
    refused(json!([]), "it must be a list of messages");
    refused(json!("hi"), "messages is \"hi\"");
    refused(json!([{"role": "user"}]), "message 0 has no content");
    refused(json!([{"role": "robot", "content": "x"}]), "the role \"robot\"");
    refused(json!([{"role": "user", "content": [{"type": "image_url"}]}]), "a part of the type image_url");
    refused(json!([{"role": "user", "content": "x", "tool_calls": []}]), "does not support tool_calls");
    refused(json!([{"role": "user", "content": "日".repeat(300)}]), "");
    server.refused(
        CHAT,
        json!({"messages": messages, "tools": []}),
        400,
        Some("tools"),
        "does not support tools",
    );
    let format = json!({"messages": messages, "response_format": {"type": "json_object"}});
    server.refused(CHAT, format, 400, Some("response_format"), "answers in text");
}

/// In the form that the model came with: other texts before the answer, other ends, and turns that it does not take.
#[test]
fn a_model_is_asked_in_its_own_form() {
    let source = "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('No system here') }}{% endif %}\
        [{{ m.role }}] {{ m.content }}{{ eos_token if m.role == 'assistant' }}{% endfor %}[assistant]";
    let template = ChatTemplate::new(source, &tokenizer()).unwrap();
    let expected: Vec<u32> =
        [1].into_iter().chain(tokenizer().encode_text("[user] </s>[assistant]")).collect();
    let turns = [Turn::new(Role::User, "</s>")];
    assert_eq!(template.tokens(&turns, &tokenizer()).unwrap(), expected);
    let server = start(&Arc::default(), |app| app.dialogue = DialogueForm::Template(Box::new(template)));
    let user = json!({"role": "user", "content": "</s>"});
    let answer = server.answer(CHAT, json!({"messages": [user], "max_tokens": 4}));
    assert_eq!(answer["usage"]["prompt_tokens"], expected.len());
    let system = json!({"messages": [{"role": "system", "content": "x"}, user], "max_tokens": 4});
    server.refused(CHAT, system, 400, Some("messages"), "refuses this dialogue: No system here");
}

/// What Open WebUI asks: the models, with an empty key, and dialogues with all it sends along.
#[test]
fn a_chat_program_needs_no_key() {
    let server = start(&Arc::default(), |_| ());
    for header in ["", "authorization: Bearer \r\n", "authorization: Bearer none\r\n"] {
        let models = server.request("GET", "/v1/models", header, "").json();
        assert_eq!(models["data"][0]["id"], "hamlet", "{header:?}");
    }
    let body = json!({
        "model": "hamlet", "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 5,
        "messages": [{"role": "user", "content": "Who?"}], "user": "me", "metadata": {"chat": "1"},
    });
    let events = server.post(CHAT, &body).events();
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 5);
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    let server = start(&Arc::default(), |_| ());
    let refused = |body: Value, param: &str, message: &str| {
        server.refused(COMPLETIONS, body, 400, Some(param), message);
    };
    refused(json!({}), "prompt", "there is no prompt");
    refused(json!({"prompt": ""}), "prompt", "the prompt is empty");
    refused(json!({"prompt": []}), "prompt", "prompt is empty");
    refused(json!({"prompt": [[]]}), "prompt", "a prompt has no tokens");
    refused(json!({"prompt": [1, "a"]}), "prompt", "\"a\", which is no id from 0 to 299");
    refused(json!({"prompt": ["a", [1]]}), "prompt", "prompt has texts and lists of ids");
    refused(json!({"prompt": [300]}), "prompt", "300, which is no id from 0 to 299");
    refused(json!({"prompt": [-1]}), "prompt", "-1, which is no id");
    refused(json!({"prompt": [1.5]}), "prompt", "1.5, which is no id");
    refused(json!({"prompt": {"a": 1}}), "prompt", "prompt has an object");
    refused(json!({"prompt": "日".repeat(30_000)}), "prompt", "the window holds 200; shorten it");
    refused(json!({"prompt": "a ".repeat(100_000)}), "prompt", "the window holds 200; shorten it");
    refused(json!({"prompt": "a", "messages": []}), "messages", "does not support messages");
    refused(json!({"prompt": "a", "max_tokens": 1000}), "prompt", "ask for 199 at most");
    refused(json!({"prompt": "a", "max_tokens": -1}), "max_tokens", "max_tokens is -1");
    refused(
        json!({"prompt": "a", "logprobs": 6}),
        "logprobs",
        "logprobs is 6; it must be a whole number from 0 to 5",
    );
    refused(json!({"prompt": "a", "temperature": -0.5}), "temperature", "temperature is -0.5");
    refused(json!({"prompt": "a", "suffix": "b"}), "suffix", "does not support suffix");
    refused(json!({"prompt": vec!["a"; 70], "n": 2}), "prompt", "140 answers; 128 are the most");
    let wrong_model = json!({"model": "gpt-4", "prompt": "a"});
    server.refused(
        COMPLETIONS,
        wrong_model,
        404,
        Some("model"),
        "there is no model \"gpt-4\"; this server has hamlet",
    );
    server.refused(
        COMPLETIONS,
        json!({"prompt": "a", "n": 20}),
        400,
        None,
        "20 answers, and the queue has room for 12",
    );
    let plain = |content: &str, body: &str| {
        let headers = if content.is_empty() { String::new() } else { format!("content-type: {content}\r\n") };
        server.request("POST", COMPLETIONS, &headers, body)
    };
    assert_eq!(plain("text/plain", "{}").status, 415);
    assert_eq!(plain("", "{}").status, 415);
    assert_eq!(plain("application/json; charset=utf-8", r#"{"prompt": "a"}"#).status, 200);
    for body in [
        "",
        "{",
        "null",
        "[]",
        "\u{0}",
        r#"{"prompt": "a", "temperature": 1e999}"#,
        r#"{"prompt": "a", "temperature": NaN}"#,
    ] {
        assert_eq!(plain("application/json", body).status, 400, "{body}");
    }
    assert_eq!(plain("application/json", &"[".repeat(200_000)).status, 400);
    let deep = format!(r#"{{"prompt": "a", "user": {}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(plain("application/json", &deep).status, 400);
    assert_eq!(plain("application/json", &format!("\"{}\"", "x".repeat(300_000))).status, 413);
    assert_eq!(server.get("/nothing").status, 404);
    assert_eq!(server.get(COMPLETIONS).status, 405);
    assert_eq!(server.get("/v1/models/other").status, 404);
}

#[test]
fn tokens_and_the_server_tell_about_themselves() {
    let server = start(&Arc::default(), |app| app.begin_of_text = Some(1));
    for (path, kind) in [("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")] {
        let reply = server.get(path);
        assert_eq!(reply.status, 200, "{path}");
        assert!(
            reply.head.contains(kind) && reply.head.contains("content-security-policy: default-src 'none'")
        );
    }
    let models = server.get("/v1/models").json();
    assert_eq!((&models["data"][0]["id"], &models["object"]), (&"hamlet".into(), &"list".into()));
    assert_eq!(server.get("/v1/models/hamlet").json()["max_model_len"], WINDOW);
    let ids = tokenizer().encode("To be");
    let tokenize = |body: Value| server.answer("/tokenize", body)["tokens"].clone();
    assert_eq!(tokenize(json!({"prompt": "To be", "add_special_tokens": false})), json!(ids));
    assert_eq!(tokenize(json!({"prompt": "To be"}))[0], 1);
    assert_eq!(tokenize(json!({"prompt": "", "add_special_tokens": false})), json!([]));
    // The names that /tokenizer_info gives are these tokens.
    assert_eq!(tokenize(json!({"prompt": "</s>", "add_special_tokens": false})), json!([2]));
    assert_eq!(server.answer("/detokenize", json!({"tokens": ids}))["prompt"], "To be");
    server.refused("/detokenize", json!({"tokens": [300]}), 400, Some("tokens"), "300, which is no id");
    server.refused("/tokenize", json!({"prompt": 1}), 400, Some("prompt"), "prompt is 1");
    let info = server.get("/tokenizer_info").json();
    assert_eq!((&info["eos_token"], &info["bos_token"]), (&"</s>".into(), &"<s>".into()));
    assert_eq!(server.post("/reload", &json!({})).json(), json!({"step": 1, "reloaded": true}));
    let metrics = server.get("/metrics").body;
    assert!(metrics.contains("gopher_requests_total{path=\"/tokenize\",status=\"200\"} 4"), "{metrics}");
}
