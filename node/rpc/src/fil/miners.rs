//! Storage providers: who they are, what they have, when they prove (spec 10 §5.5).

use boatyard_actors_shared::{DeadlineInfo, POWER_ACTOR_ID, Policy};
use boatyard_chain::StateView;
use boatyard_miner::schema::{
    BeneficiaryTerm, Deadline, MinerInfo, Partition, PendingBeneficiaryChange,
};
use boatyard_miner::vesting;
use cid::multibase::Base;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::CborStore;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::{AddressJson, AttoJson, BigJson, BlobJson, address_text};
use crate::fil::typed::{RunsJson, state_of};
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

        /// What power a provider has, and the whole network.
        ["Filecoin.StateMinerPower"]
        (miner: FilAddress, tipset: TipsetParam) -> "MinerPower" = compute power;

        /// The deadline whose window is open, or the next.
        ["Filecoin.StateMinerProvingDeadline"]
        (miner: FilAddress, tipset: TipsetParam) -> "DeadlineInfo" = compute proving_deadline;

        /// The deadlines of a proving period.
        ["Filecoin.StateMinerDeadlines"]
        (miner: FilAddress, tipset: TipsetParam) -> "Deadlines" = compute deadlines;

        /// The partitions of a deadline.
        ["Filecoin.StateMinerPartitions"]
        (miner: FilAddress, deadline: u64, tipset: TipsetParam) -> "Partitions" = compute partitions;

        /// Numbers of faulty sectors.
        ["Filecoin.StateMinerFaults"]
        (miner: FilAddress, tipset: TipsetParam) -> "run lengths" = compute faults;

        /// Numbers of faulty sectors that are said to be well again.
        ["Filecoin.StateMinerRecoveries"]
        (miner: FilAddress, tipset: TipsetParam) -> "run lengths" = compute recoveries;

        /// What a provider may withdraw, vested funds included.
        ["Filecoin.StateMinerAvailableBalance"]
        (miner: FilAddress, tipset: TipsetParam) -> "attoFIL" = compute available_balance;

        /// How many sectors a provider has.
        ["Filecoin.StateMinerSectorCount"]
        (miner: FilAddress, tipset: TipsetParam) -> "SectorCount" = compute sector_count;
    ]
}

/// A miner with what its methods look at.
pub struct Miner {
    /// State in which it was found.
    pub view: StateView,
    /// Its state.
    pub state: boatyard_miner::State,
    /// Its balance, attoFIL.
    pub balance: TokenAmount,
    /// Its ID address.
    pub id: Address,
    /// The epoch at which it is looked at.
    pub epoch: ChainEpoch,
    /// The network's policy.
    pub policy: &'static Policy,
}

impl Miner {
    /// The miner behind an address.
    ///
    /// # Errors
    /// When it is none.
    pub fn find(call: &Call, miner: &FilAddress, tipset: &TipsetParam) -> Result<Self, RpcError> {
        let view = call.node.state_at(&tipset.0)?;
        let (id, actor, state) = state_of(&view, &miner.0, "storageminer")?;
        Ok(Self {
            epoch: call.node.tipset(&tipset.0)?.height(),
            policy: Policy::of(call.node.options.policy),
            view,
            state,
            balance: actor.balance,
            id: Address::new_id(id),
        })
    }

    /// Its identity.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn info(&self) -> Result<MinerInfo, RpcError> {
        let text = address_text(&self.id);
        self.view
            .store()
            .get_cbor(&self.state.info)
            .map_err(|error| RpcError::failure(format!("the info of {text}: {error:#}")))?
            .ok_or_else(|| RpcError::failure(format!("the info of {text} is missing")))
    }

    /// Calls `visit` for every partition, with the indices of deadline and partition.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn each_partition(
        &self,
        mut visit: impl FnMut(u64, u64, &Partition),
    ) -> Result<(), RpcError> {
        for index in 0..self.policy.wpost_period_deadlines {
            let deadline = self.deadline(index)?;
            let partitions = deadline.partitions.load(self.view.store())?;
            partitions.for_each(|number, partition| {
                visit(index, number, partition);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// A deadline.
    ///
    /// # Errors
    /// When there is none of this index.
    pub fn deadline(&self, index: u64) -> Result<Deadline, RpcError> {
        let store = self.view.store();
        Ok(self.state.load_deadlines(store)?.load(store, index)?)
    }

    /// Where deadlines lie now.
    pub fn deadline_info(&self) -> DeadlineInfo {
        self.state
            .deadline_info(self.policy, self.epoch)
            .next_not_elapsed()
    }

    /// The union over all partitions.
    fn union(&self, of: impl Fn(&Partition) -> BitField) -> Result<BitField, RpcError> {
        let mut sets = Vec::new();
        self.each_partition(|_, _, partition| sets.push(of(partition)))?;
        Ok(BitField::union(sets.iter()))
    }

    /// Numbers of sectors that are neither faulty nor unproven nor ended.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn active(&self) -> Result<BitField, RpcError> {
        self.union(Partition::active)
    }
}

/// The power actor's state.
pub fn power_state(view: &StateView) -> Result<boatyard_power::State, RpcError> {
    let power = Address::new_id(POWER_ACTOR_ID);
    Ok(state_of(view, &power, "storagepower")?.2)
}

fn list(call: &Call, tipset: TipsetParam) -> Result<Vec<AddressJson>, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let claims = power_state(&view)?.claims.load(view.store())?;
    let mut ids = Vec::new();
    claims.for_each(|miner, _| {
        ids.extend(miner.id().ok());
        Ok(())
    })?;
    ids.sort_unstable();
    Ok(ids
        .into_iter()
        .map(|id| Address::new_id(id).into())
        .collect())
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

impl From<BeneficiaryTerm> for BeneficiaryTermJson {
    fn from(term: BeneficiaryTerm) -> Self {
        Self {
            quota: term.quota.into(),
            used_quota: term.used_quota.into(),
            expiration: term.expiration,
        }
    }
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

impl From<PendingBeneficiaryChange> for PendingBeneficiaryJson {
    fn from(change: PendingBeneficiaryChange) -> Self {
        Self {
            new_beneficiary: change.new_beneficiary.into(),
            new_quota: change.new_quota.into(),
            new_expiration: change.new_expiration,
            approved_by_beneficiary: change.approved_by_beneficiary,
            approved_by_nominee: change.approved_by_nominee,
        }
    }
}

fn info(call: &Call, miner: FilAddress, tipset: TipsetParam) -> Result<MinerInfoJson, RpcError> {
    let info = Miner::find(call, &miner, &tipset)?.info()?;
    let change = info.pending_worker_key;
    Ok(MinerInfoJson {
        owner: info.owner.into(),
        worker: info.worker.into(),
        worker_change_epoch: change.as_ref().map_or(-1, |key| key.effective_at),
        new_worker: MaybeAddress(change.map(|key| key.new_worker)),
        control_addresses: info.control_addresses.into_iter().map(Into::into).collect(),
        peer_id: (!info.peer_id.is_empty()).then(|| Base::Base58Btc.encode(info.peer_id.bytes())),
        multiaddrs: info
            .multi_address
            .into_iter()
            .map(|bytes| bytes.to_vec().into())
            .collect(),
        window_post_proof_type: info.window_post_proof_type.into(),
        sector_size: info.sector_size as u64,
        window_post_partition_sectors: info.window_post_partition_sectors,
        consensus_fault_elapsed: info.consensus_fault_elapsed,
        pending_owner_address: info.pending_owner_address.map(Into::into),
        beneficiary: info.beneficiary.into(),
        beneficiary_term: info.beneficiary_term.into(),
        pending_beneficiary_term: info.pending_beneficiary_term.map(Into::into),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClaimJson {
    raw_byte_power: BigJson,
    quality_adj_power: BigJson,
}

impl ClaimJson {
    fn new(raw: BigInt, quality: BigInt) -> Self {
        Self {
            raw_byte_power: raw.into(),
            quality_adj_power: quality.into(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MinerPowerJson {
    miner_power: ClaimJson,
    total_power: ClaimJson,
    has_min_power: bool,
}

/// An address without a claim has no power; asked for the undefined address, Lotus gives
/// the network's alone.
fn power(call: &Call, miner: FilAddress, tipset: TipsetParam) -> Result<MinerPowerJson, RpcError> {
    let view = call.node.state_at(&tipset.0)?;
    let state = power_state(&view)?;
    let policy = Policy::of(call.node.options.policy);
    let id = view
        .resolve(&miner.0)?
        .ok_or_else(|| RpcError::actor_not_found(address_text(&miner.0)))?;
    let claim = state.claim_of(view.store(), &Address::new_id(id))?;
    let has_min_power = match &claim {
        Some(claim) => state.may_mine(policy, claim)?,
        None => false,
    };
    let (raw, quality) = state.network_power();
    Ok(MinerPowerJson {
        miner_power: claim.map_or_else(
            || ClaimJson::new(BigInt::default(), BigInt::default()),
            |claim| ClaimJson::new(claim.raw_byte_power, claim.quality_adj_power),
        ),
        total_power: ClaimJson::new(raw.clone(), quality.clone()),
        has_min_power,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadlineInfoJson {
    current_epoch: ChainEpoch,
    period_start: ChainEpoch,
    index: u64,
    open: ChainEpoch,
    close: ChainEpoch,
    challenge: ChainEpoch,
    fault_cutoff: ChainEpoch,
    #[serde(rename = "WPoStPeriodDeadlines")]
    period_deadlines: u64,
    #[serde(rename = "WPoStProvingPeriod")]
    proving_period: ChainEpoch,
    #[serde(rename = "WPoStChallengeWindow")]
    challenge_window: ChainEpoch,
    #[serde(rename = "WPoStChallengeLookback")]
    challenge_lookback: ChainEpoch,
    fault_declaration_cutoff: ChainEpoch,
}

fn proving_deadline(
    call: &Call,
    miner: FilAddress,
    tipset: TipsetParam,
) -> Result<DeadlineInfoJson, RpcError> {
    let info = Miner::find(call, &miner, &tipset)?.deadline_info();
    Ok(DeadlineInfoJson {
        current_epoch: info.current_epoch,
        period_start: info.period_start,
        index: info.index,
        open: info.open,
        close: info.close,
        challenge: info.challenge,
        fault_cutoff: info.fault_cutoff,
        period_deadlines: info.period_deadlines,
        proving_period: info.proving_period,
        challenge_window: info.challenge_window,
        challenge_lookback: info.challenge_lookback,
        fault_declaration_cutoff: info.fault_declaration_cutoff,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadlineJson {
    post_submissions: RunsJson,
    disputable_proof_count: u64,
    daily_fee: AttoJson,
}

fn deadlines(
    call: &Call,
    miner: FilAddress,
    tipset: TipsetParam,
) -> Result<Vec<DeadlineJson>, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    (0..miner.policy.wpost_period_deadlines)
        .map(|index| {
            let deadline = miner.deadline(index)?;
            let disputable = deadline
                .optimistic_post_submissions_snapshot
                .load(miner.view.store())?;
            Ok(DeadlineJson {
                post_submissions: (&deadline.partitions_posted).into(),
                disputable_proof_count: disputable.count(),
                daily_fee: deadline.daily_fee.into(),
            })
        })
        .collect()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PartitionJson {
    all_sectors: RunsJson,
    faulty_sectors: RunsJson,
    recovering_sectors: RunsJson,
    live_sectors: RunsJson,
    active_sectors: RunsJson,
}

fn partitions(
    call: &Call,
    miner: FilAddress,
    deadline: u64,
    tipset: TipsetParam,
) -> Result<Vec<PartitionJson>, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    let deadline = miner.deadline(deadline)?;
    let mut all = Vec::new();
    let partitions = deadline.partitions.load(miner.view.store())?;
    partitions.for_each(|_, partition| {
        all.push(PartitionJson {
            all_sectors: (&partition.sectors).into(),
            faulty_sectors: (&partition.faults).into(),
            recovering_sectors: (&partition.recoveries).into(),
            live_sectors: RunsJson(partition.live()),
            active_sectors: RunsJson(partition.active()),
        });
        Ok(())
    })?;
    Ok(all)
}

fn faults(call: &Call, miner: FilAddress, tipset: TipsetParam) -> Result<RunsJson, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    Ok(RunsJson(miner.union(|partition| partition.faults.clone())?))
}

fn recoveries(call: &Call, miner: FilAddress, tipset: TipsetParam) -> Result<RunsJson, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    Ok(RunsJson(
        miner.union(|partition| partition.recoveries.clone())?,
    ))
}

fn available_balance(
    call: &Call,
    miner: FilAddress,
    tipset: TipsetParam,
) -> Result<AttoJson, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    // An amount is free in the first epoch after its own.
    let vested: TokenAmount = vesting::load(miner.view.store(), &miner.state.vesting_funds)?
        .into_iter()
        .filter(|fund| fund.epoch < miner.epoch)
        .map(|fund| fund.amount)
        .sum();
    let available = miner.state.available_balance(&miner.balance)?;
    Ok((available + vested).into())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SectorCountJson {
    live: u64,
    active: u64,
    faulty: u64,
}

fn sector_count(
    call: &Call,
    miner: FilAddress,
    tipset: TipsetParam,
) -> Result<SectorCountJson, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    let mut count = SectorCountJson {
        live: 0,
        active: 0,
        faulty: 0,
    };
    miner.each_partition(|_, _, partition| {
        count.live += partition.live().len();
        count.active += partition.active().len();
        count.faulty += partition.faults.len();
    })?;
    Ok(count)
}
