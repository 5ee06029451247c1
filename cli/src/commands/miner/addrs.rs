//! Where a miner's provider is reached.

use boatyard_miner::Miner as MinerActor;
use boatyard_miner::types::ChangeMultiaddrsParams;
use fvm_ipld_encoding::RawBytes;

use super::SetAddrsArgs;
use super::roles::change;
use super::view::Miner;
use crate::builtin::call;
use crate::failure::Failure;
use crate::multiaddr::Multiaddr;
use crate::output::Output;
use crate::rpc::Rpc;

pub(super) fn set(rpc: &Rpc, output: Output, args: &SetAddrsArgs) -> Result<(), Failure> {
    let addresses = args
        .addresses
        .iter()
        .map(|text| read(text))
        .collect::<Result<Vec<_>, Failure>>()?;
    let miner = Miner::find(rpc, &args.miner)?;
    let bytes = addresses.iter().map(Multiaddr::to_bytes);
    let params = ChangeMultiaddrsParams {
        new_multi_addrs: bytes.map(RawBytes::new).collect(),
    };
    let draft = call::<MinerActor>(miner.address, "ChangeMultiaddrs", &params)?;
    let (what, worker) = ("nothing else is published", miner.info.worker);
    change(&miner, output, &args.sending, worker, &draft, what, |_| {
        let address = miner.address;
        (!args.none)
            .then(|| format!("boatyard retrieve CID -o FILE --provider {address} asks there"))
    })
}

/// An address to publish: one that leads a client to a provider.
fn read(text: &str) -> Result<Multiaddr, Failure> {
    let unusable = |reason| Failure::new("nobody could use the address").why(reason);
    let address = match text.contains("://") {
        true => Multiaddr::from_url(text),
        false => text.parse(),
    };
    let address = address.map_err(unusable)?;
    address.url().map_err(unusable)?;
    match address.is_reachable() {
        true => Ok(address),
        false => Err(Failure::new(format!("{address} is no place to go to")).help(
            "name an address of the machine, such as 127.0.0.1, or the name that others know it by",
        )),
    }
}
