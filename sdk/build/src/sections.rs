//! What the sdk left in a module besides code: its ABI, the network's number.

use std::ops::Range;

use wasmparser::{Parser, Payload};

use crate::error::BuildError;

/// Name of the custom section that holds the actor's ABI as JSON.
pub const ABI_SECTION: &str = "boatyard:abi";

/// What precedes the network's number in a module's data. The same bytes as
/// `boatyard_sdk::network::MARKER`; a test of `boatyard-bundle` compares them.
pub const NETWORK_MARKER: [u8; 16] = *b"BOATYARD-NETWORK";

/// Custom sections with this prefix stay in a finished module.
const OURS: &str = "boatyard:";

/// The actor's ABI as JSON, if the module carries one.
///
/// # Errors
/// Not a module, or the section is not UTF-8.
pub fn abi(wasm: &[u8]) -> Result<Option<String>, BuildError> {
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CustomSection(section) = payload.map_err(not_a_module)?
            && section.name() == ABI_SECTION
        {
            return String::from_utf8(section.data().to_vec())
                .map(Some)
                .map_err(|error| BuildError::BadAbi(error.to_string()));
        }
    }
    Ok(None)
}

/// Writes the number of the network whose policy the module shall follow.
///
/// Returns whether the module asks for it at all: one that never reads the
/// policy carries no marker and stays as it is. Nothing else changes.
///
/// # Errors
/// Not a module, or the marker occurs more than once.
pub fn set_network(wasm: &mut [u8], number: u8) -> Result<bool, BuildError> {
    let mut places = Vec::new();
    for range in data_ranges(wasm)? {
        let data = &wasm[range.clone()];
        // The marker counts only with a byte behind it, in the same segment.
        let windows = data.windows(NETWORK_MARKER.len() + 1).enumerate();
        places.extend(
            windows
                .filter(|(_, window)| window.starts_with(&NETWORK_MARKER))
                .map(|(offset, _)| range.start + offset + NETWORK_MARKER.len()),
        );
    }
    match places[..] {
        [] => Ok(false),
        [place] => {
            wasm[place] = number;
            Ok(true)
        }
        _ => Err(BuildError::ManyMarkers {
            count: places.len(),
        }),
    }
}

/// Where the bytes of each data segment lie in the module.
fn data_ranges(wasm: &[u8]) -> Result<Vec<Range<usize>>, BuildError> {
    let mut ranges = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::DataSection(segments) = payload.map_err(not_a_module)? {
            for segment in segments {
                let segment = segment.map_err(not_a_module)?;
                let end = as_usize(segment.range.end);
                ranges.push(end - segment.data.len()..end);
            }
        }
    }
    Ok(ranges)
}

/// The module without custom sections other than ours: names, producers and
/// debug information are not needed on a chain and differ between machines.
///
/// # Errors
/// Not a module.
pub(crate) fn strip(wasm: &[u8]) -> Result<Vec<u8>, BuildError> {
    let mut out = Vec::with_capacity(wasm.len());
    // Each section is copied from where the last one ended, so that its
    // header comes along.
    let mut done = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(not_a_module)?;
        let (end, keep) = match &payload {
            Payload::Version { range, .. } => (as_usize(range.end), true),
            Payload::CustomSection(section) => (
                as_usize(section.range().end),
                section.name().starts_with(OURS),
            ),
            _ => match payload.as_section() {
                Some((_, range)) => (as_usize(range.end), true),
                None => continue,
            },
        };
        if keep {
            out.extend_from_slice(&wasm[done..end]);
        }
        done = end;
    }
    Ok(out)
}

/// Offsets of a slice that lies in memory.
fn as_usize(offset: u64) -> usize {
    usize::try_from(offset).expect("an offset into a slice is a usize")
}

fn not_a_module(error: wasmparser::BinaryReaderError) -> BuildError {
    BuildError::NotAModule(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn the_number_behind_the_marker_is_replaced_and_nothing_else() {
        let before = module(r#"(module (memory 1) (data (i32.const 8) "xBOATYARD-NETWORK\00y"))"#);
        let mut after = before.clone();
        assert!(set_network(&mut after, 4).unwrap());
        let changed: Vec<_> = (0..before.len())
            .filter(|&at| before[at] != after[at])
            .collect();
        assert_eq!(changed.len(), 1);
        assert_eq!((before[changed[0]], after[changed[0]]), (0, 4));
        assert_eq!(after[changed[0] + 1], b'y');
    }

    #[test]
    fn a_module_without_the_marker_stays_as_it_is() {
        let before = module(r#"(module (memory 1) (data (i32.const 8) "BOATYARD-NET"))"#);
        let mut after = before.clone();
        assert!(!set_network(&mut after, 4).unwrap());
        assert_eq!(before, after);
    }

    #[test]
    fn the_marker_outside_the_data_does_not_count() {
        let text = r#"(module (memory 1) (@custom "note" "BOATYARD-NETWORK\00"))"#;
        assert!(!set_network(&mut module(text), 4).unwrap());
    }

    #[test]
    fn two_markers_are_refused() {
        let text = r#"(module (memory 1)
            (data (i32.const 8) "BOATYARD-NETWORK\00")
            (data (i32.const 64) "BOATYARD-NETWORK\00"))"#;
        let refused = set_network(&mut module(text), 4).unwrap_err();
        assert!(
            matches!(refused, BuildError::ManyMarkers { count: 2 }),
            "{refused}"
        );
    }

    #[test]
    fn the_abi_is_read_from_its_section() {
        let with = module(r#"(module (@custom "boatyard:abi" "{\"actor\":\"x\"}"))"#);
        assert_eq!(abi(&with).unwrap().as_deref(), Some(r#"{"actor":"x"}"#));
        assert_eq!(abi(&module("(module)")).unwrap(), None);
        let broken = module(r#"(module (@custom "boatyard:abi" "\ff"))"#);
        assert!(matches!(abi(&broken), Err(BuildError::BadAbi(_))));
        assert!(matches!(abi(b"no module"), Err(BuildError::NotAModule(_))));
    }

    #[test]
    fn stripping_keeps_code_and_our_sections() {
        let full = module(
            r#"(module (@custom "producers" (before first) "rustc")
                (func (export "invoke")) (memory 1) (data (i32.const 0) "d")
                (@custom "boatyard:abi" "{}") (@custom "name" "n"))"#,
        );
        let stripped = strip(&full).unwrap();
        let wanted = module(
            r#"(module (func (export "invoke")) (memory 1) (data (i32.const 0) "d")
                (@custom "boatyard:abi" "{}"))"#,
        );
        assert_eq!(stripped, wanted);
    }
}
