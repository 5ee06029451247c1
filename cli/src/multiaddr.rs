//! Multiaddrs: how miners publish where they are.
//!
//! A list of protocols with their values, as text (`/ip4/127.0.0.1/tcp/8700/http`) or
//! in bytes (code and value of each, lengths and codes as varints). Only the protocols
//! that lead to plain HTTP over TCP have a meaning here; those that miners also publish
//! are told by name. Codes: the multicodec table.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use hyper::Uri;

/// Where somebody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiaddr(Vec<Part>);

/// A protocol with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Ip(IpAddr),
    /// A name, to be looked up as this protocol says.
    Name(Bare, String),
    Port(Bare, u16),
    /// Without a value.
    Bare(Bare),
    /// Whose value means nothing here.
    Other(Bare, Vec<u8>),
}

/// A protocol: code and name.
type Bare = (u64, &'static str);

const IP4: Bare = (4, "ip4");
const TCP: Bare = (6, "tcp");
const IP6: Bare = (41, "ip6");
const HTTP: Bare = (480, "http");
const HTTPS: Bare = (443, "https");
const TLS: Bare = (448, "tls");
const UDP: Bare = (273, "udp");
/// Those with a name as value. What `dnsaddr` leads to is not one host.
const NAMES: [Bare; 3] = [(53, "dns"), (54, "dns4"), (55, "dns6")];
/// Those without a value.
const BARE: [Bare; 8] = [
    HTTP,
    HTTPS,
    TLS,
    (477, "ws"),
    (478, "wss"),
    (460, "quic"),
    (461, "quic-v1"),
    (465, "webtransport"),
];
/// Those with a length and a value that means nothing here.
const OTHERS: [Bare; 3] = [(56, "dnsaddr"), (421, "p2p"), (481, "http-path")];

/// What can be written.
const FORMS: &str = "write /ip4/127.0.0.1/tcp/8700/http, with ip6, dns, dns4 or dns6 in place of \
                     ip4 if need be";

impl Multiaddr {
    /// The URL of plain HTTP that it leads to, without a slash at the end.
    ///
    /// # Errors
    /// Why it leads to none.
    pub fn url(&self) -> Result<String, String> {
        let no_http = |what: &str| Err(format!("{self} {what}"));
        let (host, rest) = match self.0.split_first() {
            Some((Part::Ip(IpAddr::V4(ip)), rest)) => (ip.to_string(), rest),
            Some((Part::Ip(IpAddr::V6(ip)), rest)) => (format!("[{ip}]"), rest),
            Some((Part::Name(_, name), rest)) => (name.clone(), rest),
            _ => return no_http("begins with no host"),
        };
        match rest {
            [Part::Port(TCP, port)] | [Part::Port(TCP, port), Part::Bare(HTTP)] => {
                Ok(format!("http://{host}:{port}"))
            }
            [Part::Port(TCP, _), Part::Bare(TLS | HTTPS), ..] => {
                no_http("needs TLS, and providers are asked over plain HTTP")
            }
            _ => no_http("is not HTTP over TCP"),
        }
    }

    /// Whether somebody else could reach it.
    pub fn is_reachable(&self) -> bool {
        !matches!(self.0.first(), Some(Part::Ip(ip)) if ip.is_unspecified())
    }

    /// The bytes that are published.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.0 {
            let code = |bytes: &mut Vec<u8>, (code, _): Bare| varint(code, bytes);
            let long = |bytes: &mut Vec<u8>, value: &[u8]| {
                varint(value.len() as u64, bytes);
                bytes.extend(value);
            };
            match part {
                Part::Ip(IpAddr::V4(ip)) => {
                    code(&mut bytes, IP4);
                    bytes.extend(ip.octets());
                }
                Part::Ip(IpAddr::V6(ip)) => {
                    code(&mut bytes, IP6);
                    bytes.extend(ip.octets());
                }
                Part::Name(protocol, name) => {
                    code(&mut bytes, *protocol);
                    long(&mut bytes, name.as_bytes());
                }
                Part::Port(protocol, port) => {
                    code(&mut bytes, *protocol);
                    bytes.extend(port.to_be_bytes());
                }
                Part::Bare(protocol) => code(&mut bytes, *protocol),
                Part::Other(protocol, value) => {
                    code(&mut bytes, *protocol);
                    long(&mut bytes, value);
                }
            }
        }
        bytes
    }

    /// Reads what was published.
    ///
    /// # Errors
    /// What is wrong with it; protocols that are not known are named by their codes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let mut rest = bytes;
        let mut parts = Vec::new();
        while !rest.is_empty() {
            parts.push(read_part(&mut rest)?);
        }
        match parts.is_empty() {
            true => Err("an empty multiaddr".into()),
            false => Ok(Self(parts)),
        }
    }

    /// The multiaddr of a URL of plain HTTP.
    ///
    /// # Errors
    /// It is none.
    pub fn from_url(url: &str) -> Result<Self, String> {
        let wrong = || format!("`{url}` is no provider's URL; write http://127.0.0.1:8700");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let plain = uri.scheme_str() == Some("http")
            && uri.path().trim_end_matches('/').is_empty()
            && uri.query().is_none();
        let host = uri.host().filter(|_| plain).ok_or_else(wrong)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let first = match bare.parse() {
            Ok(ip) => Part::Ip(ip),
            Err(_) => Part::Name(NAMES[0], name(host)?),
        };
        let port = Part::Port(TCP, uri.port_u16().unwrap_or(80));
        Ok(Self(vec![first, port, Part::Bare(HTTP)]))
    }
}

fn name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    match !text.is_empty() && text.len() <= 253 && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("`{}` is no name of a host", text.escape_default())),
    }
}

fn varint(mut number: u64, into: &mut Vec<u8>) {
    while number >= 0x80 {
        into.push(number as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

fn read_varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut number = 0u64;
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first().ok_or("it breaks off")?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err("a number in it is too long".into())
}

fn read_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], String> {
    let (value, after) = rest.split_first_chunk().ok_or("it breaks off")?;
    *rest = after;
    Ok(*value)
}

fn read_long<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let length = usize::try_from(read_varint(rest)?).unwrap_or(usize::MAX);
    let (value, after) = rest.split_at_checked(length).ok_or("it breaks off")?;
    *rest = after;
    Ok(value)
}

fn read_part(rest: &mut &[u8]) -> Result<Part, String> {
    let code = read_varint(rest)?;
    let find = |list: &[Bare]| list.iter().copied().find(|known| known.0 == code);
    if code == IP4.0 {
        return Ok(Part::Ip(Ipv4Addr::from(read_array::<4>(rest)?).into()));
    }
    if code == IP6.0 {
        return Ok(Part::Ip(Ipv6Addr::from(read_array::<16>(rest)?).into()));
    }
    if let Some(protocol) = find(&[TCP, UDP]) {
        return Ok(Part::Port(protocol, u16::from_be_bytes(read_array(rest)?)));
    }
    if let Some(protocol) = find(&NAMES) {
        let text = String::from_utf8_lossy(read_long(rest)?);
        return Ok(Part::Name(protocol, name(&text)?));
    }
    if let Some(protocol) = find(&BARE) {
        return Ok(Part::Bare(protocol));
    }
    if let Some(protocol) = find(&OTHERS) {
        return Ok(Part::Other(protocol, read_long(rest)?.to_vec()));
    }
    Err(format!("it has a protocol of code {code}"))
}

impl FromStr for Multiaddr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("`{text}` is no multiaddr: {why}; {FORMS}");
        let inside = text
            .strip_prefix('/')
            .ok_or_else(|| wrong("it begins with no /".into()))?;
        let mut words = inside.trim_end_matches('/').split('/');
        let mut parts = Vec::new();
        while let Some(protocol) = words.next() {
            let mut value = || {
                let value = words.next();
                value.ok_or_else(|| wrong(format!("{protocol} has no value")))
            };
            let no_value = |value: &str| wrong(format!("{protocol} has the value `{value}`"));
            let find = |list: &[Bare]| list.iter().copied().find(|known| known.1 == protocol);
            parts.push(if protocol == IP4.1 {
                let text = value()?;
                let ip: Ipv4Addr = text.parse().map_err(|_| no_value(text))?;
                Part::Ip(ip.into())
            } else if protocol == IP6.1 {
                let text = value()?;
                let ip: Ipv6Addr = text.parse().map_err(|_| no_value(text))?;
                Part::Ip(ip.into())
            } else if let Some(known) = find(&[TCP, UDP]) {
                let text = value()?;
                Part::Port(known, text.parse().map_err(|_| no_value(text))?)
            } else if let Some(known) = find(&NAMES) {
                Part::Name(known, name(value()?).map_err(wrong)?)
            } else if let Some(known) = find(&BARE) {
                Part::Bare(known)
            } else {
                return Err(wrong(format!("`{protocol}` means nothing here")));
            });
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Multiaddr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Ip(IpAddr::V4(ip)) => write!(out, "/{}/{ip}", IP4.1)?,
                Part::Ip(IpAddr::V6(ip)) => write!(out, "/{}/{ip}", IP6.1)?,
                Part::Name((_, protocol), name) => write!(out, "/{protocol}/{name}")?,
                Part::Port((_, protocol), port) => write!(out, "/{protocol}/{port}")?,
                Part::Bare((_, protocol)) => write!(out, "/{protocol}")?,
                Part::Other((_, protocol), value) => {
                    write!(out, "/{protocol}/0x{}", hex::encode(value))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_say_the_same_and_lead_to_a_url() {
        for (text, bytes, url) in [
            (
                "/ip4/127.0.0.1/tcp/8701/http",
                "047f0000010621fde003",
                "http://127.0.0.1:8701",
            ),
            (
                "/ip4/10.0.0.7/tcp/80",
                "040a000007060050",
                "http://10.0.0.7:80",
            ),
            (
                "/ip6/::1/tcp/8700/http",
                "29000000000000000000000000000000010621fce003",
                "http://[::1]:8700",
            ),
            (
                "/dns4/boat.example/tcp/8700/http",
                "360c626f61742e6578616d706c650621fce003",
                "http://boat.example:8700",
            ),
        ] {
            let read: Multiaddr = text.parse().unwrap();
            assert_eq!(hex::encode(read.to_bytes()), bytes, "{text}");
            let bytes = hex::decode(bytes).unwrap();
            assert_eq!(Multiaddr::from_bytes(&bytes), Ok(read.clone()), "{text}");
            assert_eq!(read.to_string(), text);
            assert_eq!(read.url().unwrap(), url);
            for end in 1..bytes.len() {
                // What breaks off is refused, or a shorter one of the same beginning.
                if let Ok(shorter) = Multiaddr::from_bytes(&bytes[..end]) {
                    assert!(text.starts_with(&shorter.to_string()), "{shorter}");
                }
            }
        }
    }

    #[test]
    fn urls_have_multiaddrs() {
        for (url, text) in [
            ("http://127.0.0.1:8700", "/ip4/127.0.0.1/tcp/8700/http"),
            ("http://[::1]:8700/", "/ip6/::1/tcp/8700/http"),
            ("http://boat.example", "/dns/boat.example/tcp/80/http"),
        ] {
            assert_eq!(Multiaddr::from_url(url).unwrap().to_string(), text);
        }
        for wrong in ["https://x", "http://x/y", "http://x?y", "f01000", ""] {
            assert!(Multiaddr::from_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_plain_http_is_told_with_the_reason() {
        for (text, reason) in [
            ("/ip4/1.2.3.4/tcp/443/https", "needs TLS"),
            ("/ip4/1.2.3.4/tcp/443/tls/http", "needs TLS"),
            ("/ip4/1.2.3.4/udp/24001/quic-v1", "is not HTTP over TCP"),
            ("/ip4/1.2.3.4/tcp/24001/ws", "is not HTTP over TCP"),
            ("/tcp/8700", "begins with no host"),
            ("/ip4/1.2.3.4", "is not HTTP over TCP"),
        ] {
            let read: Multiaddr = text.parse().unwrap();
            let why = read.url().unwrap_err();
            assert!(why.contains(reason) && why.contains(text), "{why}");
        }
        for text in [
            "ip4/1.2.3.4/tcp/1",
            "/ip4",
            "/ip4/1.2.3/tcp/1",
            "/ip4/::1/tcp/1",
            "/ip4/1.2.3.4/tcp/65536",
            "/dns4/a b/tcp/1",
            "/onion/x",
            "/",
        ] {
            let why = text.parse::<Multiaddr>().unwrap_err();
            assert!(why.contains("/ip4/127.0.0.1/tcp/8700/http"), "{why}");
        }
        // A libp2p peer, and a protocol that nobody here knows.
        let peer = [&[4, 1, 2, 3, 4, 6, 0, 80, 0xa5, 3, 2][..], &[7, 8]].concat();
        let peer = Multiaddr::from_bytes(&peer).unwrap();
        assert_eq!(peer.to_string(), "/ip4/1.2.3.4/tcp/80/p2p/0x0708");
        assert!(peer.url().is_err());
        assert!(
            Multiaddr::from_bytes(&[0xff, 0x7f])
                .unwrap_err()
                .contains("16383")
        );
        assert!(Multiaddr::from_bytes(&[]).is_err());
        assert!(Multiaddr::from_bytes(&[0xff; 20]).is_err());
    }

    #[test]
    fn an_address_that_stands_for_all_is_no_place_to_go_to() {
        let everywhere: Multiaddr = "/ip4/0.0.0.0/tcp/8700/http".parse().unwrap();
        assert!(!everywhere.is_reachable());
        let here: Multiaddr = "/ip6/::1/tcp/8700/http".parse().unwrap();
        assert!(here.is_reachable());
    }
}
