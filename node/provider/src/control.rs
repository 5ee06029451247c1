//! What can be asked of a provider's sectors besides keeping orders: files that get lost
//! or damaged and are made again, new committed capacity, longer and shorter lives, and
//! a block signed twice.
//!
//! Nothing here touches the chain's state but by messages, and no file but the
//! sector's: what follows is decided by proofs, or their absence.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use boatyard_chain::accounts::OPERATOR;
use boatyard_chain::{BlockHeader, ChainError, ChainHandle, EstimateError, NotSent, StateView};
use boatyard_miner::lifetimes;
use boatyard_miner::types::{
    ExpirationExtension2, ExtendSectorExpiration2Params, ReportConsensusFaultParams, SectorClaim,
    SectorDeclaration, TerminateSectorsParams,
};
use boatyard_proofs::seal::SealError;
use boatyard_proofs::sector::{Interaction, seal_type};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::SectorNumber;
use serde::Serialize;

use crate::files::FilesError;
use crate::miner::{MinerError, MinerView};
use crate::pipeline::{self, PipelineError};
use crate::place::{Health, Place};
use crate::provider::{Provider, Shelf, encode};
use crate::record::SectorRecord;
use crate::verifreg::VerifregView;
use crate::{recovery, update};

/// Methods of the miner.
const TERMINATE_SECTORS: u64 = 9;
const REPORT_CONSENSUS_FAULT: u64 = 15;
const EXTEND_SECTOR_EXPIRATION2: u64 = 32;
/// Sectors that one request may pledge.
const MAX_PLEDGED: u32 = 64;
/// Epochs before a sector's end from which claims may be dropped (spec 05 §19).
const END_OF_LIFE: ChainEpoch = 30 * 2_880;
/// Epochs after which a block can no longer be reported.
const FINALITY: ChainEpoch = boatyard_chain::faults::FINALITY;

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such sector.
    #[error("there is no sector {0} here; see /sectors")]
    NoSector(SectorNumber),
    /// It cannot be done, or not now.
    #[error("{0}")]
    Refused(String),
    /// The message would fail.
    #[error("the message would fail with exit code {exit}: {reason}")]
    Fails {
        /// Exit code of the trial.
        exit: u32,
        /// What the actor says.
        reason: String,
    },
    /// The message is not sent.
    #[error(transparent)]
    NotSent(NotSent),
    /// Sealing or the provider's files.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
}

impl From<NotSent> for ControlError {
    fn from(error: NotSent) -> Self {
        match error {
            NotSent::Fails(EstimateError::Failed(applied)) => Self::Fails {
                exit: applied.receipt.exit_code.value(),
                reason: applied.error.clone().unwrap_or_default(),
            },
            other => Self::NotSent(other),
        }
    }
}

impl From<MinerError> for ControlError {
    fn from(error: MinerError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<ChainError> for ControlError {
    fn from(error: ChainError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<FilesError> for ControlError {
    fn from(error: FilesError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl From<SealError> for ControlError {
    fn from(error: SealError) -> Self {
        Self::Pipeline(error.into())
    }
}

/// New committed capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pledge {
    /// How many sectors.
    pub count: u32,
    /// Whether they are proven by one message, without pre-commit.
    pub non_interactive: bool,
    /// Their last epoch; `None` for the earliest that is possible.
    pub expiration: Option<ChainEpoch>,
}

impl Default for Pledge {
    /// One interactive sector that ends as soon as it may.
    fn default() -> Self {
        Self {
            count: 1,
            non_interactive: false,
            expiration: None,
        }
    }
}

/// Files.
impl Provider {
    /// Deletes a sector's files: from now on it cannot be proven.
    ///
    /// # Errors
    /// [`ControlError::NoSector`], files that cannot be deleted.
    pub fn lose_sector(&self, number: SectorNumber) -> Result<(), ControlError> {
        self.at_desk(|shelf| {
            sealed_record(shelf, number)?;
            let dir = shelf.files.sector(number);
            for file in [
                dir.unsealed(),
                dir.sealed(),
                dir.update_unsealed(),
                dir.update(),
            ] {
                gone(&file, fs::remove_file(&file))?;
            }
            for folder in [dir.cache(), dir.update_cache(), dir.scratch()] {
                gone(&folder, fs::remove_dir_all(&folder))?;
            }
            Ok(())
        })
    }

    /// Changes a byte of the replica that a sector is proven with. The provider notices
    /// when a proof needs that part of it: always in sectors of 2 KiB, seldom in large
    /// ones, of which a proof reads little.
    ///
    /// # Errors
    /// [`ControlError::NoSector`], a replica that is lost already.
    pub fn corrupt_sector(&self, number: SectorNumber) -> Result<(), ControlError> {
        self.at_desk(|shelf| {
            let record = sealed_record(shelf, number)?;
            let dir = shelf.files.sector(number);
            let replica = match &record.update {
                Some(update) if update.proven => dir.update(),
                _ => dir.sealed(),
            };
            match change_a_byte(&replica) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Err(ControlError::Refused(format!(
                        "the replica of sector {number} is lost; restore-sector makes it again"
                    )))
                }
                other => Ok(other.map_err(|reason| FilesError {
                    path: replica,
                    reason,
                })?),
            }
        })
    }

    /// Whether a sector on chain can be proven as it lies on disk, by trying.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn is_well(&self, view: &MinerView, number: SectorNumber) -> Result<bool, MinerError> {
        self.beside_desk(number, |shelf| recovery::is_well(shelf, view, number))
    }

    /// Makes a sector's files again from what is known: its ticket and its data, so that
    /// the same replica results. Of committed capacity the data is known. The bytes of
    /// pieces are not kept once they are sealed: for other sectors they must have been
    /// handed in again. If it is faulty, the provider declares it well by itself.
    ///
    /// # Errors
    /// [`ControlError::NoSector`], [`PipelineError::NoData`], failing files.
    pub fn restore_sector(&self, number: SectorNumber) -> Result<(), ControlError> {
        self.at_desk(|shelf| {
            let record = sealed_record(shelf, number)?;
            let dir = shelf.files.sector(number);
            // Damaged files must not take part.
            let replicas = [dir.sealed(), dir.update()];
            require_pieces(shelf, &record)?;
            for replica in replicas {
                gone(&replica, fs::remove_file(&replica))?;
            }
            pipeline::seal_again(shelf, &record)?;
            if let (Some(sealed), Some(put)) = (&record.sealed, &record.update)
                && let Some(updated) = &put.updated
            {
                let again = update::encode(shelf, &dir, sealed, put)?;
                if again.comm_r != updated.comm_r {
                    return Err(PipelineError::OtherReplica(number).into());
                }
                if put.proven {
                    update::release(shelf, number)?;
                }
            }
            if record.released {
                pipeline::release(shelf, number)?;
            }
            // What was put off until the next period may be tried at once.
            shelf.tasks.clear();
            Ok(())
        })
    }
}

/// Capacity and lives.
impl Provider {
    /// Has new sectors of committed capacity sealed; gives their numbers. Their steps
    /// follow by themselves as epochs pass.
    ///
    /// # Errors
    /// [`ControlError::Refused`] for a number or an end that is not possible.
    pub fn pledge(
        &self,
        state: &StateView,
        epoch: ChainEpoch,
        pledge: &Pledge,
    ) -> Result<Vec<SectorNumber>, ControlError> {
        if !(1..=MAX_PLEDGED).contains(&pledge.count) {
            return Err(ControlError::Refused(format!(
                "{} sectors; ask for 1 to {MAX_PLEDGED} at a time",
                pledge.count
            )));
        }
        let view = self.miner(state)?;
        let config = self.config();
        let proof = match pledge.non_interactive {
            true => seal_type(config.sector_size(), Interaction::NonInteractive),
            false => config.seal_proof,
        };
        if let Some(end) = pledge.expiration {
            let least = pipeline::least_expiration(&view, proof, epoch);
            if end < least {
                return Err(ControlError::Refused(format!(
                    "a sector that is sealed now cannot end before epoch {least}"
                )));
            }
            lifetimes::check_expiration(self.policy(), epoch, epoch, end, proof)
                .map_err(|error| ControlError::Refused(error.to_string()))?;
        }
        self.at_desk(|shelf| {
            let mut numbers = Vec::new();
            for _ in 0..pledge.count {
                let number = pipeline::free_number(shelf, &view)?;
                let mut record =
                    SectorRecord::new(number, pledge.expiration.unwrap_or(0), Vec::new());
                record.non_interactive = pledge.non_interactive;
                shelf.put_sector(record)?;
                numbers.push(number);
            }
            Ok(numbers)
        })
    }

    /// Has a sector last longer, with what it keeps; gives the message. Claims of datacap
    /// that do not last as long are dropped in the sector's last 30 days, and stand in the
    /// way before.
    ///
    /// # Errors
    /// [`ControlError::Refused`], [`ControlError::Fails`] with what the miner says.
    pub async fn extend(
        &self,
        chain: &ChainHandle,
        number: SectorNumber,
        expiration: ChainEpoch,
    ) -> Result<Cid, ControlError> {
        let state = chain.head_state();
        let (view, place) = self.placed(&state, number)?;
        let epoch = chain.next_epoch();
        let on_chain = view.sector(number)?.ok_or(ControlError::NoSector(number))?;
        let mut declared = BitField::new();
        let mut claimed = Vec::new();
        match on_chain.verified_deal_weight.sign() {
            fvm_shared::bigint::Sign::Plus => {
                let ending = on_chain.expiration - epoch <= END_OF_LIFE;
                claimed.push(self.claims(&state, number, expiration, ending)?);
            }
            _ => declared.set(number),
        }
        let params = ExtendSectorExpiration2Params {
            extensions: vec![ExpirationExtension2 {
                deadline: place.deadline,
                partition: place.partition,
                sectors: declared,
                sectors_with_claims: claimed,
                new_expiration: expiration,
            }],
        };
        let sent = self.send(chain, EXTEND_SECTOR_EXPIRATION2, &params).await?;
        self.at_desk(|shelf| match shelf.sectors.get(&number).cloned() {
            // The file of one that cannot be read stays as it is.
            Some(mut record) if !record.is_unknown() => {
                record.expiration = record.expiration.max(expiration);
                shelf.put_sector(record)
            }
            _ => Ok(()),
        })?;
        Ok(sent)
    }

    /// Ends a sector before its time, for the fee that the miner takes for it; gives the
    /// message.
    ///
    /// # Errors
    /// [`ControlError::Refused`] with the epoch from which it can be done,
    /// [`ControlError::Fails`] with what the miner says.
    pub async fn terminate(
        &self,
        chain: &ChainHandle,
        number: SectorNumber,
    ) -> Result<Cid, ControlError> {
        let state = chain.head_state();
        let (view, place) = self.placed(&state, number)?;
        let epoch = chain.next_epoch();
        let from = place.mutable_from(&view, epoch);
        if from > epoch {
            return Err(ControlError::Refused(format!(
                "sector {number} is about to be proven; it can be terminated from epoch {from} on"
            )));
        }
        let mut sectors = BitField::new();
        sectors.set(number);
        let params = TerminateSectorsParams {
            terminations: vec![SectorDeclaration {
                deadline: place.deadline,
                partition: place.partition,
                sectors,
            }],
        };
        self.send(chain, TERMINATE_SECTORS, &params).await
    }

    /// The claims of a sector, kept where they last until its new end.
    fn claims(
        &self,
        state: &StateView,
        number: SectorNumber,
        expiration: ChainEpoch,
        ending: bool,
    ) -> Result<SectorClaim, ControlError> {
        let found = VerifregView::load(state)?.claims_in(self.config().miner, number)?;
        let mut declared = SectorClaim {
            sector_number: number,
            maintain_claims: Vec::new(),
            drop_claims: Vec::new(),
        };
        for (id, last) in found {
            match last >= expiration {
                true => declared.maintain_claims.push(id),
                false if ending => declared.drop_claims.push(id),
                false => {
                    return Err(ControlError::Refused(format!(
                        "claim {id} in sector {number} lasts until epoch {last}: extend to that \
                         epoch at most, have its client extend the claim, or wait for the \
                         sector's last 30 days"
                    )));
                }
            }
        }
        Ok(declared)
    }

    /// A sector that lives, and where.
    fn placed(
        &self,
        state: &StateView,
        number: SectorNumber,
    ) -> Result<(MinerView, Place), ControlError> {
        let view = self.miner(state)?;
        match Place::find(&view, number)? {
            Some(place) if place.health != Health::Terminated => Ok((view, place)),
            Some(_) => Err(ControlError::Refused(format!(
                "sector {number} has ended already"
            ))),
            None if self.at_desk(|shelf| shelf.sectors.contains_key(&number)) => {
                Err(ControlError::Refused(format!(
                    "sector {number} is not proven yet, or has ended; see /sectors/{number}"
                )))
            }
            None => Err(ControlError::NoSector(number)),
        }
    }

    /// Sends a message of the worker to the miner.
    async fn send(
        &self,
        chain: &ChainHandle,
        method: u64,
        params: &impl Serialize,
    ) -> Result<Cid, ControlError> {
        let miner = Address::new_id(self.config().miner);
        let params = encode(params)?;
        let message = self.message_to(miner, TokenAmount::default(), method, params);
        Ok(chain.send(message).await?.cid)
    }
}

/// Blocks.
impl Provider {
    /// Signs a second block of the epoch of the provider's newest one, and has the
    /// network's operator report both: the miner is fined, and barred for 900 epochs.
    /// Gives the report's message.
    ///
    /// # Errors
    /// [`ControlError::Refused`] when there is no block that counts,
    /// [`ControlError::Fails`] when the miner is barred already.
    pub async fn double_sign(&self, chain: &ChainHandle) -> Result<Cid, ControlError> {
        let first = self.newest_block(chain)?;
        let mut second = BlockHeader {
            timestamp: first.timestamp + 1,
            block_sig: None,
            ..first.clone()
        };
        second.block_sig = Some(self.config().worker.sign(&second.signing_bytes()));
        let params = ReportConsensusFaultParams {
            header1: RawBytes::new(first.to_bytes()),
            header2: RawBytes::new(second.to_bytes()),
            header_extra: RawBytes::default(),
        };
        let miner = Address::new_id(self.config().miner);
        let params = encode(&params)?;
        let mut message = self.message_to(
            miner,
            TokenAmount::default(),
            REPORT_CONSENSUS_FAULT,
            params,
        );
        message.from = Address::new_id(OPERATOR);
        Ok(chain.send(message).await?.cid)
    }

    fn newest_block(&self, chain: &ChainHandle) -> Result<BlockHeader, ControlError> {
        let miner = Address::new_id(self.config().miner);
        let head = chain.head();
        let oldest = (head.height() - FINALITY + 1).max(1);
        let mut at = Some(head);
        while let Some(tipset) = at.filter(|tipset| tipset.height() >= oldest) {
            let mut blocks = tipset.tipset.blocks().iter();
            if let Some(block) = blocks.find(|block| block.miner == miner) {
                return Ok(block.clone());
            }
            at = chain.parent(&tipset);
        }
        Err(ControlError::Refused(format!(
            "{miner} has made no block in the last {FINALITY} epochs; mine some first"
        )))
    }
}

/// What is remembered of a sector that is sealed.
fn sealed_record(shelf: &Shelf<'_>, number: SectorNumber) -> Result<SectorRecord, ControlError> {
    let record = shelf
        .sectors
        .get(&number)
        .ok_or(ControlError::NoSector(number))?;
    if let (Some(reason), true) = (&record.failed, record.is_unknown()) {
        return Err(ControlError::Refused(format!(
            "nothing can be done with sector {number}: {reason}"
        )));
    }
    if record.sealed.is_none() {
        return Err(ControlError::Refused(format!(
            "sector {number} is not sealed yet"
        )));
    }
    Ok(record.clone())
}

/// The bytes of all pieces must be here before anything is deleted.
fn require_pieces(shelf: &Shelf<'_>, record: &SectorRecord) -> Result<(), PipelineError> {
    let later = record.update.iter().flat_map(|update| &update.pieces);
    for piece in record.pieces.iter().chain(later) {
        if !shelf.files.piece(&piece.piece.cid).exists() {
            return Err(PipelineError::NoData(piece.piece.cid));
        }
    }
    Ok(())
}

/// It is as good if there was nothing to delete.
fn gone(path: &Path, result: io::Result<()>) -> Result<(), FilesError> {
    match result {
        Err(reason) if reason.kind() != io::ErrorKind::NotFound => Err(FilesError {
            path: path.to_path_buf(),
            reason,
        }),
        _ => Ok(()),
    }
}

/// Changes one bit in the middle of a file.
fn change_a_byte(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let middle = SeekFrom::Start(file.metadata()?.len() / 2);
    let mut byte = [0];
    file.seek(middle)?;
    file.read_exact(&mut byte)?;
    byte[0] ^= 1;
    file.seek(middle)?;
    file.write_all(&byte)?;
    file.sync_all()
}
