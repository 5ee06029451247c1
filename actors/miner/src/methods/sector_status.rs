//! Where sectors are and how they are (spec 05 §8, 06 §15.12).

use boatyard_actors_shared::sectors::MAX_SECTOR_NUMBER;
use boatyard_sdk::{ActorError, Context, Runtime, ensure, exit_codes::*};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::{RawBytes, from_slice, to_vec};
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorNumber;

use crate::amt::{self, AmtResult};
use crate::schema::{Partition, State};
use crate::types::{
    CheckSectorProvenParams, GenerateSectorLocationParams, GenerateSectorLocationReturn,
    SectorLocation, SectorStatusCode, ValidateSectorStatusParams,
};

/// Succeeds if the sector was proven once and is not compacted away.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | a number above 2^63 - 1 |
/// | `USR_NOT_FOUND` (17) | there is no such sector |
pub(crate) fn check_proven(
    rt: &impl Runtime,
    params: CheckSectorProvenParams,
) -> Result<(), ActorError> {
    rt.accept_any_caller()?;
    ensure!(
        params.sector_number <= MAX_SECTOR_NUMBER,
        USR_ILLEGAL_ARGUMENT,
        "there is no sector number {}",
        params.sector_number
    );
    expiration(rt, params.sector_number)?;
    Ok(())
}

/// The epoch in which the sector expires if nothing happens.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_NOT_FOUND` (17) | there is no such sector |
/// | `USR_ILLEGAL_STATE` (20) | the number 2^64 - 1 |
pub(crate) fn nominal_expiration(
    rt: &impl Runtime,
    number: SectorNumber,
) -> Result<ChainEpoch, ActorError> {
    rt.accept_any_caller()?;
    expiration(rt, number)
}

fn expiration(rt: &impl Runtime, number: SectorNumber) -> Result<ChainEpoch, ActorError> {
    let state: State = rt.state()?;
    let sector = state
        .get_sector(&rt.store(), number)?
        .or_exit(USR_NOT_FOUND, format_args!("there is no sector {number}"))?;
    Ok(sector.expiration)
}

/// How a sector is, and where, in a form that [`validate`] takes.
///
/// # Errors
/// `USR_ILLEGAL_STATE` (20) when a sector is in no partition, and for the number
/// 2^64 - 1.
pub(crate) fn locate(
    rt: &impl Runtime,
    params: GenerateSectorLocationParams,
) -> Result<GenerateSectorLocationReturn, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    let (store, number) = (&rt.store(), params.sector_number);
    let (status, location) = match state.get_sector(store, number)? {
        None => (SectorStatusCode::Dead, SectorLocation::NOWHERE),
        Some(_) => find(&state, store, number)?,
    };
    let aux_data = to_vec(&location).or_exit(USR_SERIALIZATION, "encoding a location")?;
    Ok(GenerateSectorLocationReturn {
        status,
        aux_data: RawBytes::new(aux_data),
    })
}

fn find(
    state: &State,
    store: &impl Blockstore,
    number: SectorNumber,
) -> Result<(SectorStatusCode, SectorLocation), ActorError> {
    let deadlines = state.load_deadlines(store)?;
    for deadline in 0..deadlines.due.len() as u64 {
        let partitions = deadlines.load(store, deadline)?.partitions;
        let mut found = None;
        amt::open(&partitions, store)?
            .for_each_while(|partition, content: &Partition| {
                if content.sectors.get(number) {
                    found = Some((status(content, number), partition));
                }
                Ok(found.is_none())
            })
            .amt("walking partitions")?;
        if let Some((status, partition)) = found {
            let location = SectorLocation {
                deadline: deadline as i64,
                partition: partition as i64,
            };
            return Ok((status, location));
        }
    }
    Err(ActorError::new(
        USR_ILLEGAL_STATE,
        format!("sector {number} is in no partition"),
    ))
}

fn status(partition: &Partition, number: SectorNumber) -> SectorStatusCode {
    if partition.terminated.get(number) {
        SectorStatusCode::Dead
    } else if partition.faults.get(number) {
        SectorStatusCode::Faulty
    } else {
        SectorStatusCode::Active
    }
}

/// Whether a sector is as somebody says, at the place that [`locate`] gave.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_ILLEGAL_ARGUMENT` (16) | no location, half of one, no such deadline |
/// | `USR_NOT_FOUND` (17) | no such partition, or the sector is not there |
pub(crate) fn validate(
    rt: &impl Runtime,
    params: ValidateSectorStatusParams,
) -> Result<bool, ActorError> {
    rt.accept_any_caller()?;
    let number = params.sector_number;
    let location: SectorLocation =
        from_slice(&params.aux_data).or_exit(USR_ILLEGAL_ARGUMENT, "decoding the location")?;
    ensure!(
        (location.deadline == -1) == (location.partition == -1),
        USR_ILLEGAL_ARGUMENT,
        "half a location: deadline {}, partition {}",
        location.deadline,
        location.partition
    );
    let state: State = rt.state()?;
    let store = &rt.store();
    if location == SectorLocation::NOWHERE {
        ensure!(
            state.get_sector(store, number)?.is_none(),
            USR_NOT_FOUND,
            "sector {number} is somewhere"
        );
        return Ok(params.status == SectorStatusCode::Dead);
    }
    // The protocol's code looks at the low 32 bits only, as addresses in Wasm have.
    let deadline = u64::from(location.deadline as u32);
    let partition = state
        .load_deadlines(store)?
        .load(store, deadline)?
        .load_partition(store, location.partition as u64)?;
    ensure!(
        partition.sectors.get(number),
        USR_NOT_FOUND,
        "sector {number} is not in partition {} of deadline {deadline}",
        location.partition
    );
    Ok(status(&partition, number) == params.status)
}
