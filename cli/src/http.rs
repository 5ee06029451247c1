//! Asking a storage provider over plain HTTP.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::{Exit, Failure};
use crate::output::printable;

/// Longest answer in bytes.
const MAX_ANSWER: usize = 1 << 30;

/// A connection to a provider. Calls block.
pub struct Http {
    url: String,
    timeout: Duration,
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: tokio::runtime::Runtime,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// What it says.
    pub body: Bytes,
}

impl Answer {
    /// The answer as JSON.
    ///
    /// # Errors
    /// It is none, or of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::new("the provider's answer cannot be read")
                .because(error)
                .help("is it a storage provider of Boatyard, of this version?")
        })
    }

    /// The answer, unless it is a refusal.
    ///
    /// # Errors
    /// The provider's words.
    pub fn ok(self) -> Result<Self, Failure> {
        match self.status.is_success() {
            true => Ok(self),
            false => Err(self.refusal()),
        }
    }

    /// The provider's words for why not.
    pub fn refusal(&self) -> Failure {
        let said: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let words = match said["error"].as_str() {
            Some(words) => words.to_owned(),
            None => {
                String::from_utf8_lossy(self.body.get(..400).unwrap_or(&self.body)).into_owned()
            }
        };
        let words = match words.trim() {
            "" => format!("the provider answers {}", self.status),
            words => words.to_owned(),
        };
        Failure::new(printable(&words))
    }
}

impl Http {
    /// Prepares calls to `url`; nothing is sent yet.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/').to_owned();
        let usable = url.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("http") && uri.host().is_some() && uri.query().is_none()
        });
        if !usable {
            return Err(
                Failure::new(format!("`{url}` cannot be used as a provider's URL"))
                    .help("write it as http://127.0.0.1:8700"),
            );
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new("the HTTP client could not start").because(error))?;
        Ok(Self {
            url,
            timeout,
            client: Client::builder(TokioExecutor::new()).build_http(),
            runtime,
        })
    }

    /// Where the provider is asked.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks for something.
    ///
    /// # Errors
    /// Nobody answers. A refusal is an answer.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.request(Method::GET, path, headers, Bytes::new())
    }

    /// Hands bytes in.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn put(&self, path: &str, body: impl Into<Bytes>) -> Result<Answer, Failure> {
        self.request(Method::PUT, path, &[], body.into())
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        let kind = [("content-type", "application/json")];
        self.request(Method::POST, path, &kind, body.to_string().into())
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(|error| {
            Failure::new(format!("the provider cannot be asked for {path}")).because(error)
        })?;
        let asked = async {
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|error| self.silent(error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| {
                Failure::new(format!("the answer of {} broke off", self.url)).why(error.to_string())
            })?;
            Ok(Answer {
                status,
                body: body.to_bytes(),
            })
        };
        self.runtime.block_on(async {
            match tokio::time::timeout(self.timeout, asked).await {
                Ok(answer) => answer,
                Err(_) => Err(Failure::new(format!(
                    "{} gave no answer within {} s",
                    self.url,
                    self.timeout.as_secs()
                ))
                .help("a provider that seals may need longer: --timeout SECONDS")),
            }
        })
    }

    fn silent(&self, error: impl std::error::Error) -> Failure {
        Failure::new(format!("no storage provider answers at {}", self.url))
            .because(error)
            .help("`boatyard provider list` shows where those of a node are")
            .exit(Exit::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_before_anybody_is_asked() {
        for wrong in ["f01000", "https://x", "127.0.0.1:8700", "http://"] {
            assert!(Http::new(wrong, Duration::from_secs(1)).is_err(), "{wrong}");
        }
        let http = Http::new("http://127.0.0.1:1/", Duration::from_secs(5)).unwrap();
        let failure = http.get("/", &[]).unwrap_err().to_json();
        assert_eq!(failure["exit_code"], 4);
        assert!(
            failure["error"]["help"]
                .as_str()
                .unwrap()
                .contains("provider list"),
            "{failure}"
        );
    }

    #[test]
    fn a_refusal_is_in_the_providers_words() {
        let answer = |body: &'static str| Answer {
            status: StatusCode::CONFLICT,
            body: Bytes::from_static(body.as_bytes()),
        };
        for (body, words) in [
            (
                r#"{"error":"too small; offer more"}"#,
                "too small; offer more",
            ),
            ("go away\u{1b}", "go away\\u{1b}"),
            ("", "the provider answers 409 Conflict"),
        ] {
            assert_eq!(answer(body).ok().unwrap_err().to_string(), words);
        }
    }
}
