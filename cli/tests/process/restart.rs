//! A node that keeps its chain in a directory.

use tempfile::TempDir;

use crate::common::{Node, all, all_words, command};

#[test]
fn a_killed_node_goes_on_with_everything_that_it_acknowledged() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().to_str().unwrap();
    let flags = ["--quiet", "--data-dir", path];
    let node = Node::start(&flags);
    for _ in 0..3 {
        node.json(&["send", "f099", "--value", "1 FIL"]);
    }
    let before = node.json(&["accounts"]);
    assert_eq!(node.stop("KILL"), None);

    let node = Node::start(&flags);
    assert_eq!(node.json(&["accounts"]), before);
    node.json(&["send", "f099", "--value", "1 FIL"]);
    assert_ne!(node.json(&["accounts"]), before);

    // Nobody else may have the directory meanwhile.
    let second = command(&["node", "--port", "0", "--data-dir", path])
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        all_words(&second).contains("another node uses it"),
        "{}",
        all(&second)
    );
    assert_eq!(node.stop("TERM"), Some(0));

    // Nor a chain that it does not hold.
    let other = command(&[
        "node",
        "--port",
        "0",
        "--data-dir",
        path,
        "--chain-id",
        "5",
        "--accounts",
        "3",
    ])
    .output()
    .unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(
        all_words(&other).contains("another genesis"),
        "{}",
        all(&other)
    );
}
