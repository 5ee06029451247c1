//! Events of native actors (spec 00 §15).

use fvm_ipld_encoding::{CBOR, to_vec};
use fvm_shared::error::ExitCode;
use fvm_shared::event::{ActorEvent, Entry, Flags};
use serde::Serialize;

use crate::error::{ActorError, Context};
use crate::runtime::Runtime;

/// Builds an event whose first entry is its name.
///
/// ```
/// # use boatyard_sdk::EventBuilder;
/// let event = EventBuilder::named("deal-published").field("client", &7u64).build().unwrap();
/// assert_eq!(event.entries[0].key, "$type");
/// assert_eq!(event.entries.len(), 2);
/// ```
#[derive(Debug, Default)]
pub struct EventBuilder {
    entries: Vec<Entry>,
    failure: Option<ActorError>,
}

impl EventBuilder {
    /// Starts with the entry `$type`, indexed.
    pub fn named(name: &str) -> Self {
        Self::default().indexed("$type", name)
    }

    /// Adds a field that can be searched by its value.
    pub fn indexed<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Self {
        self.entry(Flags::FLAG_INDEXED_ALL, key, value)
    }

    /// Adds a field.
    pub fn field<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Self {
        self.entry(Flags::FLAG_INDEXED_KEY, key, value)
    }

    fn entry<T: Serialize + ?Sized>(mut self, flags: Flags, key: &str, value: &T) -> Self {
        match to_vec(value).or_exit(ExitCode::USR_SERIALIZATION, "the event cannot be encoded") {
            Ok(value) => self.entries.push(Entry {
                flags,
                key: key.into(),
                codec: CBOR,
                value,
            }),
            Err(error) => self.failure = self.failure.or(Some(error)),
        }
        self
    }

    /// The event.
    ///
    /// # Errors
    /// `USR_SERIALIZATION` (21) when a value could not be encoded.
    pub fn build(self) -> Result<ActorEvent, ActorError> {
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(ActorEvent {
                entries: self.entries,
            }),
        }
    }

    /// Builds and emits it.
    ///
    /// # Errors
    /// Those of [`build`](Self::build) and [`Runtime::emit`].
    pub fn emit(self, rt: &impl Runtime) -> Result<(), ActorError> {
        rt.emit(&self.build()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: spec 00 appendix A.
    #[test]
    fn the_type_entry_has_the_protocols_bytes() {
        let event = EventBuilder::named("x").build().unwrap();
        let bytes = to_vec(&event.entries[0]).unwrap();
        assert_eq!(bytes, b"\x84\x03\x65$type\x18\x51\x42\x61x");
    }
}
