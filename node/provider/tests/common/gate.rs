//! A prover that waits before it proves a seal, if it is told to.

use std::sync::{Arc, Condvar, Mutex};

use boatyard_proofs::statement::AggregateStatement;
use boatyard_proofs::{
    PostChallenge, Proof, ProveError, Prover, Replica, Scheme, SealedSector, SectorDir,
    UpdatedSector,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The prover with its gate.
pub struct Gated {
    inner: Arc<dyn Prover>,
    gate: Arc<Gate>,
}

/// What the test moves.
pub struct Gate {
    shut: Mutex<bool>,
    moved: Condvar,
    waits: UnboundedSender<()>,
}

/// A prover, its gate, and who tells of seals that wait there.
pub fn gated() -> (Arc<dyn Prover>, Arc<Gate>, UnboundedReceiver<()>) {
    let (waits, waiting) = unbounded_channel();
    let gate = Arc::new(Gate {
        shut: Mutex::new(false),
        moved: Condvar::new(),
        waits,
    });
    let prover = Gated {
        inner: Scheme::Vanilla.prover().unwrap(),
        gate: gate.clone(),
    };
    (Arc::new(prover), gate, waiting)
}

impl Gate {
    pub fn shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.moved.notify_all();
    }

    fn pass(&self) {
        let mut shut = self.shut.lock().unwrap();
        if *shut {
            self.waits.send(()).unwrap();
        }
        while *shut {
            shut = self.moved.wait(shut).unwrap();
        }
    }
}

impl Prover for Gated {
    fn scheme(&self) -> Scheme {
        self.inner.scheme()
    }

    fn prove_seal(
        &self,
        dir: &SectorDir,
        sector: &SealedSector,
        seed: &[u8; 32],
    ) -> Result<Proof, ProveError> {
        self.gate.pass();
        self.inner.prove_seal(dir, sector, seed)
    }

    fn aggregate_seals(
        &self,
        statement: &AggregateStatement,
        proofs: &[Proof],
    ) -> Result<Proof, ProveError> {
        self.inner.aggregate_seals(statement, proofs)
    }

    fn prove_window(
        &self,
        challenge: &PostChallenge,
        replicas: &[Replica],
    ) -> Result<Proof, ProveError> {
        self.inner.prove_window(challenge, replicas)
    }

    fn prove_winning(
        &self,
        challenge: &PostChallenge,
        replica: &Replica,
    ) -> Result<Proof, ProveError> {
        self.inner.prove_winning(challenge, replica)
    }

    fn prove_update(
        &self,
        dir: &SectorDir,
        sector: &SealedSector,
        update: &UpdatedSector,
    ) -> Result<Proof, ProveError> {
        self.inner.prove_update(dir, sector, update)
    }
}
