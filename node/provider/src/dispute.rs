//! Wrong proofs that others sent, and who reports them (spec 06 §15.2).
//!
//! The chain takes most Window PoSts on trust. A [`Watchdog`] looks at each of them by
//! verifying it, and disputes those that are wrong as soon as their window has closed.
//! It acts for the network's operator (f0100), which gets the reward.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boatyard_actors_shared::Policy;
use boatyard_chain::accounts::OPERATOR;
use boatyard_chain::{
    BlockProducer, ChainError, ExecutedTipset, NotSent, Participant, StateView, Turn,
};
use boatyard_miner::schema::{Deadline, WindowedPoSt};
use boatyard_miner::sectors::Sectors;
use boatyard_miner::types::DisputeWindowedPoStParams;
use boatyard_proofs::statement::PostStatement;
use boatyard_proofs::{Statement, Verdict, Verifier};
use cid::Cid;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::randomness::Randomness;
use fvm_shared::sector::{SectorInfo, WindowPoStVerifyInfo};

use crate::miner::{MinerError, MinerView};
use crate::task::PATIENCE;
use crate::window::{WINDOW_CHALLENGE, miner_entropy};

/// Method of the miner.
const DISPUTE_WINDOWED_POST: u64 = 24;

/// Who reports wrong Window PoSts of some miners.
pub struct Watchdog {
    miners: Vec<ActorID>,
    policy: &'static Policy,
    verifier: Arc<dyn Verifier>,
    notes: Mutex<Notes>,
}

/// What it remembers, in memory only: everything can be found again.
#[derive(Default)]
struct Notes {
    /// What is drawn for a miner's window that opens or opened after this epoch.
    challenges: BTreeMap<(ActorID, ChainEpoch), [u8; 32]>,
    /// Proofs that were looked at, and whether they are right.
    verdicts: BTreeMap<Key, bool>,
    /// Disputes that were tried, not to be tried again before.
    resting: BTreeMap<Key, ChainEpoch>,
    /// Suspects in a miner's state with this head.
    found: BTreeMap<ActorID, (Cid, Vec<Suspect>)>,
}

/// A proof: whose, for which challenge, its bytes.
type Key = (ActorID, ChainEpoch, Vec<u8>);

/// A proof that is wrong, or that nobody has looked at.
#[derive(Clone)]
struct Suspect {
    key: Key,
    deadline: u64,
    /// When its window closes or closed.
    close: ChainEpoch,
    /// Its index among the proofs of a window that is over.
    index: Option<u64>,
    /// Whether it was looked at.
    wrong: bool,
}

/// A proof with what it is about.
struct Submission {
    deadline: u64,
    challenge: ChainEpoch,
    close: ChainEpoch,
    index: Option<u64>,
    post: WindowedPoSt,
    sectors: Vec<SectorInfo>,
}

impl Watchdog {
    /// Watches these miners.
    pub fn new(miners: Vec<ActorID>, policy: &'static Policy, verifier: Arc<dyn Verifier>) -> Self {
        Self {
            miners,
            policy,
            verifier,
            notes: Mutex::default(),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The suspects of a miner at an epoch. Challenges that are not known are drawn if
    /// somebody can.
    fn suspects(
        &self,
        notes: &mut Notes,
        state: &StateView,
        miner: ActorID,
        epoch: ChainEpoch,
        turn: Option<&Turn<'_>>,
    ) -> Result<Vec<Suspect>, MinerError> {
        let view = MinerView::load(state, self.policy, miner)?;
        // In the same state only time can bring something new: the end of a window.
        if turn.is_none()
            && let Some((head, found)) = notes.found.get(&miner)
            && *head == view.head
        {
            return Ok(found.clone());
        }
        let mut suspects = Vec::new();
        for submission in submissions(&view, state, epoch)? {
            let bytes = submission.post.proofs.iter();
            let bytes = bytes.flat_map(|proof| proof.proof_bytes.iter().copied());
            let key = (miner, submission.challenge, bytes.collect());
            if notes.verdicts.get(&key) == Some(&true) {
                continue;
            }
            let drawn = self.challenge(notes, miner, submission.challenge, turn)?;
            let wrong = match drawn {
                Some(randomness) => {
                    let right = self.is_right(miner, randomness, &submission, state);
                    notes.verdicts.insert(key.clone(), right);
                    if right {
                        continue;
                    }
                    true
                }
                None => false,
            };
            suspects.push(Suspect {
                key,
                deadline: submission.deadline,
                close: submission.close,
                index: submission.index,
                wrong,
            });
        }
        notes.found.insert(miner, (view.head, suspects.clone()));
        Ok(suspects)
    }

    fn challenge(
        &self,
        notes: &mut Notes,
        miner: ActorID,
        epoch: ChainEpoch,
        turn: Option<&Turn<'_>>,
    ) -> Result<Option<[u8; 32]>, ChainError> {
        if let Some(known) = notes.challenges.get(&(miner, epoch)) {
            return Ok(Some(*known));
        }
        let Some(turn) = turn else {
            return Ok(None);
        };
        let drawn = turn.beacon_randomness(WINDOW_CHALLENGE, epoch, &miner_entropy(miner))?;
        notes.challenges.insert((miner, epoch), drawn);
        Ok(Some(drawn))
    }

    /// Whether a proof holds, or cannot be said not to.
    fn is_right(
        &self,
        miner: ActorID,
        randomness: [u8; 32],
        submission: &Submission,
        state: &StateView,
    ) -> bool {
        let [proof] = submission.post.proofs.as_slice() else {
            return false;
        };
        let info = WindowPoStVerifyInfo {
            randomness: Randomness(randomness.to_vec()),
            proofs: submission.post.proofs.clone(),
            challenged_sectors: submission.sectors.clone(),
            prover: miner,
        };
        let Ok(statement) = PostStatement::try_from(&info) else {
            return false;
        };
        let statement = Statement::Window(statement);
        match self
            .verifier
            .verify(&statement, &proof.proof_bytes, state.store())
        {
            Verdict::Valid => true,
            Verdict::Invalid(reason) => {
                let deadline = submission.deadline;
                tracing::info!(miner, deadline, reason, "a Window PoSt is wrong");
                false
            }
            // Who cannot tell does not accuse.
            Verdict::Missing(_) | Verdict::Unable(_) => true,
        }
    }

    fn dispute(suspect: &Suspect, post_index: u64) -> Option<Message> {
        let params = DisputeWindowedPoStParams {
            deadline: suspect.deadline,
            post_index,
        };
        Some(Message {
            version: 0,
            from: Address::new_id(OPERATOR),
            to: Address::new_id(suspect.key.0),
            sequence: 0,
            value: TokenAmount::default(),
            method_num: DISPUTE_WINDOWED_POST,
            params: RawBytes::serialize(&params).ok()?,
            gas_limit: 0,
            gas_fee_cap: TokenAmount::default(),
            gas_premium: TokenAmount::default(),
        })
    }
}

/// The proofs that were taken on trust: those of the window that is open, and those that
/// can be disputed.
fn submissions(
    view: &MinerView,
    state: &StateView,
    epoch: ChainEpoch,
) -> Result<Vec<Submission>, MinerError> {
    let (store, policy) = (state.store(), view.policy());
    let deadlines = view.deadlines()?;
    let mut all = Vec::new();
    for index in 0..deadlines.due.len() as u64 {
        let window = view.state.next_window(policy, index, epoch);
        let open = window.is_open();
        if !open && !view.state.is_deadline_disputable(policy, index, epoch) {
            continue;
        }
        let deadline = view.deadline(&deadlines, index)?;
        let (posts, sectors, back) = match open {
            true => {
                let posts = &deadline.optimistic_post_submissions;
                (posts, &view.state.sectors, 0)
            }
            false => {
                let posts = &deadline.optimistic_post_submissions_snapshot;
                (
                    posts,
                    &deadline.sectors_snapshot,
                    policy.wpost_proving_period,
                )
            }
        };
        let mut found = Vec::new();
        posts.load(store)?.for_each(|at, post: &WindowedPoSt| {
            found.push((at, post.clone()));
            Ok(())
        })?;
        if found.is_empty() {
            continue;
        }
        let sectors = Sectors::load(store, sectors)?;
        for (at, post) in found {
            let (all_sectors, ignored) = about(&deadline, state, &post.partitions, open)?;
            let sectors = sectors.for_proof(&all_sectors, &ignored)?;
            all.push(Submission {
                deadline: index,
                challenge: window.challenge - back,
                close: window.close - back,
                index: (!open).then_some(at),
                post,
                sectors: sectors
                    .into_iter()
                    .map(|sector| SectorInfo {
                        proof: sector.seal_proof,
                        sector_number: sector.sector_number,
                        sealed_cid: sector.sealed_cid,
                    })
                    .collect(),
            });
        }
    }
    Ok(all)
}

/// All sectors of some partitions, and those that need no proof.
fn about(
    deadline: &Deadline,
    state: &StateView,
    indices: &BitField,
    open: bool,
) -> Result<(BitField, BitField), MinerError> {
    let store = state.store();
    if !open {
        let info = deadline.dispute_info(store, indices)?;
        return Ok((info.all, info.ignored));
    }
    let partitions = deadline.partitions.load(store)?;
    let (mut all, mut ignored) = (BitField::new(), BitField::new());
    for index in indices.iter() {
        if let Some(partition) = partitions.get(index)? {
            all |= &partition.sectors;
            ignored |= &partition.faults;
            ignored |= &partition.terminated;
            ignored |= &partition.unproven;
        }
    }
    Ok((all, ignored))
}

impl Participant for Watchdog {
    fn producer(&self) -> Option<BlockProducer> {
        None
    }

    /// Only a proof that is wrong, or that could not be looked at yet, needs a tipset.
    fn due(&self, head: &ExecutedTipset, state: &StateView) -> Option<ChainEpoch> {
        let mut notes = self.notes();
        let next = head.height() + 1;
        let mut wishes = Vec::new();
        for miner in &self.miners {
            match self.suspects(&mut notes, state, *miner, next, None) {
                Ok(suspects) => {
                    for suspect in suspects {
                        let rest = notes.resting.get(&suspect.key).copied().unwrap_or(next);
                        let last = suspect.close + self.policy.wpost_dispute_window;
                        let wish = match suspect.wrong {
                            true => suspect.close.max(next).max(rest),
                            false => next,
                        };
                        wishes.extend((wish < last).then_some(wish));
                    }
                }
                Err(error) => {
                    tracing::error!(miner, %error, "the proofs of a miner cannot be watched");
                }
            }
        }
        wishes.into_iter().min()
    }

    fn act(&self, turn: &Turn<'_>) -> Vec<Message> {
        let mut notes = self.notes();
        let (epoch, state) = (turn.epoch(), turn.state());
        let horizon = epoch - 2 * self.policy.wpost_proving_period;
        notes.challenges.retain(|(_, at), _| *at > horizon);
        notes.verdicts.retain(|(_, at, _), _| *at > horizon);
        notes.resting.retain(|_, until| *until > epoch);
        let mut messages = Vec::new();
        for miner in &self.miners {
            let suspects = match self.suspects(&mut notes, &state, *miner, epoch, Some(turn)) {
                Ok(suspects) => suspects,
                Err(error) => {
                    tracing::error!(miner, %error, "the proofs of a miner cannot be watched");
                    continue;
                }
            };
            // What is proven in this very tipset can be looked at right after it. The
            // first windows of a chain have their challenge before it and cannot be
            // proven at all.
            let drawn = MinerView::load(&state, self.policy, *miner).and_then(|view| {
                let window = view.deadline_at(epoch);
                if window.is_open() && window.challenge >= 0 {
                    self.challenge(&mut notes, *miner, window.challenge, Some(turn))?;
                }
                Ok(())
            });
            if let Err(error) = drawn {
                tracing::error!(miner, %error, "a challenge cannot be drawn");
            }
            for suspect in suspects {
                if let Some(index) = suspect.index
                    && !notes.resting.contains_key(&suspect.key)
                    && let Some(message) = Self::dispute(&suspect, index)
                {
                    notes.resting.insert(suspect.key, epoch + PATIENCE);
                    messages.push(message);
                }
            }
        }
        messages
    }

    fn told(&self, _: ChainEpoch, message: &Message, outcome: Result<Cid, NotSent>) {
        match outcome {
            Ok(cid) => tracing::info!(miner = %message.to, %cid, "a wrong Window PoSt is disputed"),
            Err(reason) => {
                tracing::warn!(miner = %message.to, %reason, "a dispute cannot be sent");
            }
        }
    }

    fn rewound(&self, _: &ExecutedTipset) {
        *self.notes() = Notes::default();
    }
}
