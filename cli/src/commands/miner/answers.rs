//! What the node answers about miners, as Filecoin JSON-RPC writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use boatyard_abi::{parse_address, parse_amount};
use fvm_ipld_bitfield::BitField;
use fvm_ipld_bitfield::iter::Ranges;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::multiaddr::Multiaddr;

/// An address of the node's answer.
fn address<'de, D: Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
    let text = String::deserialize(from)?;
    parse_address(&text).map_err(D::Error::custom)
}

/// An address that may be left out, or be Go's text for none.
fn maybe_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Address>, D::Error> {
    match Option::<String>::deserialize(from)?.as_deref() {
        None | Some("<empty>") => Ok(None),
        Some(text) => parse_address(text).map(Some).map_err(D::Error::custom),
    }
}

fn addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Address>, D::Error> {
    Option::<Vec<String>>::deserialize(from)?
        .unwrap_or_default()
        .iter()
        .map(|text| parse_address(text).map_err(D::Error::custom))
        .collect()
}

/// Base64 of binary multiaddrs, or nothing at all.
fn multiaddrs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Option::<Vec<String>>::deserialize(from)?
        .unwrap_or_default()
        .iter()
        .map(|text| {
            let bytes = BASE64.decode(text).map_err(D::Error::custom)?;
            Ok(match Multiaddr::from_bytes(&bytes) {
                Ok(address) => address.to_string(),
                Err(_) => format!("0x{}", hex::encode(bytes)),
            })
        })
        .collect()
}

/// Decimal attoFIL of the node's answer.
fn amount<'de, D: Deserializer<'de>>(from: D) -> Result<TokenAmount, D::Error> {
    let text = String::deserialize(from)?;
    parse_amount(&text).map_err(D::Error::custom)
}

/// Numbers as lengths of runs, the first one being of numbers that are left out.
#[derive(Debug, Clone)]
pub struct Runs(pub BitField);

impl<'de> Deserialize<'de> for Runs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let lengths = Vec::<u64>::deserialize(from)?;
        let mut ranges = Vec::new();
        let mut position = 0u64;
        for (index, length) in lengths.into_iter().enumerate() {
            let end = position
                .checked_add(length)
                .filter(|end| *end < u64::MAX)
                .ok_or_else(|| D::Error::custom("runs of more than 2^64 numbers"))?;
            if index % 2 == 1 && length > 0 {
                ranges.push(position..end);
            }
            position = end;
        }
        Ok(Self(BitField::from_ranges(Ranges::new(ranges))))
    }
}

/// What a beneficiary may have.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Term {
    /// attoFIL in all.
    #[serde(deserialize_with = "amount")]
    pub quota: TokenAmount,
    /// attoFIL that it had.
    #[serde(deserialize_with = "amount")]
    pub used_quota: TokenAmount,
    /// The first epoch in which it gets nothing any more.
    pub expiration: ChainEpoch,
}

/// A beneficiary that was proposed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PendingTerm {
    /// Who.
    #[serde(deserialize_with = "address")]
    pub new_beneficiary: Address,
    /// attoFIL in all.
    #[serde(deserialize_with = "amount")]
    pub new_quota: TokenAmount,
    /// The first epoch in which it gets nothing any more.
    pub new_expiration: ChainEpoch,
    /// Whether the present one agrees.
    pub approved_by_beneficiary: bool,
    /// Whether the one to come agrees.
    pub approved_by_nominee: bool,
}

/// Who a miner is: `Filecoin.StateMinerInfo`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// Who commands it and its money.
    #[serde(deserialize_with = "address")]
    pub owner: Address,
    /// Whose key signs.
    #[serde(deserialize_with = "address")]
    pub worker: Address,
    /// The worker to come.
    #[serde(deserialize_with = "maybe_address")]
    pub new_worker: Option<Address>,
    /// From when it can take over; -1 if there is none.
    pub worker_change_epoch: ChainEpoch,
    /// Who may send messages besides.
    #[serde(deserialize_with = "addresses")]
    pub control_addresses: Vec<Address>,
    /// Where its provider is, for people: multiaddrs, and bytes that are none.
    #[serde(deserialize_with = "multiaddrs")]
    pub multiaddrs: Vec<String>,
    /// Bytes in a sector.
    pub sector_size: u64,
    /// Sectors in a full partition.
    #[serde(rename = "WindowPoStPartitionSectors")]
    pub partition_sectors: u64,
    /// The owner to come.
    #[serde(deserialize_with = "maybe_address")]
    pub pending_owner_address: Option<Address>,
    /// Who gets what is withdrawn.
    #[serde(deserialize_with = "address")]
    pub beneficiary: Address,
    /// What it may have, unless it is the owner.
    pub beneficiary_term: Term,
    /// The one to come.
    pub pending_beneficiary_term: Option<PendingTerm>,
}

/// Where a miner's deadlines lie: `Filecoin.StateMinerProvingDeadline`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Timing {
    /// Seen from here.
    pub current_epoch: ChainEpoch,
    /// First epoch of the proving period.
    pub period_start: ChainEpoch,
    /// The deadline that is open, or the next.
    pub index: u64,
    /// First epoch in which its proof is taken.
    pub open: ChainEpoch,
    /// First epoch in which it is not taken any more.
    pub close: ChainEpoch,
    /// Whose randomness decides what is proven.
    pub challenge: ChainEpoch,
    /// First epoch in which faults cannot be declared any more.
    pub fault_cutoff: ChainEpoch,
    /// Deadlines in a period.
    #[serde(rename = "WPoStPeriodDeadlines")]
    pub deadlines: u64,
    /// Epochs in a period.
    #[serde(rename = "WPoStProvingPeriod")]
    pub period: ChainEpoch,
    /// Epochs in which a deadline is open.
    #[serde(rename = "WPoStChallengeWindow")]
    pub window: ChainEpoch,
}

impl Timing {
    /// When a deadline is open now, or next: the first epoch, and the first after it.
    pub fn window_of(&self, deadline: u64) -> (ChainEpoch, ChainEpoch) {
        let index = ChainEpoch::try_from(deadline).unwrap_or(0);
        let mut open = self.period_start + index * self.window;
        if open + self.window <= self.current_epoch {
            open += self.period;
        }
        (open, open + self.window)
    }
}

/// One of `Filecoin.StateMinerDeadlines`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deadline {
    /// Partitions that are proven, while it is open.
    pub post_submissions: Runs,
    /// Proofs that anybody can have checked.
    pub disputable_proof_count: u64,
    /// attoFIL a day for its sectors.
    #[serde(deserialize_with = "amount")]
    pub daily_fee: TokenAmount,
}

/// One of `Filecoin.StateMinerPartitions`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Partition {
    /// Those that were ended before their time as well.
    pub all_sectors: Runs,
    /// Faulty.
    pub faulty_sectors: Runs,
    /// Faulty, and to be proven again.
    pub recovering_sectors: Runs,
    /// Neither ended nor expired.
    pub live_sectors: Runs,
    /// With power.
    pub active_sectors: Runs,
}

impl Partition {
    /// How a sector of it is, in a word.
    pub fn standing(&self, sector: SectorNumber) -> &'static str {
        let among = |runs: &Runs| runs.0.get(sector);
        match () {
            () if !among(&self.live_sectors) => "terminated",
            () if among(&self.recovering_sectors) => "recovering",
            () if among(&self.faulty_sectors) => "faulty",
            () if among(&self.active_sectors) => "active",
            () => "unproven",
        }
    }
}

/// One of `Filecoin.StateMinerSectors`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Sector {
    /// Its number.
    pub sector_number: SectorNumber,
    /// Commitment to the replica: `{"/": CID}`.
    #[serde(rename = "SealedCID")]
    pub sealed_cid: Value,
    /// When it was proven first.
    pub activation: ChainEpoch,
    /// Until when it lives.
    pub expiration: ChainEpoch,
    /// Bytes of data times epochs, as text.
    pub deal_weight: String,
    /// The same of verified data.
    pub verified_deal_weight: String,
    /// attoFIL.
    #[serde(deserialize_with = "amount")]
    pub initial_pledge: TokenAmount,
    /// The replica of zeros before data was put into it.
    #[serde(rename = "SectorKeyCID")]
    pub sector_key_cid: Option<Value>,
    /// attoFIL a day.
    #[serde(deserialize_with = "amount")]
    pub daily_fee: TokenAmount,
}

/// Where a sector is proven: `Filecoin.StateSectorPartition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Location {
    /// Index of the deadline.
    pub deadline: u64,
    /// Index of the partition in it.
    pub partition: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_the_node_writes_them() {
        for (runs, numbers) in [
            ("[0]", vec![]),
            ("[5,1]", vec![5]),
            ("[0,3,4,1]", vec![0, 1, 2, 7]),
        ] {
            let read: Runs = serde_json::from_str(runs).unwrap();
            assert_eq!(read.0.iter().collect::<Vec<_>>(), numbers);
        }
        assert!(serde_json::from_str::<Runs>("[18446744073709551615,9]").is_err());
    }

    #[test]
    fn a_deadline_that_has_passed_comes_again_a_day_later() {
        let timing = Timing {
            current_epoch: 100,
            period_start: 0,
            index: 1,
            open: 60,
            close: 120,
            challenge: 40,
            fault_cutoff: -10,
            deadlines: 48,
            period: 2_880,
            window: 60,
        };
        assert_eq!(timing.window_of(0), (2_880, 2_940));
        assert_eq!(timing.window_of(1), (60, 120));
        assert_eq!(timing.window_of(2), (120, 180));
    }
}
