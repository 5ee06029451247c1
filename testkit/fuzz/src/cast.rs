//! Who is there besides the actor that is called, and what everybody knows.

use boatyard_mock::hostile::Known;
use boatyard_mock::{MockRuntime, VectorRules, Verifier};
use boatyard_sdk::{NetworkVariant, Type};
use cid::Cid;
use cid::multihash::Multihash;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::{PaddedPieceSize, PieceInfo};
use fvm_shared::sector::RegisteredSealProof;

pub(crate) const OWNER: ActorID = 100;
pub(crate) const WORKER: ActorID = 101;
pub(crate) const CLIENT: ActorID = 102;
pub(crate) const VERIFIER: ActorID = 103;
pub(crate) const VERIFIER_2: ActorID = 104;
pub(crate) const STRANGER: ActorID = 105;
pub(crate) const CONTRACT: ActorID = 200;
pub(crate) const ETH_ACCOUNT: ActorID = 201;
pub(crate) const WALLET: ActorID = 202;
/// The actor that is called, unless it is a singleton.
pub(crate) const SUBJECT: ActorID = 1_000;
pub(crate) const MINER: ActorID = 1_001;
pub(crate) const MINER_2: ActorID = 1_002;

const ACCOUNTS: [ActorID; 6] = [OWNER, WORKER, CLIENT, VERIFIER, VERIFIER_2, STRANGER];

/// When everything begins.
pub(crate) const BIRTH: ChainEpoch = 10_000;

/// How sectors here are sealed.
pub(crate) const SEAL_PROOF: RegisteredSealProof = RegisteredSealProof::StackedDRG2KiBV1P1;
/// Their size in bytes.
pub(crate) const SECTOR_SIZE: u64 = 2_048;

pub(crate) fn id(id: ActorID) -> Address {
    Address::new_id(id)
}

pub(crate) fn bls(byte: u8) -> Address {
    Address::new_bls(&[byte; 48]).expect("a key has 48 bytes")
}

pub(crate) fn secp(byte: u8) -> Address {
    Address::new_secp256k1(&[byte; 65]).expect("a key has 65 bytes")
}

/// The f410 address of whoever has one.
pub(crate) fn f410(id: ActorID) -> Address {
    Address::new_delegated(10, &[id as u8; 20]).expect("20 bytes fit")
}

fn commitment(kind: u64, codec: u64, byte: u8) -> Cid {
    Cid::new_v1(
        codec,
        Multihash::wrap(kind, &[byte; 32]).expect("32 bytes fit"),
    )
}

/// Commitment of a piece, by a number.
pub(crate) fn piece(byte: u8) -> Cid {
    commitment(0x1012, 0xf101, byte)
}

/// Commitment of a replica, by a number.
pub(crate) fn replica(byte: u8) -> Cid {
    commitment(0xb401, 0xf102, byte)
}

/// The data of a sector that consists of one piece, as the world computes it.
pub(crate) fn unsealed(piece: Cid) -> Cid {
    let pieces = [PieceInfo {
        size: PaddedPieceSize(SECTOR_SIZE),
        cid: piece,
    }];
    VectorRules
        .unsealed_sector_cid(SEAL_PROOF, &pieces)
        .expect("the rules of the mock always give one")
}

/// Which addresses lead to whom.
const KEYS: [(ActorID, u8); 3] = [(WORKER, 1), (VERIFIER, 2), (CLIENT, 3)];

/// Whom an address means.
pub(crate) fn resolve(address: &Address) -> Option<ActorID> {
    let keys = KEYS
        .iter()
        .flat_map(|(id, byte)| [(bls(*byte), *id), (secp(*byte), *id)]);
    let delegated = [CONTRACT, ETH_ACCOUNT, SUBJECT].map(|id| (f410(id), id));
    address.id().ok().or_else(|| {
        keys.chain(delegated)
            .find_map(|(known, id)| (known == *address).then_some(id))
    })
}

/// Everybody but the actor that is called, in a devnet.
pub(crate) fn world(receiver: ActorID) -> MockRuntime {
    let rt = MockRuntime::new()
        .receiver(receiver)
        .epoch(BIRTH)
        .variant(NetworkVariant::Devnet)
        .circulating_supply(TokenAmount::from_whole(600_000_000))
        .origin(OWNER)
        .origin_address(secp(1));
    for account in ACCOUNTS {
        rt.actor(account, Type::Account);
    }
    for (id, byte) in KEYS {
        rt.resolves(bls(byte), id).resolves(secp(byte), id);
    }
    rt.actor(CONTRACT, Type::Evm);
    rt.delegated(CONTRACT, f410(CONTRACT));
    rt.actor(ETH_ACCOUNT, Type::EthAccount);
    rt.delegated(ETH_ACCOUNT, f410(ETH_ACCOUNT));
    rt.actor(WALLET, Type::Multisig);
    rt.actor(MINER, Type::Miner).actor(MINER_2, Type::Miner)
}

/// Everybody who calls.
pub(crate) const CALLERS: [ActorID; 20] = [
    OWNER,
    WORKER,
    CLIENT,
    VERIFIER,
    VERIFIER_2,
    STRANGER,
    CONTRACT,
    ETH_ACCOUNT,
    WALLET,
    MINER,
    MINER_2,
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    10,
];

/// What everybody knows.
pub(crate) fn known(receiver: ActorID) -> Known {
    let small = [0, 1, 2, 3, 5, 8, 10, 47, 48, 64];
    let sizes = [128, 256, 1_024, 2_048, 8 << 20];
    let ids = [receiver, OWNER, CLIENT, MINER, MINER_2].map(|id| id as i64);
    let times = [
        BIRTH - 1,
        BIRTH,
        BIRTH + 100,
        BIRTH + 600_000,
        518_400,
        1_555_200,
        2_880,
    ];
    let addresses = [
        OWNER, WORKER, CLIENT, VERIFIER, STRANGER, CONTRACT, WALLET, MINER, receiver, 5,
    ];
    let mut addresses = addresses.map(id).to_vec();
    addresses.extend([bls(1), secp(2), secp(3), f410(ETH_ACCOUNT), f410(CONTRACT)]);
    Known {
        numbers: [&small[..], &sizes, &ids, &times].concat(),
        addresses,
        cids: vec![piece(1), piece(2), replica(1), unsealed(piece(1))],
    }
}
