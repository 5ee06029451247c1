//! The command as a process, against real nodes.

mod actor;
mod common;
mod node;
mod restart;
