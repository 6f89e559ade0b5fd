//! The chat page: three files that are part of the program. They ask for nothing but what this server has.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// Where the page's files are, with their types and contents.
const FILES: [(&str, &str, &str); 3] = [
    ("/", "text/html; charset=utf-8", include_str!("../../page/index.html")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("../../page/page.js")),
    ("/page.css", "text/css; charset=utf-8", include_str!("../../page/page.css")),
];

/// What the page may do: use its own files, and ask this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The paths of the page's files, which need no key: who opens the page types it there.
pub fn paths() -> impl Iterator<Item = &'static str> {
    FILES.into_iter().map(|(path, ..)| path)
}

/// A file of the page.
pub async fn file(request: Request) -> Response {
    let found = FILES.into_iter().find(|(path, ..)| request.uri().path() == *path);
    let (_, kind, text) = found.unwrap_or(FILES[0]);
    let mut response = Response::new(Body::from(text));
    let named: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // A newer program has another page.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in named {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
