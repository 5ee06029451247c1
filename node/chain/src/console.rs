//! `console.log` of Hardhat and Foundry.
//!
//! Contracts under test call an address without a contract, with the arguments of one of
//! some hundred functions called `log`. On Filecoin such a call does nothing and
//! succeeds, as on Ethereum; here it is read and shown.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use alloy::dyn_abi::{DynSolType, DynSolValue};
use alloy::primitives::{Address as EthAddress, address, keccak256};
use boatyard_vm::context::{Intercept, Interceptor};
use boatyard_vm::trace::Call;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{BytesDe, CBOR, DAG_CBOR};

use crate::ethereum::{self, INVOKE_EVM};

/// The address that contracts log to.
pub const CONSOLE: EthAddress = address!("000000000000000000636F6e736F6c652e6c6f67");

/// Target of the log lines, for filters.
pub const TARGET: &str = "console";

/// Longest line that is shown, in characters.
const LONGEST_LINE: usize = 4_096;

/// The line that a call logs; `None` for any other call.
pub fn line_of(call: &Call) -> Option<String> {
    if call.method != INVOKE_EVM || ethereum::to_ethereum(&call.to)? != CONSOLE {
        return None;
    }
    decode(&input_of(call.params.as_ref()?))
}

/// The calldata in the parameters of a call between contracts.
fn input_of(params: &IpldBlock) -> Vec<u8> {
    if matches!(params.codec, CBOR | DAG_CBOR)
        && let Ok(BytesDe(bytes)) = fvm_ipld_encoding::from_slice(&params.data)
    {
        return bytes;
    }
    params.data.clone()
}

/// The line that calldata of a `log` function stands for; `None` for anything else.
pub fn decode(input: &[u8]) -> Option<String> {
    static FUNCTIONS: LazyLock<HashMap<[u8; 4], Vec<DynSolType>>> = LazyLock::new(functions);
    let (selector, arguments) = input.split_first_chunk::<4>()?;
    let types = FUNCTIONS.get(selector)?;
    let decoded = DynSolType::Tuple(types.clone())
        .abi_decode_params(arguments)
        .ok()?;
    let DynSolValue::Tuple(values) = decoded else {
        return None;
    };
    Some(harmless(&join(&values)))
}

/// All functions by selector: every combination of up to four numbers, texts, flags and
/// addresses, and one value of any other kind. Older compilers of the library hashed
/// `uint` and `int` instead of their full names.
fn functions() -> HashMap<[u8; 4], Vec<DynSolType>> {
    let basic = [
        (DynSolType::Uint(256), "uint256", "uint"),
        (DynSolType::String, "string", "string"),
        (DynSolType::Bool, "bool", "bool"),
        (DynSolType::Address, "address", "address"),
    ];
    let mut known = HashMap::new();
    let mut add = |name: &str, names: &[String], types: Vec<DynSolType>| {
        let hash = keccak256(format!("{name}({})", names.join(",")));
        known.insert([hash[0], hash[1], hash[2], hash[3]], types);
    };
    for count in 0..=4u32 {
        for number in 0..4usize.pow(count) {
            let chosen: Vec<_> = (0..count)
                .map(|place| &basic[number / 4usize.pow(place) % 4])
                .collect();
            let types: Vec<_> = chosen.iter().map(|(kind, _, _)| kind.clone()).collect();
            let full: Vec<_> = chosen.iter().map(|one| one.1.to_owned()).collect();
            let short: Vec<_> = chosen.iter().map(|one| one.2.to_owned()).collect();
            add("log", &full, types.clone());
            add("log", &short, types);
        }
    }
    let mut others: Vec<(String, &str, DynSolType)> = vec![
        ("int256".into(), "logInt", DynSolType::Int(256)),
        ("int".into(), "logInt", DynSolType::Int(256)),
        ("uint256".into(), "logUint", DynSolType::Uint(256)),
        ("uint".into(), "logUint", DynSolType::Uint(256)),
        ("string".into(), "logString", DynSolType::String),
        ("bool".into(), "logBool", DynSolType::Bool),
        ("address".into(), "logAddress", DynSolType::Address),
        ("bytes".into(), "logBytes", DynSolType::Bytes),
    ];
    for size in 1..=32 {
        others.push((
            format!("bytes{size}"),
            "logBytes",
            DynSolType::FixedBytes(size),
        ));
    }
    for (name, function, kind) in others {
        let own = match &kind {
            DynSolType::FixedBytes(size) => format!("{function}{size}"),
            _ => function.to_owned(),
        };
        let names = [name];
        add("log", &names, vec![kind.clone()]);
        add(&own, &names, vec![kind]);
    }
    known
}

/// Values one after another; directives in a text that comes first take from those
/// behind it.
fn join(values: &[DynSolValue]) -> String {
    let mut rest = values.iter();
    let mut line = match rest.as_slice().first() {
        Some(DynSolValue::String(text)) => {
            rest.next();
            substitute(text, &mut rest)
        }
        _ => String::new(),
    };
    for value in rest {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&shown(value));
    }
    line
}

fn substitute(format: &str, values: &mut std::slice::Iter<'_, DynSolValue>) -> String {
    let mut line = String::with_capacity(format.len());
    let mut letters = format.chars().peekable();
    while let Some(letter) = letters.next() {
        let directive = match letters.peek() {
            Some(directive) if letter == '%' => *directive,
            _ => {
                line.push(letter);
                continue;
            }
        };
        let value = match directive {
            '%' => {
                letters.next();
                line.push('%');
                continue;
            }
            's' | 'd' | 'i' | 'o' | 'O' | 'x' => values.next(),
            _ => None,
        };
        match value {
            None => line.push('%'),
            Some(value) => {
                letters.next();
                line.push_str(&match (directive, value) {
                    ('x', DynSolValue::Uint(number, _)) => format!("{number:#x}"),
                    ('x', DynSolValue::Int(number, _)) => format!("{number:#x}"),
                    ('o' | 'O', DynSolValue::String(text)) => format!("'{text}'"),
                    ('d' | 'i', DynSolValue::Bool(flag)) => u8::from(*flag).to_string(),
                    _ => shown(value),
                });
            }
        }
    }
    line
}

fn shown(value: &DynSolValue) -> String {
    let hex = |bytes: &[u8]| format!("0x{}", alloy::primitives::hex::encode(bytes));
    match value {
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::Int(number, _) => number.to_string(),
        DynSolValue::String(text) => text.clone(),
        DynSolValue::Bool(flag) => flag.to_string(),
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::Bytes(bytes) => hex(bytes),
        DynSolValue::FixedBytes(word, size) => hex(&word[..*size]),
        other => format!("{other:?}"),
    }
}

/// Text that does nothing to a terminal: control characters are spelled out.
fn harmless(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars().take(LONGEST_LINE) {
        match letter {
            '\t' => line.push(letter),
            control if control.is_control() => line.extend(control.escape_default()),
            other => line.push(other),
        }
    }
    if text.chars().nth(LONGEST_LINE).is_some() {
        line.push('…');
    }
    line
}

/// Shows what contracts log while messages run.
struct Listener;

impl Interceptor for Listener {
    fn before_call(&self, call: &Call) -> Intercept {
        if let Some(line) = line_of(call) {
            tracing::info!(target: TARGET, "{line}");
        }
        Intercept::Proceed
    }
}

/// Who shows what contracts log; nobody while such lines go nowhere.
pub(crate) fn listener() -> Option<Arc<dyn Interceptor>> {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
        .then(|| Arc::new(Listener) as Arc<dyn Interceptor>)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{U256, hex};
    use alloy::sol_types::SolValue;

    use super::*;

    fn calldata(selector: &str, arguments: Vec<u8>) -> Vec<u8> {
        [hex::decode(selector).unwrap(), arguments].concat()
    }

    #[test]
    fn the_functions_of_both_libraries_are_known() {
        for (input, line) in [
            (
                calldata("41304fac", ("hello",).abi_encode_params()),
                "hello",
            ),
            (calldata("f82c50f1", (U256::from(7),).abi_encode()), "7"),
            (calldata("f5b1bba9", (U256::from(8),).abi_encode()), "8"),
            (calldata("32458eed", (true,).abi_encode()), "true"),
            (
                calldata("b60e72cc", ("n", U256::from(9)).abi_encode_params()),
                "n 9",
            ),
            (calldata("51973ec9", Vec::new()), ""),
        ] {
            assert_eq!(
                decode(&input).as_deref(),
                Some(line),
                "{}",
                hex::encode(&input)
            );
        }
        let known = functions();
        let selector = |text: &str| {
            let hash = keccak256(text);
            [hash[0], hash[1], hash[2], hash[3]]
        };
        for name in [
            "log(bytes)",
            "log(bytes32)",
            "logBytes32(bytes32)",
            "logInt(int256)",
            "log(address,uint256,string,bool)",
        ] {
            assert!(known.contains_key(&selector(name)), "{name}");
        }
    }

    #[test]
    fn directives_take_the_values_behind_the_text() {
        let number = |n: u64| DynSolValue::Uint(U256::from(n), 256);
        let text = |t: &str| DynSolValue::String(t.into());
        for (values, line) in [
            (vec![text("a %d of %s"), number(1), text("x")], "a 1 of x"),
            (vec![text("100%% %s"), number(1)], "100% 1"),
            (vec![text("%s %s"), number(1)], "1 %s"),
            (vec![text("left"), number(1), number(2)], "left 1 2"),
            (vec![text("%x"), number(255)], "0xff"),
            (vec![text("50%"), number(1)], "50% 1"),
        ] {
            assert_eq!(join(&values), line);
        }
    }

    #[test]
    fn a_contract_cannot_command_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert!(harmless(&"x".repeat(10_000)).chars().count() <= LONGEST_LINE + 1);
    }

    #[test]
    fn nonsense_is_no_line() {
        for input in [&[][..], &[1, 2, 3], &hex!("41304fac"), &hex!("00000000")] {
            assert_eq!(decode(input), None);
        }
    }
}
