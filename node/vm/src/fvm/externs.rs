//! What a running message knows of the node.

use std::cell::{RefCell, RefMut};
use std::collections::HashSet;
use std::sync::Arc;

use ::fvm::externs::{Chain, Consensus, Rand};
use anyhow::anyhow;
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::ConsensusFault;

use super::recorder::Recorder;
use crate::context::{ChainView, Context, Interceptor, ProofVerifier, Substitutions};
use crate::engine::overlay::{Fault, Faults};
use crate::engine::{CodeError, Engine};
use crate::state::Manifest;

/// The node as the kernel sees it, the same for all messages of a machine, and
/// the record of the message that is running.
pub(super) struct Externs {
    engine: Engine,
    epoch: ChainEpoch,
    chain: Arc<dyn ChainView>,
    pub(super) verifier: Arc<dyn ProofVerifier>,
    pub(super) substitutions: Substitutions,
    pub(super) interceptor: Option<Arc<dyn Interceptor>>,
    pub(super) manifest: Manifest,
    pub(super) faults: Arc<Faults>,
    recorder: RefCell<Recorder>,
    /// Codes that this machine has found runnable.
    runnable: RefCell<HashSet<Cid>>,
}

impl Externs {
    pub(super) fn new(
        engine: Engine,
        context: &Context,
        manifest: Manifest,
        faults: Arc<Faults>,
    ) -> Self {
        Self {
            engine,
            epoch: context.epoch,
            chain: context.chain.clone(),
            verifier: context.verifier.clone(),
            substitutions: context
                .substitutions
                .as_deref()
                .cloned()
                .unwrap_or_default(),
            interceptor: context.interceptor.clone(),
            manifest,
            faults,
            recorder: RefCell::new(Recorder::new(context.tracing)),
            runnable: RefCell::default(),
        }
    }

    /// The record of the running message. Never held across a call.
    pub(super) fn recorder(&self) -> RefMut<'_, Recorder> {
        self.recorder.borrow_mut()
    }

    /// Makes sure that `code` can be run before the FVM tries to.
    pub(super) fn ensure_runnable(
        &self,
        code: &Cid,
        compiler: &::fvm::engine::Engine,
        store: &impl Blockstore,
    ) -> Result<(), CodeError> {
        if self.runnable.borrow().contains(code) {
            return Ok(());
        }
        let builtin = self.manifest.type_of(code).is_some();
        self.engine
            .ensure_runnable(code, builtin, compiler, store)?;
        self.runnable.borrow_mut().insert(*code);
        Ok(())
    }

    /// The chain is asked about the past only.
    fn draw(
        &self,
        epoch: ChainEpoch,
        look_up: impl FnOnce() -> Result<[u8; 32], crate::context::LookupError>,
    ) -> anyhow::Result<[u8; 32]> {
        if epoch > self.epoch {
            return Err(anyhow!(
                "epoch {epoch} is in the future, it is {} now",
                self.epoch
            ));
        }
        Ok(look_up()?)
    }
}

impl ::fvm::externs::Externs for Externs {}

impl Rand for Externs {
    fn get_chain_randomness(&self, epoch: ChainEpoch) -> anyhow::Result<[u8; 32]> {
        self.draw(epoch, || self.chain.ticket_randomness(epoch))
    }

    fn get_beacon_randomness(&self, epoch: ChainEpoch) -> anyhow::Result<[u8; 32]> {
        self.draw(epoch, || self.chain.beacon_randomness(epoch))
    }
}

impl Chain for Externs {
    /// The kernel has checked that `epoch` lies in the past, so an epoch that the
    /// chain does not know is the node's fault and not the actor's.
    fn get_tipset_cid(&self, epoch: ChainEpoch) -> anyhow::Result<Cid> {
        self.chain
            .tipset_cid(epoch)
            .inspect_err(|error| self.faults.note(Fault::Chain(error.to_string())))
            .map_err(Into::into)
    }
}

impl Consensus for Externs {
    fn verify_consensus_fault(
        &self,
        header_1: &[u8],
        header_2: &[u8],
        extra: &[u8],
    ) -> anyhow::Result<(Option<ConsensusFault>, i64)> {
        Ok((
            self.verifier
                .verify_consensus_fault(header_1, header_2, extra)?,
            0,
        ))
    }
}
