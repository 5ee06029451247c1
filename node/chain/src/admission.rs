//! Which messages may enter the pool, in the order of checks of spec 10 §2.13.

use alloy::primitives::B256;
use boatyard_vm::apply::inclusion_gas;
use fvm_shared::address::{Address, Payload, Protocol};
use fvm_shared::bigint::BigInt;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;

use crate::core::{Core, NETWORK_VERSION};
use crate::error::{ChainError, Rejection};
use crate::ethereum::{self, EAM};
use crate::fees::{BLOCK_GAS_LIMIT, MINIMUM_BASE_FEE};
use crate::genesis::TOTAL_FIL;
use crate::keys;
use crate::message::{Authority, Signature, SignatureKind, SignedMessage, message_cid};
use crate::proofs::check_blocks;
use crate::view::StateView;

/// Bytes that a signed message may have.
pub const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// What can be checked without looking at the state.
pub(crate) fn check_form(
    signed: &SignedMessage,
    authority: Authority,
    chain_id: u64,
) -> Result<(), Rejection> {
    let size = signed.to_bytes().len();
    if size > MAX_MESSAGE_BYTES {
        return Err(Rejection::TooLarge {
            size,
            max: MAX_MESSAGE_BYTES,
        });
    }
    let message = &signed.message;
    if message.version != 0 {
        return Err(Rejection::InvalidVersion(message.version));
    }
    if message.gas_fee_cap.is_negative() || message.gas_premium.is_negative() {
        return Err(Rejection::NegativeFee);
    }
    if message.gas_premium > message.gas_fee_cap {
        return Err(Rejection::PremiumAboveFeeCap {
            premium: message.gas_premium.clone(),
            fee_cap: message.gas_fee_cap.clone(),
        });
    }
    if message.gas_limit > BLOCK_GAS_LIMIT {
        return Err(Rejection::GasLimitTooHigh {
            limit: message.gas_limit,
            max: BLOCK_GAS_LIMIT,
        });
    }
    let min = match authority {
        Authority::Signed => inclusion_gas(NETWORK_VERSION, signed.chain_length()),
        Authority::Impersonated => 1,
    };
    if message.gas_limit < min {
        return Err(Rejection::GasLimitTooLow {
            limit: message.gas_limit,
            min,
        });
    }
    if message.to.protocol() == Protocol::BLS && message.to.is_bls_zero_address() {
        return Err(Rejection::InvalidReceiver(message.to));
    }
    if message.value.is_negative() || message.value > TokenAmount::from_whole(TOTAL_FIL) {
        return Err(Rejection::InvalidValue(message.value.clone()));
    }
    if authority == Authority::Impersonated {
        return Ok(());
    }
    let fee_floor = TokenAmount::from_atto(MINIMUM_BASE_FEE);
    if message.gas_fee_cap < fee_floor {
        return Err(Rejection::FeeCapTooLow {
            fee_cap: message.gas_fee_cap.clone(),
            min: fee_floor,
        });
    }
    check_signature(signed, chain_id).map_err(|reason| Rejection::InvalidSignature {
        sender: message.from,
        reason,
    })
}

/// Whether a message's signature is its sender's.
pub(crate) fn check_signature(signed: &SignedMessage, chain_id: u64) -> Result<(), String> {
    match signed.signature.kind {
        SignatureKind::Delegated => ethereum::check_signature(signed, chain_id),
        SignatureKind::Secp256k1 | SignatureKind::Bls => {
            let cid = message_cid(&signed.message);
            keys::verify(&signed.signature, &cid.to_bytes(), &signed.message.from)
        }
    }
}

/// What depends on the state on top of which the message would be mined.
pub(crate) fn check_state(
    state: &StateView,
    message: &Message,
    authority: Authority,
) -> Result<(), Rejection> {
    check_blocks(&message.params, state.store())?;
    let sender = message.from;
    let (_, actor) = state
        .actor(&sender)?
        .ok_or(Rejection::UnknownSender(sender))?;
    if message.sequence < actor.sequence {
        return Err(Rejection::NonceTooLow {
            sender,
            got: message.sequence,
            next: actor.sequence,
        });
    }
    if authority == Authority::Impersonated {
        return Ok(());
    }
    let manifest = state.manifest()?;
    let may_send = match manifest.name_of(&actor.code) {
        Some("account" | "ethaccount") => true,
        Some("placeholder") => actor.sequence == 0 && is_f410(actor.delegated_address.as_ref()),
        _ => false,
    };
    if !may_send {
        return Err(Rejection::InvalidSender(sender));
    }
    let cost = &message.gas_fee_cap * BigInt::from(message.gas_limit);
    if actor.balance < cost {
        return Err(Rejection::InsufficientFunds {
            sender,
            balance: actor.balance,
            cost,
        });
    }
    Ok(())
}

fn is_f410(address: Option<&Address>) -> bool {
    matches!(
        address.map(Address::payload),
        Some(Payload::Delegated(delegated)) if delegated.namespace() == EAM
    )
}

/// The address under which a sender's messages are kept together: the key of an
/// account, f410 of whoever has one, else the ID. An unknown address stays.
pub(crate) fn canonical_sender(
    state: &StateView,
    address: &Address,
) -> Result<Address, ChainError> {
    if let Some(key) = state.account_key(address)? {
        return Ok(key);
    }
    Ok(state.resolve(address)?.map_or(*address, Address::new_id))
}

/// A message of an impersonated sender with a signature that nobody made. It
/// contains the sender, so that equal messages of two senders differ in their
/// Ethereum hashes, too.
pub(crate) fn with_fake_signature(message: Message) -> SignedMessage {
    let signature = if message.from.protocol() == Protocol::BLS {
        // Among the BLS messages, with which the sender's real ones are ordered.
        Signature {
            kind: SignatureKind::Bls,
            data: vec![0; fvm_shared::crypto::signature::BLS_SIG_LEN],
        }
    } else {
        let mut data = alloy::primitives::keccak256(message.from.to_bytes()).to_vec();
        data.extend_from_slice(B256::with_last_byte(1).as_slice());
        data.push(0);
        Signature {
            kind: SignatureKind::Delegated,
            data,
        }
    };
    SignedMessage { message, signature }
}

/// Gas that an impersonated message asks for where it says nothing.
pub(crate) fn fill_impersonated(core: &Core, message: &mut Message) {
    if message.gas_limit == 0 {
        message.gas_limit = core.data().block_gas_limit;
    }
}
