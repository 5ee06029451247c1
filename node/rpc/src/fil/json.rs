//! The JSON dialect of `Filecoin.*` (spec 10 §4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_chain::block::{BeaconEntry, BlockHeader, Tipset, TipsetKey};
use boatyard_chain::message::{Signature, SignatureKind, SignedMessage, message_cid};
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::receipt::Receipt;
use fvm_shared::state::ActorState;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::params::{Atto, Base64, CidParam, FilAddress, param_by_serde};
use crate::registry::Param;

/// Text of an address, with the letter of test networks.
pub fn address_text(address: &Address) -> String {
    let mut text = address.to_string();
    text.replace_range(0..1, "t");
    text
}

/// A type that is written as JSON in the Filecoin dialect.
macro_rules! written {
    ($($(#[$meta:meta])* $name:ident($inner:ty) = |$value:ident, $out:ident| $body:expr;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(pub $inner);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, $out: S) -> Result<S::Ok, S::Error> {
                let $value = &self.0;
                $body
            }
        }

        impl From<$inner> for $name {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }
    )+};
}

written! {
    /// `{"/": "bafy…"}`
    CidJson(Cid) = |cid, out| {
        use serde::ser::SerializeMap;
        let mut map = out.serialize_map(Some(1))?;
        map.serialize_entry("/", &cid.to_string())?;
        map.end()
    };
    /// `"t…"`
    AddressJson(Address) = |address, out| out.serialize_str(&address_text(address));
    /// Decimal text of attoFIL.
    #[derive(Default)]
    AttoJson(TokenAmount) = |amount, out| out.collect_str(amount.atto());
    /// Decimal text.
    BigJson(BigInt) = |number, out| out.collect_str(number);
    /// Base64; `null` when empty, as Go writes nil.
    #[derive(Default)]
    BytesJson(Vec<u8>) = |bytes, out| if bytes.is_empty() {
        out.serialize_none()
    } else {
        out.serialize_str(&BASE64.encode(bytes))
    };
    /// Base64, also when empty.
    BlobJson(Vec<u8>) = |bytes, out| out.serialize_str(&BASE64.encode(bytes));
    /// Array of CIDs.
    KeyJson(TipsetKey) = |key, out| out.collect_seq(key.cids().iter().map(|cid| CidJson(*cid)));
}

/// Reads through a parameter type, for fields of objects.
fn by_param<'de, D: Deserializer<'de>, T: Param>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match T::missing() {
        Some(default) if value.is_null() => Ok(default),
        _ => T::read(value).map_err(serde::de::Error::custom),
    }
}

macro_rules! read {
    ($($name:ident by $param:ident;)+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                by_param::<D, $param>(deserializer).map(|param| Self(param.0))
            }
        }
    )+};
}

read! {
    CidJson by CidParam;
    AddressJson by FilAddress;
    AttoJson by Atto;
    BytesJson by Base64;
    BlobJson by Base64;
}

/// A message. On input missing fields are zero and `CID` is ignored.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageJson {
    /// Always 0.
    #[serde(default)]
    pub version: u64,
    /// Receiver.
    pub to: AddressJson,
    /// Sender.
    pub from: AddressJson,
    /// Sequence.
    #[serde(default)]
    pub nonce: u64,
    /// attoFIL.
    #[serde(default)]
    pub value: AttoJson,
    /// Gas limit.
    #[serde(default)]
    pub gas_limit: i64,
    /// attoFIL per gas.
    #[serde(default)]
    pub gas_fee_cap: AttoJson,
    /// attoFIL per gas.
    #[serde(default)]
    pub gas_premium: AttoJson,
    /// Method number.
    #[serde(default)]
    pub method: u64,
    /// Parameters.
    #[serde(default)]
    pub params: BytesJson,
    /// CID of the unsigned message.
    #[serde(rename = "CID", skip_deserializing, default)]
    pub cid: Option<CidJson>,
}

impl From<&Message> for MessageJson {
    fn from(message: &Message) -> Self {
        Self {
            version: message.version,
            to: message.to.into(),
            from: message.from.into(),
            nonce: message.sequence,
            value: message.value.clone().into(),
            gas_limit: i64::try_from(message.gas_limit).unwrap_or(i64::MAX),
            gas_fee_cap: message.gas_fee_cap.clone().into(),
            gas_premium: message.gas_premium.clone().into(),
            method: message.method_num,
            params: message.params.to_vec().into(),
            cid: Some(message_cid(message).into()),
        }
    }
}

impl MessageJson {
    /// The message itself.
    ///
    /// # Errors
    /// When the gas limit is negative.
    pub fn into_message(self) -> Result<Message, crate::RpcError> {
        Ok(Message {
            version: self.version,
            from: self.from.0,
            to: self.to.0,
            sequence: self.nonce,
            value: self.value.0,
            method_num: self.method,
            params: self.params.0.into(),
            gas_limit: u64::try_from(self.gas_limit).map_err(|_| {
                crate::RpcError::invalid_params(format!("GasLimit {} is negative", self.gas_limit))
            })?,
            gas_fee_cap: self.gas_fee_cap.0,
            gas_premium: self.gas_premium.0,
        })
    }
}

/// A signature.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SignatureJson {
    /// 1 secp256k1, 2 BLS, 3 delegated.
    #[serde(rename = "Type")]
    pub kind: u8,
    /// The bytes.
    pub data: BlobJson,
}

impl From<&Signature> for SignatureJson {
    fn from(signature: &Signature) -> Self {
        Self {
            kind: signature.kind as u8,
            data: signature.data.clone().into(),
        }
    }
}

impl SignatureJson {
    /// The signature itself.
    ///
    /// # Errors
    /// When its type is unknown.
    pub fn into_signature(self) -> Result<Signature, crate::RpcError> {
        let kind = SignatureKind::from_number(self.kind).ok_or_else(|| {
            crate::RpcError::invalid_params(format!(
                "signature type {}, known are 1 (secp256k1), 2 (BLS) and 3 (delegated)",
                self.kind
            ))
        })?;
        Ok(Signature {
            kind,
            data: self.data.0,
        })
    }
}

/// A signed message.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SignedMessageJson {
    /// Message.
    pub message: MessageJson,
    /// Signature.
    pub signature: SignatureJson,
    /// CID of the signed message; for BLS of the unsigned one.
    #[serde(rename = "CID", skip_deserializing, default)]
    pub cid: Option<CidJson>,
}

impl From<&SignedMessage> for SignedMessageJson {
    fn from(signed: &SignedMessage) -> Self {
        Self {
            message: (&signed.message).into(),
            signature: (&signed.signature).into(),
            cid: Some(signed.cid().into()),
        }
    }
}

impl SignedMessageJson {
    /// The signed message itself.
    ///
    /// # Errors
    /// See its parts.
    pub fn into_signed(self) -> Result<SignedMessage, crate::RpcError> {
        Ok(SignedMessage {
            message: self.message.into_message()?,
            signature: self.signature.into_signature()?,
        })
    }
}

param_by_serde! {
    MessageJson = "Message",
    SignedMessageJson = "SignedMessage",
    SignatureJson = "Signature",
}

/// What came of a message.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReceiptJson {
    /// 0 for success.
    pub exit_code: u32,
    /// Return bytes.
    #[serde(rename = "Return")]
    pub returned: BytesJson,
    /// Gas used.
    pub gas_used: u64,
    /// Root of the AMT of events.
    pub events_root: Option<CidJson>,
}

impl From<&Receipt> for ReceiptJson {
    fn from(receipt: &Receipt) -> Self {
        Self {
            exit_code: receipt.exit_code.value(),
            returned: receipt.return_data.to_vec().into(),
            gas_used: receipt.gas_used,
            events_root: receipt.events_root.map(Into::into),
        }
    }
}

/// An actor's record.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ActorJson {
    /// Code CID.
    pub code: CidJson,
    /// State root.
    pub head: CidJson,
    /// Sequence.
    pub nonce: u64,
    /// attoFIL.
    pub balance: AttoJson,
    /// f4 address of contracts and Ethereum accounts.
    pub delegated_address: Option<AddressJson>,
}

impl From<&ActorState> for ActorJson {
    fn from(actor: &ActorState) -> Self {
        Self {
            code: actor.code.into(),
            head: actor.state.into(),
            nonce: actor.sequence,
            balance: actor.balance.clone().into(),
            delegated_address: actor.delegated_address.map(Into::into),
        }
    }
}

/// A tipset.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TipsetJson {
    /// Its key.
    pub cids: KeyJson,
    /// Its blocks.
    pub blocks: Vec<BlockHeaderJson>,
    /// Its epoch.
    pub height: i64,
}

impl From<&Tipset> for TipsetJson {
    fn from(tipset: &Tipset) -> Self {
        Self {
            cids: tipset.key().clone().into(),
            blocks: tipset.blocks().iter().map(Into::into).collect(),
            height: tipset.height(),
        }
    }
}

/// A ticket.
#[derive(Debug, Clone, Serialize)]
pub struct TicketJson {
    #[serde(rename = "VRFProof")]
    vrf_proof: BlobJson,
}

/// An election proof.
#[derive(Debug, Clone, Serialize)]
pub struct ElectionProofJson {
    #[serde(rename = "WinCount")]
    win_count: i64,
    #[serde(rename = "VRFProof")]
    vrf_proof: BlobJson,
}

/// A beacon value.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BeaconEntryJson {
    round: u64,
    data: BlobJson,
}

impl From<&BeaconEntry> for BeaconEntryJson {
    fn from(entry: &BeaconEntry) -> Self {
        Self {
            round: entry.round,
            data: entry.data.clone().into(),
        }
    }
}

/// A winning PoSt.
#[derive(Debug, Clone, Serialize)]
pub struct WinningProofJson {
    #[serde(rename = "PoStProof")]
    post_proof: i64,
    #[serde(rename = "ProofBytes")]
    proof_bytes: BlobJson,
}

/// A block header.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BlockHeaderJson {
    miner: AddressJson,
    ticket: Option<TicketJson>,
    election_proof: Option<ElectionProofJson>,
    beacon_entries: Vec<BeaconEntryJson>,
    #[serde(rename = "WinPoStProof")]
    win_post_proof: Vec<WinningProofJson>,
    parents: Vec<CidJson>,
    parent_weight: BigJson,
    height: i64,
    parent_state_root: CidJson,
    parent_message_receipts: CidJson,
    messages: CidJson,
    #[serde(rename = "BLSAggregate")]
    bls_aggregate: Option<SignatureJson>,
    timestamp: u64,
    block_sig: Option<SignatureJson>,
    fork_signaling: u64,
    parent_base_fee: AttoJson,
}

impl From<&BlockHeader> for BlockHeaderJson {
    fn from(header: &BlockHeader) -> Self {
        Self {
            miner: header.miner.into(),
            ticket: header.ticket.as_ref().map(|ticket| TicketJson {
                vrf_proof: ticket.vrf_proof.clone().into(),
            }),
            election_proof: header
                .election_proof
                .as_ref()
                .map(|proof| ElectionProofJson {
                    win_count: proof.win_count,
                    vrf_proof: proof.vrf_proof.clone().into(),
                }),
            beacon_entries: header.beacon_entries.iter().map(Into::into).collect(),
            win_post_proof: header
                .win_post_proof
                .iter()
                .map(|proof| WinningProofJson {
                    post_proof: proof.post_proof,
                    proof_bytes: proof.proof_bytes.clone().into(),
                })
                .collect(),
            parents: header.parents.iter().map(|cid| CidJson(*cid)).collect(),
            parent_weight: header.parent_weight.clone().into(),
            height: header.height,
            parent_state_root: header.parent_state_root.into(),
            parent_message_receipts: header.parent_message_receipts.into(),
            messages: header.messages.into(),
            bls_aggregate: header.bls_aggregate.as_ref().map(Into::into),
            timestamp: header.timestamp,
            block_sig: header.block_sig.as_ref().map(Into::into),
            fork_signaling: header.fork_signaling,
            parent_base_fee: header.parent_base_fee.clone().into(),
        }
    }
}
