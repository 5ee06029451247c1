//! More clients than the process may open files: those who are in are served, the others wait,
//! and the node does not wear itself out over them.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::TestNode;

const FILES: u64 = 64;
const CLIENTS: usize = 100;

/// The other half of the test below: a node until its input ends.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the node of the other test"]
async fn a_node_with_few_files() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    rlimit::Resource::NOFILE.set(FILES, FILES).unwrap();
    let node = TestNode::start().await;
    println!("\nserving {}", node.address);
    let read = || std::io::stdin().read_to_end(&mut Vec::new());
    tokio::task::spawn_blocking(read).await.unwrap().unwrap();
}

fn chain_id(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}";
    write!(
        stream,
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Hundredths of a second for which it has worked.
fn worked(child: &Child) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn clients_wait_while_there_are_no_files_and_the_log_says_so_once() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "a_node_with_few_files",
            "--exact",
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address: SocketAddr = lines
        .find_map(|line| line.unwrap().strip_prefix("serving ").map(str::to_owned))
        .expect("the node serves")
        .parse()
        .unwrap();
    assert!(chain_id(address).unwrap().contains("\"result\""));

    let mut clients: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let before = worked(&child);
    std::thread::sleep(Duration::from_secs(2));
    let busy = worked(&child) - before;
    assert!(
        busy < 60,
        "{busy} hundredths of two seconds were spent on nothing"
    );

    // One leaves, one comes in; then all leave.
    clients.drain(..CLIENTS / 2);
    drop(clients);
    assert!(chain_id(address).unwrap().contains("\"result\""));
    drop(child.stdin.take());
    let log = child.wait_with_output().unwrap();
    let log = String::from_utf8(log.stderr).unwrap();
    assert_eq!(log.matches("no client can be let in").count(), 1, "{log}");
}
