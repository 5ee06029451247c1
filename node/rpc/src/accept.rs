//! Taking connections, also when the process may open no more files.

use std::future::poll_fn;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// After so long it is tried again even if no connection was closed: others in this process
/// have files open, too.
const RETRY: Duration = Duration::from_millis(500);

/// Where clients come in.
pub struct Door {
    listener: TcpListener,
    closed: Arc<Notify>,
    /// Clients wait who could not be let in, and the log says so.
    short: bool,
}

/// Dropped when a connection is closed, and not before.
pub struct Leaving(Arc<Notify>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Door {
    /// Lets in who comes to this listener.
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            closed: Arc::default(),
            short: false,
        }
    }

    /// The next client. While the system refuses to give it a connection, it waits in the
    /// system's queue until another one is closed; the log says so once, until that queue
    /// has been empty.
    pub async fn next(&mut self) -> (TcpStream, Leaving) {
        loop {
            let (listener, short) = (&self.listener, &mut self.short);
            let accepted = poll_fn(|context| {
                let accepted = listener.poll_accept(context);
                if accepted.is_pending() {
                    *short = false;
                }
                accepted
            });
            match accepted.await {
                Ok((stream, _)) => return (stream, Leaving(self.closed.clone())),
                Err(error) if has_gone(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.short, true) {
                        tracing::warn!(
                            %error,
                            "no client can be let in until another one leaves; if that happens \
                             often, let the process open more files (ulimit -n)"
                        );
                    }
                    // Both outcomes mean: try again.
                    let _ = tokio::time::timeout(RETRY, self.closed.notified()).await;
                }
            }
        }
    }
}

/// The client that was next has given up already.
fn has_gone(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}
