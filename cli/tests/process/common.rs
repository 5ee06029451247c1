//! A real node process, and the command run against it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The command under test.
pub const BOATYARD: &str = env!("CARGO_BIN_EXE_boatyard");

/// The project's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// A node that stops when it goes out of scope.
pub struct Node {
    child: Child,
    pub url: String,
    /// What it printed up to the line `Listening on …`.
    pub greeting: Vec<String>,
    /// For its temporary files: one that is killed leaves some.
    temporary: TempDir,
}

impl Node {
    pub fn start(flags: &[&str]) -> Self {
        let temporary = TempDir::new().unwrap();
        let mut child = Command::new(BOATYARD)
            .args(["node", "--port", "0"])
            .args(flags)
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut greeting = Vec::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines
                .next()
                .expect("the node ended before it listened")
                .unwrap();
            if let Some(address) = line.strip_prefix("Listening on ") {
                break format!("http://{address}");
            }
            greeting.push(line);
        };
        Self {
            child,
            url,
            greeting,
            temporary,
        }
    }

    /// How many files and folders it has for temporary use.
    pub fn temporaries(&self) -> usize {
        fs::read_dir(self.temporary.path()).unwrap().count()
    }

    /// Runs a command against this node.
    pub fn run(&self, args: &[&str]) -> Output {
        command(args).args(["--rpc", &self.url]).output().unwrap()
    }

    /// Runs a command that must succeed; what it prints for people.
    pub fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}\n{}", all(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must succeed; what it prints for programs.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?}\n{}", all(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Asks the node itself, for what no command does.
    pub fn call(&self, method: &str, params: Value) -> Value {
        use jsonrpsee::core::client::ClientT as _;
        use jsonrpsee::core::params::ArrayParams;
        let mut array = ArrayParams::new();
        for param in params.as_array().expect("parameters are a list") {
            array.insert(param).unwrap();
        }
        let client = jsonrpsee_http_client::HttpClientBuilder::new()
            .max_response_size(1 << 30)
            .build(&self.url)
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(client.request(method, array)).unwrap()
    }

    /// Runs a command that must fail with this exit code; its words.
    pub fn fails(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{args:?}\n{}",
            all(&output)
        );
        // Long lines are wrapped, with a bar in front of what follows.
        let words = String::from_utf8(output.stderr).unwrap();
        let words: Vec<&str> = words
            .split_whitespace()
            .filter(|word| *word != "│")
            .collect();
        words.join(" ")
    }

    /// Asks it to stop, and gives its exit code.
    pub fn stop(mut self, signal: &str) -> Option<i32> {
        self.signal(&[signal])
    }

    /// Asks it to stop once or several times, and gives its exit code.
    pub fn signal(&mut self, signals: &[&str]) -> Option<i32> {
        let pid = self.child.id().to_string();
        for (number, signal) in signals.iter().enumerate() {
            let mut kill = Command::new("kill");
            let sent = kill
                .args(["-s", signal, &pid])
                .stderr(Stdio::null())
                .status();
            // It may have stopped at the first one.
            assert!(sent.unwrap().success() || number > 0);
        }
        self.child.wait().unwrap().code()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command, in a surrounding that is the same everywhere.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(BOATYARD);
    command
        .args(args)
        .current_dir(root())
        .env_remove("BOATYARD_RPC")
        .env_remove("BOATYARD_PRIVATE_KEY")
        .env_remove("BOATYARD_MNEMONIC")
        .env(
            "BOATYARD_STATE",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/state"),
        )
        .env("NO_COLOR", "1");
    command
}

/// Both streams of an output.
pub fn all(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The words of both streams, as they read without line breaks.
pub fn all_words(output: &Output) -> String {
    let all = all(output);
    let words: Vec<&str> = all.split_whitespace().filter(|word| *word != "│").collect();
    words.join(" ")
}
