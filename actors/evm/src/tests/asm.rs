//! An assembler for tests.
//!
//! Words between spaces mean: `ADD` an opcode, `5` or `0x05` a push as short as
//! possible, `end:` a JUMPDEST, `@end` a push of its position, `.fe00` raw bytes.

use std::collections::BTreeMap;

use revm_interpreter::bytecode::opcode::{OPCODE_INFO, PUSH0, PUSH2};
use revm_interpreter::primitives::U256;

/// The bytecode of a program.
pub fn asm(program: &str) -> Vec<u8> {
    let mut code = Vec::new();
    let mut labels = BTreeMap::new();
    let mut references = Vec::new();
    for word in program.split_whitespace() {
        if let Some(label) = word.strip_suffix(':') {
            labels.insert(label, code.len() as u16);
            code.push(opcode("JUMPDEST"));
        } else if let Some(label) = word.strip_prefix('@') {
            code.push(PUSH2);
            references.push((code.len(), label));
            code.extend([0, 0]);
        } else if let Some(bytes) = word.strip_prefix('.') {
            code.extend(hex::decode(bytes).expect("raw bytes are hexadecimal"));
        } else if word.starts_with(|first: char| first.is_ascii_digit()) {
            let number: U256 = word.parse().expect("a number of 256 bits");
            let bytes = number.to_be_bytes_trimmed_vec();
            code.push(PUSH0 + bytes.len() as u8);
            code.extend(bytes);
        } else {
            code.push(opcode(word));
        }
    }
    for (position, label) in references {
        let target = labels
            .get(label)
            .unwrap_or_else(|| panic!("no label {label}"));
        code[position..position + 2].copy_from_slice(&target.to_be_bytes());
    }
    code
}

fn opcode(name: &str) -> u8 {
    let name = if name == "PREVRANDAO" {
        "DIFFICULTY"
    } else {
        name
    };
    OPCODE_INFO
        .iter()
        .position(|info| info.is_some_and(|info| info.name() == name))
        .unwrap_or_else(|| panic!("no opcode {name}")) as u8
}

#[test]
fn programs_become_bytecode() {
    assert_eq!(
        asm("0 1 0x0102 ADD @end JUMP .fe end: STOP"),
        hex::decode("5f60016101020161000c56fe5b00").unwrap()
    );
}
