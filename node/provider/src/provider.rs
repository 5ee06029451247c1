//! What a provider does in a tipset, and when it wants one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boatyard_actors_shared::{MARKET_ACTOR, Policy};
use boatyard_chain::{
    BlockProducer, ChainError, ExecutedMessage, ExecutedTipset, NotSent, Participant, StateView,
    Turn,
};
use boatyard_proofs::{Proof, SealedSector};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::ActorID;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::piece::{PaddedPieceSize, PieceInfo};
use fvm_shared::sector::SectorNumber;
use serde::Serialize;
use tokio::sync::Notify;

use crate::board::Board;
use crate::config::{Ask, ProviderConfig};
use crate::files::{Files, FilesError};
use crate::miner::{MinerError, MinerView};
use crate::mischief::Mischief;
use crate::order::{Order, OrderId, Origin, Purpose, Step};
use crate::record::SectorRecord;
use crate::task::{Failure, Task, Tasks};
use crate::{listen, pipeline, publish, recovery, update, verifreg, window};

/// Shortest deal that the market takes, in epochs (spec 07 §5).
const MIN_DEAL_DURATION: ChainEpoch = 180 * 2_880;
/// Epochs for what is done in a tipset each: publish, pre-commit, prove; and some more
/// for what may come between.
const HANDLING: ChainEpoch = 20;

/// A storage provider. Cloning shares it.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    config: ProviderConfig,
    policy: &'static Policy,
    files: Files,
    desk: Mutex<Desk>,
    /// What others see of the desk, also while somebody works there.
    board: Board,
    /// Told when there is something to fetch.
    fetching: Notify,
}

/// What changes as a provider works.
#[derive(Default)]
struct Desk {
    orders: BTreeMap<OrderId, Order>,
    sectors: BTreeMap<SectorNumber, SectorRecord>,
    tasks: Tasks,
    mischief: Mischief,
    /// Epoch of the last look at what became of deals that ran.
    swept: ChainEpoch,
    /// What there is to prove in the miner's state with this head.
    known: Option<Known>,
}

impl Desk {
    /// Says which sectors' records cannot be read. Their orders that are still to be
    /// kept wait for another sector.
    fn release_orders_of_unknown_sectors(
        &mut self,
        miner: ActorID,
        files: &Files,
    ) -> Result<(), FilesError> {
        for record in self.sectors.values().filter(|record| record.is_unknown()) {
            let (sector, reason) = (record.number, record.failed.as_deref());
            tracing::error!(miner, sector, reason, "nothing is done about a sector");
            for order in self.orders.values_mut() {
                if order.sector == Some(sector) && order.is_under_way() {
                    order.sector = None;
                    files.save_order(order)?;
                }
            }
        }
        Ok(())
    }
}

/// What is worth remembering of a miner's state, which is looked at every tipset.
struct Known {
    head: Cid,
    busy: Vec<window::Busy>,
    faulty: Vec<u64>,
}

/// A provider's desk with its files, for those who work at it.
pub(crate) struct Shelf<'a> {
    pub config: &'a ProviderConfig,
    pub files: &'a Files,
    board: &'a Board,
    /// Changed by [`Self::put_order`] only, so that everybody sees it.
    pub orders: &'a mut BTreeMap<OrderId, Order>,
    /// Changed by [`Self::put_sector`] only.
    pub sectors: &'a mut BTreeMap<SectorNumber, SectorRecord>,
    pub tasks: &'a mut Tasks,
    pub mischief: Mischief,
    pub swept: &'a mut ChainEpoch,
}

impl Shelf<'_> {
    /// Keeps a sector's record.
    pub fn put_sector(&mut self, record: SectorRecord) -> Result<(), FilesError> {
        self.files.save_sector(&record)?;
        self.board.put_sector(&record);
        self.sectors.insert(record.number, record);
        Ok(())
    }

    /// Keeps an order.
    pub fn put_order(&mut self, order: Order) -> Result<(), FilesError> {
        self.files.save_order(&order)?;
        self.board.put_order(&order);
        self.orders.insert(order.id, order);
        Ok(())
    }

    /// Takes an order on; gives its number.
    pub fn add_order(&mut self, mut order: Order) -> Result<OrderId, FilesError> {
        let id = self.orders.last_key_value().map_or(1, |(last, _)| last + 1);
        order.id = id;
        self.put_order(order)?;
        Ok(id)
    }

    /// A sealed sector.
    pub fn sealed(&self, number: SectorNumber) -> Option<&SealedSector> {
        self.sectors.get(&number)?.sealed.as_ref()
    }

    /// Does nothing more about a sector; its orders that can still start wait for
    /// another one.
    pub fn give_up(&mut self, number: SectorNumber, reason: &str) -> Result<(), FilesError> {
        tracing::warn!(
            miner = self.config.miner,
            sector = number,
            reason,
            "a sector is given up"
        );
        let Some(mut record) = self.sectors.get(&number).cloned() else {
            return Ok(());
        };
        for piece in &record.pieces {
            if let Some(mut order) = self.orders.get(&piece.order).cloned() {
                order.sector = None;
                self.put_order(order)?;
            }
        }
        record.failed = Some(reason.into());
        self.put_sector(record)
    }

    /// Puts a proof's blocks where the chain looks for them.
    pub fn store_blocks(&self, turn: &Turn<'_>, proof: &Proof) -> Result<(), ChainError> {
        for block in &proof.blocks {
            turn.store()
                .put_keyed(&block.cid, &block.data)
                .map_err(ChainError::Store)?;
        }
        Ok(())
    }

    /// Parameters of a message.
    pub fn encode(&self, params: &impl Serialize) -> Result<RawBytes, MinerError> {
        encode(params)
    }
}

/// Parameters of a message.
pub(crate) fn encode(params: &impl Serialize) -> Result<RawBytes, MinerError> {
    RawBytes::serialize(params).map_err(|error| MinerError::State(error.to_string()))
}

impl Provider {
    /// Opens a provider's directory. Let it join the chain to have it work.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn open(config: ProviderConfig) -> Result<Self, FilesError> {
        let files = Files::open(config.directory.as_deref())?;
        Self::with_files(config, files)
    }

    /// The same with a directory that is open already.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn with_files(config: ProviderConfig, files: Files) -> Result<Self, FilesError> {
        let mut desk = Desk {
            orders: files
                .load_orders()?
                .into_iter()
                .map(|order| (order.id, order))
                .collect(),
            sectors: files
                .load_sectors()?
                .into_iter()
                .map(|record| (record.number, record))
                .collect(),
            ..Desk::default()
        };
        desk.release_orders_of_unknown_sectors(config.miner, &files)?;
        let board = Board::default();
        board.renew(&desk.orders, &desk.sectors);
        Ok(Self(Arc::new(Inner {
            policy: Policy::of(config.variant),
            config,
            files,
            desk: Mutex::new(desk),
            board,
            fetching: Notify::new(),
        })))
    }

    /// What it was started with.
    pub fn config(&self) -> &ProviderConfig {
        &self.0.config
    }

    /// Its files.
    pub fn files(&self) -> &Files {
        &self.0.files
    }

    /// Everything it was asked for, by number. Like all that only looks, it does not wait
    /// for whoever works at the desk.
    pub fn orders(&self) -> Vec<Order> {
        self.0.board.orders()
    }

    /// One order by its number.
    pub fn order(&self, id: OrderId) -> Option<Order> {
        self.0.board.order(id)
    }

    /// What it asks for.
    pub fn ask(&self) -> Ask {
        let config = &self.0.config;
        Ask {
            price: config.ask.clone(),
            verified_price: config.ask.clone(),
            min_piece_size: PaddedPieceSize(128).0,
            max_piece_size: config.sector_size() as u64,
            min_duration: MIN_DEAL_DURATION,
            max_duration: self.0.policy.max_sector_expiration_extension,
            start_delay: self.0.policy.pre_commit_challenge_delay + HANDLING,
        }
    }

    /// Policy of the actors.
    pub fn policy(&self) -> &'static Policy {
        self.0.policy
    }

    /// Its miner in a state.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn miner(&self, state: &StateView) -> Result<MinerView, MinerError> {
        MinerView::load(state, self.0.policy, self.0.config.miner)
    }

    /// What it remembers of its sectors, by number.
    pub fn sectors(&self) -> Vec<SectorRecord> {
        self.0.board.sectors()
    }

    /// Takes an order on; gives its number. The piece's bytes must lie in
    /// [`Files::piece`].
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn take(&self, order: Order) -> Result<OrderId, FilesError> {
        self.take_if(order, |_| Ok(()))
    }

    /// The same if nothing speaks against it, seen from all orders that there are.
    ///
    /// # Errors
    /// What `check` says, [`FilesError`].
    pub(crate) fn take_if<E: From<FilesError>>(
        &self,
        order: Order,
        check: impl FnOnce(&BTreeMap<OrderId, Order>) -> Result<(), E>,
    ) -> Result<OrderId, E> {
        let mut desk = self.desk();
        check(&desk.orders)?;
        Ok(self.shelf(&mut desk).add_order(order)?)
    }

    /// Takes an order for an allocation on. If there is one already, because the chain
    /// told of the allocation, it is told who else wants to hear of it.
    pub(crate) fn take_allocation(&self, order: Order) -> Result<OrderId, FilesError> {
        let mut desk = self.desk();
        let mut shelf = self.shelf(&mut desk);
        let Purpose::Allocation {
            client, id, notify, ..
        } = &order.purpose
        else {
            return shelf.add_order(order);
        };
        let known = shelf
            .orders
            .values()
            .find(|known| known.failed.is_none() && verifreg::is_for(known, (*client, *id)));
        let Some(mut known) = known.cloned() else {
            return shelf.add_order(order);
        };
        if let Purpose::Allocation { notify: old, .. } = &mut known.purpose
            && !notify.is_empty()
        {
            old.clone_from(notify);
        }
        if known.sector.is_none() {
            known.placement = order.placement;
        }
        let number = known.id;
        shelf.put_order(known)?;
        Ok(number)
    }

    /// Pieces that orders wait for, with where they can be fetched.
    pub(crate) fn wanted(&self) -> Vec<(PieceInfo, String)> {
        let mut wanted = self.0.board.wanted();
        wanted.retain(|(piece, _)| !self.0.files.piece(&piece.cid).exists());
        wanted
    }

    /// Whether an order waits for the bytes of a piece.
    pub(crate) fn waits_for(&self, piece: &Cid) -> bool {
        self.0.board.waits_for(piece)
    }

    /// There may be something to fetch.
    pub(crate) fn wake(&self) {
        self.0.fetching.notify_one();
    }

    /// Waits for [`Self::wake`].
    pub(crate) async fn awake(&self) {
        self.0.fetching.notified().await;
    }

    /// Remembers a sector that came about elsewhere: one of the genesis.
    ///
    /// # Errors
    /// [`FilesError`].
    pub fn remember(&self, record: SectorRecord) -> Result<(), FilesError> {
        self.at_desk(|shelf| shelf.put_sector(record))
    }

    /// Has somebody work at its desk, with the chain standing still meanwhile if it comes
    /// to ask.
    pub(crate) fn at_desk<T>(&self, work: impl FnOnce(&mut Shelf<'_>) -> T) -> T {
        let mut desk = self.desk();
        work(&mut self.shelf(&mut desk))
    }

    /// Has somebody look at a copy of what is known of a sector, whoever works at the
    /// desk meanwhile.
    pub(crate) fn beside_desk<T>(
        &self,
        number: SectorNumber,
        work: impl FnOnce(&Shelf<'_>) -> T,
    ) -> T {
        let mut desk = Desk::default();
        let record = self.0.board.sector(number);
        desk.sectors.extend(record.map(|record| (number, record)));
        work(&self.shelf(&mut desk))
    }

    /// What it does wrong at present.
    pub fn mischief(&self) -> Mischief {
        self.0.board.mischief()
    }

    /// Has it do something wrong, or right again.
    pub fn set_mischief(&self, change: impl FnOnce(&mut Mischief)) {
        let mut desk = self.desk();
        change(&mut desk.mischief);
        self.0.board.put_mischief(desk.mischief);
        // What was put off because of it may be tried at once.
        desk.tasks.clear();
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shelf<'a>(&'a self, desk: &'a mut Desk) -> Shelf<'a> {
        Shelf {
            config: &self.0.config,
            files: &self.0.files,
            board: &self.0.board,
            orders: &mut desk.orders,
            sectors: &mut desk.sectors,
            tasks: &mut desk.tasks,
            mischief: desk.mischief,
            swept: &mut desk.swept,
        }
    }

    /// A message to the miner.
    fn message(&self, method_num: u64, params: RawBytes) -> Message {
        let miner = Address::new_id(self.0.config.miner);
        self.message_to(miner, TokenAmount::default(), method_num, params)
    }

    pub(crate) fn message_to(
        &self,
        to: Address,
        value: TokenAmount,
        method_num: u64,
        params: RawBytes,
    ) -> Message {
        Message {
            version: 0,
            from: self.0.config.worker.address(),
            to,
            sequence: 0,
            value,
            method_num,
            params,
            gas_limit: 0,
            gas_fee_cap: TokenAmount::default(),
            gas_premium: TokenAmount::default(),
        }
    }

    fn work(
        &self,
        desk: &mut Desk,
        turn: &Turn<'_>,
    ) -> Result<Vec<Message>, pipeline::PipelineError> {
        let view = MinerView::load(&turn.state(), self.0.policy, self.0.config.miner)?;
        let mut shelf = self.shelf(desk);
        let mut messages = Vec::new();
        let mut send = |shelf: &mut Shelf<'_>, task: Task, message: Message| {
            messages.push(message);
            shelf.tasks.hand(task);
        };
        let (open, due) = window::due(&view, turn.epoch())?;
        if !shelf.mischief.skips_posts && !due.is_empty() {
            for post in window::prove(&shelf, &view, turn, &open, &due)? {
                let params = shelf.encode(&post.params)?;
                // Once per window, whatever comes of it.
                shelf.tasks.rest_until(post.task.clone(), open.close);
                let message = self.message(window::SUBMIT_WINDOWED_POST, params);
                send(&mut shelf, post.task, message);
            }
            for partition in &due {
                let task = Task::Post {
                    deadline: open.index,
                    open: open.open,
                    partition: partition.index,
                };
                shelf.tasks.rest_until(task, open.close);
            }
        }
        if !recovery::faulty(&view)?.is_empty() {
            for recovery in recovery::find(&mut shelf, &view, turn)? {
                let params = shelf.encode(&recovery.params)?;
                let message = self.message(recovery::DECLARE_FAULTS_RECOVERED, params);
                send(&mut shelf, recovery.task, message);
            }
        }
        for errand in publish::errands(&mut shelf, &turn.state(), turn.epoch())? {
            let message = self.message_to(MARKET_ACTOR, errand.value, errand.method, errand.params);
            send(&mut shelf, errand.task, message);
        }
        publish::lapse(&mut shelf, &view, turn.epoch())?;
        pipeline::pack(&mut shelf, &view, turn.epoch())?;
        update::pack(&mut shelf, &view, turn.epoch())?;
        let mut steps = pipeline::advance(&mut shelf, &view, turn);
        steps.extend(update::advance(&mut shelf, &view, turn));
        for step in steps {
            let miner = Address::new_id(self.0.config.miner);
            let message = self.message_to(miner, step.value, step.method, step.params);
            send(&mut shelf, step.task, message);
        }
        Ok(messages)
    }

    /// What became of the provider's messages in a tipset.
    fn learn(&self, desk: &mut Desk, tipset: &ExecutedTipset) {
        if let Err(error) = publish::learn(&mut self.shelf(desk), tipset) {
            tracing::error!(miner = self.0.config.miner, %error, "what was published is not kept");
        }
        for message in tipset.messages.iter() {
            let Some(task) = desk.tasks.mined(&message.cid) else {
                continue;
            };
            if !message.receipt.exit_code.is_success() {
                tracing::warn!(
                    miner = self.0.config.miner,
                    %task,
                    exit = %message.receipt.exit_code,
                    reason = message.error,
                    "a message failed"
                );
                match task {
                    Task::Prove(_) | Task::Update(_) => {
                        desk.tasks.doubt(task, tipset.height(), Failure::OnChain);
                    }
                    other => desk.tasks.rest(other, tipset.height()),
                }
                continue;
            }
            desk.tasks.trust(&task);
            let step = match &task {
                Task::PreCommit(number) => Some((number, "pre-committed")),
                Task::Prove(number) | Task::Update(number) => Some((number, "active")),
                _ => None,
            };
            if let Some((number, name)) = step {
                self.note(desk, *number, name, tipset.height(), message);
            }
        }
        desk.tasks.tidy(tipset.height());
    }

    /// Notes a step of every order in a sector.
    fn note(
        &self,
        desk: &mut Desk,
        number: SectorNumber,
        name: &str,
        epoch: ChainEpoch,
        message: &ExecutedMessage,
    ) {
        let mut shelf = self.shelf(desk);
        let held = shelf
            .sectors
            .get(&number)
            .map(|record| match &record.update {
                Some(update) => update.pieces.clone(),
                None => record.pieces.clone(),
            });
        for piece in held.unwrap_or_default() {
            let known = shelf.orders.get(&piece.order).cloned();
            let Some(mut order) = known.filter(|order| order.failed.is_none()) else {
                continue;
            };
            order.steps.push(Step {
                name: name.into(),
                epoch,
                message: Some(message.cid),
                cost: cost(message).atto().to_string(),
            });
            if let Err(error) = shelf.put_order(order) {
                tracing::error!(%error, "an order's progress is not kept");
            }
        }
    }

    /// What there is to prove, read anew only when the miner's state has changed.
    fn known<'a>(&self, desk: &'a mut Desk, view: &MinerView) -> Result<&'a Known, MinerError> {
        if desk
            .known
            .as_ref()
            .is_none_or(|known| known.head != view.head)
        {
            desk.known = None;
        }
        match &mut desk.known {
            Some(_) => {}
            none => {
                *none = Some(Known {
                    head: view.head,
                    busy: window::busy(view)?,
                    faulty: recovery::faulty(view)?,
                });
            }
        }
        desk.known
            .as_ref()
            .ok_or_else(|| MinerError::State("nothing is known of it".into()))
    }

    fn next(
        &self,
        desk: &mut Desk,
        head: ChainEpoch,
        state: &StateView,
    ) -> Result<Option<ChainEpoch>, MinerError> {
        let view = MinerView::load(state, self.0.policy, self.0.config.miner)?;
        let mischief = desk.mischief;
        let (busy, faulty) = {
            let known = self.known(desk, &view)?;
            (known.busy.clone(), known.faulty.clone())
        };
        let shelf = self.shelf(desk);
        let mut wishes = Vec::new();
        if !mischief.skips_posts {
            wishes.extend(self.next_window(&shelf, &view, &busy, head));
        }
        wishes.extend(recovery::next(&shelf, &faulty, head));
        wishes.extend(publish::next(&shelf, head));
        wishes.extend(pipeline::next(&shelf, &view, head));
        wishes.extend(update::next(&shelf, &view, head)?);
        Ok(wishes.into_iter().min())
    }

    /// When there is a window to prove for which nothing was tried yet.
    fn next_window(
        &self,
        shelf: &Shelf<'_>,
        view: &MinerView,
        busy: &[window::Busy],
        head: ChainEpoch,
    ) -> Option<ChainEpoch> {
        let tried = |deadline: &window::Busy| {
            let open = view
                .state
                .next_window(view.policy(), deadline.index, head + 1);
            shelf.tasks.has_tried_post(deadline.index, open.open)
        };
        let busy: Vec<window::Busy> = busy
            .iter()
            .map(|deadline| window::Busy {
                posted: deadline.posted || tried(deadline),
                ..*deadline
            })
            .collect();
        window::next_open(view, &busy, head)
    }
}

/// attoFIL that a message cost its sender for gas.
pub(crate) fn cost(message: &ExecutedMessage) -> TokenAmount {
    let gas = &message.gas;
    &gas.base_fee_burn + &gas.over_estimation_burn + &gas.miner_tip
}

impl Participant for Provider {
    fn producer(&self) -> Option<BlockProducer> {
        let stopped = self.desk().mischief.stopped;
        (!stopped).then(|| BlockProducer {
            miner: self.0.config.miner,
            worker: self.0.config.worker.clone(),
        })
    }

    fn due(&self, head: &ExecutedTipset, state: &StateView) -> Option<ChainEpoch> {
        let mut desk = self.desk();
        if desk.mischief.stopped {
            return None;
        }
        // What the head brought counts before anything is put on top of it.
        self.learn(&mut desk, head);
        match self.next(&mut desk, head.height(), state) {
            Ok(next) => next,
            Err(error) => {
                tracing::error!(miner = self.0.config.miner, %error, "the provider cannot see its miner");
                None
            }
        }
    }

    fn act(&self, turn: &Turn<'_>) -> Vec<Message> {
        let mut desk = self.desk();
        self.learn(&mut desk, turn.parent());
        // What was told is not told again, so it is taken down even by who does nothing.
        if let Err(error) = listen::hear(self, &mut self.shelf(&mut desk), turn) {
            tracing::error!(miner = self.0.config.miner, %error, "what the chain told is lost");
        }
        if desk.mischief.stopped {
            return Vec::new();
        }
        match self.work(&mut desk, turn) {
            Ok(messages) => messages,
            Err(error) => {
                tracing::error!(miner = self.0.config.miner, %error, "the provider cannot work");
                Vec::new()
            }
        }
    }

    fn told(&self, turn: ChainEpoch, _: &Message, outcome: Result<Cid, NotSent>) {
        let mut desk = self.desk();
        let Some(task) = desk.tasks.told() else {
            return;
        };
        match outcome {
            Ok(cid) => desk.tasks.sent(task, cid),
            Err(reason) => {
                tracing::warn!(miner = self.0.config.miner, %task, %reason, "a message cannot be sent");
                match (&task, &reason) {
                    (Task::Post { .. }, _) => {}
                    (Task::Publish(batch), NotSent::Fails(failure)) => {
                        let mut shelf = self.shelf(&mut desk);
                        if let Err(error) = publish::refused(&mut shelf, batch, failure) {
                            tracing::error!(%error, "an order's end is not kept");
                        }
                    }
                    (Task::Prove(_) | Task::Update(_), NotSent::Fails(_)) => {
                        desk.tasks.doubt(task, turn, Failure::InTrial);
                    }
                    _ => desk.tasks.rest(task, turn),
                }
            }
        }
    }

    fn rewound(&self, head: &ExecutedTipset) {
        let mut desk = self.desk();
        desk.tasks.clear();
        desk.known = None;
        desk.swept = 0;
        let height = head.height();
        let gone = |order: &Order| order.origin != Origin::Client && order.since > height;
        for id in desk
            .orders
            .extract_if(.., |_, order| gone(order))
            .map(|(id, _)| id)
        {
            if let Err(error) = self.0.files.forget_order(id) {
                tracing::error!(%error, "an order that never was is not forgotten");
            }
        }
        for order in desk.orders.values_mut() {
            order.steps.retain(|step| step.epoch <= height);
        }
        for record in desk.sectors.values_mut() {
            // What the chain no longer has is pre-committed and proven again.
            record.released = false;
            if let Some(update) = &mut record.update {
                update.proven = false;
            }
        }
        self.0.board.renew(&desk.orders, &desk.sectors);
    }
}
