//! A WebSocket takes no more than it gets rid of.
//!
//! Every message of a client becomes a task, whether it can be read or not, and the task
//! lives until the client has taken the answer. So a connection is not read from while too
//! many messages are unanswered, nor for long while its client takes nothing: the requests
//! stay with the client, as they do over HTTP.
//!
//! [`Paced`] sees the bytes of a connection and counts the messages in them: the heads of
//! WebSocket frames say where one ends (RFC 6455 §5.2). What it cannot see, it is told:
//! messages without an answer, and answers that nobody asked for.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::accept::Leaving;

/// Messages of one WebSocket that wait for their answers; further ones are not read.
pub const MOST_UNANSWERED: u64 = 16_384;

/// Bytes that are still read after the client has stopped taking answers: it may well write
/// all its requests before it reads.
const GRACE_BYTES: usize = 1 << 20;

/// How a WebSocket is introduced; nothing else that a node answers begins so.
const SWITCHING: &[u8] = b"HTTP/1.1 101 ";

/// What one connection owes its client.
#[derive(Debug, Default)]
pub struct Flow(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    from_client: Frames,
    to_client: Outgoing,
    /// Messages that came, and that went.
    came: u64,
    went: u64,
    /// Of those that came, the ones that get no answer.
    silent: u64,
    /// Of those that go, the ones that answer none.
    unasked: u64,
    /// Bytes that came since the client stopped taking ours; `None` while it takes them.
    stuck: Option<usize>,
    reader: Option<Waker>,
}

#[derive(Debug, Default)]
enum Outgoing {
    /// Plain HTTP.
    #[default]
    Http,
    /// The head that ends it, of which these were the last bytes.
    Head([u8; 4]),
    /// A WebSocket.
    Socket(Frames),
}

impl Flow {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message came that gets no answer.
    pub fn silent(&self) {
        let mut state = self.state();
        state.silent += 1;
        state.go_on();
    }

    /// A message will go that is no answer.
    pub fn unasked(&self) {
        self.state().unasked += 1;
    }

    /// Whether to wait with reading; if so, `context` is woken when that changes.
    fn waits(&self, context: &Context<'_>) -> bool {
        let mut state = self.state();
        let waits = state.is_full();
        state.reader = waits.then(|| context.waker().clone());
        waits
    }

    fn came(&self, bytes: &[u8]) {
        let mut state = self.state();
        if let Some(stuck) = &mut state.stuck {
            *stuck = stuck.saturating_add(bytes.len());
        }
        if matches!(state.to_client, Outgoing::Socket(_)) {
            state.came += state.from_client.messages(bytes);
        }
    }

    fn went(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.stuck = None;
        state.went += state.to_client.messages(bytes);
        state.go_on();
    }

    fn is_stuck(&self) {
        self.state().stuck.get_or_insert_default();
    }
}

impl State {
    fn is_full(&self) -> bool {
        if !matches!(self.to_client, Outgoing::Socket(_)) {
            return false;
        }
        let answers = self.went.saturating_sub(self.unasked);
        let unanswered = self.came.saturating_sub(self.silent + answers);
        unanswered >= MOST_UNANSWERED || self.stuck.is_some_and(|bytes| bytes >= GRACE_BYTES)
    }

    fn go_on(&mut self) {
        if !self.is_full()
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
    }
}

impl Outgoing {
    /// How many messages end in these bytes.
    fn messages(&mut self, bytes: &[u8]) -> u64 {
        let mut rest = bytes;
        if matches!(self, Self::Http) && bytes.starts_with(SWITCHING) {
            *self = Self::Head([0; 4]);
        }
        if let Self::Head(last) = self {
            let mut end = None;
            for (index, byte) in bytes.iter().enumerate() {
                last.rotate_left(1);
                last[3] = *byte;
                if last == b"\r\n\r\n" {
                    end = Some(index + 1);
                    break;
                }
            }
            let Some(end) = end else { return 0 };
            rest = &bytes[end..];
            *self = Self::Socket(Frames::default());
        }
        match self {
            Self::Socket(frames) => frames.messages(rest),
            Self::Http | Self::Head(_) => 0,
        }
    }
}

/// Where messages end in one direction of a WebSocket.
#[derive(Debug, Default)]
struct Frames {
    /// The head of the next frame, as far as it is known: at most 2 bytes, 8 of length and 4
    /// of mask.
    head: Vec<u8>,
    /// Bytes of the frame that are still to come.
    payload: u64,
}

impl Frames {
    /// How many messages begin their last frame in these bytes. Frames that only control the
    /// connection belong to none.
    fn messages(&mut self, mut bytes: &[u8]) -> u64 {
        let mut count = 0;
        loop {
            let skipped = bytes
                .len()
                .min(usize::try_from(self.payload).unwrap_or(usize::MAX));
            self.payload -= skipped as u64;
            bytes = &bytes[skipped..];
            let Some((first, rest)) = bytes.split_first() else {
                return count;
            };
            bytes = rest;
            self.head.push(*first);
            if let Some(payload) = payload_bytes(&self.head) {
                let (last, opcode) = (self.head[0] & 0x80 != 0, self.head[0] & 0x0f);
                count += u64::from(last && opcode < 8);
                self.payload = payload;
                self.head.clear();
            }
        }
    }
}

/// Length of what follows a head, once the head is complete.
fn payload_bytes(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    if head.len() < 2 + extended + mask {
        return None;
    }
    if extended == 0 {
        return Some(u64::from(second & 0x7f));
    }
    let length = head[2..2 + extended].iter();
    Some(length.fold(0, |length, byte| length << 8 | u64::from(*byte)))
}

/// A connection that obeys its [`Flow`].
pub struct Paced<S> {
    stream: S,
    flow: Arc<Flow>,
    // After the stream: fields are dropped in this order.
    _leaving: Leaving,
}

impl<S> Paced<S> {
    /// Watches over a connection.
    pub fn new(stream: S, flow: Arc<Flow>, leaving: Leaving) -> Self {
        Self {
            stream,
            flow,
            _leaving: leaving,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.flow.waits(context) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.flow.came(&buffer.filled()[before..]);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        match &written {
            Poll::Ready(Ok(count)) => self.flow.went(&bytes[..*count]),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.flow.is_stuck(),
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        match &written {
            Poll::Ready(Ok(count)) => {
                let mut left = *count;
                for part in parts {
                    let taken = left.min(part.len());
                    self.flow.went(&part[..taken]);
                    left -= taken;
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.flow.is_stuck(),
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with this first byte and so many bytes of payload.
    fn frame(first: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![first];
        match u16::try_from(length) {
            Ok(short @ ..126) => frame.push(mask | short as u8),
            Ok(middle) => {
                frame.push(mask | 126);
                frame.extend(middle.to_be_bytes());
            }
            Err(_) => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        // Mask and payload look like heads of frames.
        frame.extend(std::iter::repeat_n(
            0x81,
            length + if masked { 4 } else { 0 },
        ));
        frame
    }

    #[test]
    fn messages_are_counted_however_the_bytes_arrive() {
        let mut bytes = Vec::new();
        for masked in [true, false] {
            for length in [0, 1, 125, 126, 70_000] {
                bytes.extend(frame(0x81, length, masked)); // text
                bytes.extend(frame(0x89, length.min(125), masked)); // ping
                bytes.extend(frame(0x02, length, masked)); // a binary message's beginning
                bytes.extend(frame(0x00, length, masked)); // its middle
                bytes.extend(frame(0x80, length, masked)); // and its end
            }
        }
        for step in [1, 2, 3, 7, 1_000, bytes.len()] {
            let mut frames = Frames::default();
            let count: u64 = bytes.chunks(step).map(|part| frames.messages(part)).sum();
            assert_eq!(count, 20, "in steps of {step}");
        }
    }

    #[test]
    fn frames_begin_where_the_head_of_the_upgrade_ends() {
        let mut bytes = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n".to_vec();
        bytes.extend(frame(0x81, 5, false));
        for split in 13..bytes.len() {
            let mut outgoing = Outgoing::default();
            assert_eq!(outgoing.messages(b"HTTP/1.1 200 OK\r\n\r\n{}"), 0);
            let (begin, end) = bytes.split_at(split);
            let count = outgoing.messages(begin) + outgoing.messages(end);
            assert_eq!(count, 1, "split at {split}");
        }
    }

    fn socket() -> Flow {
        let flow = Flow::default();
        flow.went(b"HTTP/1.1 101 x\r\n\r\n");
        flow
    }

    fn waits(flow: &Flow) -> bool {
        flow.waits(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn nothing_is_read_while_too_much_is_unanswered() {
        let flow = socket();
        let request = frame(0x81, 2, true);
        for _ in 0..MOST_UNANSWERED {
            assert!(!waits(&flow));
            flow.came(&request);
        }
        assert!(waits(&flow));
        // What was announced to be no answer does not count as one.
        flow.unasked();
        flow.went(&frame(0x81, 9, false));
        assert!(waits(&flow));
        flow.went(&frame(0x81, 9, false));
        assert!(!waits(&flow));
        flow.came(&request);
        assert!(waits(&flow));
        flow.silent();
        assert!(!waits(&flow));
    }

    #[test]
    fn little_is_read_while_the_client_takes_nothing() {
        let flow = socket();
        let request = frame(0x81, GRACE_BYTES / 2, true);
        flow.came(&request);
        flow.came(&request);
        flow.is_stuck();
        assert!(!waits(&flow));
        flow.came(&request);
        flow.is_stuck();
        flow.came(&request);
        assert!(waits(&flow));
        flow.went(&[0x81]);
        assert!(!waits(&flow));
    }

    #[test]
    fn plain_http_is_read_as_before() {
        let flow = Flow::default();
        flow.is_stuck();
        flow.came(&vec![0; 2 * GRACE_BYTES]);
        assert!(!waits(&flow));
    }
}
