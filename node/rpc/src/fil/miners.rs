//! Storage providers (spec 10 §5.5).

use std::ops::ControlFlow;

use boatyard_abi::tree::{Blocks, walk_map};
use boatyard_chain::StateView;
use cid::Cid;
use cid::multibase::Base;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::tuple::Deserialize_tuple;
use fvm_ipld_encoding::{BytesDe, CborStore, from_slice};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::{AddressJson, AttoJson, BlobJson, address_text};
use crate::params::{FilAddress, TipsetParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// All providers that the power actor knows.
        ["Filecoin.StateListMiners"]
        (tipset: TipsetParam) -> "Filecoin addresses" = compute list;

        /// Who a provider is.
        ["Filecoin.StateMinerInfo"]
        (miner: FilAddress, tipset: TipsetParam) -> "MinerInfo" = compute info;
    ]
}

/// ID of the power actor.
const POWER: u64 = 4;
/// Blocks that one answer may read.
const MOST_BLOCKS: usize = 1 << 20;
/// Bits of a key per level of the claims' HAMT.
const CLAIMS_WIDTH: u32 = 5;
/// Place of the claims among the 17 fields of the power actor's state.
const CLAIMS: usize = 15;

fn list(call: &Call, tipset: TipsetParam) -> Result<Vec<AddressJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    if view.actor(&Address::new_id(POWER))?.is_none() {
        return Ok(Vec::new());
    }
    let (_, block) = view.head_block(&Address::new_id(POWER))?;
    let claims = nth_link(&block, CLAIMS)
        .ok_or_else(|| RpcError::failure("the power actor's state has no claims"))?;
    let store = view.store();
    let fetch = |cid: &Cid| store.get(cid).map_err(|error| error.to_string());
    let mut ids = Vec::new();
    let mut blocks = Blocks::new(fetch, MOST_BLOCKS);
    walk_map(&mut blocks, &claims, CLAIMS_WIDTH, None, &mut |key, _| {
        ids.extend(
            Address::from_bytes(key)
                .ok()
                .and_then(|address| address.id().ok()),
        );
        ControlFlow::Continue(())
    })
    .map_err(|error| RpcError::failure(format!("the power actor's claims: {error}")))?;
    ids.sort_unstable();
    Ok(ids
        .into_iter()
        .map(|id| Address::new_id(id).into())
        .collect())
}

/// The link at a place of a tuple.
fn nth_link(block: &[u8], place: usize) -> Option<Cid> {
    let mut fields = elements_of(block)?;
    let field = fields.nth(place)?;
    from_slice::<Cid>(field).ok()
}

/// The encoded elements of a CBOR array.
pub(crate) fn elements_of(block: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let mut decoder = minicbor::Decoder::new(block);
    let length = decoder.array().ok()??;
    let mut elements = Vec::new();
    for _ in 0..length.min(block.len() as u64) {
        let start = decoder.position();
        decoder.skip().ok()?;
        elements.push(block.get(start..decoder.position())?);
    }
    Some(elements.into_iter())
}

/// Spec 05 §3.2.
#[derive(Deserialize_tuple)]
struct MinerInfo {
    owner: Address,
    worker: Address,
    control_addresses: Vec<Address>,
    pending_worker_key: Option<WorkerKeyChange>,
    peer_id: BytesDe,
    multi_address: Vec<BytesDe>,
    window_post_proof_type: i64,
    sector_size: u64,
    window_post_partition_sectors: u64,
    consensus_fault_elapsed: ChainEpoch,
    pending_owner_address: Option<Address>,
    beneficiary: Address,
    beneficiary_term: BeneficiaryTerm,
    pending_beneficiary_term: Option<PendingBeneficiary>,
}

#[derive(Deserialize_tuple)]
struct WorkerKeyChange {
    new_worker: Address,
    effective_at: ChainEpoch,
}

#[derive(Deserialize_tuple)]
struct BeneficiaryTerm {
    quota: TokenAmount,
    used_quota: TokenAmount,
    expiration: ChainEpoch,
}

#[derive(Deserialize_tuple)]
struct PendingBeneficiary {
    new_beneficiary: Address,
    new_quota: TokenAmount,
    new_expiration: ChainEpoch,
    approved_by_beneficiary: bool,
    approved_by_nominee: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MinerInfoJson {
    owner: AddressJson,
    worker: AddressJson,
    new_worker: MaybeAddress,
    control_addresses: Vec<AddressJson>,
    worker_change_epoch: ChainEpoch,
    peer_id: Option<String>,
    multiaddrs: Vec<BlobJson>,
    #[serde(rename = "WindowPoStProofType")]
    window_post_proof_type: i64,
    sector_size: u64,
    #[serde(rename = "WindowPoStPartitionSectors")]
    window_post_partition_sectors: u64,
    consensus_fault_elapsed: ChainEpoch,
    pending_owner_address: Option<AddressJson>,
    beneficiary: AddressJson,
    beneficiary_term: BeneficiaryTermJson,
    pending_beneficiary_term: Option<PendingBeneficiaryJson>,
}

/// An address, or Go's text for none.
struct MaybeAddress(Option<Address>);

impl Serialize for MaybeAddress {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(address) => out.serialize_str(&address_text(address)),
            None => out.serialize_str("<empty>"),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BeneficiaryTermJson {
    quota: AttoJson,
    used_quota: AttoJson,
    expiration: ChainEpoch,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PendingBeneficiaryJson {
    new_beneficiary: AddressJson,
    new_quota: AttoJson,
    new_expiration: ChainEpoch,
    approved_by_beneficiary: bool,
    approved_by_nominee: bool,
}

fn info(call: &Call, miner: FilAddress, tipset: TipsetParam) -> Result<MinerInfoJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    Ok(read_info(&view, &miner.0)?.into())
}

fn read_info(view: &StateView, miner: &Address) -> Result<MinerInfo, RpcError> {
    let (_, actor) = crate::fil::state::actor(view, miner)?;
    let text = address_text(miner);
    if !view.manifest()?.is(&actor.code, "storageminer") {
        return Err(RpcError::failure(format!("{text} is no storage provider")));
    }
    let (_, block) = view.head_block(miner)?;
    let broken = |what: &dyn std::fmt::Display| {
        RpcError::failure(format!("the state of {text} cannot be read: {what}"))
    };
    let info = nth_link(&block, 0).ok_or_else(|| broken(&"no link to its info"))?;
    view.store()
        .get_cbor(&info)
        .map_err(|error| broken(&error))?
        .ok_or_else(|| broken(&"its info is missing"))
}

impl From<MinerInfo> for MinerInfoJson {
    fn from(info: MinerInfo) -> Self {
        let term = info.beneficiary_term;
        Self {
            owner: info.owner.into(),
            worker: info.worker.into(),
            worker_change_epoch: info
                .pending_worker_key
                .as_ref()
                .map_or(-1, |key| key.effective_at),
            new_worker: MaybeAddress(info.pending_worker_key.map(|key| key.new_worker)),
            control_addresses: info.control_addresses.into_iter().map(Into::into).collect(),
            peer_id: (!info.peer_id.0.is_empty()).then(|| Base::Base58Btc.encode(&info.peer_id.0)),
            multiaddrs: info
                .multi_address
                .into_iter()
                .map(|bytes| bytes.0.into())
                .collect(),
            window_post_proof_type: info.window_post_proof_type,
            sector_size: info.sector_size,
            window_post_partition_sectors: info.window_post_partition_sectors,
            consensus_fault_elapsed: info.consensus_fault_elapsed,
            pending_owner_address: info.pending_owner_address.map(Into::into),
            beneficiary: info.beneficiary.into(),
            beneficiary_term: BeneficiaryTermJson {
                quota: term.quota.into(),
                used_quota: term.used_quota.into(),
                expiration: term.expiration,
            },
            pending_beneficiary_term: info.pending_beneficiary_term.map(|term| {
                PendingBeneficiaryJson {
                    new_beneficiary: term.new_beneficiary.into(),
                    new_quota: term.new_quota.into(),
                    new_expiration: term.new_expiration,
                    approved_by_beneficiary: term.approved_by_beneficiary,
                    approved_by_nominee: term.approved_by_nominee,
                }
            }),
        }
    }
}
