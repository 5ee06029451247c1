//! Who sends a message, and with which key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_abi::parse_address;
use boatyard_chain::{Key, KeyKind};
use clap::Args;
use fvm_shared::address::{Address, Payload, Protocol};
use serde::Deserialize;
use serde_json::json;

use crate::failure::Failure;
use crate::rpc::{Rpc, RpcError};

/// Accounts of a mnemonic that are searched for an address.
const SEARCHED: u32 = 50;

/// Options of commands that send or try messages.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sender")]
pub struct SignerArgs {
    /// Who sends: number of a development account, or one of its addresses
    /// (0x…, f410f…, f1…).
    ///
    /// Every development account has two addresses of one key: an Ethereum one
    /// (0x…, the same as f410f…) and a Filecoin one (f1…), each with money of its
    /// own. Given by number, the Ethereum one calls contracts and the Filecoin
    /// one calls native actors.
    #[arg(long, value_name = "ACCOUNT", default_value = "0")]
    pub from: String,

    /// Sign with this key instead of a development account's: 32 bytes, 0x….
    #[arg(
        long,
        value_name = "KEY",
        env = "BOATYARD_PRIVATE_KEY",
        hide_env_values = true
    )]
    pub private_key: Option<String>,

    /// Take the development accounts from this phrase instead of asking the node.
    #[arg(
        long,
        value_name = "PHRASE",
        env = "BOATYARD_MNEMONIC",
        hide_env_values = true
    )]
    pub mnemonic: Option<String>,
}

/// Which address of an account fits a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// f410: calls and deployments of contracts, and transfers between 0x addresses.
    Ethereum,
    /// f1: everything; the only one that can call methods of native actors.
    Native,
}

impl Side {
    fn kind(self) -> KeyKind {
        match self {
            Side::Ethereum => KeyKind::Delegated,
            Side::Native => KeyKind::Secp256k1,
        }
    }
}

/// The part of `boatyard_accounts` that signing needs.
#[derive(Debug, Deserialize)]
struct NodeAccount {
    private_key: String,
}

impl SignerArgs {
    /// Whether nothing was said about who sends.
    pub fn is_default(&self) -> bool {
        self.from == "0" && self.private_key.is_none() && self.mnemonic.is_none()
    }

    /// Which address of an account `--from` names, if it is an address and not a
    /// number.
    pub fn named_side(&self) -> Option<Side> {
        let address = parse_address(&self.from).ok()?;
        Some(match address.protocol() {
            Protocol::Delegated => Side::Ethereum,
            _ => Side::Native,
        })
    }

    /// The key that signs.
    ///
    /// # Errors
    /// Unknown account, malformed key or phrase, or an Ethereum address where
    /// only a Filecoin one can sign.
    pub fn key(&self, rpc: &Rpc, side: Side) -> Result<Key, Failure> {
        let keys = Keys::of(self, rpc)?;
        if self.private_key.is_some() && self.from == "0" {
            return keys.nth(0, side.kind());
        }
        if let Ok(number) = self.from.parse::<u32>() {
            return keys.nth(number, side.kind());
        }
        let address = self.address(rpc)?;
        let key = match keys.of_address(&address) {
            Ok(key) => key,
            Err(unknown) => match self.exported(rpc, &address)? {
                Some(key) => key,
                None => return Err(unknown),
            },
        };
        if side == Side::Native && key.kind() == KeyKind::Delegated {
            let native = key.as_kind(KeyKind::Secp256k1).map_err(bad_key)?.address();
            return Err(Failure::new(format!(
                "{} cannot call methods of native actors",
                self.from
            ))
            .why(
                "a 0x address signs Ethereum transactions, which know contracts and transfers only",
            )
            .help(format!(
                "--from {native} is the Filecoin address of the same key"
            )));
        }
        Ok(key)
    }

    /// The key of an address that the node keeps, such as the operator's f0100;
    /// asked for only if no other keys are given.
    fn exported(&self, rpc: &Rpc, address: &Address) -> Result<Option<Key>, Failure> {
        if self.private_key.is_some() || self.mnemonic.is_some() {
            return Ok(None);
        }
        wallet_key(rpc, address)
    }

    /// The sender's address where nothing is signed; any address will do.
    ///
    /// # Errors
    /// Neither an account's number nor an address.
    pub fn sender(&self, rpc: &Rpc, side: Side) -> Result<Address, Failure> {
        let given = self.private_key.is_none() && self.from.parse::<u32>().is_err();
        match given {
            true => self.address(rpc),
            false => Ok(self.key(rpc, side)?.address()),
        }
    }

    /// `--from` as an address of a key.
    fn address(&self, rpc: &Rpc) -> Result<Address, Failure> {
        let address = parse_address(&self.from).map_err(|reason| {
            Failure::new("--from is neither the number of an account nor an address").why(reason)
        })?;
        let text = match address.payload() {
            Payload::ID(_) => rpc.call::<String>(
                "Filecoin.StateAccountKey",
                [json!(address.to_string()), json!(null)],
            )?,
            _ => return Ok(address),
        };
        parse_address(&text)
            .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))
    }
}

/// A key that the node keeps in its wallet.
///
/// # Errors
/// The node gives no answer, or something that is no key.
pub fn wallet_key(rpc: &Rpc, address: &Address) -> Result<Option<Key>, Failure> {
    let exported: WalletKey = match rpc.call("Filecoin.WalletExport", [json!(address.to_string())])
    {
        Ok(key) => key,
        Err(RpcError::Refused { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let kind = match exported.kind.as_str() {
        "secp256k1" => KeyKind::Secp256k1,
        "bls" => KeyKind::Bls,
        _ => KeyKind::Delegated,
    };
    let bytes = BASE64
        .decode(&exported.private_key)
        .map_err(|error| Failure::new("the node's answer cannot be read").because(error))?;
    Key::new(kind, &bytes).map(Some).map_err(bad_key)
}

/// Answer of `Filecoin.WalletExport`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WalletKey {
    #[serde(rename = "Type")]
    kind: String,
    private_key: String,
}

/// Private keys in order.
enum Keys {
    Listed(Vec<[u8; 32]>),
    Phrase(String),
}

impl Keys {
    fn of(args: &SignerArgs, rpc: &Rpc) -> Result<Self, Failure> {
        if let Some(key) = &args.private_key {
            return Ok(Keys::Listed(vec![parse_key(key)?]));
        }
        if let Some(phrase) = &args.mnemonic {
            return Ok(Keys::Phrase(phrase.clone()));
        }
        let accounts: Vec<NodeAccount> = rpc.call("boatyard_accounts", [])?;
        let keys = accounts
            .iter()
            .map(|account| parse_key(&account.private_key))
            .collect::<Result<_, _>>()?;
        Ok(Keys::Listed(keys))
    }

    fn nth(&self, number: u32, kind: KeyKind) -> Result<Key, Failure> {
        match self {
            Keys::Listed(keys) => match keys.get(number as usize) {
                Some(key) => Key::new(kind, key).map_err(bad_key),
                None => Err(
                    Failure::new(format!("there is no account {number}")).help(format!(
                        "{} known, counted from 0; `boatyard accounts` lists them",
                        match keys.len() {
                            1 => "one account is".to_owned(),
                            count => format!("{count} accounts are"),
                        }
                    )),
                ),
            },
            Keys::Phrase(phrase) => {
                let path = format!("m/44'/60'/0'/0/{number}");
                Key::from_mnemonic(kind, phrase, &path).map_err(|error| {
                    Failure::new("--mnemonic is no phrase of a wallet")
                        .because(error)
                        .help("it has 12 to 24 English words of BIP-39")
                })
            }
        }
    }

    fn of_address(&self, address: &Address) -> Result<Key, Failure> {
        let count = match self {
            Keys::Listed(keys) => u32::try_from(keys.len()).unwrap_or(u32::MAX),
            Keys::Phrase(_) => SEARCHED,
        };
        let kind = match address.protocol() {
            Protocol::Secp256k1 => KeyKind::Secp256k1,
            Protocol::BLS => KeyKind::Bls,
            _ => KeyKind::Delegated,
        };
        for number in 0..count {
            let key = self.nth(number, kind)?;
            if key.address() == *address {
                return Ok(key);
            }
        }
        Err(Failure::new(format!("there is no key for {address}")).help(
            "`boatyard accounts` lists the development accounts; for others give --private-key",
        ))
    }
}

fn parse_key(text: &str) -> Result<[u8; 32], Failure> {
    hex::decode(text.trim_start_matches("0x"))
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| {
            // The text may be a mistyped secret, so it is not repeated.
            Failure::new("the private key is malformed").help(
                "it is 0x and 64 hexadecimal digits; `boatyard accounts` shows those of the devnet",
            )
        })
}

fn bad_key(error: boatyard_chain::keys::BadKey) -> Failure {
    Failure::new("the private key cannot be used").because(error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PHRASE: &str = "test test test test test test test test test test test junk";
    const FIRST: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const FIRST_ETH: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

    fn args(from: &str, private_key: Option<&str>, mnemonic: Option<&str>) -> SignerArgs {
        SignerArgs {
            from: from.into(),
            private_key: private_key.map(Into::into),
            mnemonic: mnemonic.map(Into::into),
        }
    }

    fn nobody() -> Rpc {
        Rpc::new("http://127.0.0.1:1", Duration::from_secs(1)).unwrap()
    }

    #[test]
    fn the_kind_of_message_decides_between_an_accounts_two_addresses() {
        for args in [args("0", Some(FIRST), None), args("0", None, Some(PHRASE))] {
            let ethereum = args.key(&nobody(), Side::Ethereum).unwrap();
            assert_eq!(ethereum.address(), parse_address(FIRST_ETH).unwrap());
            let native = args.key(&nobody(), Side::Native).unwrap();
            assert_eq!(native.address().protocol(), Protocol::Secp256k1);
            assert_eq!(native.private_bytes(), ethereum.private_bytes());
        }
    }

    #[test]
    fn an_address_finds_its_key() {
        let second = args("1", None, Some(PHRASE))
            .key(&nobody(), Side::Native)
            .unwrap();
        let found = args(&second.address().to_string(), None, Some(PHRASE));
        assert_eq!(
            found.key(&nobody(), Side::Ethereum).unwrap().address(),
            second.address()
        );
    }

    #[test]
    fn an_ethereum_address_cannot_call_a_native_actor() {
        let error = args(FIRST_ETH, None, Some(PHRASE))
            .key(&nobody(), Side::Native)
            .unwrap_err();
        let help = error.to_json()["error"]["help"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(help.starts_with("--from f1"), "{help}");
    }

    #[test]
    fn mistakes_are_answered_without_repeating_secrets() {
        for (args, words) in [
            (args("7", Some(FIRST), None), "there is no account 7"),
            (args("harbour", Some(FIRST), None), "--from is neither"),
            (args("f099", Some(FIRST), None), "no node answers"),
            (
                args(
                    "0x000000000000000000000000000000000000dead",
                    Some(FIRST),
                    None,
                ),
                "there is no key for f410f",
            ),
            (
                args("0", Some("0xsecret"), None),
                "the private key is malformed",
            ),
            (
                args("0", None, Some("not a phrase")),
                "--mnemonic is no phrase",
            ),
        ] {
            let error = args.key(&nobody(), Side::Native).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_json().to_string().contains("secret"), "{error}");
        }
    }
}
