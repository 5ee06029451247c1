//! Names instead of bytes for Solidity: calls, logs, errors.
//!
//! Built on alloy's types. Values become JSON: numbers of up to 48 bits are
//! numbers, larger ones strings of digits; addresses have their checksum; bytes
//! are `0x…`; structs and tuples are arrays, or objects if their fields are named.

use std::borrow::Cow;
use std::collections::BTreeMap;

use alloy::dyn_abi::{DynSolType, DynSolValue, EventExt, FunctionExt, JsonAbiExt, Specifier};
use alloy::json_abi::{AbiItem, Constructor, Event, Function, JsonAbi, Param};
use alloy::primitives::{B256, Selector};
use serde_json::{Map, Value, json};

use crate::address::{parse_address, to_eth};
use crate::decode::{counted, hex_text};
use crate::event::DecodedEvent;
use crate::schema::folded;

/// Why a contract's description or a value for it is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvmAbiError {
    /// The text is no ABI.
    #[error("not a contract ABI: {0}")]
    Parse(String),
    /// No function of that name.
    #[error("the ABI has no function `{asked}`{}", if .names.is_empty() { String::new() } else { format!("; it has {}", .names.join(", ")) })]
    NoSuchFunction {
        /// What was asked for.
        asked: String,
        /// What there is.
        names: Vec<String>,
    },
    /// Several functions of that name.
    #[error("`{asked}` is ambiguous; write one of {}", .signatures.join(", "))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// The candidates.
        signatures: Vec<String>,
    },
    /// The wrong number of arguments.
    #[error("{signature} takes {}, got {got}", counted(*.expected as u64, "argument"))]
    Count {
        /// The function.
        signature: String,
        /// How many it takes.
        expected: usize,
        /// How many there were.
        got: usize,
    },
    /// An argument is not of its type.
    #[error("argument {position} of {signature}: expected {expected}, got {got}: {reason}")]
    Argument {
        /// Counted from 1.
        position: usize,
        /// The function.
        signature: String,
        /// The Solidity type.
        expected: String,
        /// The value.
        got: String,
        /// What is wrong.
        reason: String,
    },
    /// Returned bytes are not of the types that the function returns.
    #[error("{signature}: the returned bytes {bytes} do not decode: {reason}")]
    Output {
        /// The function.
        signature: String,
        /// What was returned.
        bytes: String,
        /// What is wrong.
        reason: String,
    },
}

/// A call in words.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedCall {
    /// Name of the function.
    pub name: String,
    /// Canonical signature.
    pub signature: String,
    /// Arguments in order with their names (`""` if they have none).
    pub arguments: Vec<(String, Value)>,
}

impl DecodedCall {
    /// As an object of its arguments; those without a name are numbered.
    pub fn to_json(&self) -> Value {
        named(&self.arguments)
    }
}

/// What a contract, or several, say about themselves.
#[derive(Debug, Clone, Default)]
pub struct EvmAbi {
    functions: BTreeMap<Selector, Function>,
    /// By first topic; several may differ in what they index.
    events: BTreeMap<B256, Vec<Event>>,
    errors: BTreeMap<Selector, alloy::json_abi::Error>,
    constructor: Option<Constructor>,
}

/// What everybody uses, and the interfaces between Solidity and native actors
/// (spec 02).
const WELL_KNOWN: &[&str] = &[
    // ERC-20, ERC-721, ERC-165.
    "function name() view returns (string)",
    "function symbol() view returns (string)",
    "function decimals() view returns (uint8)",
    "function totalSupply() view returns (uint256)",
    "function balanceOf(address owner) view returns (uint256)",
    "function transfer(address to, uint256 amount) returns (bool)",
    "function transferFrom(address from, address to, uint256 amount) returns (bool)",
    "function approve(address spender, uint256 amount) returns (bool)",
    "function allowance(address owner, address spender) view returns (uint256)",
    "function ownerOf(uint256 tokenId) view returns (address)",
    "function safeTransferFrom(address from, address to, uint256 tokenId)",
    "function setApprovalForAll(address operator, bool approved)",
    "function supportsInterface(bytes4 interfaceId) view returns (bool)",
    "function owner() view returns (address)",
    "event Transfer(address indexed from, address indexed to, uint256 value)",
    "event Transfer(address indexed from, address indexed to, uint256 indexed tokenId)",
    "event Approval(address indexed owner, address indexed spender, uint256 value)",
    "event ApprovalForAll(address indexed owner, address indexed operator, bool approved)",
    "event OwnershipTransferred(address indexed previousOwner, address indexed newOwner)",
    // Native actors that call a contract.
    "function handle_filecoin_method(uint64 method, uint64 codec, bytes params) returns (uint32 exitCode, uint64 returnCodec, bytes returnData)",
    // What every contract may fail with.
    "error Error(string reason)",
    "error Panic(uint256 code)",
    // OpenZeppelin.
    "error OwnableUnauthorizedAccount(address account)",
    "error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)",
    "error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)",
];

impl EvmAbi {
    /// The interfaces that everybody uses.
    pub fn well_known() -> Self {
        let mut abi = Self::default();
        for line in WELL_KNOWN {
            let item = AbiItem::parse(line).expect("the lines are tested");
            abi.insert(item);
        }
        abi
    }

    /// Reads a JSON ABI, a compiler's artefact with a member `abi`, or lines of
    /// Solidity (`function balanceOf(address) view returns (uint256)`).
    ///
    /// # Errors
    /// [`EvmAbiError::Parse`].
    pub fn parse(text: &str) -> Result<Self, EvmAbiError> {
        let refuse = |reason: String| EvmAbiError::Parse(reason);
        let mut abi = Self::default();
        if text.trim_start().starts_with(['{', '[']) {
            let value: Value =
                serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
            let items = match &value {
                Value::Object(object) => object.get("abi").cloned(),
                _ => Some(value.clone()),
            };
            let items = items.ok_or_else(|| refuse("the JSON has no member `abi`".into()))?;
            let json_abi: JsonAbi = serde_json::from_str(&items.to_string())
                .map_err(|error| refuse(error.to_string()))?;
            for item in json_abi.into_items() {
                abi.insert(item);
            }
            return Ok(abi);
        }
        for line in text.lines().map(str::trim) {
            let line = line.trim_end_matches(';');
            if line.is_empty() || line.starts_with("//") {
                continue;
            }
            let item =
                AbiItem::parse(line).map_err(|error| refuse(format!("`{line}`: {error}")))?;
            abi.insert(item);
        }
        Ok(abi)
    }

    /// Adds what another description knows; what is known already stays.
    pub fn extend(&mut self, other: Self) {
        for (selector, function) in other.functions {
            self.functions.entry(selector).or_insert(function);
        }
        for event in other.events.into_values().flatten() {
            self.insert(AbiItem::Event(Cow::Owned(event)));
        }
        for (selector, error) in other.errors {
            self.errors.entry(selector).or_insert(error);
        }
        self.constructor = self.constructor.take().or(other.constructor);
    }

    fn insert(&mut self, item: AbiItem<'_>) {
        match item {
            AbiItem::Function(function) => {
                self.functions
                    .entry(function.selector())
                    .or_insert_with(|| function.into_owned());
            }
            AbiItem::Event(event) => {
                let known = self.events.entry(event.selector()).or_default();
                if !known.iter().any(|other| indexes(other) == indexes(&event)) {
                    known.push(event.into_owned());
                }
            }
            AbiItem::Error(error) => {
                self.errors
                    .entry(error.selector())
                    .or_insert_with(|| error.into_owned());
            }
            AbiItem::Constructor(constructor) => {
                self.constructor = Some(constructor.into_owned());
            }
            AbiItem::Fallback(_) | AbiItem::Receive(_) => {}
        }
    }

    /// Its functions, by signature.
    pub fn functions(&self) -> Vec<&Function> {
        let mut functions: Vec<&Function> = self.functions.values().collect();
        functions.sort_by_key(|function| function.signature());
        functions
    }

    /// Its constructor's parameters; none if it has none.
    pub fn constructor(&self) -> Constructor {
        self.constructor.clone().unwrap_or(Constructor {
            inputs: Vec::new(),
            state_mutability: alloy::json_abi::StateMutability::NonPayable,
        })
    }

    /// The function of a name or signature; among several of one name the one
    /// that takes `arguments` arguments.
    ///
    /// # Errors
    /// There is none, or several would do.
    pub fn function(&self, asked: &str, arguments: usize) -> Result<&Function, EvmAbiError> {
        let signature: String = asked
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        if let Some(found) = self
            .functions
            .values()
            .find(|function| function.signature() == signature)
        {
            return Ok(found);
        }
        let named: Vec<&Function> = {
            let exact: Vec<&Function> = self
                .functions
                .values()
                .filter(|f| f.name == asked)
                .collect();
            match exact.is_empty() {
                false => exact,
                true => self
                    .functions
                    .values()
                    .filter(|function| folded(&function.name) == folded(asked))
                    .collect(),
            }
        };
        let fitting: Vec<&&Function> = named
            .iter()
            .filter(|function| function.inputs.len() == arguments)
            .collect();
        match (named.as_slice(), fitting.as_slice()) {
            ([only], _) => Ok(only),
            (_, [only]) => Ok(only),
            ([], _) => {
                let mut names: Vec<String> = self
                    .functions
                    .values()
                    .map(|function| function.name.clone())
                    .collect();
                names.sort();
                names.dedup();
                names.truncate(20);
                Err(EvmAbiError::NoSuchFunction {
                    asked: asked.to_owned(),
                    names,
                })
            }
            _ => Err(EvmAbiError::Ambiguous {
                asked: asked.to_owned(),
                signatures: named.iter().map(|function| function.signature()).collect(),
            }),
        }
    }

    /// A call's input in words; `None` for a selector that is not known, or
    /// input that is not of its types.
    pub fn decode_call(&self, input: &[u8]) -> Option<DecodedCall> {
        let selector = Selector::try_from(input.get(..4)?).ok()?;
        let function = self.functions.get(&selector)?;
        let values = function.abi_decode_input(&input[4..]).ok()?;
        Some(DecodedCall {
            name: function.name.clone(),
            signature: function.signature(),
            arguments: function
                .inputs
                .iter()
                .zip(&values)
                .map(|(param, value)| (param.name.clone(), param_json(param, value)))
                .collect(),
        })
    }

    /// What a call returned in words; `None` for a selector that is not known, or
    /// output that is not of its types.
    pub fn decode_result(&self, input: &[u8], output: &[u8]) -> Option<Value> {
        let selector = Selector::try_from(input.get(..4)?).ok()?;
        decode_output(self.functions.get(&selector)?, output).ok()
    }

    /// A log in words; `None` for an event that is not known.
    pub fn decode_log(&self, topics: &[[u8; 32]], data: &[u8]) -> Option<DecodedEvent> {
        let selector = B256::from(*topics.first()?);
        let topics: Vec<B256> = topics.iter().map(|topic| B256::from(*topic)).collect();
        self.events.get(&selector)?.iter().find_map(|event| {
            let decoded = event.decode_log_parts(topics.iter().copied(), data).ok()?;
            let (mut indexed, mut body) = (decoded.indexed.into_iter(), decoded.body.into_iter());
            let fields = event
                .inputs
                .iter()
                .enumerate()
                .map(|(position, input)| {
                    let value = if input.indexed {
                        indexed.next()
                    } else {
                        body.next()
                    };
                    let name = match input.name.as_str() {
                        "" => position.to_string(),
                        name => name.to_owned(),
                    };
                    Some((name, value_json(&value?)))
                })
                .collect::<Option<Vec<_>>>()?;
            Some(DecodedEvent {
                name: Some(event.name.clone()),
                fields,
            })
        })
    }

    /// Why a call was reverted, in words: `Error(string)`'s text, a panic's
    /// meaning, a known error with its arguments, or the bytes.
    ///
    /// ```
    /// # use boatyard_abi::EvmAbi;
    /// let panic = [&[0x4e, 0x48, 0x7b, 0x71][..], &[0; 31], &[0x11]].concat();
    /// assert_eq!(EvmAbi::well_known().decode_revert(&panic), "Panic(0x11): arithmetic overflow or underflow");
    /// ```
    pub fn decode_revert(&self, data: &[u8]) -> String {
        let known = data
            .get(..4)
            .and_then(|selector| Selector::try_from(selector).ok())
            .and_then(|selector| self.errors.get(&selector))
            .and_then(|error| Some((error, error.abi_decode_input(&data[4..]).ok()?)));
        match known {
            None if data.is_empty() => "no reason given".into(),
            None => hex_text(data),
            Some((error, values)) => match (error.signature().as_str(), values.as_slice()) {
                ("Error(string)", [DynSolValue::String(reason)]) => reason.clone(),
                ("Panic(uint256)", [DynSolValue::Uint(code, _)]) => {
                    let meaning = u64::try_from(*code).ok().and_then(panic_meaning);
                    format!("Panic({code:#x}): {}", meaning.unwrap_or("unknown"))
                }
                _ => {
                    let arguments: Vec<String> = error
                        .inputs
                        .iter()
                        .zip(&values)
                        .map(|(param, value)| match param.name.as_str() {
                            "" => param_json(param, value).to_string(),
                            name => format!("{name}: {}", param_json(param, value)),
                        })
                        .collect();
                    format!("{}({})", error.name, arguments.join(", "))
                }
            },
        }
    }
}

/// Which parameters of an event are indexed.
fn indexes(event: &Event) -> Vec<bool> {
    event.inputs.iter().map(|input| input.indexed).collect()
}

/// Source: Solidity documentation, "Panic via assert and Error via require".
fn panic_meaning(code: u64) -> Option<&'static str> {
    Some(match code {
        0x00 => "a panic inserted by the compiler",
        0x01 => "an assertion failed",
        0x11 => "arithmetic overflow or underflow",
        0x12 => "division or remainder by zero",
        0x21 => "no such value of an enumeration",
        0x22 => "a byte array in storage is badly encoded",
        0x31 => "pop from an empty array",
        0x32 => "an index beyond the end of an array",
        0x41 => "too much memory, or an array that is too large",
        0x51 => "a call to an internal function that was never set",
        _ => return None,
    })
}

/// A function from its signature: `transfer(address,uint256)`,
/// `balanceOf(address)(uint256)`, or Solidity's own `function … returns (…)`.
///
/// # Errors
/// [`EvmAbiError::Parse`].
pub fn parse_function(signature: &str) -> Result<Function, EvmAbiError> {
    let function = Function::parse(signature)
        .map_err(|error| EvmAbiError::Parse(format!("`{signature}`: {error}")))?;
    // Unknown types are found here rather than at the first call.
    for param in function.inputs.iter().chain(&function.outputs) {
        param
            .resolve()
            .map_err(|error| EvmAbiError::Parse(format!("`{signature}`: {error}")))?;
    }
    Ok(function)
}

/// The input of a call: selector and arguments.
///
/// Arguments may be strings as people write them (also `f…` addresses and
/// `1 ether`) or JSON values.
///
/// # Errors
/// A wrong number of arguments, or one that is not of its type.
pub fn encode_call(function: &Function, arguments: &[Value]) -> Result<Vec<u8>, EvmAbiError> {
    let signature = function.signature();
    let values = coerce_all(&signature, &function.inputs, arguments)?;
    function
        .abi_encode_input(&values)
        .map_err(|error| EvmAbiError::Parse(format!("{signature}: {error}")))
}

/// What is appended to init code: the constructor's arguments.
///
/// # Errors
/// A wrong number of arguments, or one that is not of its type.
pub fn encode_constructor(
    constructor: &Constructor,
    arguments: &[Value],
) -> Result<Vec<u8>, EvmAbiError> {
    let values = coerce_all("the constructor", &constructor.inputs, arguments)?;
    constructor
        .abi_encode_input(&values)
        .map_err(|error| EvmAbiError::Parse(format!("the constructor: {error}")))
}

/// What a function returned: the value, or an array or object of several.
///
/// # Errors
/// [`EvmAbiError::Output`].
pub fn decode_output(function: &Function, bytes: &[u8]) -> Result<Value, EvmAbiError> {
    let values = function
        .abi_decode_output(bytes)
        .map_err(|error| EvmAbiError::Output {
            signature: function.signature(),
            bytes: hex_text(bytes),
            reason: error.to_string(),
        })?;
    let outputs: Vec<(String, Value)> = function
        .outputs
        .iter()
        .zip(&values)
        .map(|(param, value)| (param.name.clone(), param_json(param, value)))
        .collect();
    Ok(match outputs.as_slice() {
        [] => Value::Null,
        [(_, only)] => only.clone(),
        several if several.iter().all(|(name, _)| !name.is_empty()) => named(several),
        several => Value::Array(several.iter().map(|(_, value)| value.clone()).collect()),
    })
}

fn coerce_all(
    signature: &str,
    inputs: &[Param],
    arguments: &[Value],
) -> Result<Vec<DynSolValue>, EvmAbiError> {
    if inputs.len() != arguments.len() {
        return Err(EvmAbiError::Count {
            signature: signature.to_owned(),
            expected: inputs.len(),
            got: arguments.len(),
        });
    }
    inputs
        .iter()
        .zip(arguments)
        .enumerate()
        .map(|(position, (param, argument))| {
            param
                .resolve()
                .map_err(|error| error.to_string())
                .and_then(|kind| coerce(&kind, argument, 0))
                .map_err(|reason| EvmAbiError::Argument {
                    position: position + 1,
                    signature: signature.to_owned(),
                    expected: param.selector_type().into_owned(),
                    got: argument.to_string(),
                    reason,
                })
        })
        .collect()
}

fn coerce(kind: &DynSolType, value: &Value, depth: usize) -> Result<DynSolValue, String> {
    if depth > 64 {
        return Err("nested too deeply".into());
    }
    let each = |kinds: &mut dyn Iterator<Item = &DynSolType>, values: &[Value]| {
        values
            .iter()
            .zip(kinds)
            .map(|(value, kind)| coerce(kind, value, depth + 1))
            .collect::<Result<Vec<_>, _>>()
    };
    match (kind, value) {
        (DynSolType::String, Value::String(text)) => Ok(DynSolValue::String(text.clone())),
        (DynSolType::Address, Value::String(text)) => {
            let address = parse_address(text)?;
            let bytes = to_eth(&address).ok_or(
                "only 0x…, f410f… and f0… have an Ethereum form without a look at the chain",
            )?;
            Ok(DynSolValue::Address(bytes.into()))
        }
        (DynSolType::Array(inner), Value::Array(values)) => {
            let mut kinds = std::iter::repeat(&**inner);
            Ok(DynSolValue::Array(each(&mut kinds, values)?))
        }
        (DynSolType::FixedArray(inner, length), Value::Array(values)) => {
            if values.len() != *length {
                return Err(format!("{length} elements belong here"));
            }
            let mut kinds = std::iter::repeat(&**inner);
            Ok(DynSolValue::FixedArray(each(&mut kinds, values)?))
        }
        (DynSolType::Tuple(kinds), Value::Array(values)) => {
            if values.len() != kinds.len() {
                return Err(format!("{} elements belong here", kinds.len()));
            }
            Ok(DynSolValue::Tuple(each(&mut kinds.iter(), values)?))
        }
        (_, Value::String(text)) => kind.coerce_str(text).map_err(|error| error.to_string()),
        (_, Value::Number(_) | Value::Bool(_)) => kind
            .coerce_str(&value.to_string())
            .map_err(|error| error.to_string()),
        _ => Err("a value of another kind".into()),
    }
}

/// A value with the names of its fields, where it has some.
fn param_json(param: &Param, value: &DynSolValue) -> Value {
    match value {
        DynSolValue::Tuple(values) if param.components.len() == values.len() => {
            let fields: Vec<(String, Value)> = param
                .components
                .iter()
                .zip(values)
                .map(|(param, value)| (param.name.clone(), param_json(param, value)))
                .collect();
            if fields.iter().all(|(name, _)| !name.is_empty()) {
                named(&fields)
            } else {
                value_json(value)
            }
        }
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => Value::Array(
            values
                .iter()
                .map(|value| param_json(param, value))
                .collect(),
        ),
        _ => value_json(value),
    }
}

fn value_json(value: &DynSolValue) -> Value {
    match value {
        DynSolValue::Bool(value) => json!(value),
        DynSolValue::Int(number, bits) if *bits <= 48 => json!(number.as_i64()),
        DynSolValue::Int(number, _) => json!(number.to_string()),
        DynSolValue::Uint(number, bits) if *bits <= 48 => json!(number.saturating_to::<u64>()),
        DynSolValue::Uint(number, _) => json!(number.to_string()),
        DynSolValue::FixedBytes(word, size) => {
            json!(hex_text(word.get(..*size).unwrap_or(word.as_slice())))
        }
        DynSolValue::Address(address) => json!(address.to_checksum(None)),
        DynSolValue::Function(function) => json!(hex_text(function.as_slice())),
        DynSolValue::Bytes(bytes) => json!(hex_text(bytes)),
        DynSolValue::String(text) => json!(text),
        DynSolValue::Array(values)
        | DynSolValue::FixedArray(values)
        | DynSolValue::Tuple(values)
        | DynSolValue::CustomStruct { tuple: values, .. } => {
            Value::Array(values.iter().map(value_json).collect())
        }
    }
}

/// An object; members without a name are numbered.
fn named(members: &[(String, Value)]) -> Value {
    let mut object = Map::new();
    for (position, (name, value)) in members.iter().enumerate() {
        let name = match name.as_str() {
            "" => position.to_string(),
            name if object.contains_key(name) => format!("{name}#{position}"),
            name => name.to_owned(),
        };
        object.insert(name, value.clone());
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests;
