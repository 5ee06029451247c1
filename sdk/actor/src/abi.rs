//! The machine-readable description of an actor, made from its source.
//!
//! `#[actor]` and `#[derive(AbiType)]` build an [`ActorAbi`] out of constants; no
//! code of it ends up in the Wasm. [`crate::entry!`] writes it as JSON into the
//! module's custom section [`SECTION`], where traces, the command line and the
//! explorer find it, for built-in and foreign actors alike.

use cid::Cid;
use fvm_ipld_bitfield::{BitField, UnvalidatedBitField};
use fvm_ipld_encoding::{BytesDe, BytesSer, RawBytes};
use fvm_shared::MethodNum;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::bigint::bigint_ser::BigIntDe;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::piece::PaddedPieceSize;
use fvm_shared::sector::{
    PoStProof, RegisteredAggregateProof, RegisteredPoStProof, RegisteredSealProof,
    RegisteredUpdateProof, SectorSize,
};

/// Name of the Wasm custom section that carries the description.
pub const SECTION: &str = "boatyard:abi";

/// An actor.
#[derive(Debug, Clone, Copy)]
pub struct ActorAbi {
    /// Manifest name for a built-in actor, any name otherwise.
    pub name: &'static str,
    /// First sentence of the actor's documentation.
    pub doc: &'static str,
    /// Its methods in the order of the source.
    pub methods: &'static [MethodAbi],
    /// Shape of its state object.
    pub state: Schema,
    /// Its own exit codes, from 32 on.
    pub exit_codes: &'static [(u32, &'static str)],
    /// Its events: name and fields.
    pub events: &'static [EventAbi],
}

/// A method.
#[derive(Debug, Clone, Copy)]
pub struct MethodAbi {
    /// Name in UpperCamelCase.
    pub name: &'static str,
    /// Number; a method with two numbers is listed twice.
    pub number: MethodNum,
    /// First sentence of its documentation.
    pub doc: &'static str,
    /// Parameters; [`Schema::Nothing`] when it takes none.
    pub params: Schema,
    /// Return value; [`Schema::Nothing`] when it returns no block.
    pub returns: Schema,
}

/// An event.
#[derive(Debug, Clone, Copy)]
pub struct EventAbi {
    /// Value of the entry `$type`.
    pub name: &'static str,
    /// Further entries in order.
    pub fields: &'static [(&'static str, Schema)],
}

/// Shape of an encoded value.
#[derive(Debug, Clone, Copy)]
pub enum Schema {
    /// No block at all.
    Nothing,
    /// A block that the actor reads itself.
    Raw,
    /// CBOR null.
    Null,
    /// Any CBOR value.
    Any,
    /// CBOR bool.
    Bool,
    /// Unsigned integer of at most 64 bits.
    Uint,
    /// Signed integer of at most 64 bits.
    Int,
    /// Byte string: sign byte and magnitude, empty for 0.
    BigInt,
    /// [`Schema::BigInt`] in attoFIL.
    TokenAmount,
    /// Byte string: up to 32 bytes, big-endian, leading zeros stripped.
    U256,
    /// Byte string: binary address.
    Address,
    /// Byte string of 20 bytes.
    EthAddress,
    /// CID link.
    Cid,
    /// Byte string.
    Bytes,
    /// Text string.
    Text,
    /// RLE+ bit field in a byte string.
    BitField,
    /// Null or a value.
    Optional(&'static Schema),
    /// Array of values.
    List(&'static Schema),
    /// Array of fields in order.
    Tuple {
        /// Name of the Rust type.
        name: &'static str,
        /// Name and shape of each field.
        fields: &'static [(&'static str, Schema)],
    },
    /// Link to the root of a HAMT.
    Map {
        /// Bits consumed per level.
        bit_width: u32,
        /// How keys are encoded.
        key: KeySchema,
        /// Shape of the values.
        value: &'static Schema,
    },
    /// Link to the root of an AMT.
    Array {
        /// Bits consumed per level.
        bit_width: u32,
        /// Shape of the values.
        value: &'static Schema,
    },
}

/// How the keys of a map are encoded (spec 00 §5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySchema {
    /// Unsigned LEB128.
    Uint,
    /// Zig-zag LEB128.
    Int,
    /// Binary address.
    Address,
    /// Binary CID.
    Cid,
    /// The bytes themselves.
    Bytes,
}

/// A type with a known shape. Derive it for tuple structs of parameters, returns
/// and states.
pub trait AbiType {
    /// The shape.
    const SCHEMA: Schema;
}

macro_rules! shapes {
    ($($schema:ident: $($kind:ty),+;)+) => {
        $($(
            impl AbiType for $kind {
                const SCHEMA: Schema = Schema::$schema;
            }
        )+)+
    };
}

shapes! {
    Null: ();
    Bool: bool;
    Uint: u8, u16, u32, u64;
    Int: i8, i16, i32, i64;
    BigInt: BigInt, BigIntDe;
    TokenAmount: TokenAmount;
    Address: Address;
    Cid: Cid;
    Bytes: RawBytes, BytesDe, Signature;
    Text: String, &str;
    BitField: BitField, UnvalidatedBitField;
    Uint: ExitCode, SectorSize, PaddedPieceSize;
    Int: RegisteredSealProof, RegisteredPoStProof, RegisteredUpdateProof, RegisteredAggregateProof;
}

impl AbiType for PoStProof {
    const SCHEMA: Schema = Schema::Tuple {
        name: "PoStProof",
        fields: &[("post_proof", Schema::Int), ("proof_bytes", Schema::Bytes)],
    };
}

impl AbiType for BytesSer<'_> {
    const SCHEMA: Schema = Schema::Bytes;
}

impl<T: AbiType> AbiType for Option<T> {
    const SCHEMA: Schema = Schema::Optional(&T::SCHEMA);
}

impl<T: AbiType> AbiType for Vec<T> {
    const SCHEMA: Schema = Schema::List(&T::SCHEMA);
}

/// Length in bytes of the JSON form.
pub const fn json_len(abi: &ActorAbi) -> usize {
    let mut out = Writer::<0>::new();
    out.actor(abi);
    out.len
}

/// The JSON form; `N` must be [`json_len`]. Works at compile time.
pub const fn json<const N: usize>(abi: &ActorAbi) -> [u8; N] {
    let mut out = Writer::<N>::new();
    out.actor(abi);
    assert!(out.len == N, "the buffer has the length of the description");
    out.bytes
}

/// The JSON form at run time.
pub fn json_text(abi: &ActorAbi) -> String {
    let mut out = Writer::<0>::new();
    let mut text = Vec::new();
    out.sink(&mut text, abi);
    String::from_utf8(text).expect("the description is made of strings")
}

/// Writes JSON into `N` bytes; counts on when they are full.
struct Writer<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Writer<N> {
    const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    fn sink(&mut self, text: &mut Vec<u8>, abi: &ActorAbi) {
        // Large enough for every actor of ours; grows until it fits.
        fn attempt<const N: usize>(abi: &ActorAbi) -> Option<Vec<u8>> {
            let mut out = Box::new(Writer::<N>::new());
            out.actor(abi);
            (out.len <= N).then(|| out.bytes[..out.len].to_vec())
        }
        *text = attempt::<{ 1 << 14 }>(abi)
            .or_else(|| attempt::<{ 1 << 17 }>(abi))
            .or_else(|| attempt::<{ 1 << 20 }>(abi))
            .expect("a description is shorter than 1 MiB");
        self.len = text.len();
    }

    const fn byte(&mut self, byte: u8) {
        if self.len < N {
            self.bytes[self.len] = byte;
        }
        self.len += 1;
    }

    const fn raw(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self.byte(bytes[i]);
            i += 1;
        }
    }

    const fn string(&mut self, text: &str) {
        self.byte(b'"');
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            match bytes[i] {
                b'"' => self.raw("\\\""),
                b'\\' => self.raw("\\\\"),
                b'\n' => self.raw("\\n"),
                0..=31 => self.byte(b' '),
                other => self.byte(other),
            }
            i += 1;
        }
        self.byte(b'"');
    }

    const fn number(&mut self, number: u64) {
        let mut divisor = 1u64;
        while number / divisor >= 10 {
            divisor *= 10;
        }
        while divisor > 0 {
            self.byte(b'0' + (number / divisor % 10) as u8);
            divisor /= 10;
        }
    }

    const fn actor(&mut self, abi: &ActorAbi) {
        self.raw("{\"name\":");
        self.string(abi.name);
        self.raw(",\"doc\":");
        self.string(abi.doc);
        self.raw(",\"methods\":[");
        let mut i = 0;
        while i < abi.methods.len() {
            self.comma(i);
            self.method(&abi.methods[i]);
            i += 1;
        }
        self.raw("],\"state\":");
        self.schema(&abi.state);
        self.raw(",\"exit_codes\":[");
        let mut i = 0;
        while i < abi.exit_codes.len() {
            self.comma(i);
            self.raw("{\"code\":");
            self.number(abi.exit_codes[i].0 as u64);
            self.raw(",\"name\":");
            self.string(abi.exit_codes[i].1);
            self.byte(b'}');
            i += 1;
        }
        self.raw("],\"events\":[");
        let mut i = 0;
        while i < abi.events.len() {
            self.comma(i);
            self.raw("{\"name\":");
            self.string(abi.events[i].name);
            self.raw(",\"fields\":");
            self.fields(abi.events[i].fields);
            self.byte(b'}');
            i += 1;
        }
        self.raw("]}");
    }

    const fn comma(&mut self, index: usize) {
        if index > 0 {
            self.byte(b',');
        }
    }

    const fn method(&mut self, method: &MethodAbi) {
        self.raw("{\"name\":");
        self.string(method.name);
        self.raw(",\"number\":");
        self.number(method.number);
        self.raw(",\"doc\":");
        self.string(method.doc);
        self.raw(",\"params\":");
        self.schema(&method.params);
        self.raw(",\"returns\":");
        self.schema(&method.returns);
        self.byte(b'}');
    }

    const fn fields(&mut self, fields: &[(&str, Schema)]) {
        self.byte(b'[');
        let mut i = 0;
        while i < fields.len() {
            self.comma(i);
            self.raw("{\"name\":");
            self.string(fields[i].0);
            self.raw(",\"type\":");
            self.schema(&fields[i].1);
            self.byte(b'}');
            i += 1;
        }
        self.byte(b']');
    }

    const fn schema(&mut self, schema: &Schema) {
        match schema {
            Schema::Nothing => self.string("nothing"),
            Schema::Raw => self.string("raw"),
            Schema::Null => self.string("null"),
            Schema::Any => self.string("any"),
            Schema::Bool => self.string("bool"),
            Schema::Uint => self.string("uint"),
            Schema::Int => self.string("int"),
            Schema::BigInt => self.string("bigint"),
            Schema::TokenAmount => self.string("token_amount"),
            Schema::U256 => self.string("u256"),
            Schema::Address => self.string("address"),
            Schema::EthAddress => self.string("eth_address"),
            Schema::Cid => self.string("cid"),
            Schema::Bytes => self.string("bytes"),
            Schema::Text => self.string("text"),
            Schema::BitField => self.string("bitfield"),
            Schema::Optional(inner) => {
                self.raw("{\"optional\":");
                self.schema(inner);
                self.byte(b'}');
            }
            Schema::List(inner) => {
                self.raw("{\"list\":");
                self.schema(inner);
                self.byte(b'}');
            }
            Schema::Tuple { name, fields } => {
                self.raw("{\"tuple\":{\"name\":");
                self.string(name);
                self.raw(",\"fields\":");
                self.fields(fields);
                self.raw("}}");
            }
            Schema::Map {
                bit_width,
                key,
                value,
            } => {
                self.raw("{\"map\":{\"bit_width\":");
                self.number(*bit_width as u64);
                self.raw(",\"key\":");
                self.string(match key {
                    KeySchema::Uint => "uint",
                    KeySchema::Int => "int",
                    KeySchema::Address => "address",
                    KeySchema::Cid => "cid",
                    KeySchema::Bytes => "bytes",
                });
                self.raw(",\"value\":");
                self.schema(value);
                self.raw("}}");
            }
            Schema::Array { bit_width, value } => {
                self.raw("{\"array\":{\"bit_width\":");
                self.number(*bit_width as u64);
                self.raw(",\"value\":");
                self.schema(value);
                self.raw("}}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: Schema = Schema::Tuple {
        name: "Point",
        fields: &[("x", Schema::Uint), ("y", <Option<Cid>>::SCHEMA)],
    };

    const SAMPLE: ActorAbi = ActorAbi {
        name: "sample",
        doc: "Says \"hello\".",
        methods: &[MethodAbi {
            name: "Move",
            number: 2_643_134_072,
            doc: "",
            params: POINT,
            returns: Schema::Nothing,
        }],
        state: Schema::Map {
            bit_width: 5,
            key: KeySchema::Address,
            value: &POINT,
        },
        exit_codes: &[(32, "TOO_FAR")],
        events: &[EventAbi {
            name: "moved",
            fields: &[("to", Schema::Bytes)],
        }],
    };

    const JSON: [u8; json_len(&SAMPLE)] = json(&SAMPLE);

    #[test]
    fn the_description_is_json_at_compile_time_and_at_run_time() {
        let text = std::str::from_utf8(&JSON).unwrap();
        assert_eq!(text, json_text(&SAMPLE));
        assert_eq!(
            text,
            concat!(
                r#"{"name":"sample","doc":"Says \"hello\".","methods":[{"name":"Move","number":2643134072,"#,
                r#""doc":"","params":{"tuple":{"name":"Point","fields":[{"name":"x","type":"uint"},"#,
                r#"{"name":"y","type":{"optional":"cid"}}]}},"returns":"nothing"}],"state":{"map":"#,
                r#"{"bit_width":5,"key":"address","value":{"tuple":{"name":"Point","fields":["#,
                r#"{"name":"x","type":"uint"},{"name":"y","type":{"optional":"cid"}}]}}}},"#,
                r#""exit_codes":[{"code":32,"name":"TOO_FAR"}],"#,
                r#""events":[{"name":"moved","fields":[{"name":"to","type":"bytes"}]}]}"#,
            )
        );
    }
}
