//! Randomness of the chain (spec 10 §5.4).

use boatyard_chain::{ChainError, ChainHandle};
use multihash_codetable::{Code, MultihashDigest};

use crate::call::{Call, Path};
use crate::error::RpcError;
use crate::fil::json::{BeaconEntryJson, BlobJson};
use crate::params::{Base64, TipsetParam};
use crate::registry::{Method, Paths, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    let mut all = methods![
        /// 32 bytes drawn from the beacon of an epoch, for a purpose.
        ["Filecoin.StateGetRandomnessFromBeacon"]
        (personalization: i64, epoch: i64, entropy: Base64, tipset: TipsetParam)
            -> "base64 bytes" = compute drawn::<Beacon>;

        /// 32 bytes drawn from the ticket of an epoch, for a purpose.
        ["Filecoin.StateGetRandomnessFromTickets"]
        (personalization: i64, epoch: i64, entropy: Base64, tipset: TipsetParam)
            -> "base64 bytes" = compute drawn::<Tickets>;

        /// The beacon's value of an epoch, hashed but not mixed with a purpose.
        ["Filecoin.StateGetRandomnessDigestFromBeacon"]
        (epoch: i64, tipset: TipsetParam) -> "base64 bytes" = compute digest::<Beacon>;

        /// The ticket of an epoch, hashed but not mixed with a purpose.
        ["Filecoin.StateGetRandomnessDigestFromTickets"]
        (epoch: i64, tipset: TipsetParam) -> "base64 bytes" = compute digest::<Tickets>;

        /// The beacon's entry of an epoch; waits for one that is to come.
        ["Filecoin.StateGetBeaconEntry", "Filecoin.BeaconGetEntry"]
        (epoch: i64) -> "BeaconEntry" = wait beacon_entry;
    ];
    let v0 = methods![
        /// 32 bytes drawn from the beacon of an epoch, for a purpose.
        ["Filecoin.ChainGetRandomnessFromBeacon"]
        (tipset: TipsetParam, personalization: i64, epoch: i64, entropy: Base64)
            -> "base64 bytes" = compute drawn_v0::<Beacon>;

        /// 32 bytes drawn from the ticket of an epoch, for a purpose.
        ["Filecoin.ChainGetRandomnessFromTickets"]
        (tipset: TipsetParam, personalization: i64, epoch: i64, entropy: Base64)
            -> "base64 bytes" = compute drawn_v0::<Tickets>;
    ];
    all.extend(
        v0.into_iter()
            .map(|method| method.on(Paths::Only(Path::V0))),
    );
    all
}

/// Where randomness comes from.
trait Source {
    /// Its value of an epoch, hashed.
    fn of(chain: &ChainHandle, epoch: i64) -> Result<[u8; 32], ChainError>;
}

struct Beacon;

impl Source for Beacon {
    fn of(chain: &ChainHandle, epoch: i64) -> Result<[u8; 32], ChainError> {
        chain.beacon_randomness(epoch)
    }
}

struct Tickets;

impl Source for Tickets {
    fn of(chain: &ChainHandle, epoch: i64) -> Result<[u8; 32], ChainError> {
        chain.ticket_randomness(epoch)
    }
}

/// Everything that there is was decided by the head; a tipset may not look ahead.
fn check(call: &Call, epoch: i64, tipset: &TipsetParam) -> Result<(), RpcError> {
    let height = call.node.tipset(&tipset.0)?.height();
    if epoch > height {
        return Err(RpcError::failure(format!(
            "cannot draw randomness from the future: epoch {epoch} is after the tipset at {height}"
        )));
    }
    Ok(())
}

fn digest<S: Source>(call: &Call, epoch: i64, tipset: TipsetParam) -> Result<BlobJson, RpcError> {
    check(call, epoch, &tipset)?;
    Ok(S::of(&call.node.chain, epoch)?.to_vec().into())
}

/// A digest mixed with a purpose (spec 00, randomness).
fn drawn<S: Source>(
    call: &Call,
    personalization: i64,
    epoch: i64,
    entropy: Base64,
    tipset: TipsetParam,
) -> Result<BlobJson, RpcError> {
    check(call, epoch, &tipset)?;
    let mut input = personalization.to_be_bytes().to_vec();
    input.extend(S::of(&call.node.chain, epoch)?);
    input.extend(epoch.to_be_bytes());
    input.extend(entropy.0);
    Ok(Code::Blake2b256.digest(&input).digest().to_vec().into())
}

fn drawn_v0<S: Source>(
    call: &Call,
    tipset: TipsetParam,
    personalization: i64,
    epoch: i64,
    entropy: Base64,
) -> Result<BlobJson, RpcError> {
    drawn::<S>(call, personalization, epoch, entropy, tipset)
}

/// Farthest epoch that a client may wait for.
const FARTHEST: i64 = 900;

async fn beacon_entry(call: Call, epoch: i64) -> Result<BeaconEntryJson, RpcError> {
    let chain = &call.node.chain;
    let ahead = epoch.saturating_sub(chain.head().height());
    if ahead > FARTHEST {
        return Err(RpcError::failure(format!(
            "epoch {epoch} is {ahead} epochs ahead, at most {FARTHEST} can be waited for"
        )));
    }
    if ahead > 0 {
        // While tipsets are made on message, the missing ones are made for the waiter.
        chain.wait_epoch(epoch).await?;
    }
    Ok((&chain.beacon_entry(epoch)?).into())
}
