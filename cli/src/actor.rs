//! What is behind an address.

use boatyard_abi::{Abi, Method, parse_address};
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::printable_value;
use crate::rpc::{Rpc, RpcError};

/// JSON-RPC code for an address without an actor.
const ACTOR_NOT_FOUND: i32 = 11;

/// Name of the code of Solidity contracts.
pub const EVM: &str = "evm";

/// An actor as the node describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct ActorInfo {
    /// Name of its code.
    pub actor: Option<String>,
    /// Code CID.
    pub code: String,
    /// ID address.
    id: String,
    /// Address that stays the same after a reorganisation, if it has one.
    robust: Option<String>,
    /// State root.
    pub head: String,
    /// attoFIL.
    pub balance: String,
}

impl ActorInfo {
    /// Whether it is a Solidity contract.
    pub fn is_contract(&self) -> bool {
        self.actor.as_deref() == Some(EVM)
    }

    /// Its ID.
    ///
    /// # Errors
    /// The node gave none.
    pub fn id(&self) -> Result<ActorID, Failure> {
        let address = parse_address(&self.id);
        let id = address.ok().and_then(|address| address.id().ok());
        id.ok_or_else(|| Failure::new(format!("`{}` is no ID address", self.id)))
    }

    /// Its lasting address as people write it.
    pub fn robust(&self) -> Option<String> {
        self.robust.as_deref().map(address_text)
    }

    /// How to call it in a sentence.
    pub fn name(&self) -> &str {
        self.actor.as_deref().unwrap_or("an actor of unknown code")
    }
}

/// Reads an address that the user gave.
///
/// # Errors
/// What is wrong with it, and the forms there are.
pub fn address(text: &str) -> Result<Address, Failure> {
    parse_address(text).map_err(|reason| {
        Failure::new(reason).help("`boatyard accounts` lists the development accounts")
    })
}

/// An address as text for the node and for people: `f…`.
pub fn address_text(text: &str) -> String {
    parse_address(text).map_or_else(|_| text.to_owned(), |address| address.to_string())
}

/// The actor behind an address; `None` if there is none.
///
/// # Errors
/// The node gives no answer.
pub fn find(rpc: &Rpc, address: &Address) -> Result<Option<ActorInfo>, Failure> {
    match rpc.call("boatyard_resolve", [json!(address.to_string())]) {
        Ok(info) => Ok(Some(info)),
        Err(RpcError::Refused { code, .. }) if code == ACTOR_NOT_FOUND => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The actor behind an address.
///
/// # Errors
/// There is none.
pub fn resolve(rpc: &Rpc, address: &Address) -> Result<ActorInfo, Failure> {
    find(rpc, address)?.ok_or_else(|| {
        Failure::new(format!("there is no actor at {address}"))
            .help("was it deployed on this chain? A devnet forgets everything when it stops")
    })
}

/// An actor's description; `None` if its code carries none.
///
/// # Errors
/// The node gives no answer, or a description that does not parse.
pub fn abi(rpc: &Rpc, code_or_name: &str) -> Result<Option<Abi>, Failure> {
    let answer: Value = match rpc.call("boatyard_abi", [json!(code_or_name)]) {
        Ok(answer) => answer,
        Err(RpcError::Refused { message, .. }) if message.contains("no description") => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    // Names in it are the author's, and end up on a terminal.
    let text = printable_value(answer.get("abi").unwrap_or(&Value::Null)).to_string();
    Abi::from_json(&text)
        .map(Some)
        .map_err(|error| Failure::new("the actor's ABI cannot be read").because(error))
}

/// The method that a user named.
///
/// # Errors
/// There is none of that name; the help lists those there are.
pub fn method<'a>(abi: &'a Abi, name: &str) -> Result<&'a Method, Failure> {
    abi.method(name).map_err(|error| {
        let mut names: Vec<&str> = abi
            .methods
            .iter()
            .map(|method| method.name.as_str())
            .collect();
        names.dedup();
        Failure::new(error.to_string()).help(format!(
            "it has {}; `boatyard abi` shows their parameters",
            names.join(", ")
        ))
    })
}
