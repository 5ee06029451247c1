//! Ranges, caching, and what an answer looks like.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use crate::http::Refusal;

/// A name for bytes is a name for ever.
const FOR_EVER: &str = "public, max-age=29030400, immutable";

/// What is given out: bytes that were checked.
#[derive(Debug, Clone)]
pub struct Content {
    /// The bytes, or the part of them that was asked for.
    pub bytes: Bytes,
    /// Where a part starts, and how many bytes there are in all.
    pub part: Option<(u64, u64)>,
    /// Media type.
    pub kind: &'static str,
    /// Its name for caches, without quotes.
    pub tag: String,
    /// Name of a file to save it in; none for what browsers may show.
    pub save_as: Option<String>,
    /// Whether parts can be asked for.
    pub ranges: bool,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Content {
    /// Whether a client has it already.
    pub fn is_known(&self, headers: &HeaderMap) -> bool {
        let Some(known) = text(headers, header::IF_NONE_MATCH.as_str()) else {
            return false;
        };
        known
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == self.tag)
    }

    /// 304: the client has it already.
    pub fn not_modified(self) -> Response {
        self.respond(StatusCode::NOT_MODIFIED, Body::empty())
    }

    /// The bytes, which take up room until the client has them.
    pub fn send(self, room: OwnedSemaphorePermit) -> Response {
        let body = Body::new(OnTheWay {
            bytes: self.bytes.clone(),
            _room: room,
        });
        let status = self.status();
        self.respond(status, body)
    }

    /// What would be sent, without the bytes.
    pub fn head(self) -> Response {
        let body = Body::from(self.bytes.clone());
        let status = self.status();
        self.respond(status, body)
    }

    fn status(&self) -> StatusCode {
        match self.part {
            Some(_) => StatusCode::PARTIAL_CONTENT,
            None => StatusCode::OK,
        }
    }

    fn respond(self, status: StatusCode, body: Body) -> Response {
        let mut response = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, self.kind)
            .header(header::ETAG, format!("\"{}\"", self.tag))
            .header(header::CACHE_CONTROL, FOR_EVER)
            .header(header::VARY, "accept")
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            // Anybody may read what anybody can check.
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
            .header(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                "content-length, content-range, etag, x-ipfs-path, x-ipfs-roots",
            )
            .header(
                header::ACCEPT_RANGES,
                if self.ranges { "bytes" } else { "none" },
            );
        if let Some(name) = &self.save_as {
            let value = format!("attachment; filename=\"{name}\"");
            response = response.header(header::CONTENT_DISPOSITION, value);
        }
        if let Some((start, total)) = self.part {
            let last = start + (self.bytes.len() as u64).saturating_sub(1);
            let value = format!("bytes {start}-{last}/{total}");
            response = response.header(header::CONTENT_RANGE, value);
        }
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(body).unwrap_or_else(|error| {
            use axum::response::IntoResponse;
            Refusal::internal(&error).into_response()
        })
    }
}

/// Bytes that a client takes piece by piece.
struct OnTheWay {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// Bytes that are handed on at once.
const FRAME: usize = 1 << 16;

impl HttpBody for OnTheWay {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.bytes.len().min(FRAME);
        Poll::Ready(match next {
            0 => None,
            _ => Some(Ok(Frame::data(self.bytes.split_to(next)))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// A header's text, if it is there and text.
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The part of `total` bytes that a request asks for, if it asks for one. Several parts
/// at once, and what is no range in bytes, are answered with the whole, as HTTP allows.
///
/// # Errors
/// 416 for a part that is not there.
pub fn part(headers: &HeaderMap, tag: &str, total: u64) -> Result<Option<Range<u64>>, Refusal> {
    let Some(range) = text(headers, header::RANGE.as_str()) else {
        return Ok(None);
    };
    if let Some(known) = text(headers, header::IF_RANGE.as_str())
        && known.trim_matches('"') != tag
    {
        return Ok(None);
    }
    let Some((from, to)) = range
        .strip_prefix("bytes=")
        .filter(|list| !list.contains(','))
        .and_then(|range| range.split_once('-'))
    else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let (start, end) = match (from.trim().is_empty(), number(from), number(to)) {
        (false, Some(from), Some(to)) if from <= to => (from, to.saturating_add(1).min(total)),
        (false, Some(from), None) if to.trim().is_empty() => (from, total),
        (true, _, Some(last)) => (total.saturating_sub(last), total),
        _ => return Ok(None),
    };
    if start >= end {
        return Err(Refusal::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            format!("there are {total} bytes, and {range} asks for none of them"),
        ));
    }
    Ok(Some(start..end))
}

/// Whether a request takes bytes: HEAD does not.
pub fn takes_bytes(method: &Method) -> bool {
    method != Method::HEAD
}

/// What bytes are, as far as their beginning shows: nothing that a browser would run.
pub fn kind_of(bytes: &[u8]) -> &'static str {
    const KNOWN: [(&[u8], &str); 7] = [
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF8", "image/gif"),
        (b"%PDF-", "application/pdf"),
        (b"OggS", "audio/ogg"),
        (b"PK\x03\x04", "application/zip"),
        (b"\x1f\x8b", "application/gzip"),
    ];
    let known = KNOWN.iter().find(|(start, _)| bytes.starts_with(start));
    match known {
        Some((_, kind)) => kind,
        None if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => "image/webp",
        None if !bytes.is_empty() && !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok() => {
            "text/plain; charset=utf-8"
        }
        None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(range: &str) -> Result<Option<Range<u64>>, StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        part(&headers, "tag", 100).map_err(|refusal| refusal.status)
    }

    #[test]
    fn ranges_are_those_of_http() {
        for (range, expected) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=10-19", Some(10..20)),
            ("bytes=90-", Some(90..100)),
            ("bytes=90-1000", Some(90..100)),
            ("bytes=-10", Some(90..100)),
            ("bytes=-1000", Some(0..100)),
            ("bytes=0-1,5-6", None),
            ("bytes=9-5", None),
            ("bytes=a-b", None),
            ("bytes=5-b", None),
            ("bytes=-", None),
            ("epochs=0-1", None),
        ] {
            assert_eq!(asked(range), Ok(expected), "{range}");
        }
        for range in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(
                asked(range),
                Err(StatusCode::RANGE_NOT_SATISFIABLE),
                "{range}"
            );
        }
    }

    #[test]
    fn a_part_of_something_else_is_not_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=1-2".parse().unwrap());
        headers.insert(header::IF_RANGE, "\"tag\"".parse().unwrap());
        assert_eq!(part(&headers, "tag", 100).unwrap(), Some(1..3));
        assert_eq!(part(&headers, "other", 100).unwrap(), None);
    }

    #[test]
    fn kinds_are_seen_and_nothing_is_taken_for_a_page() {
        assert_eq!(kind_of(b"\xff\xd8\xff\xe0"), "image/jpeg");
        assert_eq!(kind_of(b"RIFF\0\0\0\0WEBPVP8"), "image/webp");
        assert_eq!(kind_of(b"<html>"), "text/plain; charset=utf-8");
        assert_eq!(kind_of(b""), "application/octet-stream");
        assert_eq!(kind_of(b"\0\x01"), "application/octet-stream");
    }
}
