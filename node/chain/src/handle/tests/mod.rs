//! The handle over scripted machines. Flows with real actors are in `tests/`.

mod blocks;
mod calls;
mod edits;
mod history;
mod messages;
mod mining;
mod participants;
