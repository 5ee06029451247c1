//! Sectors, and what they cost (spec 10 §5.5).

use boatyard_actors_shared::{FilterEstimate, Policy, REWARD_ACTOR_ID};
use boatyard_miner::monies::{PledgeInputs, pre_commit_deposit};
use boatyard_miner::power::qa_power_max;
use boatyard_miner::schema::{SectorOnChainInfo, SectorPreCommitInfo, SectorPreCommitOnChainInfo};
use boatyard_miner::sectors::Sectors;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::CborStore;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::RegisteredSealProof;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::{AttoJson, BigJson, CidJson};
use crate::fil::miners::{Miner, power_state};
use crate::fil::typed::{Runs, RunsJson, state_of};
use crate::params::{FilAddress, TipsetParam, param_by_serde};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The sectors of a provider, or those of some numbers.
        ["Filecoin.StateMinerSectors"]
        (miner: FilAddress, numbers: Option<Runs>, tipset: TipsetParam)
            -> "SectorOnChainInfos" = compute sectors;

        /// The sectors of a provider that are neither faulty nor unproven nor ended.
        ["Filecoin.StateMinerActiveSectors"]
        (miner: FilAddress, tipset: TipsetParam) -> "SectorOnChainInfos" = compute active_sectors;

        /// Sector numbers that a provider has used.
        ["Filecoin.StateMinerAllocated"]
        (miner: FilAddress, tipset: TipsetParam) -> "run lengths" = compute allocated;

        /// Whether a provider has used a sector number.
        ["Filecoin.StateMinerSectorAllocated"]
        (miner: FilAddress, number: u64, tipset: TipsetParam) -> "bool" = compute is_allocated;

        /// A sector; null when there is none of this number.
        ["Filecoin.StateSectorGetInfo"]
        (miner: FilAddress, number: u64, tipset: TipsetParam)
            -> "SectorOnChainInfo or null" = compute sector;

        /// A pre-commit; null when there is none of this number.
        ["Filecoin.StateSectorPreCommitInfo"]
        (miner: FilAddress, number: u64, tipset: TipsetParam)
            -> "PreCommit or null" = compute pre_commit;

        /// When a sector ends: as promised, and before that if it stays faulty (else 0).
        ["Filecoin.StateSectorExpiration"]
        (miner: FilAddress, number: u64, tipset: TipsetParam) -> "SectorExpiration" = compute expiration;

        /// The deadline and the partition in which a sector is proven.
        ["Filecoin.StateSectorPartition"]
        (miner: FilAddress, number: u64, tipset: TipsetParam) -> "SectorLocation" = compute partition;

        /// What a pre-commit deposits, with a tenth more for safety.
        ["Filecoin.StateMinerPreCommitDepositForPower"]
        (miner: FilAddress, info: PreCommitInfoJson, tipset: TipsetParam) -> "attoFIL" = compute deposit;

        /// What a sector pledges, with a tenth more for safety.
        ["Filecoin.StateMinerInitialPledgeCollateral"]
        (miner: FilAddress, info: PreCommitInfoJson, tipset: TipsetParam) -> "attoFIL" = compute pledge;

        /// What a sector of a size, with so much verified data, pledges; a tenth more for
        /// safety.
        ["Filecoin.StateMinerInitialPledgeForSector"]
        (duration: i64, size: u64, verified: u64, tipset: TipsetParam) -> "attoFIL" = compute pledge_for;

        /// What a new provider deposits.
        ["Filecoin.StateMinerCreationDeposit"]
        (tipset: TipsetParam) -> "attoFIL" = compute creation_deposit;
    ]
}

/// Most sectors of one answer.
const MOST_SECTORS: usize = 1 << 20;

/// A sector.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SectorJson {
    sector_number: u64,
    seal_proof: i64,
    #[serde(rename = "SealedCID")]
    sealed_cid: CidJson,
    activation: ChainEpoch,
    expiration: ChainEpoch,
    deal_weight: BigJson,
    verified_deal_weight: BigJson,
    initial_pledge: AttoJson,
    expected_day_reward: Option<AttoJson>,
    expected_storage_pledge: Option<AttoJson>,
    power_base_epoch: ChainEpoch,
    replaced_day_reward: Option<AttoJson>,
    #[serde(rename = "SectorKeyCID")]
    sector_key_cid: Option<CidJson>,
    flags: u32,
    daily_fee: AttoJson,
}

impl From<SectorOnChainInfo> for SectorJson {
    fn from(sector: SectorOnChainInfo) -> Self {
        Self {
            sector_number: sector.sector_number,
            seal_proof: sector.seal_proof.into(),
            sealed_cid: sector.sealed_cid.into(),
            activation: sector.activation,
            expiration: sector.expiration,
            deal_weight: sector.deal_weight.into(),
            verified_deal_weight: sector.verified_deal_weight.into(),
            initial_pledge: sector.initial_pledge.into(),
            expected_day_reward: sector.expected_day_reward.map(Into::into),
            expected_storage_pledge: sector.expected_storage_pledge.map(Into::into),
            power_base_epoch: sector.power_base_epoch,
            replaced_day_reward: sector.replaced_day_reward.map(Into::into),
            sector_key_cid: sector.sector_key_cid.map(Into::into),
            flags: sector.flags,
            daily_fee: sector.daily_fee.into(),
        }
    }
}

impl Miner {
    fn sectors(&self, wanted: impl Fn(u64) -> bool) -> Result<Vec<SectorJson>, RpcError> {
        let mut found: Vec<SectorJson> = Vec::new();
        let store = self.view.store();
        let all = self.state.sectors.load(store)?;
        let mut too_many = false;
        all.for_each(|number, sector| {
            if wanted(number) {
                too_many |= found.len() >= MOST_SECTORS;
                if !too_many {
                    found.push(sector.clone().into());
                }
            }
            Ok(())
        })?;
        if too_many {
            return Err(RpcError::failure(format!(
                "more than {MOST_SECTORS} sectors; ask for some numbers"
            )));
        }
        Ok(found)
    }

    fn sector(&self, number: u64) -> Result<Option<SectorOnChainInfo>, RpcError> {
        Ok(Sectors::load(self.view.store(), &self.state.sectors)?.get(number)?)
    }

    fn allocated(&self) -> Result<BitField, RpcError> {
        self.view
            .store()
            .get_cbor(&self.state.allocated_sectors)
            .map_err(|error| RpcError::failure(format!("the allocated numbers: {error:#}")))?
            .ok_or_else(|| RpcError::failure("the allocated numbers are missing"))
    }
}

fn sectors(
    call: &Call,
    miner: FilAddress,
    numbers: Option<Runs>,
    tipset: TipsetParam,
) -> Result<Vec<SectorJson>, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    match numbers {
        None => miner.sectors(|_| true),
        Some(numbers) => miner.sectors(|number| numbers.0.get(number)),
    }
}

fn active_sectors(
    call: &Call,
    miner: FilAddress,
    tipset: TipsetParam,
) -> Result<Vec<SectorJson>, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    let active = miner.active()?;
    miner.sectors(|number| active.get(number))
}

fn allocated(call: &Call, miner: FilAddress, tipset: TipsetParam) -> Result<RunsJson, RpcError> {
    Ok(RunsJson(Miner::find(call, &miner, &tipset)?.allocated()?))
}

fn is_allocated(
    call: &Call,
    miner: FilAddress,
    number: u64,
    tipset: TipsetParam,
) -> Result<bool, RpcError> {
    Ok(Miner::find(call, &miner, &tipset)?.allocated()?.get(number))
}

fn sector(
    call: &Call,
    miner: FilAddress,
    number: u64,
    tipset: TipsetParam,
) -> Result<Option<SectorJson>, RpcError> {
    let found = Miner::find(call, &miner, &tipset)?.sector(number)?;
    Ok(found.map(Into::into))
}

/// What a provider says of a sector before it proves it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PreCommitInfoJson {
    seal_proof: i64,
    #[serde(default)]
    sector_number: u64,
    #[serde(rename = "SealedCID", default)]
    sealed_cid: Option<CidJson>,
    #[serde(default)]
    seal_rand_epoch: ChainEpoch,
    #[serde(rename = "DealIDs", default)]
    deal_ids: Option<Vec<u64>>,
    #[serde(default)]
    expiration: ChainEpoch,
    #[serde(default)]
    unsealed_cid: Option<CidJson>,
}

param_by_serde! { PreCommitInfoJson = "PreCommitInfo" }

impl From<SectorPreCommitInfo> for PreCommitInfoJson {
    fn from(info: SectorPreCommitInfo) -> Self {
        Self {
            seal_proof: info.seal_proof.into(),
            sector_number: info.sector_number,
            sealed_cid: Some(info.sealed_cid.into()),
            seal_rand_epoch: info.seal_rand_epoch,
            deal_ids: (!info.deal_ids.is_empty()).then_some(info.deal_ids),
            expiration: info.expiration,
            unsealed_cid: info.unsealed_cid.map(Into::into),
        }
    }
}

/// A pre-commit.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PreCommitJson {
    info: PreCommitInfoJson,
    pre_commit_deposit: AttoJson,
    pre_commit_epoch: ChainEpoch,
}

impl From<SectorPreCommitOnChainInfo> for PreCommitJson {
    fn from(found: SectorPreCommitOnChainInfo) -> Self {
        Self {
            info: found.info.into(),
            pre_commit_deposit: found.pre_commit_deposit.into(),
            pre_commit_epoch: found.pre_commit_epoch,
        }
    }
}

fn pre_commit(
    call: &Call,
    miner: FilAddress,
    number: u64,
    tipset: TipsetParam,
) -> Result<Option<PreCommitJson>, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    let all = miner.state.pre_committed_sectors.load(miner.view.store())?;
    let found = all.get(&number)?.cloned();
    match found {
        // The older API had no null.
        None if call.path == crate::call::Path::V0 => Err(RpcError::failure(format!(
            "precommit info is not exists: sector {number}"
        ))),
        found => Ok(found.map(Into::into)),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ExpirationJson {
    on_time: ChainEpoch,
    early: ChainEpoch,
}

fn no_sector(number: u64) -> RpcError {
    RpcError::failure(format!("sector {number} not found"))
}

fn expiration(
    call: &Call,
    miner: FilAddress,
    number: u64,
    tipset: TipsetParam,
) -> Result<ExpirationJson, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    let store = miner.view.store();
    let (deadline, partition) = locate(&miner, number)?;
    let partitions = miner.deadline(deadline)?.partitions.load(store)?;
    let queue = match partitions.get(partition)? {
        Some(partition) => partition.expirations_epochs.load(store)?,
        None => return Err(no_sector(number)),
    };
    let mut found = ExpirationJson {
        on_time: 0,
        early: 0,
    };
    queue.for_each(|epoch, set| {
        let epoch = ChainEpoch::try_from(epoch).unwrap_or(ChainEpoch::MAX);
        if set.on_time_sectors.get(number) {
            found.on_time = epoch;
        }
        if set.early_sectors.get(number) {
            found.early = epoch;
        }
        Ok(())
    })?;
    if found.on_time == 0 && found.early == 0 {
        return Err(no_sector(number));
    }
    Ok(found)
}

fn locate(miner: &Miner, number: u64) -> Result<(u64, u64), RpcError> {
    let mut place = None;
    miner.each_partition(|deadline, index, partition| {
        if partition.sectors.get(number) {
            place = Some((deadline, index));
        }
    })?;
    place.ok_or_else(|| no_sector(number))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LocationJson {
    deadline: u64,
    partition: u64,
}

fn partition(
    call: &Call,
    miner: FilAddress,
    number: u64,
    tipset: TipsetParam,
) -> Result<LocationJson, RpcError> {
    let miner = Miner::find(call, &miner, &tipset)?;
    let (deadline, partition) = locate(&miner, number)?;
    Ok(LocationJson {
        deadline,
        partition,
    })
}

/// What prices of sectors depend on.
struct Market {
    reward: FilterEstimate,
    network_qa: FilterEstimate,
    inputs: PledgeInputs,
}

impl Market {
    fn now(call: &Call, tipset: &TipsetParam) -> Result<Self, RpcError> {
        let view = call.node.state_at(&tipset.0)?;
        let epoch = call.node.tipset(&tipset.0)?.height();
        let power = power_state(&view)?;
        let reward: boatyard_reward::State =
            state_of(&view, &Address::new_id(REWARD_ACTOR_ID), "reward")?.2;
        let supply = call.node.chain.supply(&view)?;
        let inputs = PledgeInputs {
            reward: reward.this_epoch_reward_smoothed.clone(),
            network_qa: power.this_epoch_qa_power_smoothed.clone(),
            baseline: reward.this_epoch_baseline_power,
            circulating_supply: supply.circulating,
            epochs_since_ramp_start: epoch - power.ramp_start_epoch,
            ramp_duration_epochs: power.ramp_duration_epochs,
        };
        Ok(Self {
            reward: reward.this_epoch_reward_smoothed,
            network_qa: power.this_epoch_qa_power_smoothed,
            inputs,
        })
    }
}

/// Verified data counts ten times.
const VERIFIED_BONUS: u64 = 9;

fn with_margin(amount: TokenAmount) -> AttoJson {
    (amount * 110u64).div_floor(100u64).into()
}

fn size_of(info: &PreCommitInfoJson) -> Result<fvm_shared::sector::SectorSize, RpcError> {
    RegisteredSealProof::from(info.seal_proof)
        .sector_size()
        .map_err(|error| RpcError::invalid_params(format!("SealProof: {error}")))
}

fn deposit(
    call: &Call,
    _miner: FilAddress,
    info: PreCommitInfoJson,
    tipset: TipsetParam,
) -> Result<AttoJson, RpcError> {
    let market = Market::now(call, &tipset)?;
    let power = qa_power_max(size_of(&info)?);
    let amount = pre_commit_deposit(&market.reward, &market.network_qa, &power)?;
    Ok(with_margin(amount))
}

fn pledge(
    call: &Call,
    _miner: FilAddress,
    info: PreCommitInfoJson,
    tipset: TipsetParam,
) -> Result<AttoJson, RpcError> {
    let size = size_of(&info)? as u64;
    let view = call.node.state_at(&tipset.0)?;
    let mut verified = 0;
    for deal in info.deal_ids.unwrap_or_default() {
        let proposal = crate::fil::market::proposal(&view, deal)?;
        if proposal.verified_deal {
            verified += proposal.piece_size.0;
        }
    }
    pledge_for(call, 0, size, verified, tipset)
}

fn pledge_for(
    call: &Call,
    _duration: i64,
    size: u64,
    verified: u64,
    tipset: TipsetParam,
) -> Result<AttoJson, RpcError> {
    if verified > size {
        return Err(RpcError::invalid_params(format!(
            "{verified} verified bytes do not fit into a sector of {size}"
        )));
    }
    let power = BigInt::from(size) + BigInt::from(verified) * VERIFIED_BONUS;
    let amount = Market::now(call, &tipset)?.inputs.initial_pledge(&power)?;
    Ok(with_margin(amount))
}

fn creation_deposit(call: &Call, tipset: TipsetParam) -> Result<AttoJson, RpcError> {
    let power = Policy::of(call.node.options.policy).create_miner_deposit_power;
    let market = Market::now(call, &tipset)?;
    Ok(market.inputs.initial_pledge(&BigInt::from(power))?.into())
}
