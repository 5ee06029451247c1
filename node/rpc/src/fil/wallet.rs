//! Keys (spec 10 §5.7).

use alloy::signers::local::PrivateKeySigner;
use boatyard_chain::keys::verify;
use boatyard_chain::{Key, KeyKind};
use fvm_shared::message::Message;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::error::{RpcError, quote};
use crate::fil::json::{
    AddressJson, AttoJson, BlobJson, MessageJson, SignatureJson, SignedMessageJson, address_text,
};
use crate::fil::mpool::{find_key, no_key};
use crate::params::{Base64, FilAddress, Text, param_by_serde, parse_address};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// Balance of an address; 0 where there is no actor.
        ["Filecoin.WalletBalance"]
        (address: FilAddress) -> "attoFIL" = compute balance;

        /// Makes a key: `secp256k1`, `bls` or `delegated`.
        ["Filecoin.WalletNew"]
        (kind: Text) -> "Filecoin address" [Write] = compute new_key;

        /// All addresses that the node signs for.
        ["Filecoin.WalletList"]
        () -> "Filecoin addresses" [Write] = compute list;

        /// Whether the node signs for an address.
        ["Filecoin.WalletHas"]
        (address: FilAddress) -> "bool" [Write] = compute has;

        /// The address that signs where none is named.
        ["Filecoin.WalletDefaultAddress"]
        () -> "Filecoin address" [Write] = compute default_address;

        /// Chooses the address that signs where none is named.
        ["Filecoin.WalletSetDefault"]
        (address: FilAddress) -> "null" [Write] = compute set_default;

        /// Adds a key.
        ["Filecoin.WalletImport"]
        (key: KeyInfo) -> "Filecoin address" [Admin] = compute import;

        /// Gives a key away.
        ["Filecoin.WalletExport"]
        (address: FilAddress) -> "KeyInfo" [Admin] = compute export;

        /// Forgets a key.
        ["Filecoin.WalletDelete"]
        (address: FilAddress) -> "null" [Admin] = compute delete;

        /// Signs bytes.
        ["Filecoin.WalletSign"]
        (address: FilAddress, data: Base64) -> "Signature" [Sign] = compute sign;

        /// Signs a message; for t4 addresses its Ethereum transaction.
        ["Filecoin.WalletSignMessage"]
        (address: FilAddress, message: MessageJson) -> "SignedMessage" [Sign] = compute sign_message;

        /// Whether a signature over bytes is an address's.
        ["Filecoin.WalletVerify"]
        (address: FilAddress, data: Base64, signature: SignatureJson) -> "bool" = compute verify_signature;

        /// Reads an address.
        ["Filecoin.WalletValidateAddress"]
        (text: Text) -> "Filecoin address" = compute validate;
    ]
}

/// A private key on its way in or out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KeyInfo {
    #[serde(rename = "Type")]
    kind: String,
    private_key: BlobJson,
}

param_by_serde! { KeyInfo = "KeyInfo" }

fn kind_of(name: &str) -> Result<KeyKind, RpcError> {
    match name {
        "secp256k1" => Ok(KeyKind::Secp256k1),
        "bls" => Ok(KeyKind::Bls),
        "delegated" => Ok(KeyKind::Delegated),
        other => Err(RpcError::failure(format!(
            "unsupported key type: '{}'; there are secp256k1, bls and delegated",
            quote(other)
        ))),
    }
}

fn name_of(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Secp256k1 => "secp256k1",
        KeyKind::Bls => "bls",
        KeyKind::Delegated => "delegated",
    }
}

fn balance(call: &Call, address: FilAddress) -> Result<AttoJson, RpcError> {
    Ok(call.node.chain.head_state().balance(&address.0)?.into())
}

fn new_key(call: &Call, kind: Text) -> Result<AddressJson, RpcError> {
    let kind = kind_of(&kind.0)?;
    let random = PrivateKeySigner::random().to_bytes();
    let key = match kind {
        KeyKind::Bls => Key::bls_from_seed(random.as_slice()),
        KeyKind::Secp256k1 | KeyKind::Delegated => Key::new(kind, random.as_slice())
            .map_err(|error| RpcError::failure(error.to_string()))?,
    };
    Ok(call.node.chain.keyring().add(key).into())
}

fn list(call: &Call) -> Result<Vec<AddressJson>, RpcError> {
    Ok(call
        .node
        .chain
        .keyring()
        .addresses()
        .into_iter()
        .map(Into::into)
        .collect())
}

fn has(call: &Call, address: FilAddress) -> Result<bool, RpcError> {
    Ok(find_key(call, &address.0)?.is_some())
}

fn key(call: &Call, address: &FilAddress) -> Result<Key, RpcError> {
    find_key(call, &address.0)?.ok_or_else(|| no_key(&address.0))
}

fn default_address(call: &Call) -> Result<AddressJson, RpcError> {
    let default = call.node.chain.keyring().default_address();
    default.map(Into::into).ok_or_else(|| {
        RpcError::failure("no default address is set; Filecoin.WalletSetDefault chooses one")
    })
}

fn set_default(call: &Call, address: FilAddress) -> Result<(), RpcError> {
    let key = key(call, &address)?;
    call.node.chain.keyring().set_default(&key.address());
    Ok(())
}

fn import(call: &Call, info: KeyInfo) -> Result<AddressJson, RpcError> {
    let key = Key::new(kind_of(&info.kind)?, &info.private_key.0)
        .map_err(|error| RpcError::invalid_params(error.to_string()))?;
    Ok(call.node.chain.keyring().add(key).into())
}

fn export(call: &Call, address: FilAddress) -> Result<KeyInfo, RpcError> {
    let key = key(call, &address)?;
    Ok(KeyInfo {
        kind: name_of(key.kind()).into(),
        private_key: key.private_bytes().to_vec().into(),
    })
}

fn delete(call: &Call, address: FilAddress) -> Result<(), RpcError> {
    let key = key(call, &address)?;
    call.node.chain.keyring().remove(&key.address());
    Ok(())
}

fn sign(call: &Call, address: FilAddress, data: Base64) -> Result<SignatureJson, RpcError> {
    Ok((&key(call, &address)?.sign(&data.0)).into())
}

fn sign_message(
    call: &Call,
    address: FilAddress,
    message: MessageJson,
) -> Result<SignedMessageJson, RpcError> {
    let key = key(call, &address)?;
    let message = message.into_message()?;
    let same = message.from == key.address() || message.from == address.0;
    if !same {
        return Err(RpcError::failure(format!(
            "the message is from {}, not from {}",
            address_text(&message.from),
            address_text(&address.0)
        )));
    }
    let message = Message {
        from: key.address(),
        ..message
    };
    let signed = key
        .sign_message(message, call.node.chain_id())
        .map_err(|error| RpcError::failure(error.to_string()))?;
    Ok((&signed).into())
}

fn verify_signature(
    call: &Call,
    address: FilAddress,
    data: Base64,
    signature: SignatureJson,
) -> Result<bool, RpcError> {
    let signature = signature.into_signature()?;
    let signer = call.node.chain.head_state().account_key(&address.0)?;
    let signer = signer.ok_or_else(|| no_key(&address.0))?;
    Ok(verify(&signature, &data.0, &signer).is_ok())
}

fn validate(_: &Call, text: Text) -> Result<AddressJson, RpcError> {
    parse_address(&text.0)
        .map(Into::into)
        .map_err(RpcError::invalid_params)
}
