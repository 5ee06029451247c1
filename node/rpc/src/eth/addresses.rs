//! Between 0x and Filecoin addresses (spec 10 §2.4).

use alloy::primitives::Address as EthAddr;
use boatyard_chain::ethereum::{masked_id, to_ethereum, to_filecoin, unmask_id};
use fvm_shared::address::Payload;

use crate::call::Call;
use crate::error::RpcError;
use crate::eth::block_param::{BlockParam, Tag};
use crate::fil::json::{AddressJson, address_text};
use crate::params::{EthAddress, FilAddress};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The Filecoin address of a 0x address: t0 for the masked form of an ID, else t410.
        ["Filecoin.EthAddressToFilecoinAddress"]
        (address: EthAddress) -> "Filecoin address" = compute to_fil;

        /// The 0x address of a Filecoin address: of t410 its 20 bytes, of others the masked
        /// form of their ID at a block.
        ["Filecoin.FilecoinAddressToEthAddress"]
        (address: FilAddress, block: Option<BlockParam>) -> "0x address" = wait to_eth;
    ]
}

fn to_fil(_: &Call, address: EthAddress) -> Result<AddressJson, RpcError> {
    Ok(to_filecoin(&address.0).into())
}

async fn to_eth(
    call: Call,
    address: FilAddress,
    block: Option<BlockParam>,
) -> Result<EthAddr, RpcError> {
    let address = address.0;
    let text = address_text(&address);
    match address.payload() {
        Payload::ID(id) => return Ok(masked_id(*id)),
        Payload::Delegated(_) => {
            return match to_ethereum(&address) {
                Some(eth) if unmask_id(&eth).is_some() => Err(RpcError::failure(format!(
                    "{text} has the form of a masked ID and cannot be told from one"
                ))),
                Some(eth) => Ok(eth),
                None => Err(RpcError::failure(format!(
                    "{text} has no 0x form: only addresses t410… with 20 bytes have one"
                ))),
            };
        }
        Payload::Secp256k1(_) | Payload::Actor(_) | Payload::BLS(_) => {}
    }
    let block = block.unwrap_or(BlockParam::Tag(Tag::Finalized));
    let id = call.node.state(block).await?.resolve(&address)?;
    id.map(masked_id)
        .ok_or_else(|| RpcError::actor_not_found(text))
}
