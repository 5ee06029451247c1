//! Randomness of the chain (spec 10 §5.4).

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
            -> "base64 bytes" = compute from_beacon;

        /// 32 bytes drawn from the ticket of an epoch, for a purpose.
        ["Filecoin.StateGetRandomnessFromTickets"]
        (personalization: i64, epoch: i64, entropy: Base64, tipset: TipsetParam)
            -> "base64 bytes" = compute from_tickets;

        /// The beacon's value of an epoch, hashed but not mixed with a purpose.
        ["Filecoin.StateGetRandomnessDigestFromBeacon"]
        (epoch: i64, tipset: TipsetParam) -> "base64 bytes" = compute beacon_digest;

        /// The ticket of an epoch, hashed but not mixed with a purpose.
        ["Filecoin.StateGetRandomnessDigestFromTickets"]
        (epoch: i64, tipset: TipsetParam) -> "base64 bytes" = compute ticket_digest;

        /// The beacon's entry of an epoch; waits for one that is to come.
        ["Filecoin.StateGetBeaconEntry", "Filecoin.BeaconGetEntry"]
        (epoch: i64) -> "BeaconEntry" = wait beacon_entry;
    ];
    let v0 = methods![
        /// 32 bytes drawn from the beacon of an epoch, for a purpose.
        ["Filecoin.ChainGetRandomnessFromBeacon"]
        (tipset: TipsetParam, personalization: i64, epoch: i64, entropy: Base64)
            -> "base64 bytes" = compute from_beacon_v0;

        /// 32 bytes drawn from the ticket of an epoch, for a purpose.
        ["Filecoin.ChainGetRandomnessFromTickets"]
        (tipset: TipsetParam, personalization: i64, epoch: i64, entropy: Base64)
            -> "base64 bytes" = compute from_tickets_v0;
    ];
    all.extend(
        v0.into_iter()
            .map(|method| method.on(Paths::Only(Path::V0))),
    );
    all
}

/// Mixes a digest with a purpose (spec 00, randomness).
fn drawn(personalization: i64, digest: [u8; 32], epoch: i64, entropy: &[u8]) -> BlobJson {
    let mut input = personalization.to_be_bytes().to_vec();
    input.extend(digest);
    input.extend(epoch.to_be_bytes());
    input.extend(entropy);
    Code::Blake2b256.digest(&input).digest().to_vec().into()
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

fn from_beacon(
    call: &Call,
    personalization: i64,
    epoch: i64,
    entropy: Base64,
    tipset: TipsetParam,
) -> Result<BlobJson, RpcError> {
    check(call, epoch, &tipset)?;
    let digest = call.node.chain.beacon_randomness(epoch)?;
    Ok(drawn(personalization, digest, epoch, &entropy.0))
}

fn from_tickets(
    call: &Call,
    personalization: i64,
    epoch: i64,
    entropy: Base64,
    tipset: TipsetParam,
) -> Result<BlobJson, RpcError> {
    check(call, epoch, &tipset)?;
    let digest = call.node.chain.ticket_randomness(epoch)?;
    Ok(drawn(personalization, digest, epoch, &entropy.0))
}

fn from_beacon_v0(
    call: &Call,
    tipset: TipsetParam,
    personalization: i64,
    epoch: i64,
    entropy: Base64,
) -> Result<BlobJson, RpcError> {
    from_beacon(call, personalization, epoch, entropy, tipset)
}

fn from_tickets_v0(
    call: &Call,
    tipset: TipsetParam,
    personalization: i64,
    epoch: i64,
    entropy: Base64,
) -> Result<BlobJson, RpcError> {
    from_tickets(call, personalization, epoch, entropy, tipset)
}

fn beacon_digest(call: &Call, epoch: i64, tipset: TipsetParam) -> Result<BlobJson, RpcError> {
    check(call, epoch, &tipset)?;
    Ok(call.node.chain.beacon_randomness(epoch)?.to_vec().into())
}

fn ticket_digest(call: &Call, epoch: i64, tipset: TipsetParam) -> Result<BlobJson, RpcError> {
    check(call, epoch, &tipset)?;
    Ok(call.node.chain.ticket_randomness(epoch)?.to_vec().into())
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
