//! Plain HTTP before JSON-RPC: paths, health, content types, status codes.
//!
//! Real clients disagree with strict HTTP: `curl` sends no JSON content type,
//! and several libraries retry or hide the body of anything but a 200 (spec 10
//! §1.2). So every POST is taken for JSON and every JSON answer is a 200, unless the node
//! is to answer as Lotus does.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use jsonrpsee::server::ws::is_upgrade_request;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use tower::{Layer, Service};

use crate::auth::Gate;
use crate::call::{Path, Transport};
use crate::pressure::Flow;

/// Wraps the JSON-RPC service.
#[derive(Debug, Clone)]
pub struct Front {
    /// Judges tokens.
    pub gate: Gate,
    /// Status codes as Lotus gives them.
    pub strict: bool,
    /// Of this connection.
    pub flow: Arc<Flow>,
}

impl<S> Layer<S> for Front {
    type Service = FrontService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FrontService {
            inner,
            front: self.clone(),
        }
    }
}

/// See [`Front`].
#[derive(Debug, Clone)]
pub struct FrontService<S> {
    inner: S,
    front: Front,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const WELCOME: &str = "Boatyard. POST JSON-RPC requests here, or open a WebSocket.\n\
     Paths: / and /rpc/v1, /rpc/v0, /rpc/v2, /health/livez, /health/readyz\n";

impl<S, B> Service<HttpRequest<B>> for FrontService<S>
where
    S: Service<HttpRequest<B>, Response = HttpResponse>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: HttpRequest<B>) -> Self::Future {
        let path = request.uri().path();
        if matches!(path, "/health/livez" | "/health/readyz") {
            // Requests are served from the moment the port is open.
            return ready(text(200, "OK\n"));
        }
        let Some(version) = Path::of(path) else {
            return ready(text(
                404,
                &format!("nothing is served at this path.\n{WELCOME}"),
            ));
        };
        let upgrade = is_upgrade_request(&request);
        if !upgrade && request.method() == http::Method::GET {
            return ready(text(200, WELCOME));
        }
        let Ok(permission) = self.front.gate.permission(token_of(&request).as_deref()) else {
            return ready(text(
                401,
                "the token is not one of this node's; send the one that it was started with, or \
                 one that Filecoin.AuthNew gave\n",
            ));
        };
        request.extensions_mut().insert(permission);
        let transport = if upgrade {
            Transport::WebSocket
        } else {
            Transport::Http
        };
        request.extensions_mut().insert(version);
        request.extensions_mut().insert(transport);
        if upgrade {
            request.extensions_mut().insert(self.front.flow.clone());
        } else {
            request.headers_mut().insert(
                http::header::CONTENT_TYPE,
                http::HeaderValue::from_static(JSON),
            );
        }
        let answer = self.inner.call(request);
        let strict = self.front.strict;
        Box::pin(async move {
            let mut response = answer.await?;
            let is_json = response
                .headers()
                .get(http::header::CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(JSON.as_bytes()));
            if !is_json {
                return Ok(response);
            }
            if strict {
                return Ok(with_status_of_lotus(response).await);
            }
            *response.status_mut() = http::StatusCode::OK;
            Ok(response)
        })
    }
}

/// The token of a request: in its header, or in its URL.
fn token_of<B>(request: &HttpRequest<B>) -> Option<String> {
    let header = request
        .headers()
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let in_url = || {
        request
            .uri()
            .query()?
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="))
    };
    header
        .or_else(in_url)
        .map(|token| token.trim().to_owned())
        .filter(|token| !token.is_empty())
}

/// go-jsonrpc answers 400 to what is no request, and 500 to requests that it cannot
/// read.
async fn with_status_of_lotus(response: HttpResponse) -> HttpResponse {
    let (mut head, body) = response.into_parts();
    let Ok(body) = http_body_util::BodyExt::collect(body).await else {
        return text(500, "the answer was lost\n");
    };
    let body = body.to_bytes();
    #[derive(serde::Deserialize)]
    struct Answer {
        error: Option<Error>,
    }
    #[derive(serde::Deserialize)]
    struct Error {
        code: i64,
    }
    let code = serde_json::from_slice::<Answer>(&body)
        .ok()
        .and_then(|answer| answer.error)
        .map(|error| error.code);
    head.status = match code {
        Some(-32600) => http::StatusCode::BAD_REQUEST,
        Some(-32700 | -32601 | -32602) => http::StatusCode::INTERNAL_SERVER_ERROR,
        _ => http::StatusCode::OK,
    };
    HttpResponse::from_parts(head, HttpBody::from(body.to_vec()))
}

fn ready<E: Send + 'static>(
    response: HttpResponse,
) -> Pin<Box<dyn Future<Output = Result<HttpResponse, E>> + Send>> {
    Box::pin(std::future::ready(Ok(response)))
}

fn text(status: u16, body: &str) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(body.to_owned()));
    *response.status_mut() =
        http::StatusCode::from_u16(status).expect("the codes of this file exist");
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(TEXT),
    );
    response
}
