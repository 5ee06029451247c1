//! From an address, a method's name and words to a draft of a message: the part
//! that `call` and `send` share.

use std::path::{Path, PathBuf};

use boatyard_abi::evm::{decode_output, encode_call, parse_function};
use boatyard_abi::{Abi, EvmAbi, Schema, encode};
use boatyard_chain::ethereum::{INVOKE_EVM, cbor_bytes, from_cbor_bytes};
use clap::Args;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use serde_json::{Value, json};

use crate::actor::{self, ActorInfo};
use crate::failure::Failure;
use crate::message::{Draft, Traced};
use crate::params;
use crate::rpc::Rpc;
use crate::signer::Side;

/// Where to find a contract's ABI.
#[derive(Debug, Clone, Args)]
pub struct ContractArgs {
    /// A Solidity contract's ABI: a JSON ABI, or an artefact of Foundry, Hardhat
    /// or solc. Without it, known functions (ERC-20, ERC-721) go by name and
    /// others by signature.
    #[arg(long, value_name = "FILE")]
    pub abi: Option<PathBuf>,
}

impl ContractArgs {
    /// What is known of contracts: the file's ABI before the well-known ones.
    ///
    /// # Errors
    /// The file cannot be read, or is no ABI.
    pub fn load(&self) -> Result<EvmAbi, Failure> {
        let mut abi = match &self.abi {
            Some(path) => read_evm_abi(path)?,
            None => EvmAbi::default(),
        };
        abi.extend(EvmAbi::well_known());
        Ok(abi)
    }
}

/// Reads a contract's ABI.
///
/// # Errors
/// The file cannot be read, or is no ABI.
pub fn read_evm_abi(path: &Path) -> Result<EvmAbi, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{shown} cannot be read")).because(error))?;
    EvmAbi::parse(&text).map_err(|error| {
        Failure::new(format!("{shown} is no contract's ABI"))
            .because(error)
            .help("give a JSON ABI, or an artefact such as out/Counter.sol/Counter.json")
    })
}

/// A call that is ready to be tried or sent.
#[derive(Debug)]
pub struct Target {
    /// The message.
    pub draft: Draft,
    /// Which address of an account fits it.
    pub side: Side,
    /// How its result is read.
    pub reading: Reading,
}

/// How a result is read.
#[derive(Debug)]
pub enum Reading {
    /// By the actor's description; the node does it.
    Native,
    /// By the function that was called.
    Solidity {
        /// The function; `None` for raw call data.
        function: Option<Box<alloy::json_abi::Function>>,
        /// For the reasons of reverts.
        abi: Box<EvmAbi>,
    },
}

impl Target {
    /// A call of a method.
    ///
    /// # Errors
    /// No such actor or method, or parameters that do not fit.
    pub fn method(
        rpc: &Rpc,
        to: Address,
        method: &str,
        words: &[String],
        value: TokenAmount,
        contract: &ContractArgs,
    ) -> Result<Self, Failure> {
        let info = actor::resolve(rpc, &to)?;
        let number = method.parse::<u64>().ok();
        if info.is_contract() && number.is_none_or(|number| number == INVOKE_EVM) {
            return Self::function(to, method, words, value, contract);
        }
        if info.is_contract() {
            // Another number goes to the contract's handle_filecoin_method.
            return Self::native(rpc, to, &info, method, words, value);
        }
        if contract.abi.is_some() {
            return Err(
                Failure::new(format!("{to} is {}, not a contract", info.name()))
                    .help("--abi is for Solidity contracts; native actors describe themselves"),
            );
        }
        Self::native(rpc, to, &info, method, words, value)
    }

    /// A transfer of money by an account of this side.
    pub fn transfer(to: Address, value: TokenAmount, side: Side) -> Self {
        let method = match side {
            Side::Ethereum => INVOKE_EVM,
            Side::Native => fvm_shared::METHOD_SEND,
        };
        Self {
            draft: Draft {
                to,
                method,
                params: Vec::new(),
                value,
            },
            side,
            reading: Reading::Native,
        }
    }

    fn native(
        rpc: &Rpc,
        to: Address,
        info: &ActorInfo,
        name: &str,
        words: &[String],
        value: TokenAmount,
    ) -> Result<Self, Failure> {
        let abi = actor::abi(rpc, &info.code)?;
        let (number, bytes) = match &abi {
            Some(abi) => encode_method(abi, name, words)?,
            None => unknown_method(&to, name, words)?,
        };
        Ok(Self {
            draft: Draft {
                to,
                method: number,
                params: bytes,
                value,
            },
            side: Side::Native,
            reading: Reading::Native,
        })
    }

    /// A call of a Solidity function, by name, by signature, or as call data.
    fn function(
        to: Address,
        name: &str,
        words: &[String],
        value: TokenAmount,
        contract: &ContractArgs,
    ) -> Result<Self, Failure> {
        let abi = contract.load()?;
        let raw = name.strip_prefix("0x").filter(|_| words.is_empty());
        let (function, input) = match raw {
            Some(digits) => {
                let input = hex::decode(digits).map_err(|error| {
                    Failure::new(format!("`{name}` is no call data")).because(error)
                })?;
                (None, input)
            }
            None => {
                let arguments = params::solidity(words)?;
                let function = find_function(&abi, name, arguments.len())?;
                let input = encode_call(&function, &arguments).map_err(|error| {
                    Failure::new("the arguments do not fit the function").because(error)
                })?;
                (Some(Box::new(function)), input)
            }
        };
        // Empty input is no parameters, as in a transaction (spec 10 §2.5).
        let params = match input.is_empty() {
            true => Vec::new(),
            false => cbor_bytes(&input).to_vec(),
        };
        Ok(Self {
            draft: Draft {
                to,
                method: INVOKE_EVM,
                params,
                value,
            },
            side: Side::Ethereum,
            reading: Reading::Solidity {
                function,
                abi: Box::new(abi),
            },
        })
    }

    /// The value that a successful call returned.
    ///
    /// # Errors
    /// A contract returned other types than its signature says.
    pub fn returned(&self, traced: &Traced) -> Result<Value, Failure> {
        let returned = traced
            .trace
            .call
            .as_ref()
            .and_then(|call| call.returned.as_ref());
        let Some(returned) = returned else {
            return Ok(Value::Null);
        };
        match &self.reading {
            Reading::Native => Ok(returned.decoded.clone()),
            Reading::Solidity { function, .. } => {
                let block = hex::decode(returned.hex.trim_start_matches("0x")).unwrap_or_default();
                let output = from_cbor_bytes(&block).unwrap_or(block);
                match function {
                    Some(function) if !function.outputs.is_empty() => {
                        decode_output(function, &output).map_err(|error| {
                            Failure::new(
                                "the contract returned something else than its signature says",
                            )
                            .because(error)
                        })
                    }
                    _ if output.is_empty() => Ok(Value::Null),
                    _ => Ok(json!(format!("0x{}", hex::encode(output)))),
                }
            }
        }
    }

    /// The failure of a call that was executed, or tried, and ended badly. A
    /// contract's own errors are named if its ABI was given.
    pub fn failure(&self, traced: &Traced, what: &str) -> Failure {
        let failure = crate::message::failed(&traced.trace, what);
        let Reading::Solidity { abi, .. } = &self.reading else {
            return failure;
        };
        let data = traced
            .trace
            .call
            .as_ref()
            .and_then(|call| call.returned.as_ref());
        let reverted = data
            .and_then(|data| hex::decode(data.hex.trim_start_matches("0x")).ok())
            .and_then(|block| from_cbor_bytes(&block));
        match reverted {
            Some(data) => failure.nearer(abi.decode_revert(&data)),
            None => failure,
        }
    }
}

fn find_function(
    abi: &EvmAbi,
    name: &str,
    arguments: usize,
) -> Result<alloy::json_abi::Function, Failure> {
    if name.contains('(') {
        // A signature of the user's own knows best what is returned, but may
        // leave that out.
        let written = parse_function(name).map_err(|error| {
            Failure::new("the function's signature does not parse")
                .because(error)
                .help("such as \"transfer(address,uint256)\" or \"balanceOf(address)(uint256)\"")
        })?;
        let known = abi.function(&written.signature(), arguments).ok();
        return Ok(match known {
            Some(known) if written.outputs.is_empty() => known.clone(),
            _ => written,
        });
    }
    abi.function(name, arguments).cloned().map_err(|error| {
        Failure::new(format!("nothing is known of a function `{name}`"))
            .because(error)
            .help("give its signature, such as \"balanceOf(address)(uint256)\", or the contract's ABI with --abi FILE")
    })
}

/// Number and encoded parameters of a method by its description.
///
/// # Errors
/// No such method, or parameters that do not fit.
pub fn encode_method(abi: &Abi, name: &str, words: &[String]) -> Result<(u64, Vec<u8>), Failure> {
    let method = actor::method(abi, name)?;
    let value = params::from_words(&method.params, words)?;
    let bytes = encode(&method.params, &value).map_err(|error| {
        let takes = match &method.params {
            Schema::Nothing => "it takes no parameters".to_owned(),
            schema => format!("it takes {schema}\n{}", params::HELP),
        };
        Failure::new(format!(
            "the parameters do not fit {}.{}",
            abi.name, method.name
        ))
        .because(error)
        .help(takes)
    })?;
    Ok((method.number, bytes))
}

fn unknown_method(to: &Address, name: &str, words: &[String]) -> Result<(u64, Vec<u8>), Failure> {
    let number = name.parse().map_err(|_| {
        Failure::new(format!("the actor at {to} does not describe its methods"))
            .help("call it by method number; the ABI of actors built with `boatyard build` lies in their code")
    })?;
    let value = params::unknown(words)?;
    let bytes = encode(&Schema::Raw, &value)
        .map_err(|error| Failure::new("the parameters cannot be encoded").because(error))?;
    Ok((number, bytes))
}
