//! Plain HTTP before JSON-RPC: paths, health, content types, status codes.
//!
//! Real clients disagree with strict HTTP: `curl` sends no JSON content type,
//! and several libraries retry or hide the body of anything but a 200 (spec 10
//! §1.2). So every POST is taken for JSON and every JSON answer is a 200.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use jsonrpsee::server::ws::is_upgrade_request;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use tower::{Layer, Service};

use crate::call::{Path, Transport};

/// Wraps the JSON-RPC service.
#[derive(Debug, Clone, Copy)]
pub struct Front;

impl<S> Layer<S> for Front {
    type Service = FrontService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FrontService { inner }
    }
}

/// See [`Front`].
#[derive(Debug, Clone)]
pub struct FrontService<S> {
    inner: S,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const WELCOME: &str = "Boatyard. POST JSON-RPC requests here, or open a WebSocket.\n\
     Paths: / and /rpc/v1, /rpc/v0, /rpc/v2, /health/livez, /health/readyz\n";

impl<S> Service<HttpRequest> for FrontService<S>
where
    S: Service<HttpRequest, Response = HttpResponse>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: HttpRequest) -> Self::Future {
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
        let transport = if upgrade {
            Transport::WebSocket
        } else {
            Transport::Http
        };
        request.extensions_mut().insert(version);
        request.extensions_mut().insert(transport);
        if !upgrade {
            request.headers_mut().insert(
                http::header::CONTENT_TYPE,
                http::HeaderValue::from_static(JSON),
            );
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut response = answer.await?;
            let is_json = response
                .headers()
                .get(http::header::CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(JSON.as_bytes()));
            if is_json {
                *response.status_mut() = http::StatusCode::OK;
            }
            Ok(response)
        })
    }
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
