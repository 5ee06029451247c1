//! What a client offers a provider: a file as a piece, and the terms.

use std::path::Path;

use boatyard_dag::{car, import_file};
use boatyard_market::{ClientDealProposal, DealProposal, Label};
use boatyard_proofs::piece;
use cid::Cid;
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::piece::{PaddedPieceSize, PieceInfo};
use serde_json::{Value, json};

use super::MakeArgs;
use crate::builtin::{Sender, epoch};
use crate::failure::Failure;
use crate::message::encoded;
use crate::output::grouped;
use crate::provider::{About, Provider};
use crate::rpc::Rpc;

/// Bytes in the unit of prices.
const GIB: u64 = 1 << 30;
/// Epochs beyond what the provider needs until the deal begins.
const LEEWAY: ChainEpoch = 60;

/// A file on its way to a provider.
pub struct Parcel {
    /// Name of the file's DAG.
    pub root: Cid,
    /// Bytes in the file.
    pub length: u64,
    /// The DAG in a CAR.
    pub car: Vec<u8>,
    /// Commitment to the CAR, and its padded size.
    pub piece: PieceInfo,
}

impl Parcel {
    /// Packs a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn pack(path: &Path) -> Result<Self, Failure> {
        let dag = import_file(path).map_err(|error| {
            Failure::new(format!("{} cannot be read", path.display()))
                .because(error)
                .help("name a file; of a folder make an archive first")
        })?;
        let car = car::to_vec(&[dag.root], &dag.blocks);
        Ok(Self {
            root: dag.root,
            length: dag.length,
            piece: piece::of_bytes(&car),
            car,
        })
    }

    /// Hands the bytes in at a provider.
    ///
    /// # Errors
    /// It does not take them.
    pub fn hand_in(&self, provider: &Provider) -> Result<(), Failure> {
        let path = format!("/piece/{}?size={}", self.piece.cid, self.piece.size.0);
        let answer = provider.http().put(&path, self.car.clone())?;
        answer
            .ok()
            .map_err(|failure| failure.context("the provider does not take the piece"))?;
        Ok(())
    }

    /// Makes the piece as large as a provider wants it at least.
    ///
    /// # Errors
    /// It is too large for the provider.
    pub fn fit(&mut self, about: &About) -> Result<(), Failure> {
        let least = PaddedPieceSize(about.ask.min_piece_size);
        if self.piece.size.0 < least.0 && least.validate().is_ok() {
            self.piece = piece::of_reader(&self.car[..], least.unpadded())
                .map_err(|error| Failure::new("the piece has no commitment").because(error))?;
        }
        match self.piece.size.0 <= about.ask.max_piece_size {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "the file makes a piece of {} bytes, and {} takes {} at most",
                grouped(self.piece.size.0),
                about.miner,
                grouped(about.ask.max_piece_size)
            ))
            .help(LARGER)),
        }
    }
}

/// What to do about a file that is too large.
pub const LARGER: &str =
    "store a smaller file, or start a node with larger sectors: boatyard node --sector-size 8MiB";

/// A deal as it is offered.
pub(super) fn propose(
    rpc: &Rpc,
    args: &MakeArgs,
    about: &About,
    parcel: &Parcel,
    client: Address,
) -> Result<DealProposal, Failure> {
    let ask = &about.ask;
    let start = epoch(rpc)? + ask.start_delay + LEEWAY;
    let duration = args.duration.0;
    if duration < ask.min_duration {
        let days = (ask.min_duration + super::DAY - 1) / super::DAY;
        return Err(Failure::new(format!(
            "{} takes deals of {} epochs ({days} days) or more",
            about.miner, ask.min_duration
        ))
        .help(format!("--duration {days}d")));
    }
    let end = start.checked_add(duration).ok_or_else(|| {
        Failure::new("that is further than epochs can be counted").help("--duration 180d")
    })?;
    let wanted = match args.verified {
        true => &ask.verified_price_per_gib_epoch,
        false => &ask.price_per_gib_epoch,
    };
    let price = match &args.price_per_epoch {
        Some(price) => price.clone(),
        None => price_of(args.price.as_ref().unwrap_or(wanted), parcel.piece.size.0),
    };
    Ok(DealProposal {
        piece_cid: parcel.piece.cid,
        piece_size: parcel.piece.size,
        verified_deal: args.verified,
        client,
        provider: about.miner,
        label: Label::Text(parcel.root.to_string()),
        start_epoch: start,
        end_epoch: end,
        storage_price_per_epoch: price,
        provider_collateral: collateral(rpc, parcel.piece.size.0, args.verified)?,
        client_collateral: TokenAmount::default(),
    })
}

/// Price of a piece for an epoch, rounded up.
fn price_of(per_gib: &TokenAmount, size: u64) -> TokenAmount {
    let price: BigInt = (per_gib.atto() * size + (GIB - 1)) / GIB;
    TokenAmount::from_atto(price)
}

/// What the provider has to set aside, with a fifth more: it grows with the network.
fn collateral(rpc: &Rpc, size: u64, verified: bool) -> Result<TokenAmount, Failure> {
    let bounds: Value = rpc.call(
        "Filecoin.StateDealProviderCollateralBounds",
        [json!(size), json!(verified), Value::Null],
    )?;
    let least = boatyard_abi::parse_amount(bounds["Min"].as_str().unwrap_or_default())
        .map_err(|reason| Failure::new("the node's answer cannot be read").why(reason))?;
    Ok((least * 6u64).div_ceil(5u64))
}

/// Signs a proposal; gives its CBOR.
///
/// # Errors
/// It cannot be encoded.
pub fn sign(sender: &Sender<'_>, proposal: &DealProposal) -> Result<Vec<u8>, Failure> {
    let signed = ClientDealProposal {
        client_signature: sender.sign(&encoded(proposal)?),
        proposal: proposal.clone(),
    };
    encoded(&signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_rounded_up() {
        let price = |atto: u64, size| price_of(&TokenAmount::from_atto(atto), size);
        assert_eq!(price(1, 2_048), TokenAmount::from_atto(1));
        assert_eq!(price(0, 2_048), TokenAmount::from_atto(0));
        assert_eq!(price(GIB, 2_048), TokenAmount::from_atto(2_048));
        assert_eq!(price(GIB + 1, 2_048), TokenAmount::from_atto(2_049));
    }
}
