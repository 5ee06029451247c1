//! Connections: how many at once, and how long each may keep a place.
//!
//! A client that says nothing, or takes nothing, has its connection closed; while all
//! places are taken others wait in the system's queue. So neither costs more than a
//! known number of files and bytes.

use std::io::{Error, ErrorKind, Result};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::Refusal;

/// After so long it is tried again when the system gives no connection.
const RETRY: Duration = Duration::from_millis(500);

/// What clients may take up of a provider's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long the head of a request may take; also how long a connection may be idle.
    pub head: Duration,
    /// How long a request may say nothing while its body is read, and how long the body
    /// of one without a piece may take in all.
    pub body: Duration,
    /// How long the body of a piece may take in all.
    pub piece: Duration,
    /// How long a client may take nothing of what it is sent.
    pub stall: Duration,
    /// Bytes of requests that bring no piece.
    pub request: usize,
    /// Bytes of pieces that are kept although nobody has a use for them, in files.
    pub unused_pieces: u64,
}

impl Default for Limits {
    /// For people, programs and slow lines.
    fn default() -> Self {
        Self {
            connections: 256,
            head: Duration::from_secs(30),
            body: Duration::from_secs(30),
            piece: Duration::from_secs(600),
            stall: Duration::from_secs(60),
            request: 1 << 20,
            unused_pieces: 1 << 30,
        }
    }
}

/// Lets clients in until it is told to stop, and waits for those that are inside.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stopped: oneshot::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (bye, leave) = watch::channel(());
    let mut inside = JoinSet::new();
    loop {
        let next = next(&listener, &places);
        let (stream, place) = tokio::select! {
            // An error means that the server was dropped, which is a stop as well.
            _ = &mut stopped => break,
            next = next => next,
        };
        let visit = visit(stream, router.clone(), limits, leave.clone(), place);
        inside.spawn(visit);
        while inside.try_join_next().is_some() {}
    }
    drop(listener);
    drop(bye);
    while inside.join_next().await.is_some() {}
}

/// The next client, as soon as there is a place for it.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let place = places.clone().acquire_owned().await;
    let place = place.expect("nobody closes the semaphore");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::debug!(%error, "a client of a storage provider is not let in");
                sleep(RETRY).await;
            }
        }
    }
}

/// Serves one connection.
async fn visit(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    mut leave: watch::Receiver<()>,
    _place: OwnedSemaphorePermit,
) {
    // Answers are written as a whole; without it they are only slower.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(Patient::new(stream, limits.stall));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(stream, TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = leave.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client of a storage provider is gone");
    }
}

/// Reads the whole body of a request, in time, before anything is done about it.
pub async fn whole(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let read = Limited::new(body, limits.request).collect();
    let refusal = match timeout(limits.body, read).await {
        Ok(Ok(body)) => {
            let body = Body::from(body.to_bytes());
            return next.run(Request::from_parts(head, body)).await;
        }
        Ok(Err(error)) if error.is::<LengthLimitError>() => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a request has {} bytes at most", limits.request),
        ),
        Ok(Err(error)) => Refusal::bad(format!("the request broke off: {error}")),
        Err(_) => Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!("the request took longer than {} s", limits.body.as_secs()),
        ),
    };
    refusal.into_response()
}

/// A connection that breaks when its client takes nothing for too long.
struct Patient<S> {
    stream: S,
    stall: Duration,
    /// Runs while bytes wait to be taken.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S, stall: Duration) -> Self {
        Self {
            stream,
            stall,
            waiting: None,
        }
    }

    /// Takes the time that a client makes us wait.
    fn watch<T>(&mut self, context: &mut Context<'_>, poll: Poll<Result<T>>) -> Poll<Result<T>> {
        if poll.is_ready() {
            self.waiting = None;
            return poll;
        }
        let until = Instant::now() + self.stall;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(Error::new(
                ErrorKind::TimedOut,
                "the client takes nothing",
            ))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(context, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, poll)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_is_left_and_who_takes_it_is_not() {
        let (ours, mut theirs) = duplex(8);
        let mut patient = Patient::new(ours, Duration::from_millis(10));
        let error = patient.write_all(&[7; 100]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let mut first = [0; 8];
        theirs.read_exact(&mut first).await.unwrap();

        // Time starts anew with every byte that is taken.
        let (ours, mut theirs) = duplex(8);
        let mut patient = Patient::new(ours, Duration::from_secs(60));
        let (written, taken) = tokio::join!(patient.write_all(&[7; 100]), async {
            let mut all = [0; 100];
            theirs.read_exact(&mut all).await.map(|_| all)
        });
        written.unwrap();
        assert_eq!(taken.unwrap(), [7; 100]);
        assert!(patient.waiting.is_none());
    }
}
