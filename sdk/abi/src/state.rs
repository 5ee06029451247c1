//! What is in an actor's state, through its maps and arrays.

use std::ops::ControlFlow;

use cid::Cid;
use minicbor::data::Type;
use minicbor::decode::Decoder;
use serde_json::{Map, Value, json};

use crate::address::{parse_address, parse_cid};
use crate::any;
use crate::decode::{DecodeError, Style, cid_json, decode_with, hex_text};
use crate::encode::parse_bytes;
use crate::schema::{KeySchema, Schema, folded};
use crate::tree::{Blocks, TreeError, get_in_array, get_in_map, item, link, walk_array, walk_map};

/// Why a part of a state cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The path goes on where nothing is left to name.
    #[error("{at}: {found} has no part `{asked}`{}", .parts.as_ref().map(|parts| format!("; it has {parts}")).unwrap_or_default())]
    NoSuchPart {
        /// The path up to here.
        at: String,
        /// What is there.
        found: String,
        /// The next segment.
        asked: String,
        /// What can be asked for instead.
        parts: Option<String>,
    },
    /// A segment is not a key of the map or array it stands for.
    #[error("{at}: `{asked}` is no {expected}: {reason}")]
    BadKey {
        /// The path up to here.
        at: String,
        /// The segment.
        asked: String,
        /// How keys are encoded.
        expected: String,
        /// What is wrong.
        reason: String,
    },
    /// The state is not as the actor's description says.
    #[error("the state is not as the actor's ABI says: {0}")]
    Decode(#[from] DecodeError),
    /// A map, an array or a block of theirs cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Which entries of maps and arrays to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Entries shown of the map or array that the path names.
    pub limit: usize,
    /// Its first entry to show: a key, or an index; `None` from the beginning.
    pub start: Option<String>,
    /// Entries shown of each map or array inside what the path names; 0 shows
    /// their links only.
    pub inner_limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: 50,
            start: None,
            inner_limit: 5,
        }
    }
}

/// Shows states. Holds the source of blocks and its limit.
pub struct StateReader<'a> {
    blocks: Blocks<'a>,
    style: Style,
}

impl<'a> StateReader<'a> {
    /// Reads blocks from there.
    pub fn new(blocks: Blocks<'a>, style: Style) -> Self {
        Self { blocks, style }
    }

    /// The state below `root`, or the part of it that `path` names.
    ///
    /// Segments of the path are field names or positions, keys of maps as people
    /// write them, indexes of arrays and lists. A map or array becomes an object
    ///
    /// ```json
    /// {"cid": {"/": "bafy…"}, "entries": {"f01001": 7}, "next": "f01002"}
    /// ```
    ///
    /// where `next` is the `start` of the following page, or null; arrays also
    /// tell their `count`. A state of unknown shape ([`Schema::Nothing`],
    /// [`Schema::Any`]) is read by its own CBOR.
    ///
    /// # Errors
    /// A path that leads nowhere, a state that is not as described, blocks that
    /// are missing or too many.
    pub fn read(
        &mut self,
        schema: &Schema,
        root: &Cid,
        path: &[&str],
        page: &Page,
    ) -> Result<Value, StateError> {
        let schema = match schema {
            Schema::Nothing => &Schema::Any,
            schema => schema,
        };
        let mut place = Place {
            schema: schema.clone(),
            item: self.blocks.get(root)?,
        };
        for (position, segment) in path.iter().enumerate() {
            let at = match position {
                0 => "the state".to_owned(),
                _ => path[..position].join("/"),
            };
            place = self.step(place, &at, segment)?;
        }
        self.show_named(&place, page)
    }

    /// From a value to a part of it.
    fn step(&mut self, place: Place, at: &str, segment: &str) -> Result<Place, StateError> {
        let Place { schema, item } = place;
        match schema {
            Schema::Optional(inner) if item != [0xf6] => self.step(
                Place {
                    schema: *inner,
                    item,
                },
                at,
                segment,
            ),
            Schema::Tuple { name, fields } => {
                let items = elements(&item, &name)?;
                let wanted = folded(segment);
                let position = segment
                    .parse::<usize>()
                    .ok()
                    .filter(|position| *position < fields.len())
                    .or_else(|| {
                        fields
                            .iter()
                            .position(|field| folded(&field.name) == wanted)
                    });
                match position.and_then(|position| fields.get(position).zip(items.get(position))) {
                    Some((field, item)) => Ok(Place {
                        schema: field.schema.clone(),
                        item: item.to_vec(),
                    }),
                    None => {
                        let names: Vec<&str> =
                            fields.iter().map(|field| field.name.as_str()).collect();
                        Err(no_such_part(at, &name, segment, Some(names.join(", "))))
                    }
                }
            }
            Schema::List(inner) => {
                let items = elements(&item, "a list")?;
                let found = segment
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index));
                match found {
                    Some(item) => Ok(Place {
                        schema: *inner,
                        item: item.to_vec(),
                    }),
                    None => Err(no_such_part(
                        at,
                        "a list",
                        segment,
                        Some(format!("{} entries, counted from 0", items.len())),
                    )),
                }
            }
            Schema::Map {
                bit_width,
                key,
                value,
            } => {
                let root = link_of(&item, "a map")?;
                let bytes =
                    key_bytes(key, segment).map_err(|reason| bad_key(at, segment, key, reason))?;
                match get_in_map(&mut self.blocks, &root, bit_width, &bytes)? {
                    Some(item) => Ok(Place {
                        schema: *value,
                        item,
                    }),
                    None => Err(no_such_part(at, "the map", segment, None)),
                }
            }
            Schema::Array { value, .. } => {
                let root = link_of(&item, "an array")?;
                let index = segment.parse().map_err(|_| {
                    bad_key(
                        at,
                        segment,
                        KeySchema::Uint,
                        "arrays are counted from 0".into(),
                    )
                })?;
                match get_in_array(&mut self.blocks, &root, index)? {
                    Some(item) => Ok(Place {
                        schema: *value,
                        item,
                    }),
                    None => Err(no_such_part(at, "the array", segment, None)),
                }
            }
            Schema::Cid => {
                let root = link_of(&item, "a link")?;
                let item = self.blocks.get(&root)?;
                self.step(
                    Place {
                        schema: Schema::Any,
                        item,
                    },
                    at,
                    segment,
                )
            }
            Schema::Any | Schema::Raw => self.step_unknown(item, at, segment),
            other => Err(no_such_part(
                at,
                &format!("a value of type {other}"),
                segment,
                None,
            )),
        }
    }

    /// The same for CBOR of unknown shape.
    fn step_unknown(
        &mut self,
        item: Vec<u8>,
        at: &str,
        segment: &str,
    ) -> Result<Place, StateError> {
        let found = |item: &[u8]| Place {
            schema: Schema::Any,
            item: item.to_vec(),
        };
        let mut input = Decoder::new(&item);
        match input.datatype() {
            Ok(Type::Tag) => {
                let root = link_of(&item, "a link")?;
                let item = self.blocks.get(&root)?;
                self.step_unknown(item, at, segment)
            }
            Ok(Type::Array) => {
                let items = elements(&item, "an array")?;
                segment
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index))
                    .map(|item| found(item))
                    .ok_or_else(|| {
                        let parts = format!("{} elements, counted from 0", items.len());
                        no_such_part(at, "an array", segment, Some(parts))
                    })
            }
            Ok(Type::Map) => {
                let count = input.map().ok().flatten().unwrap_or(0);
                for _ in 0..count {
                    let Ok(key) = input.str() else { break };
                    let Ok(value) = self::item(&mut input) else {
                        break;
                    };
                    if key == segment {
                        return Ok(found(value));
                    }
                }
                Err(no_such_part(at, "a CBOR map", segment, None))
            }
            Ok(kind) => Err(no_such_part(at, &format!("a CBOR {kind}"), segment, None)),
            Err(_) => Err(no_such_part(at, "an empty block", segment, None)),
        }
    }

    /// What the path names: links are followed once more.
    fn show_named(&mut self, place: &Place, page: &Page) -> Result<Value, StateError> {
        match &place.schema {
            Schema::Optional(inner) if place.item != [0xf6] => self.show_named(
                &Place {
                    schema: (**inner).clone(),
                    item: place.item.clone(),
                },
                page,
            ),
            Schema::Map { .. } | Schema::Array { .. } => self.collection(
                &place.schema,
                &place.item,
                page.limit,
                page.start.as_deref(),
                page,
            ),
            Schema::Cid => {
                let root = link_of(&place.item, "a link")?;
                match self.blocks.get(&root) {
                    Ok(block) => Ok(any::to_json(&block, self.style)),
                    // Many CIDs name things that are not in any state.
                    Err(TreeError::Missing(_)) => Ok(cid_json(&root, self.style)),
                    Err(error) => Err(error.into()),
                }
            }
            schema => self.show(schema, &place.item, page, 0),
        }
    }

    fn show(
        &mut self,
        schema: &Schema,
        item: &[u8],
        page: &Page,
        depth: usize,
    ) -> Result<Value, StateError> {
        /// As deep as values nest on chain.
        const MAX_DEPTH: usize = 128;
        match schema {
            _ if depth >= MAX_DEPTH => Ok(any::to_json(item, self.style)),
            Schema::Map { .. } | Schema::Array { .. } if page.inner_limit > 0 && depth < 4 => {
                self.collection_at(schema, item, page.inner_limit, None, page, depth)
            }
            Schema::Optional(inner) if item != [0xf6] => self.show(inner, item, page, depth + 1),
            Schema::List(inner) => {
                let mut values = Vec::new();
                for item in elements(item, "a list")? {
                    values.push(self.show(inner, item, page, depth + 1)?);
                }
                Ok(Value::Array(values))
            }
            Schema::Tuple { name, fields } => {
                let items = elements(item, name)?;
                if items.len() != fields.len() {
                    // Let the decoder say it in its words.
                    return Ok(decode_with(schema, item, self.style)?);
                }
                let mut object = Map::new();
                for (field, item) in fields.iter().zip(items) {
                    let value = self.show(&field.schema, item, page, depth + 1)?;
                    object.insert(field.name.clone(), value);
                }
                Ok(Value::Object(object))
            }
            schema => Ok(decode_with(schema, item, self.style)?),
        }
    }

    fn collection(
        &mut self,
        schema: &Schema,
        item: &[u8],
        limit: usize,
        start: Option<&str>,
        page: &Page,
    ) -> Result<Value, StateError> {
        self.collection_at(schema, item, limit, start, page, 0)
    }

    /// A page of a map or array.
    fn collection_at(
        &mut self,
        schema: &Schema,
        item: &[u8],
        limit: usize,
        start: Option<&str>,
        page: &Page,
        depth: usize,
    ) -> Result<Value, StateError> {
        let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
        let mut next = None;
        let mut take = |key: String, value: &[u8]| {
            if entries.len() >= limit {
                next = Some(key);
                return ControlFlow::Break(());
            }
            entries.push((key, value.to_vec()));
            ControlFlow::Continue(())
        };
        let (root, value, count) = match schema {
            Schema::Map {
                bit_width,
                key,
                value,
            } => {
                let root = link_of(item, "a map")?;
                let start = start
                    .map(|start| {
                        key_bytes(*key, start)
                            .map_err(|reason| bad_key("--start", start, *key, reason))
                    })
                    .transpose()?;
                walk_map(
                    &mut self.blocks,
                    &root,
                    *bit_width,
                    start.as_deref(),
                    &mut |bytes, value| take(key_text(*key, bytes), value),
                )?;
                (root, value, None)
            }
            Schema::Array { value, .. } => {
                let root = link_of(item, "an array")?;
                let start = match start {
                    None => 0,
                    Some(start) => start.parse().map_err(|_| {
                        bad_key(
                            "--start",
                            start,
                            KeySchema::Uint,
                            "arrays are counted from 0".into(),
                        )
                    })?,
                };
                let count = walk_array(&mut self.blocks, &root, start, &mut |index, value| {
                    take(index.to_string(), value)
                })?;
                (root, value, Some(count))
            }
            other => return Ok(decode_with(other, item, self.style)?),
        };
        let mut shown = Map::new();
        for (key, item) in entries {
            let value = self.show(value, &item, page, depth + 1)?;
            shown.insert(key, value);
        }
        let mut object = Map::new();
        object.insert("cid".into(), cid_json(&root, self.style));
        if let Some(count) = count {
            object.insert("count".into(), json!(count));
        }
        object.insert("entries".into(), Value::Object(shown));
        object.insert("next".into(), json!(next));
        Ok(Value::Object(object))
    }
}

/// A value on the way along a path.
struct Place {
    schema: Schema,
    item: Vec<u8>,
}

fn no_such_part(at: &str, found: &str, asked: &str, parts: Option<String>) -> StateError {
    StateError::NoSuchPart {
        at: at.to_owned(),
        found: found.to_owned(),
        asked: asked.to_owned(),
        parts,
    }
}

fn bad_key(at: &str, asked: &str, expected: KeySchema, reason: String) -> StateError {
    StateError::BadKey {
        at: at.to_owned(),
        asked: asked.to_owned(),
        expected: expected.to_string(),
        reason,
    }
}

/// The elements of an encoded array.
fn elements<'b>(item: &'b [u8], expected: &str) -> Result<Vec<&'b [u8]>, DecodeError> {
    let mut input = Decoder::new(item);
    let mut read = || {
        let count = input.array()?.unwrap_or(0);
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self::item(&mut input)?);
        }
        Ok::<_, minicbor::decode::Error>(items)
    };
    read().map_err(|_| mismatch(expected, item))
}

fn link_of(item: &[u8], expected: &str) -> Result<Cid, DecodeError> {
    link(&mut Decoder::new(item)).map_err(|_| mismatch(expected, item))
}

fn mismatch(expected: &str, item: &[u8]) -> DecodeError {
    DecodeError {
        path: crate::path::Path::default(),
        expected: expected.to_owned(),
        found: crate::diagnostic::diagnose(item),
    }
}

/// A key as people write it, from its bytes.
fn key_text(schema: KeySchema, bytes: &[u8]) -> String {
    let text = match schema {
        KeySchema::Uint => leb128(bytes).map(|number| number.to_string()),
        KeySchema::Int => {
            leb128(bytes).map(|number| ((number >> 1) as i64 ^ -((number & 1) as i64)).to_string())
        }
        KeySchema::Address => fvm_shared::address::Address::from_bytes(bytes)
            .ok()
            .map(|address| address.to_string()),
        KeySchema::Cid => Cid::try_from(bytes).ok().map(|cid| cid.to_string()),
        KeySchema::Bytes => None,
    };
    text.unwrap_or_else(|| hex_text(bytes))
}

/// The bytes of a key that people wrote; `0x…` always means the bytes themselves.
fn key_bytes(schema: KeySchema, text: &str) -> Result<Vec<u8>, String> {
    match schema {
        KeySchema::Uint => match text.parse::<u64>() {
            Ok(number) => Ok(to_leb128(number)),
            Err(error) => parse_bytes(text).map_err(|_| error.to_string()),
        },
        KeySchema::Int => match text.parse::<i64>() {
            Ok(number) => Ok(to_leb128(((number << 1) ^ (number >> 63)) as u64)),
            Err(error) => parse_bytes(text).map_err(|_| error.to_string()),
        },
        KeySchema::Address => parse_address(text).map(|address| address.to_bytes()),
        KeySchema::Cid => parse_cid(text).map(|cid| cid.to_bytes()),
        KeySchema::Bytes => Ok(parse_bytes(text).unwrap_or_else(|_| text.as_bytes().to_vec())),
    }
}

fn to_leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn leb128(bytes: &[u8]) -> Option<u64> {
    let (last, first) = bytes.split_last()?;
    let well_formed = bytes.len() <= 10
        && last & 0x80 == 0
        && first.iter().all(|byte| byte & 0x80 != 0)
        && !(bytes.len() == 10 && *last > 1);
    well_formed.then(|| {
        bytes.iter().enumerate().fold(0, |number, (i, byte)| {
            number | u64::from(byte & 0x7f) << (7 * i)
        })
    })
}

#[cfg(test)]
mod tests {
    use boatyard_sdk::{AbiType, ArrayRoot, MapRoot, abi as sdk};
    use fvm_ipld_blockstore::{Blockstore, MemoryBlockstore};
    use fvm_ipld_encoding::CborStore;
    use fvm_ipld_encoding::tuple::{Deserialize_tuple, Serialize_tuple};
    use fvm_shared::address::Address;
    use fvm_shared::econ::TokenAmount;
    use multihash_codetable::Code;

    use super::*;
    use crate::Abi;

    #[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
    struct Lane {
        redeemed: TokenAmount,
        nonce: u64,
    }

    #[derive(Serialize_tuple, Deserialize_tuple, AbiType)]
    struct State {
        owner: Option<Address>,
        lanes: ArrayRoot<Lane>,
        balances: MapRoot<Address, TokenAmount>,
        extra: Cid,
    }

    /// A state with 100 lanes and 20 balances, and its schema as read from JSON.
    fn sample(store: &MemoryBlockstore) -> (Schema, Cid) {
        let lanes = ArrayRoot::<Lane>::empty(store).unwrap();
        let mut lanes = lanes.load(store).unwrap();
        for index in 0..100 {
            let lane = Lane {
                redeemed: TokenAmount::from_whole(index as i64),
                nonce: index,
            };
            lanes.set(index * 3, lane).unwrap();
        }
        let balances = MapRoot::<Address, TokenAmount>::empty(store).unwrap();
        let mut balances = balances.load(store).unwrap();
        for id in 100..120 {
            balances
                .set(&Address::new_id(id), TokenAmount::from_atto(id))
                .unwrap();
        }
        let state = State {
            owner: Some(Address::new_id(7)),
            lanes: lanes.flush().unwrap(),
            balances: balances.flush().unwrap(),
            extra: store.put_cbor(&("deep", [1, 2]), Code::Blake2b256).unwrap(),
        };
        let root = store.put_cbor(&state, Code::Blake2b256).unwrap();
        let abi = sdk::ActorAbi {
            name: "sample",
            doc: "",
            methods: &[],
            state: State::SCHEMA,
            exit_codes: &[],
            events: &[],
        };
        (Abi::from_json(&sdk::json_text(&abi)).unwrap().state, root)
    }

    fn read(path: &[&str], page: &Page) -> Result<Value, StateError> {
        let store = MemoryBlockstore::default();
        let (schema, root) = sample(&store);
        let blocks = Blocks::new(|cid| store.get(cid).map_err(|e| e.to_string()), 1_000);
        StateReader::new(blocks, Style::People).read(&schema, &root, path, page)
    }

    #[test]
    fn a_state_is_shown_with_the_first_entries_of_its_collections() {
        let state = read(&[], &Page::default()).unwrap();
        assert_eq!(state["owner"], json!("f07"));
        assert_eq!(state["lanes"]["count"], json!(100));
        assert_eq!(state["lanes"]["next"], json!("15"));
        assert_eq!(
            state["lanes"]["entries"]["3"],
            json!({"redeemed": "1 FIL", "nonce": 1})
        );
        assert_eq!(state["balances"]["entries"].as_object().unwrap().len(), 5);
        let links = read(
            &[],
            &Page {
                inner_limit: 0,
                ..Page::default()
            },
        )
        .unwrap();
        assert!(links["lanes"].as_str().unwrap().starts_with("bafy"));
    }

    #[test]
    fn pages_follow_one_another_without_gaps() {
        let mut seen = std::collections::BTreeSet::new();
        let mut page = Page {
            limit: 7,
            ..Page::default()
        };
        loop {
            let part = read(&["balances"], &page).unwrap();
            let entries = part["entries"].as_object().unwrap().clone();
            assert!(entries.len() <= 7);
            seen.extend(
                entries
                    .into_iter()
                    .map(|(key, value)| format!("{key} {value}")),
            );
            match part["next"].as_str() {
                Some(next) => page.start = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 20);
        assert!(seen.contains("f0119 \"119 attoFIL\""), "{seen:?}");
        let part = read(
            &["lanes"],
            &Page {
                limit: 2,
                start: Some("290".into()),
                ..Page::default()
            },
        );
        let part = part.unwrap();
        assert_eq!(
            part["entries"]
                .as_object()
                .unwrap()
                .keys()
                .collect::<Vec<_>>(),
            ["291", "294"]
        );
        assert_eq!(part["next"], json!("297"));
    }

    #[test]
    fn a_path_leads_through_fields_keys_indexes_and_links() {
        for (path, expected) in [
            (&["owner"][..], json!("f07")),
            (&["Balances", "f0110"], json!("110 attoFIL")),
            (&["lanes", "6", "nonce"], json!(2)),
            (&["1", "6", "0"], json!("2 FIL")),
            (&["extra"], json!(["deep", [1, 2]])),
            (&["extra", "1", "0"], json!(1)),
        ] {
            assert_eq!(read(path, &Page::default()).unwrap(), expected, "{path:?}");
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_answered_with_what_there_is() {
        for (path, words) in [
            (
                &["ownr"][..],
                "the state: State has no part `ownr`; it has owner, lanes, balances, extra",
            ),
            (
                &["owner", "x"],
                "owner: a value of type address has no part `x`",
            ),
            (
                &["balances", "f0999"],
                "balances: the map has no part `f0999`",
            ),
            (
                &["balances", "999"],
                "balances: `999` is no address: `999` is not an address; did you mean f0999?",
            ),
            (&["lanes", "1"], "lanes: the array has no part `1`"),
            (
                &["lanes", "x"],
                "lanes: `x` is no uint: arrays are counted from 0",
            ),
            (
                &["extra", "5"],
                "extra: an array has no part `5`; it has 2 elements, counted from 0",
            ),
        ] {
            assert_eq!(read(path, &Page::default()).unwrap_err().to_string(), words);
        }
    }

    #[test]
    fn the_limit_on_blocks_holds() {
        let store = MemoryBlockstore::default();
        let (schema, root) = sample(&store);
        let blocks = Blocks::new(|cid| store.get(cid).map_err(|e| e.to_string()), 3);
        let error = StateReader::new(blocks, Style::Data)
            .read(
                &schema,
                &root,
                &["lanes"],
                &Page {
                    limit: 1_000,
                    ..Page::default()
                },
            )
            .unwrap_err();
        assert_eq!(error, StateError::Tree(TreeError::TooManyBlocks(3)));
    }

    #[test]
    fn a_state_that_is_not_as_described_is_reported_not_guessed() {
        let store = MemoryBlockstore::default();
        let (schema, _) = sample(&store);
        let root = store.put_cbor(&(1, 2), Code::Blake2b256).unwrap();
        let blocks = || Blocks::new(|cid| store.get(cid).map_err(|e| e.to_string()), 10);
        let error = StateReader::new(blocks(), Style::Data)
            .read(&schema, &root, &[], &Page::default())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("expected State of 4 fields, found 2 fields"),
            "{error}"
        );
        let unknown = StateReader::new(blocks(), Style::Data)
            .read(&Schema::Nothing, &root, &[], &Page::default())
            .unwrap();
        assert_eq!(unknown, json!([1, 2]));
    }

    #[test]
    fn keys_read_as_they_are_written() {
        for (schema, text) in [
            (KeySchema::Uint, "18446744073709551615"),
            (KeySchema::Uint, "0"),
            (KeySchema::Int, "-9223372036854775808"),
            (KeySchema::Int, "77"),
            (KeySchema::Address, "f01001"),
            (KeySchema::Bytes, "0x00ff"),
        ] {
            let bytes = key_bytes(schema, text).unwrap();
            assert_eq!(key_text(schema, &bytes), text);
        }
        assert_eq!(key_bytes(KeySchema::Bytes, "plain").unwrap(), b"plain");
        assert_eq!(key_text(KeySchema::Uint, &[0x80]), "0x80");
        assert_eq!(
            key_text(KeySchema::Uint, &[0xff; 11]),
            format!("0x{}", "ff".repeat(11))
        );
    }
}
