//! LOG0..LOG4 (spec 02 §8.5).

use fvm_shared::event::Flags;

use super::world::*;

#[test]
fn a_log_is_an_event_of_topics_and_data() {
    for topics in 0..=4usize {
        let pushed: Vec<_> = (1..=topics).rev().map(|topic| topic.to_string()).collect();
        let rt = contract(&format!(
            "0xabcd 0 MSTORE {} 2 30 LOG{topics}",
            pushed.join(" ")
        ));
        invoke(&rt, &[]).unwrap();
        let events = rt.events();
        assert_eq!((events.len(), events[0].emitter), (1, CONTRACT));
        let entries = &events[0].event.entries;
        assert_eq!(entries.len(), topics + 1);
        for (number, entry) in (1u8..).zip(&entries[..topics]) {
            let mut word = [0; 32];
            word[31] = number;
            assert_eq!(entry.key, format!("t{number}"));
            assert_eq!(entry.value, word);
            assert_eq!((entry.codec, entry.flags), (0x55, Flags::FLAG_INDEXED_ALL));
        }
        let data = entries.last().unwrap();
        assert_eq!(
            (data.key.as_str(), data.value.as_slice()),
            ("d", &[0xab, 0xcd][..])
        );
        assert_eq!((data.codec, data.flags), (0x55, Flags::FLAG_INDEXED_ALL));
    }
}

#[test]
fn without_data_there_is_no_entry_for_it() {
    let rt = contract("0 0 LOG0 9 0 0 LOG1");
    invoke(&rt, &[]).unwrap();
    let entries: Vec<_> = rt
        .events()
        .iter()
        .map(|event| event.event.entries.len())
        .collect();
    assert_eq!(entries, [0, 1]);
}

/// Topics count: 32·n + size ≤ 8192.
#[test]
fn an_event_has_8192_bytes_at_most() {
    for (program, code) in [
        ("8192 0 LOG0", 0),
        ("8193 0 LOG0", 24),
        ("1 2 3 4 8064 0 LOG4", 0),
        ("1 2 3 4 8065 0 LOG4", 24),
    ] {
        assert_eq!(exit_of(program), code, "{program}");
    }
}
