//! What a person reads when a command fails: what happened, why, what to do next.

use std::fmt;

use miette::Diagnostic;
use serde_json::{Value, json};

use crate::output::printable;

/// With which code the process ends.
///
/// Scripts rely on these; `boatyard --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command could not do its work.
    Failed = 1,
    /// A message was executed (or tried) and ended with a non-zero exit code.
    MessageFailed = 3,
    /// Nobody answers at the RPC URL.
    Unreachable = 4,
}

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    what: String,
    cause: Option<Box<Cause>>,
    help: Option<String>,
    exit: Exit,
}

/// A link of the chain of reasons.
#[derive(Debug)]
struct Cause {
    text: String,
    next: Option<Box<Cause>>,
}

impl Failure {
    /// What happened, in a sentence without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cause: None,
            help: None,
            exit: Exit::Failed,
        }
    }

    /// Why: an error with all its sources.
    pub fn because(mut self, why: impl std::error::Error) -> Self {
        let mut texts = vec![why.to_string()];
        let mut source = why.source();
        while let Some(error) = source {
            texts.push(error.to_string());
            source = error.source();
        }
        // Many errors repeat their source in their own words.
        texts.dedup_by(|next, previous| previous.contains(next.as_str()));
        self.cause = texts
            .into_iter()
            .rev()
            .fold(None, |next, text| Some(Box::new(Cause { text, next })));
        self
    }

    /// Why, in words.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.cause = Some(Box::new(Cause {
            text: why.into(),
            next: None,
        }));
        self
    }

    /// A nearer reason, in front of those there are; left out if it is theirs.
    pub fn nearer(mut self, why: impl Into<String>) -> Self {
        let text = why.into();
        let next = self.cause.take();
        self.cause = match next {
            Some(next) if next.text.contains(&text) => Some(next),
            next => Some(Box::new(Cause { text, next })),
        };
        self
    }

    /// What to do next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Ends the process with another code.
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The same with other words for what happened; those of before become the
    /// first reason.
    pub fn context(mut self, what: impl Into<String>) -> Self {
        let text = std::mem::replace(&mut self.what, what.into());
        let next = self.cause.take();
        self.cause = Some(Box::new(Cause { text, next }));
        self
    }

    /// Code of the process.
    pub fn code(&self) -> Exit {
        self.exit
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let mut causes = Vec::new();
        let mut cause = self.cause.as_deref();
        while let Some(link) = cause {
            causes.push(link.text.clone());
            cause = link.next.as_deref();
        }
        json!({
            "error": { "message": self.what, "causes": causes, "help": self.help },
            "exit_code": self.exit as i32,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.what))
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.text))
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.next.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stay_in_order_and_without_repetition() {
        let inner = std::io::Error::other("the disk is full");
        let failure = Failure::new("the file was not written")
            .because(inner)
            .help("make room")
            .context("the build failed");
        assert_eq!(
            failure.to_json(),
            json!({
                "error": {
                    "message": "the build failed",
                    "causes": ["the file was not written", "the disk is full"],
                    "help": "make room",
                },
                "exit_code": 1,
            })
        );
    }
}
