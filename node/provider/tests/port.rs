//! A provider's port and clients that mean no good: too much, too slow, too many, and
//! paths that lead elsewhere.

mod common;

use std::fs;
use std::time::Duration;

use boatyard_chain::ChainHandle;
use boatyard_proofs::piece;
use boatyard_provider::http::Server;
use boatyard_provider::http::door::Limits;
use boatyard_provider::{Order, Provider, Purpose};
use common::http::{ask, get};
use common::{DAY, serve_with, start};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// So long a server waits that is to lose its patience in a test.
const SHORT: Duration = Duration::from_millis(30);

fn impatient() -> Limits {
    Limits {
        head: SHORT,
        body: SHORT,
        piece: SHORT,
        stall: SHORT,
        ..Limits::default()
    }
}

fn open(limits: Limits) -> (ChainHandle, Provider, Server) {
    let (chain, providers) = start(1);
    let server = serve_with(&chain, &providers, limits).remove(0);
    (chain, providers.into_iter().next().unwrap(), server)
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.local_addr()).await.unwrap()
}

/// Sends bytes and gives all that comes back until the server hangs up.
async fn say(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connect(server).await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A server that hangs up on what it does not read resets the connection.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn who_does_not_finish_a_request_is_left() {
    let (_chain, provider, server) = open(impatient());
    // Nothing; half a head; a body that stops; a piece that stops.
    for (request, expected) in [
        ("", ""),
        ("GET / HTTP/1.1\r\nhost:", ""),
        (
            "POST /deals HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{",
            "408",
        ),
        (
            "POST /deals HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
            "408",
        ),
    ] {
        let answer = say(&server, request.as_bytes()).await;
        assert!(answer.contains(expected), "{request}: {answer}");
        if expected.is_empty() {
            assert!(!answer.contains("200 OK"), "{request}: {answer}");
        }
    }
    let piece = piece::of_bytes(b"mars").cid;
    let upload = format!("PUT /piece/{piece} HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nma");
    let answer = say(&server, upload.as_bytes()).await;
    assert!(answer.contains("408"), "{answer}");
    assert!(answer.contains("stopped coming"), "{answer}");
    // What came is gone again.
    let uploads = fs::read_dir(provider.files().root().join("uploads")).unwrap();
    assert_eq!(uploads.count(), 0);
    assert!(!provider.files().piece(&piece).exists());
    get(&server.url(), "/").await;
}

#[tokio::test]
async fn too_much_is_refused_with_how_much_there_may_be() {
    let (_chain, provider, server) = open(Limits::default());
    let piece = piece::of_bytes(b"mars").cid;
    for (method, path, length, words) in [
        ("PUT", format!("/piece/{piece}"), 2_033, "2032 bytes"),
        ("POST", "/deals".into(), (1 << 20) + 1, "1048576 bytes"),
        ("POST", "/vouchers/redeem".into(), (1 << 20) + 1, "1048576"),
        ("POST", "/control/stop".into(), (1 << 20) + 1, "1048576"),
    ] {
        let (status, answer) = ask(&server.url(), method, &path, &vec![b' '; length]).await;
        assert_eq!(status, 413, "{path}: {answer}");
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(words), "{path}: {error}");
    }
    // Without a length as well.
    let chunk = format!("800\r\n{}\r\n", "x".repeat(0x800));
    let endless = format!(
        "PUT /piece/{piece} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}"
    );
    let answer = say(&server, endless.as_bytes()).await;
    assert!(answer.contains("413"), "{answer}");
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(1 << 20));
    let answer = say(&server, long.as_bytes()).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert!(!provider.mischief().stopped);
    get(&server.url(), "/").await;
}

#[tokio::test]
async fn others_wait_while_all_places_are_taken_and_come_in_when_one_leaves() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let (_chain, _provider, server) = open(limits);
    let request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut inside = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(&server).await;
        stream.write_all(request).await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        inside.push(stream);
    }
    let mut outside = connect(&server).await;
    outside.write_all(request).await.unwrap();
    let mut first = [0; 12];
    let waiting = tokio::time::timeout(SHORT, outside.read_exact(&mut first)).await;
    assert!(waiting.is_err(), "there is no third place");
    drop(inside);
    outside.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}

#[tokio::test]
async fn many_clients_that_say_nothing_do_not_keep_others_out() {
    let limits = Limits {
        connections: 8,
        ..impatient()
    };
    let (_chain, _provider, server) = open(limits);
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(connect(&server).await);
    }
    get(&server.url(), "/").await;
}

#[tokio::test]
async fn paths_lead_nowhere_but_to_what_is_served() {
    let (_chain, provider, server) = open(Limits::default());
    let secret = provider.files().root().join("orders").join("secret");
    fs::write(&secret, "secret").unwrap();
    for path in [
        "/piece/../orders/secret",
        "/piece/..%2forders%2fsecret",
        "/piece/%2e%2e%2forders%2fsecret",
        "/piece/baga%00",
        "/ipfs/../../orders/secret",
        "/ipfs/..%2f..%2forders%2fsecret",
        "/ipfs/bafkqaaa/../../orders/secret",
        "/orders/secret",
        "/orders/../secret",
        "/sectors/0/../../orders/secret",
        "/deals/-1",
        "/deals/99999999999999999999999",
        "/piece/%ff",
        "//",
    ] {
        for method in ["GET", "PUT"] {
            let (status, answer) = ask(&server.url(), method, path, b"x").await;
            assert!((400..500).contains(&status), "{method} {path}: {status}");
            assert!(
                !answer.to_string().contains("\"secret\""),
                "{path}: {answer}"
            );
        }
    }
    // Whole URLs and other methods as well.
    for request in [
        "GET http://elsewhere/orders/secret HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "DELETE /orders/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "TRACE / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "GET / HTTP/0.1\r\n\r\n",
        "\r\n\r\n\0\0\0\0",
    ] {
        let answer = say(&server, request.as_bytes()).await;
        assert!(!answer.contains("200 OK"), "{request}: {answer}");
    }
    get(&server.url(), "/").await;
}

#[tokio::test]
async fn pieces_that_nobody_asked_to_keep_make_room_for_others() {
    let limits = Limits {
        // Of files as a disk has them.
        unused_pieces: 2 * 4_096,
        ..Limits::default()
    };
    let (_chain, provider, server) = open(limits);
    let data: Vec<Vec<u8>> = (0..6u8).map(|number| vec![number + 1; 100]).collect();
    let cids: Vec<_> = data.iter().map(|bytes| piece::of_bytes(bytes)).collect();
    // Somebody wants the first one.
    let purpose = Purpose::Favour { notify: Vec::new() };
    let order = Order::new(cids[0].clone(), 100, purpose, 10_000, 200 * DAY);
    provider.take(order).unwrap();
    let mut there = Vec::new();
    for (bytes, info) in data.iter().zip(&cids) {
        let path = format!("/piece/{}", info.cid);
        let (status, answer) = ask(&server.url(), "PUT", &path, bytes).await;
        assert_eq!(status, 201, "{answer}");
        there = cids
            .iter()
            .map(|info| provider.files().piece(&info.cid).exists())
            .collect();
        let kept = there.iter().filter(|there| **there).count();
        assert!(kept <= 4, "{there:?}");
        assert!(provider.files().piece(&info.cid).exists());
    }
    // The one that is wanted, two that are not, and the newest.
    assert!(there[0] && there[5], "{there:?}");
    assert_eq!(there.iter().filter(|there| **there).count(), 4);
    let gone = (1..5).find(|number| !there[*number]).unwrap();
    let path = format!("/piece/{}", cids[gone].cid);
    let (status, _) = ask(&server.url(), "GET", &path, b"").await;
    assert_eq!(status, 404);
    let (status, _) = ask(&server.url(), "PUT", &path, &data[gone]).await;
    assert_eq!(status, 201, "it may come again");
}
