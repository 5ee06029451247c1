//! Keys of accounts, and signing with them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use alloy::primitives::{Address as EthAddress, B256, keccak256};
use alloy::signers::local::{MnemonicBuilder, coins_bip39::English};
use bls_signatures::Serialize as _;
use fvm_shared::address::{Address, Protocol};
use fvm_shared::message::Message;
use k256::ecdsa::SigningKey;
use multihash_codetable::{Code, MultihashDigest};

use crate::ethereum::{self, EAM, NotEthereum};
use crate::message::{Signature, SignatureKind, SignedMessage, message_cid};

/// Which addresses a key makes, and how it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// An f1 address.
    Secp256k1,
    /// An f3 address.
    Bls,
    /// An f410 address.
    Delegated,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Secp256k1, Self::Bls, Self::Delegated];
}

/// Bytes or a phrase that make no key.
#[derive(Debug, Clone, thiserror::Error)]
#[error("not a key: {0}")]
pub struct BadKey(pub String);

/// A private key with the address that it signs for.
#[derive(Clone)]
pub struct Key {
    kind: KeyKind,
    address: Address,
    private: [u8; 32],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the private part: keys end up in logs.
        write!(f, "Key({:?} {})", self.kind, self.address)
    }
}

impl Key {
    /// The key with these 32 private bytes: big-endian for secp256k1 and
    /// delegated keys, little-endian for BLS.
    ///
    /// # Errors
    /// When they are no number in the curve's range.
    pub fn new(kind: KeyKind, private: &[u8]) -> Result<Self, BadKey> {
        let private: [u8; 32] = private
            .try_into()
            .map_err(|_| BadKey(format!("{} bytes, expected 32", private.len())))?;
        let address = match kind {
            KeyKind::Bls => {
                let key = bls_signatures::PrivateKey::from_bytes(&private)
                    .map_err(|error| BadKey(error.to_string()))?;
                Address::new_bls(&key.public_key().as_bytes())
            }
            KeyKind::Secp256k1 | KeyKind::Delegated => {
                let key =
                    SigningKey::from_slice(&private).map_err(|error| BadKey(error.to_string()))?;
                let public = key.verifying_key().to_encoded_point(false);
                if kind == KeyKind::Secp256k1 {
                    Address::new_secp256k1(public.as_bytes())
                } else {
                    let hash = keccak256(&public.as_bytes()[1..]);
                    Address::new_delegated(EAM, &hash[12..])
                }
            }
        };
        let address = address.map_err(|error| BadKey(error.to_string()))?;
        Ok(Self {
            kind,
            address,
            private,
        })
    }

    /// The key that a mnemonic gives at `path` (BIP-39, BIP-32).
    ///
    /// # Errors
    /// When the phrase or the path is malformed.
    pub fn from_mnemonic(kind: KeyKind, phrase: &str, path: &str) -> Result<Self, BadKey> {
        let bad = |error: alloy::signers::local::LocalSignerError| BadKey(error.to_string());
        let signer = MnemonicBuilder::<English>::default()
            .phrase(phrase)
            .derivation_path(path)
            .map_err(bad)?
            .build()
            .map_err(bad)?;
        let private = signer.to_bytes();
        if kind == KeyKind::Bls {
            // Any secp256k1 scalar may be out of range for BLS: derive from it.
            return Ok(Self::bls_from_seed(private.as_slice()));
        }
        Self::new(kind, private.as_slice())
    }

    /// A BLS key that depends on nothing but `seed`.
    pub fn bls_from_seed(seed: &[u8]) -> Self {
        let digest = Code::Blake2b256.digest(seed);
        let key = bls_signatures::PrivateKey::new(digest.digest());
        Self::new(KeyKind::Bls, &key.as_bytes()).expect("a generated key is in range")
    }

    /// Kind.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The address it signs for: f1, f3 or f410.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Ethereum address of a delegated key.
    pub fn eth_address(&self) -> Option<EthAddress> {
        match self.kind {
            KeyKind::Delegated => ethereum::to_ethereum(&self.address),
            KeyKind::Secp256k1 | KeyKind::Bls => None,
        }
    }

    /// The private bytes, in the order of [`Self::new`].
    pub fn private_bytes(&self) -> [u8; 32] {
        self.private
    }

    /// The same private bytes as a key of another kind: each development account
    /// is both an f410 and an f1 address.
    ///
    /// # Errors
    /// When the bytes are out of the other curve's range.
    pub fn as_kind(&self, kind: KeyKind) -> Result<Self, BadKey> {
        Self::new(kind, &self.private)
    }

    /// Signs bytes: secp256k1 over their BLAKE2b-256 digest, delegated over their
    /// Keccak-256 digest (65 bytes r ‖ s ‖ v, v 0 or 1), BLS over the bytes.
    pub fn sign(&self, data: &[u8]) -> Signature {
        let (kind, data) = match self.kind {
            KeyKind::Secp256k1 => {
                let digest = Code::Blake2b256.digest(data);
                (SignatureKind::Secp256k1, self.sign_digest(digest.digest()))
            }
            KeyKind::Delegated => (
                SignatureKind::Delegated,
                self.sign_digest(keccak256(data).as_slice()),
            ),
            KeyKind::Bls => {
                let key = bls_signatures::PrivateKey::from_bytes(&self.private)
                    .expect("checked when the key was made");
                (SignatureKind::Bls, key.sign(data).as_bytes())
            }
        };
        Signature { kind, data }
    }

    /// Signs a 32-byte digest with the secp256k1 key: 65 bytes r ‖ s ‖ v. `None`
    /// for BLS keys, which sign no digests.
    pub fn sign_hash(&self, digest: &B256) -> Option<[u8; 65]> {
        match self.kind {
            KeyKind::Bls => None,
            KeyKind::Secp256k1 | KeyKind::Delegated => {
                self.sign_digest(digest.as_slice()).try_into().ok()
            }
        }
    }

    /// Signs a message: f410 keys as EIP-1559 transaction, others its CID.
    ///
    /// # Errors
    /// When a delegated key shall sign what no transaction can express.
    pub fn sign_message(
        &self,
        message: Message,
        chain_id: u64,
    ) -> Result<SignedMessage, NotEthereum> {
        let signature = match self.kind {
            KeyKind::Secp256k1 | KeyKind::Bls => self.sign(&message_cid(&message).to_bytes()),
            KeyKind::Delegated => {
                use alloy::consensus::SignableTransaction as _;
                let transaction = ethereum::unsigned_1559(&message, chain_id)?;
                self.sign(&transaction.encoded_for_signing())
            }
        };
        Ok(SignedMessage { message, signature })
    }

    fn sign_digest(&self, digest: &[u8]) -> Vec<u8> {
        let key = SigningKey::from_slice(&self.private).expect("checked when the key was made");
        let (signature, recovery) = key
            .sign_prehash_recoverable(digest)
            .expect("a 32-byte digest can be signed");
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(recovery.to_byte());
        bytes
    }
}

/// Checks a Filecoin signature over bytes.
///
/// # Errors
/// What is wrong with it.
pub fn verify(signature: &Signature, data: &[u8], signer: &Address) -> Result<(), String> {
    match (signature.kind, signer.protocol()) {
        (SignatureKind::Secp256k1, Protocol::Secp256k1) => {
            let digest = Code::Blake2b256.digest(data);
            let public = recover(&signature.data, digest.digest())?;
            match Address::new_secp256k1(&public) {
                Ok(address) if address == *signer => Ok(()),
                Ok(address) => Err(format!("it is {address}'s")),
                Err(error) => Err(error.to_string()),
            }
        }
        (SignatureKind::Bls, Protocol::BLS) => {
            let key = bls_signatures::PublicKey::from_bytes(&signer.payload_bytes())
                .map_err(|error| format!("the sender's address holds no public key: {error}"))?;
            let signature = bls_signatures::Signature::from_bytes(&signature.data)
                .map_err(|error| error.to_string())?;
            if key.verify(signature, data) {
                Ok(())
            } else {
                Err("it does not verify".into())
            }
        }
        (SignatureKind::Delegated, Protocol::Delegated) => {
            let public = recover(&signature.data, keccak256(data).as_slice())?;
            let hash = keccak256(&public[1..]);
            match Address::new_delegated(EAM, &hash[12..]) {
                Ok(address) if address == *signer => Ok(()),
                Ok(address) => Err(format!("it is {address}'s")),
                Err(error) => Err(error.to_string()),
            }
        }
        (kind, protocol) => Err(format!(
            "kind {kind:?} does not fit an {protocol:?} address"
        )),
    }
}

fn recover(signature: &[u8], digest: &[u8]) -> Result<Vec<u8>, String> {
    use k256::ecdsa::{RecoveryId, VerifyingKey};
    let [scalars @ .., v] = signature else {
        return Err("it is empty".into());
    };
    let mut id = RecoveryId::from_byte(*v).ok_or_else(|| format!("v is {v}, expected 0 to 3"))?;
    let mut scalars =
        k256::ecdsa::Signature::from_slice(scalars).map_err(|error| error.to_string())?;
    if let Some(low) = scalars.normalize_s() {
        // A high s is the same signature with the other parity (spec 00 §14).
        scalars = low;
        id = RecoveryId::new(!id.is_y_odd(), id.is_x_reduced());
    }
    let key = VerifyingKey::recover_from_prehash(digest, &scalars, id)
        .map_err(|error| error.to_string())?;
    Ok(key.to_encoded_point(false).as_bytes().to_vec())
}

/// The keys that a node signs with. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Keyring(Arc<RwLock<Keys>>);

#[derive(Debug, Default)]
struct Keys {
    /// In order of addition.
    keys: Vec<Key>,
    by_address: BTreeMap<Address, usize>,
    default: Option<Address>,
}

impl Keyring {
    /// Adds a key; the first one is the default. Adding a key twice does nothing.
    pub fn add(&self, key: Key) -> Address {
        let address = key.address();
        let mut keys = self.write();
        if !keys.by_address.contains_key(&address) {
            let index = keys.keys.len();
            keys.by_address.insert(address, index);
            keys.keys.push(key);
            keys.default.get_or_insert(address);
        }
        address
    }

    /// The key of an address.
    pub fn get(&self, address: &Address) -> Option<Key> {
        let keys = self.read();
        keys.by_address
            .get(address)
            .map(|index| keys.keys[*index].clone())
    }

    /// All addresses in order of addition.
    pub fn addresses(&self) -> Vec<Address> {
        self.read().keys.iter().map(Key::address).collect()
    }

    /// Forgets a key; false if there was none.
    pub fn remove(&self, address: &Address) -> bool {
        let mut keys = self.write();
        let Some(index) = keys.by_address.remove(address) else {
            return false;
        };
        keys.keys.remove(index);
        let by_address = keys
            .keys
            .iter()
            .enumerate()
            .map(|(index, key)| (key.address(), index))
            .collect();
        keys.by_address = by_address;
        if keys.default == Some(*address) {
            keys.default = keys.keys.first().map(Key::address);
        }
        true
    }

    /// The address that signs where none is named.
    pub fn default_address(&self) -> Option<Address> {
        self.read().default
    }

    /// Chooses the default; false if there is no such key.
    pub fn set_default(&self, address: &Address) -> bool {
        let mut keys = self.write();
        let known = keys.by_address.contains_key(address);
        if known {
            keys.default = Some(*address);
        }
        known
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Keys> {
        self.0
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Keys> {
        self.0
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [KeyKind; 3] = [KeyKind::Secp256k1, KeyKind::Bls, KeyKind::Delegated];

    #[test]
    fn what_a_key_signs_is_its_addresses_and_nobody_elses() {
        for kind in KINDS {
            let key = Key::new(kind, &[5; 32]).unwrap();
            let other = Key::new(kind, &[6; 32]).unwrap();
            let signature = key.sign(b"data");
            assert_eq!(
                verify(&signature, b"data", &key.address()),
                Ok(()),
                "{kind:?}"
            );
            assert!(
                verify(&signature, b"Data", &key.address()).is_err(),
                "{kind:?}"
            );
            assert!(
                verify(&signature, b"data", &other.address()).is_err(),
                "{kind:?}"
            );
            assert_eq!(key.sign(b"data"), signature, "signatures are deterministic");
        }
    }

    #[test]
    fn malformed_signatures_are_refused() {
        for kind in KINDS {
            let key = Key::new(kind, &[5; 32]).unwrap();
            let good = key.sign(b"data");
            for data in [
                vec![],
                vec![0; 65],
                vec![0; 96],
                vec![0xff; good.data.len()],
            ] {
                let bad = Signature {
                    data,
                    ..good.clone()
                };
                assert!(verify(&bad, b"data", &key.address()).is_err(), "{kind:?}");
            }
            assert!(verify(&good, b"data", &Address::new_id(100)).is_err());
        }
    }

    #[test]
    fn a_high_s_counts_as_the_low_one_with_the_other_parity() {
        let key = Key::new(KeyKind::Secp256k1, &[5; 32]).unwrap();
        let mut signature = key.sign(b"data");
        let low = k256::ecdsa::Signature::from_slice(&signature.data[..64]).unwrap();
        let (r, s) = low.split_scalars();
        let high = k256::ecdsa::Signature::from_scalars(r, -s).unwrap();
        signature.data[..64].copy_from_slice(&high.to_bytes());
        assert!(verify(&signature, b"data", &key.address()).is_err());
        signature.data[64] ^= 1;
        assert_eq!(verify(&signature, b"data", &key.address()), Ok(()));
        // Ethereum's 27 and 28 are none of Filecoin's.
        signature.data[64] += 27;
        assert!(verify(&signature, b"data", &key.address()).is_err());
    }

    #[test]
    fn bytes_out_of_range_make_no_key() {
        for kind in KINDS {
            assert!(Key::new(kind, &[0xff; 32]).is_err(), "{kind:?}");
            assert!(Key::new(kind, &[1; 31]).is_err(), "{kind:?}");
        }
        assert!(Key::new(KeyKind::Secp256k1, &[0; 32]).is_err());
        assert!(Key::from_mnemonic(KeyKind::Delegated, "no mnemonic", "m/0").is_err());
        let phrase = crate::config::DEFAULT_MNEMONIC;
        assert!(Key::from_mnemonic(KeyKind::Delegated, phrase, "not a path").is_err());
    }

    #[test]
    fn a_key_does_not_print_its_private_part() {
        let key = Key::new(KeyKind::Delegated, &[0xab; 32]).unwrap();
        assert!(!format!("{key:?}").contains("ab, ab") && !format!("{key:?}").contains("171"));
    }

    #[test]
    fn a_keyring_remembers_order_and_default() {
        let ring = Keyring::default();
        let keys: Vec<Key> = (1..=3)
            .map(|n| Key::new(KeyKind::Secp256k1, &[n; 32]).unwrap())
            .collect();
        let addresses: Vec<Address> = keys.iter().map(Key::address).collect();
        for key in keys.iter().chain(&keys) {
            ring.add(key.clone());
        }
        assert_eq!(ring.addresses(), addresses);
        assert_eq!(ring.default_address(), Some(addresses[0]));
        assert!(ring.set_default(&addresses[2]));
        assert!(!ring.set_default(&Address::new_id(1)));
        assert!(ring.remove(&addresses[0]) && !ring.remove(&addresses[0]));
        assert_eq!(ring.get(&addresses[1]).unwrap().address(), addresses[1]);
        assert!(ring.remove(&addresses[2]));
        assert_eq!(ring.default_address(), Some(addresses[1]));
    }
}
