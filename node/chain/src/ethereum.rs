//! How Ethereum addresses and transactions map onto Filecoin's (spec 10 §2.4-2.5).

use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{SignableTransaction, Signed, TxEip1559, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address as EthAddress, B256, Bytes, TxKind, U256};
use fvm_ipld_encoding::{BytesDe, BytesSer, RawBytes, from_slice, to_vec};
use fvm_shared::address::{Address, Payload};
use fvm_shared::bigint::{BigInt, Sign};
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::{ActorID, MethodNum};

use crate::error::Rejection;
use crate::message::{Signature, SignatureKind, SignedMessage};

/// ID of the Ethereum address manager, and the namespace of f410 addresses.
pub const EAM: ActorID = 10;
/// EAM method that deploys a contract for an external sender.
pub const CREATE_EXTERNAL: MethodNum = 4;
/// Method number of `InvokeEVM`, by which contracts are called.
pub const INVOKE_EVM: MethodNum = 3_844_450_837;

/// First byte of a homestead transaction's signature (FIP-0091).
const HOMESTEAD: u8 = 0x01;
/// First byte of an EIP-155 transaction's signature (FIP-0091).
const EIP_155: u8 = 0x02;

/// The Ethereum address that stands for an actor ID: `ff`, eleven zeros, the ID.
pub fn masked_id(id: ActorID) -> EthAddress {
    let mut bytes = [0; 20];
    bytes[0] = 0xff;
    bytes[12..].copy_from_slice(&id.to_be_bytes());
    EthAddress::from(bytes)
}

/// The actor ID that a masked address stands for.
pub fn unmask_id(address: &EthAddress) -> Option<ActorID> {
    let bytes = address.as_slice();
    if bytes[0] != 0xff || bytes[1..12].iter().any(|byte| *byte != 0) {
        return None;
    }
    Some(u64::from_be_bytes(bytes[12..].try_into().ok()?))
}

/// The Filecoin address of an Ethereum one: f0 for a masked ID, else f410.
pub fn to_filecoin(address: &EthAddress) -> Address {
    match unmask_id(address) {
        Some(id) => Address::new_id(id),
        None => Address::new_delegated(EAM, address.as_slice())
            .expect("20 bytes fit into a delegated address"),
    }
}

/// The Ethereum address of an f410 (its 20 bytes) or f0 address (masked); `None`
/// for all others, whose actor must be looked up first.
pub fn to_ethereum(address: &Address) -> Option<EthAddress> {
    match address.payload() {
        Payload::ID(id) => Some(masked_id(*id)),
        Payload::Delegated(delegated) if delegated.namespace() == EAM => {
            EthAddress::try_from(delegated.subaddress()).ok()
        }
        _ => None,
    }
}

/// CBOR byte string, as contracts are given their input and answer.
pub fn cbor_bytes(bytes: &[u8]) -> RawBytes {
    RawBytes::new(to_vec(&BytesSer(bytes)).expect("bytes encode"))
}

/// The bytes in a CBOR byte string.
pub fn from_cbor_bytes(block: &[u8]) -> Option<Vec<u8>> {
    from_slice::<BytesDe>(block).ok().map(|bytes| bytes.0)
}

/// Receiver, method and parameters of a call (`to` given) or deployment.
pub fn target(to: Option<&EthAddress>, input: &[u8]) -> (Address, MethodNum, RawBytes) {
    match to {
        Some(to) if input.is_empty() => (to_filecoin(to), INVOKE_EVM, RawBytes::default()),
        Some(to) => (to_filecoin(to), INVOKE_EVM, cbor_bytes(input)),
        None => (Address::new_id(EAM), CREATE_EXTERNAL, cbor_bytes(input)),
    }
}

/// Amount of an Ethereum quantity in wei, which is attoFIL.
pub fn to_tokens(wei: U256) -> TokenAmount {
    TokenAmount::from_atto(BigInt::from_bytes_be(Sign::Plus, &wei.to_be_bytes::<32>()))
}

/// Quantity of an amount; `None` if it is negative or has more than 256 bits.
pub fn to_wei(amount: &TokenAmount) -> Option<U256> {
    let (sign, bytes) = amount.atto().to_bytes_be();
    if sign == Sign::Minus || bytes.len() > 32 {
        return None;
    }
    Some(U256::from_be_slice(&bytes))
}

/// Turns a signed raw transaction into the message that it stands for, with the
/// recovered sender.
///
/// # Errors
/// [`Rejection::Malformed`], [`Rejection::UnsupportedType`],
/// [`Rejection::AccessList`], [`Rejection::WrongChainId`],
/// [`Rejection::InvalidSignature`]. Nothing of the state is looked at.
pub fn decode_transaction(raw: &[u8], chain_id: u64) -> Result<SignedMessage, Rejection> {
    match raw.first() {
        None => return Err(Rejection::Malformed("it is empty".into())),
        Some(2) => {}
        Some(kind) if *kind < 0x80 => return Err(Rejection::UnsupportedType(*kind)),
        Some(_) => {}
    }
    let mut rest = raw;
    let envelope = TxEnvelope::decode_2718(&mut rest)
        .map_err(|error| Rejection::Malformed(error.to_string()))?;
    if !rest.is_empty() {
        return Err(Rejection::Malformed(format!(
            "{} bytes follow it",
            rest.len()
        )));
    }
    message_of(&envelope, chain_id)
}

/// Turns a signed transaction into the message that it stands for.
///
/// # Errors
/// As [`decode_transaction`].
pub fn message_of(envelope: &TxEnvelope, chain_id: u64) -> Result<SignedMessage, Rejection> {
    match envelope {
        TxEnvelope::Legacy(signed) => {
            let tx = signed.tx();
            check_chain_id(tx.chain_id, chain_id)?;
            let (r, s) = (signed.signature().r(), signed.signature().s());
            let parity = u64::from(signed.signature().v());
            let mut data = Vec::with_capacity(69);
            data.push(if tx.chain_id.is_some() {
                EIP_155
            } else {
                HOMESTEAD
            });
            data.extend_from_slice(&r.to_be_bytes::<32>());
            data.extend_from_slice(&s.to_be_bytes::<32>());
            match tx.chain_id {
                Some(id) => {
                    let v = u128::from(id) * 2 + 35 + u128::from(parity);
                    let bytes = v.to_be_bytes();
                    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                    data.extend_from_slice(&bytes[zeros..]);
                }
                None => data.push(27 + signed.signature().v_byte_parity()),
            }
            let price = TokenAmount::from_atto(tx.gas_price);
            let fields = Fields {
                from: recover(signed)?,
                nonce: tx.nonce,
                fee_cap: price.clone(),
                premium: price,
                gas_limit: tx.gas_limit,
                to: tx.to,
                value: tx.value,
                input: &tx.input,
            };
            Ok(fields.into_message(data))
        }
        TxEnvelope::Eip1559(signed) => {
            let tx = signed.tx();
            check_chain_id(Some(tx.chain_id), chain_id)?;
            if !tx.access_list.is_empty() {
                return Err(Rejection::AccessList(tx.access_list.len()));
            }
            let mut data = Vec::with_capacity(65);
            data.extend_from_slice(&signed.signature().r().to_be_bytes::<32>());
            data.extend_from_slice(&signed.signature().s().to_be_bytes::<32>());
            data.push(signed.signature().v_byte_parity());
            let fields = Fields {
                from: recover(signed)?,
                nonce: tx.nonce,
                fee_cap: TokenAmount::from_atto(tx.max_fee_per_gas),
                premium: TokenAmount::from_atto(tx.max_priority_fee_per_gas),
                gas_limit: tx.gas_limit,
                to: tx.to,
                value: tx.value,
                input: &tx.input,
            };
            Ok(fields.into_message(data))
        }
        other => Err(Rejection::UnsupportedType(other.tx_type() as u8)),
    }
}

/// Why a message is not an Ethereum transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ethereum transaction: {0}")]
pub struct NotEthereum(pub &'static str);

/// The signed transaction whose message this is. The inverse of [`message_of`];
/// does not check the signature.
///
/// # Errors
/// When the message has no delegated signature or cannot come from a transaction.
pub fn transaction_of(signed: &SignedMessage, chain_id: u64) -> Result<TxEnvelope, NotEthereum> {
    if signed.signature.kind != SignatureKind::Delegated {
        return Err(NotEthereum("its signature is none"));
    }
    let data = &signed.signature.data;
    let (form, scalars, v) = match (data.len(), data.first()) {
        (65, _) => (Form::Eip1559, &data[..64], &data[64..]),
        (66, Some(&HOMESTEAD)) => (Form::Homestead, &data[1..65], &data[65..]),
        (67.., Some(&EIP_155)) => (Form::Eip155, &data[1..65], &data[65..]),
        _ => return Err(NotEthereum("its signature has an unknown form")),
    };
    if v.len() > 8 {
        return Err(NotEthereum("the v of its signature is too large"));
    }
    let v = v.iter().fold(0u64, |v, byte| v << 8 | u64::from(*byte));
    let (parity, legacy_chain_id) = match form {
        Form::Eip1559 if v <= 1 => (v == 1, None),
        Form::Homestead if v == 27 || v == 28 => (v == 28, None),
        Form::Eip155 if v >= 35 => ((v - 35) % 2 == 1, Some((v - 35) / 2)),
        _ => return Err(NotEthereum("the v of its signature is out of range")),
    };
    let signature = alloy::primitives::Signature::new(
        U256::from_be_slice(&scalars[..32]),
        U256::from_be_slice(&scalars[32..]),
        parity,
    );
    Ok(match form {
        Form::Eip1559 => {
            TxEnvelope::Eip1559(unsigned_1559(&signed.message, chain_id)?.into_signed(signature))
        }
        Form::Homestead | Form::Eip155 => {
            let tx = unsigned_legacy(&signed.message, legacy_chain_id)?;
            TxEnvelope::Legacy(tx.into_signed(signature))
        }
    })
}

/// Whether a delegated signature is its f410 sender's (spec 00 §14).
///
/// # Errors
/// What is wrong with it.
pub fn check_signature(signed: &SignedMessage, chain_id: u64) -> Result<(), String> {
    let envelope = transaction_of(signed, chain_id).map_err(|error| error.to_string())?;
    if let TxEnvelope::Legacy(legacy) = &envelope
        && let Some(id) = legacy.tx().chain_id
        && id != chain_id
    {
        return Err(format!(
            "it is for chain ID {id}, this chain has {chain_id}"
        ));
    }
    let signer = envelope
        .recover_signer()
        .map_err(|error| error.to_string())?;
    if to_ethereum(&signed.message.from) == Some(signer) {
        Ok(())
    } else {
        Err(format!("it is {signer}'s"))
    }
}

/// The EIP-1559 transaction that an f410 key signs for a message.
///
/// # Errors
/// When no transaction stands for the message.
pub fn unsigned_1559(message: &Message, chain_id: u64) -> Result<TxEip1559, NotEthereum> {
    let (to, input) = kind_and_input(message)?;
    Ok(TxEip1559 {
        chain_id,
        nonce: message.sequence,
        gas_limit: message.gas_limit,
        max_fee_per_gas: small(&message.gas_fee_cap)?,
        max_priority_fee_per_gas: small(&message.gas_premium)?,
        to,
        value: to_wei(&message.value).ok_or(NotEthereum("its value is no 256-bit number"))?,
        access_list: Default::default(),
        input,
    })
}

fn unsigned_legacy(message: &Message, chain_id: Option<u64>) -> Result<TxLegacy, NotEthereum> {
    if message.gas_fee_cap != message.gas_premium {
        return Err(NotEthereum(
            "a legacy transaction has one price, this has two",
        ));
    }
    let (to, input) = kind_and_input(message)?;
    Ok(TxLegacy {
        chain_id,
        nonce: message.sequence,
        gas_price: small(&message.gas_fee_cap)?,
        gas_limit: message.gas_limit,
        to,
        value: to_wei(&message.value).ok_or(NotEthereum("its value is no 256-bit number"))?,
        input,
    })
}

enum Form {
    Eip1559,
    Homestead,
    Eip155,
}

struct Fields<'a> {
    from: EthAddress,
    nonce: u64,
    fee_cap: TokenAmount,
    premium: TokenAmount,
    gas_limit: u64,
    to: TxKind,
    value: U256,
    input: &'a [u8],
}

impl Fields<'_> {
    fn into_message(self, signature: Vec<u8>) -> SignedMessage {
        let (to, method_num, params) = target(self.to.to(), self.input);
        SignedMessage {
            message: Message {
                version: 0,
                // Not through the masked form: a sender is always an f410 address.
                from: Address::new_delegated(EAM, self.from.as_slice())
                    .expect("20 bytes fit into a delegated address"),
                to,
                sequence: self.nonce,
                value: to_tokens(self.value),
                method_num,
                params,
                gas_limit: self.gas_limit,
                gas_fee_cap: self.fee_cap,
                gas_premium: self.premium,
            },
            signature: Signature {
                kind: SignatureKind::Delegated,
                data: signature,
            },
        }
    }
}

trait ParityByte {
    fn v_byte_parity(&self) -> u8;
}

impl ParityByte for alloy::primitives::Signature {
    fn v_byte_parity(&self) -> u8 {
        u8::from(self.v())
    }
}

fn recover<T: SignableTransaction<alloy::primitives::Signature>>(
    signed: &Signed<T>,
) -> Result<EthAddress, Rejection> {
    let hash: B256 = signed.signature_hash();
    signed
        .signature()
        .recover_address_from_prehash(&hash)
        .map_err(|error| Rejection::Malformed(format!("no signer fits its signature: {error}")))
}

fn check_chain_id(got: Option<u64>, expected: u64) -> Result<(), Rejection> {
    match got {
        Some(got) if got != expected => Err(Rejection::WrongChainId { expected, got }),
        _ => Ok(()),
    }
}

fn small(amount: &TokenAmount) -> Result<u128, NotEthereum> {
    u128::try_from(amount.atto()).map_err(|_| NotEthereum("a fee is no 128-bit number"))
}

fn kind_and_input(message: &Message) -> Result<(TxKind, Bytes), NotEthereum> {
    if message.version != 0 {
        return Err(NotEthereum("its version is not 0"));
    }
    if to_ethereum(&message.from).is_none() || matches!(message.from.payload(), Payload::ID(_)) {
        return Err(NotEthereum("its sender has no f410 address"));
    }
    let params = message.params.bytes();
    let decode = || {
        from_cbor_bytes(params)
            .map(Bytes::from)
            .ok_or(NotEthereum("its parameters are no CBOR byte string"))
    };
    if message.to == Address::new_id(EAM) && message.method_num == CREATE_EXTERNAL {
        return Ok((TxKind::Create, decode()?));
    }
    if message.method_num != INVOKE_EVM {
        return Err(NotEthereum("its method is not InvokeEVM"));
    }
    let to = to_ethereum(&message.to).ok_or(NotEthereum("its receiver has no f410 address"))?;
    let input = if params.is_empty() {
        Bytes::new()
    } else {
        decode()?
    };
    if !params.is_empty() && input.is_empty() {
        return Err(NotEthereum(
            "its empty input is not encoded as no parameters",
        ));
    }
    Ok((TxKind::Call(to), input))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{address, hex};
    use proptest::prelude::*;

    use super::*;
    use crate::keys::{Key, KeyKind};

    const CHAIN_ID: u64 = 314;

    #[test]
    fn addresses_are_those_of_the_sheet() {
        let eth = address!("00112233445566778899aabbccddeeff00112233");
        let f410 = to_filecoin(&eth);
        assert_eq!(
            hex::encode(f410.to_bytes()),
            "040a00112233445566778899aabbccddeeff00112233"
        );
        assert_eq!(to_ethereum(&f410), Some(eth));
        let masked = masked_id(1001);
        assert_eq!(masked, address!("ff000000000000000000000000000000000003e9"));
        assert_eq!(to_filecoin(&masked), Address::new_id(1001));
        assert_eq!(to_ethereum(&Address::new_id(1001)), Some(masked));
        assert_eq!(
            unmask_id(&address!("ff000000000000000000000100000000000003e9")),
            None
        );
        assert_eq!(to_ethereum(&Address::new_actor(b"x")), None);
        assert_eq!(
            to_ethereum(&Address::new_delegated(32, &[0; 20]).unwrap()),
            None
        );
        assert_eq!(
            to_ethereum(&Address::new_delegated(10, &[0; 19]).unwrap()),
            None
        );
    }

    #[test]
    fn amounts_are_quantities_within_256_bits() {
        assert_eq!(to_wei(&TokenAmount::from_atto(-1)), None);
        assert_eq!(to_wei(&to_tokens(U256::MAX)), Some(U256::MAX));
        assert_eq!(
            to_wei(&(to_tokens(U256::MAX) + TokenAmount::from_atto(1))),
            None
        );
        assert!(to_tokens(U256::ZERO).is_zero());
    }

    fn message(to: Address, method_num: MethodNum, params: RawBytes) -> Message {
        let key = Key::new(KeyKind::Delegated, &[7; 32]).unwrap();
        Message {
            version: 0,
            from: key.address(),
            to,
            sequence: 3,
            value: TokenAmount::from_atto(5),
            method_num,
            params,
            gas_limit: 1_000_000,
            gas_fee_cap: TokenAmount::from_atto(100),
            gas_premium: TokenAmount::from_atto(1),
        }
    }

    #[test]
    fn messages_that_no_transaction_can_express_are_told_apart() {
        let to = to_filecoin(&EthAddress::repeat_byte(1));
        let good = || message(to, INVOKE_EVM, cbor_bytes(b"x"));
        assert!(unsigned_1559(&good(), CHAIN_ID).is_ok());
        let other = [
            (
                "version",
                Message {
                    version: 1,
                    ..good()
                },
            ),
            (
                "sender",
                Message {
                    from: Address::new_id(5),
                    ..good()
                },
            ),
            (
                "method",
                Message {
                    method_num: 0,
                    ..good()
                },
            ),
            (
                "receiver",
                Message {
                    to: Address::new_actor(b"x"),
                    ..good()
                },
            ),
            (
                "no CBOR",
                Message {
                    params: RawBytes::new(vec![0xff]),
                    ..good()
                },
            ),
            (
                "empty input",
                Message {
                    params: cbor_bytes(b""),
                    ..good()
                },
            ),
            (
                "value",
                Message {
                    value: TokenAmount::from_atto(-1),
                    ..good()
                },
            ),
            (
                "fee",
                Message {
                    gas_fee_cap: TokenAmount::from_atto(-1),
                    ..good()
                },
            ),
        ];
        for (word, message) in other {
            let refused = unsigned_1559(&message, CHAIN_ID).unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn a_delegated_signature_of_an_unknown_form_is_no_transaction() {
        let key = Key::new(KeyKind::Delegated, &[7; 32]).unwrap();
        let to = to_filecoin(&EthAddress::repeat_byte(1));
        let signed = key
            .sign_message(message(to, INVOKE_EVM, RawBytes::default()), CHAIN_ID)
            .unwrap();
        assert!(transaction_of(&signed, CHAIN_ID).is_ok());
        assert!(check_signature(&signed, CHAIN_ID).is_ok());
        // The chain ID is part of what is signed.
        assert!(check_signature(&signed, CHAIN_ID + 1).is_err());
        for data in [
            vec![],
            vec![0; 64],
            vec![2; 65],
            vec![0; 66],
            [vec![HOMESTEAD], vec![1; 64], vec![29]].concat(),
            [vec![EIP_155], vec![1; 64], vec![0, 34]].concat(),
            [vec![EIP_155], vec![1; 64], vec![1; 9]].concat(),
        ] {
            let mut other = signed.clone();
            other.signature.data = data;
            assert!(
                transaction_of(&other, CHAIN_ID).is_err(),
                "{:?}",
                other.signature.data
            );
            assert!(check_signature(&other, CHAIN_ID).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(raw in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_transaction(&raw, CHAIN_ID);
            for first in [0x02, 0xf8] {
                let mut raw = raw.clone();
                raw.insert(0, first);
                let _ = decode_transaction(&raw, CHAIN_ID);
            }
        }

        #[test]
        fn transactions_and_messages_are_each_others_inverse(
            nonce in any::<u64>(),
            gas_limit in any::<u64>(),
            fees in (any::<u64>(), any::<u64>()),
            to in any::<Option<[u8; 20]>>(),
            value in any::<u128>(),
            input in prop::collection::vec(any::<u8>(), 0..100),
            form in 0..3,
            chain_id in 1u64..1 << 40,
        ) {
            use alloy::eips::eip2718::Encodable2718;
            let key = Key::new(KeyKind::Delegated, &[7; 32]).unwrap();
            let to = to.map_or(TxKind::Create, |to| TxKind::Call(to.into()));
            let input = Bytes::from(input);
            let value = U256::from(value);
            let sign = |hash: B256| {
                alloy::primitives::Signature::from_raw(&key.sign_hash(&hash).unwrap()).unwrap()
            };
            let envelope = if form == 0 {
                let tx = TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: fees.0.into(),
                    max_priority_fee_per_gas: fees.1.into(),
                    to,
                    value,
                    access_list: Default::default(),
                    input,
                };
                let signature = sign(tx.signature_hash());
                TxEnvelope::from(tx.into_signed(signature))
            } else {
                let chain_id = (form == 1).then_some(chain_id);
                let gas_price = fees.0.into();
                let tx = TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input };
                let signature = sign(tx.signature_hash());
                TxEnvelope::from(tx.into_signed(signature))
            };
            let raw = envelope.encoded_2718();
            let signed = decode_transaction(&raw, chain_id).unwrap();
            prop_assert_eq!(signed.message.from, key.address());
            prop_assert_eq!(transaction_of(&signed, chain_id).unwrap().encoded_2718(), raw);
            prop_assert_eq!(signed.eth_hash(chain_id), *envelope.hash());
            prop_assert_eq!(check_signature(&signed, chain_id), Ok(()));
        }
    }
}
