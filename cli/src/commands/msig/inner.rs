//! The call that a transaction of a wallet makes, with names instead of numbers.

use boatyard_abi::{Abi, Schema, decode, exit_code_name};
use boatyard_multisig::state::Transaction;
use fvm_shared::address::Address;
use fvm_shared::{METHOD_SEND, MethodNum};
use multihash_codetable::{Code, MultihashDigest as _};
use serde_json::{Value, json};

use crate::actor;
use crate::failure::Failure;
use crate::message::encoded;
use crate::rpc::Rpc;

/// A method of the receiver, as far as the receiver describes itself.
pub struct Inner {
    method: MethodNum,
    abi: Option<Abi>,
}

impl Inner {
    /// Asks the node about the receiver; one that does not exist is fine.
    ///
    /// # Errors
    /// The node gives no answer.
    pub fn new(rpc: &Rpc, to: Address, method: MethodNum) -> Result<Self, Failure> {
        let abi = match actor::find(rpc, &to)? {
            Some(info) if method != METHOD_SEND => actor::abi(rpc, &info.code)?,
            _ => None,
        };
        Ok(Self { method, abi })
    }

    fn described(&self) -> Option<&boatyard_abi::Method> {
        self.abi.as_ref()?.method_by_number(self.method)
    }

    /// `transfer`, a method's name, or its number.
    pub fn name(&self) -> String {
        match (self.method, self.described()) {
            (METHOD_SEND, _) => "transfer".into(),
            (_, Some(method)) => method.name.clone(),
            (number, None) => format!("method {number}"),
        }
    }

    /// Parameters in words.
    pub fn params(&self, bytes: &[u8]) -> Value {
        read(self.described().map(|method| &method.params), bytes)
    }

    /// A return value in words.
    pub fn returned(&self, bytes: &[u8]) -> Value {
        read(self.described().map(|method| &method.returns), bytes)
    }

    /// An exit code in words.
    pub fn exit(&self, code: u32) -> String {
        match code {
            0 => "OK".into(),
            code => format!(
                "exit code {code}, {}",
                exit_code_name(self.abi.as_ref(), code)
            ),
        }
    }
}

/// Bytes by their description; bytes of an unknown shape as they are.
fn read(schema: Option<&Schema>, bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    schema
        .and_then(|schema| decode(schema, bytes).ok())
        .unwrap_or_else(|| json!(format!("0x{}", hex::encode(bytes))))
}

/// What an approval names the transaction by (spec 04 §1.10).
///
/// # Errors
/// None that can happen with a transaction that was stored.
pub fn proposal_hash(transaction: &Transaction) -> Result<Vec<u8>, Failure> {
    let data = encoded(&transaction.hash_data())?;
    Ok(Code::Blake2b256.digest(&data).digest().to_vec())
}

#[cfg(test)]
mod tests {
    use fvm_ipld_encoding::RawBytes;
    use fvm_shared::econ::TokenAmount;

    use super::*;

    /// Source: spec 04 §1.10.
    #[test]
    fn a_proposal_has_the_sheets_hash() {
        let transaction = Transaction {
            to: Address::new_id(102),
            value: TokenAmount::from_whole(1),
            method: 0,
            params: RawBytes::default(),
            approved: vec![Address::new_id(100)],
        };
        assert_eq!(
            hex::encode(proposal_hash(&transaction).unwrap()),
            "b8c12d4083a5a0656f3af6fafe544ec7d68f20d3c4bf37540d3289ecbe0b3f76"
        );
    }
}
