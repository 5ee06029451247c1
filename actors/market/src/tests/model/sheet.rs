//! Spec 07 §6 and §7 once more, over plain maps.

use boatyard_actors_shared::ext::market::{
    BatchActivateDealsReturn, SectorDealActivation, SectorDeals,
};
use boatyard_sdk::nested::{MapMap, SetMultimap};
use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_ipld_encoding::DAG_CBOR;
use multihash_codetable::{Code, MultihashDigest};

use super::*;

mod publish;

/// §6.1 add.
fn add(table: &mut Table, who: ActorID, v: i64) -> Result<(), Exit> {
    let prev = table.get(&who).copied().unwrap_or(0);
    match prev + v {
        sum if sum < 0 => return Err(16),
        0 if prev != 0 => table.remove(&who),
        sum => table.insert(who, sum),
    };
    Ok(())
}

/// §6.1 must_subtract.
fn must_subtract(table: &mut Table, who: ActorID, v: i64) -> Result<(), Exit> {
    if v > table.get(&who).copied().unwrap_or(0) {
        return Err(16);
    }
    add(table, who, -v)
}

fn held(table: &Table, who: ActorID) -> i64 {
    table.get(&who).copied().unwrap_or(0)
}

fn amount(tokens: &TokenAmount) -> i64 {
    i64::try_from(tokens.atto()).unwrap()
}

fn fee(deal: &DealProposal) -> i64 {
    amount(&deal.storage_price_per_epoch) * (deal.end_epoch - deal.start_epoch)
}

fn party(address: &Address) -> ActorID {
    address.id().unwrap()
}

fn cid(deal: &DealProposal) -> Cid {
    Cid::new_v1(DAG_CBOR, Code::Blake2b256.digest(&to_vec(deal).unwrap()))
}

/// §5 next_update_epoch, by looking for it.
fn next_update(id: DealID, earliest: ChainEpoch) -> ChainEpoch {
    let is_ours = |epoch: &ChainEpoch| (*epoch as u64) % 86_400 == id % 86_400;
    (earliest..).find(is_ours).unwrap()
}

#[derive(Clone, Copy)]
enum Total {
    ClientCollateral,
    ProviderCollateral,
    Fee,
}

/// §6.4.
enum Standing {
    Loaded(DealState),
    TooEarly,
    Expired(i64),
}

/// §6.6.
struct Processed {
    slashed: i64,
    payment: i64,
    completed: bool,
    remove: bool,
}

impl Model {
    // --- §6.2 ---

    fn lock(&mut self, who: ActorID, v: i64) -> Result<(), Exit> {
        if v < 0 {
            return Err(20);
        }
        if held(&self.locked, who) + v > held(&self.escrow, who) {
            return Err(19);
        }
        add(&mut self.locked, who, v)
    }

    fn unlock(&mut self, who: ActorID, v: i64, total: Total) -> Result<(), Exit> {
        if v < 0 {
            return Err(20);
        }
        must_subtract(&mut self.locked, who, v)?;
        self.totals[total as usize] -= v;
        Ok(())
    }

    fn transfer(&mut self, from: ActorID, to: ActorID, v: i64) -> Result<(), Exit> {
        must_subtract(&mut self.escrow, from, v)?;
        self.unlock(from, v, Total::Fee)?;
        add(&mut self.escrow, to, v)
    }

    fn slash(&mut self, who: ActorID, v: i64) -> Result<(), Exit> {
        must_subtract(&mut self.escrow, who, v)?;
        self.unlock(who, v, Total::ProviderCollateral)
    }

    // --- §6.3 to §6.8 ---

    fn get(&self, id: DealID) -> Result<DealProposal, Exit> {
        if id == u64::MAX {
            return Err(20);
        }
        let missing = if id < self.next_id { 32 } else { 17 };
        self.proposals.get(&id).cloned().ok_or(missing)
    }

    fn active_or_timeout(&mut self, id: DealID, deal: &DealProposal) -> Result<Standing, Exit> {
        if let Some(state) = self.states.get(&id) {
            return Ok(Standing::Loaded(*state));
        }
        if self.now < deal.start_epoch {
            return Ok(Standing::TooEarly);
        }
        let (client, provider) = (party(&deal.client), party(&deal.provider));
        let collateral = amount(&deal.provider_collateral);
        self.unlock(client, fee(deal), Total::Fee)?;
        self.unlock(
            client,
            amount(&deal.client_collateral),
            Total::ClientCollateral,
        )?;
        self.slash(provider, collateral)?;
        self.unlock(provider, 0, Total::ProviderCollateral)?;
        self.proposals.remove(&id).ok_or(20u32)?;
        if !self.pending.remove(&cid(deal)) {
            return Err(20);
        }
        self.allocations.remove(&id);
        Ok(Standing::Expired(collateral))
    }

    fn process(&mut self, deal: &DealProposal, state: &DealState) -> Result<Processed, Exit> {
        let (start, end) = (deal.start_epoch, deal.end_epoch);
        let (updated, slash) = (state.last_updated_epoch, state.slash_epoch);
        let (client, provider) = (party(&deal.client), party(&deal.provider));
        let price = amount(&deal.storage_price_per_epoch);
        let mut result = Processed {
            slashed: 0,
            payment: 0,
            completed: false,
            remove: false,
        };
        if updated == -1 {
            self.pending.remove(&cid(deal));
        }
        if updated != -1 && updated > self.now {
            return Err(20);
        }
        if start > self.now {
            return Ok(result);
        }
        let payment_end = match slash {
            -1 => end.min(self.now),
            _ if self.now < slash || slash > end => return Err(20),
            _ => slash,
        };
        let payment_start = match updated {
            -1 => start,
            _ if updated > start => updated,
            _ => start,
        };
        result.payment = price * (payment_end - payment_start);
        if result.payment > 0 {
            self.transfer(client, provider, result.payment)?;
        }
        if slash != -1 {
            self.unlock(client, price * (end - slash.max(start)), Total::Fee)?;
            self.unlock(
                client,
                amount(&deal.client_collateral),
                Total::ClientCollateral,
            )?;
            result.slashed = amount(&deal.provider_collateral);
            self.slash(provider, result.slashed)?;
            result.remove = true;
            return Ok(result);
        }
        if self.now >= end {
            self.unlock(
                provider,
                amount(&deal.provider_collateral),
                Total::ProviderCollateral,
            )?;
            self.unlock(
                client,
                amount(&deal.client_collateral),
                Total::ClientCollateral,
            )?;
            (result.completed, result.remove) = (true, true);
        }
        Ok(result)
    }

    fn remove_completed(&mut self, id: DealID) {
        self.states.remove(&id).unwrap();
        self.proposals.remove(&id).unwrap();
    }

    fn put_sectors(&mut self, provider: ActorID, sectors: Vec<(u64, Vec<DealID>)>) {
        for (sector, ids) in sectors {
            let of_provider = self.sectors.entry(provider).or_default();
            of_provider.entry(sector).or_default().extend(ids);
        }
    }

    fn remove_from_sectors(&mut self, over: &[(ActorID, u64, DealID)]) {
        for (provider, sector, _) in over {
            let Some(sectors) = self.sectors.get_mut(provider) else {
                continue;
            };
            if let Some(ids) = sectors.get_mut(sector) {
                ids.retain(|id| !over.contains(&(*provider, *sector, *id)));
                if ids.is_empty() {
                    sectors.remove(sector);
                }
            }
            if sectors.is_empty() {
                self.sectors.remove(provider);
            }
        }
    }

    fn tell(&mut self, name: &str, id: DealID) {
        self.events.push(event(name, id));
    }

    fn burn(&mut self, slashed: i64) -> Result<(), Exit> {
        if slashed == 0 {
            return Ok(());
        }
        self.send(BURNT_FUNDS_ACTOR, 0, None, slashed, OK)
    }

    fn escrow_address(&mut self, who: ActorID) -> Result<(ActorID, Vec<ActorID>), Exit> {
        match who {
            PROVIDER | PROVIDER_2 => {
                let control = ControlAddressesReturn {
                    owner: id(OWNER),
                    worker: id(WORKER),
                    control_addresses: vec![id(CONTROL)],
                };
                self.send(id(who), CONTROL_ADDRESSES, None, 0, returns(&control))?;
                Ok((OWNER, vec![OWNER, WORKER]))
            }
            NOBODY => Err(16),
            _ => Ok((who, vec![who])),
        }
    }

    // --- §7 ---

    pub(super) fn add_balance(&mut self, who: ActorID, value: i64) -> Done {
        if value <= 0 {
            return Err(16);
        }
        self.escrow_address(who)?;
        add(&mut self.escrow, who, value)?;
        Ok(None)
    }

    pub(super) fn withdraw(&mut self, who: ActorID, wanted: i64, caller: ActorID) -> Done {
        if wanted < 0 {
            return Err(16);
        }
        let (recipient, allowed) = self.escrow_address(who)?;
        if !allowed.contains(&caller) {
            return Err(18);
        }
        let available = (held(&self.escrow, who) - held(&self.locked, who)).max(0);
        let sub = available.min(wanted);
        if sub > 0 {
            must_subtract(&mut self.escrow, who, sub)?;
        }
        self.send(id(recipient), 0, None, sub, OK)?;
        Ok(Some(to_vec(&atto(sub)).unwrap()))
    }

    /// The pre-activation check: `Err` aborts, `Ok(Err)` is of the deal.
    fn preactivate(
        &self,
        id_: DealID,
        caller: ActorID,
        until: ChainEpoch,
    ) -> Result<Result<DealProposal, Exit>, Exit> {
        let deal = match self.get(id_) {
            Err(20) => return Err(20),
            Err(code) => return Ok(Err(code)),
            Ok(deal) => deal,
        };
        Ok(if deal.provider != id(caller) {
            Err(18)
        } else if self.now > deal.start_epoch {
            Err(32)
        } else if deal.end_epoch > until || self.states.contains_key(&id_) {
            Err(16)
        } else if !self.pending.contains(&cid(&deal)) {
            Err(20)
        } else {
            Ok(deal)
        })
    }

    pub(super) fn activate(&mut self, caller: ActorID, sectors: &[SectorDeals]) -> Done {
        if ![PROVIDER, PROVIDER_2].contains(&caller) {
            return Err(18);
        }
        let before = self.clone();
        let (mut codes, mut activations, mut kept) = (vec![], vec![], vec![]);
        let mut begun = BTreeSet::new();
        for sector in sectors {
            let ids = &sector.deal_ids;
            let mut failure = None;
            let mut deals = Vec::new();
            if BTreeSet::from_iter(ids).len() < ids.len() {
                failure = Some(16);
            } else {
                for id in ids {
                    if begun.contains(id) {
                        failure = Some(16);
                        break;
                    }
                    match before.preactivate(*id, caller, sector.sector_expiry)? {
                        Ok(deal) => deals.push((*id, deal)),
                        Err(code) => {
                            failure = Some(code);
                            break;
                        }
                    }
                }
            }
            codes.push(failure.unwrap_or(0));
            if failure.is_some() {
                continue;
            }
            let mut activated = Vec::new();
            for (id, deal) in &deals {
                begun.insert(*id);
                let allocation_id = self.allocations.remove(id).unwrap_or(0);
                activated.push(ActivatedDeal {
                    client: party(&deal.client),
                    allocation_id,
                    data: deal.piece_cid,
                    size: deal.piece_size,
                });
                self.begin(*id, sector.sector_number);
                self.tell("deal-activated", *id);
            }
            kept.push((sector.sector_number, ids.clone()));
            activations.push(SectorDealActivation {
                activated,
                unsealed_cid: None,
            });
        }
        self.put_sectors(caller, kept);
        let returned = BatchActivateDealsReturn {
            activation_results: batch(&codes),
            activations,
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    fn begin(&mut self, id: DealID, sector_number: u64) {
        let state = DealState {
            sector_number,
            sector_start_epoch: self.now,
            last_updated_epoch: -1,
            slash_epoch: -1,
        };
        self.states.insert(id, state);
    }

    pub(super) fn change(&mut self, caller: ActorID, sectors: &[SectorChanges]) -> Done {
        if ![PROVIDER, PROVIDER_2].contains(&caller) {
            return Err(18);
        }
        let before = self.clone();
        let (mut answers, mut kept) = (vec![], vec![]);
        let mut begun = BTreeSet::new();
        for sector in sectors {
            let (mut accepted, mut ids) = (vec![], vec![]);
            for piece in &sector.added {
                accepted.push(false);
                let Ok(id) = piece.payload.deserialize::<u64>() else {
                    continue;
                };
                if begun.contains(&id) {
                    continue;
                }
                let until = sector.minimum_commitment_epoch;
                let Ok(deal) = before.preactivate(id, caller, until)? else {
                    continue;
                };
                if deal.piece_cid != piece.data || deal.piece_size != piece.size {
                    continue;
                }
                *accepted.last_mut().unwrap() = true;
                begun.insert(id);
                self.tell("deal-activated", id);
                self.allocations.remove(&id);
                self.begin(id, sector.sector);
                ids.push(id);
            }
            answers.push(accepted);
            kept.push((sector.sector, ids));
        }
        self.put_sectors(caller, kept);
        Ok(Some(to_vec(&answers).unwrap()))
    }

    pub(super) fn terminate(
        &mut self,
        caller: ActorID,
        epoch: ChainEpoch,
        sectors: &BTreeSet<u64>,
    ) -> Done {
        if ![PROVIDER, PROVIDER_2].contains(&caller) {
            return Err(18);
        }
        let mut popped = Vec::new();
        if let Some(of_caller) = self.sectors.get_mut(&caller) {
            for sector in sectors {
                popped.extend(of_caller.remove(sector).unwrap_or_default());
            }
            if of_caller.is_empty() {
                self.sectors.remove(&caller);
            }
        }
        let mut slashed = 0;
        for id_ in popped {
            let Some(deal) = self.proposals.get(&id_).cloned() else {
                continue;
            };
            if deal.provider != id(caller) {
                return Err(20);
            }
            if deal.end_epoch <= epoch {
                continue;
            }
            let state = self.states.get(&id_).copied().ok_or(16u32)?;
            if state.last_updated_epoch == -1 {
                self.pending.remove(&cid(&deal));
            }
            let (client, provider) = (party(&deal.client), party(&deal.provider));
            let price = amount(&deal.storage_price_per_epoch);
            let from = deal.start_epoch.max(state.last_updated_epoch);
            let elapsed = (deal.end_epoch.min(epoch) - from).max(0);
            if price * elapsed > 0 {
                self.transfer(client, provider, price * elapsed)?;
            }
            let remaining = price * (deal.end_epoch - epoch.max(deal.start_epoch));
            self.unlock(client, remaining, Total::Fee)?;
            self.unlock(
                client,
                amount(&deal.client_collateral),
                Total::ClientCollateral,
            )?;
            let collateral = amount(&deal.provider_collateral);
            self.slash(provider, collateral)?;
            slashed += collateral;
            self.remove_completed(id_);
            self.tell("deal-terminated", id_);
        }
        self.burn(slashed)?;
        Ok(None)
    }

    pub(super) fn tick(&mut self) -> Done {
        let mut slashed = 0;
        let mut over = Vec::new();
        let mut later: Vec<(ChainEpoch, DealID)> = Vec::new();
        let due: Vec<_> = self
            .ops
            .range(self.last_cron + 1..)
            .take_while(|(epoch, _)| **epoch <= self.now)
            .map(|(epoch, ids)| (*epoch, in_tree_order(ids.iter().copied(), 0)))
            .collect();
        for id in due.iter().flat_map(|(_, ids)| ids) {
            let Some(deal) = self.proposals.get(id).cloned() else {
                continue;
            };
            let state = match self.active_or_timeout(*id, &deal)? {
                Standing::Loaded(state) => state,
                Standing::TooEarly => return Err(20),
                Standing::Expired(penalty) => {
                    slashed += penalty;
                    continue;
                }
            };
            if state.last_updated_epoch == -1 {
                if !self.pending.remove(&cid(&deal)) {
                    return Err(20);
                }
                continue;
            }
            let done = self.process(&deal, &state)?;
            if done.remove {
                slashed += done.slashed;
                self.remove_completed(*id);
                over.push((party(&deal.provider), state.sector_number, *id));
                if !done.completed {
                    self.tell("deal-terminated", *id);
                }
            } else {
                self.states.get_mut(id).unwrap().last_updated_epoch = self.now;
                later.push((next_update(*id, self.now + 1), *id));
            }
            if done.completed {
                self.tell("deal-completed", *id);
            }
        }
        self.remove_from_sectors(&over);
        for (epoch, _) in due {
            self.ops.remove(&epoch);
        }
        for (epoch, id) in later {
            self.ops.entry(epoch).or_default().insert(id);
        }
        self.last_cron = self.now;
        self.burn(slashed)?;
        Ok(None)
    }

    pub(super) fn settle(&mut self, ids: &BTreeSet<DealID>) -> Done {
        let mut slashed = 0;
        let (mut codes, mut settlements, mut over) = (vec![], vec![], vec![]);
        for id in ids {
            let Ok(deal) = self.get(*id) else {
                codes.push(32);
                continue;
            };
            let mut settlement = |payment, completed| {
                settlements.push(DealSettlement {
                    payment: atto(payment),
                    completed,
                });
            };
            let state = match self.active_or_timeout(*id, &deal) {
                Ok(Standing::Loaded(state)) => state,
                Ok(Standing::TooEarly) => {
                    settlement(0, false);
                    codes.push(0);
                    continue;
                }
                Ok(Standing::Expired(penalty)) => {
                    slashed += penalty;
                    codes.push(32);
                    continue;
                }
                Err(code) => {
                    codes.push(code);
                    continue;
                }
            };
            if state.slash_epoch != -1 {
                return Err(16);
            }
            match self.process(&deal, &state) {
                Ok(done) => {
                    settlement(done.payment, done.remove);
                    codes.push(0);
                    if done.remove {
                        self.remove_completed(*id);
                        over.push((party(&deal.provider), state.sector_number, *id));
                    } else {
                        self.states.get_mut(id).unwrap().last_updated_epoch = self.now;
                    }
                    if done.completed {
                        self.tell("deal-completed", *id);
                    }
                }
                Err(code) => codes.push(code),
            }
        }
        self.remove_from_sectors(&over);
        self.burn(slashed)?;
        let returned = SettleDealPaymentsReturn {
            results: batch(&codes),
            settlements,
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    /// GetDealActivation and GetDealSector.
    pub(super) fn ask(&self, id: DealID) -> [Done; 2] {
        if let Some(state) = self.states.get(&id) {
            if state.slash_epoch != -1 {
                return [Err(32), Err(32)];
            }
            return [
                Ok(Some(to_vec(&(state.sector_start_epoch, -1)).unwrap())),
                Ok(Some(to_vec(&state.sector_number).unwrap())),
            ];
        }
        match self.get(id) {
            Err(code) => [Err(code), Err(code)],
            Ok(_) => [Ok(Some(to_vec(&(-1, -1)).unwrap())), Err(33)],
        }
    }

    // --- §3 ---

    /// The state, made anew.
    pub(super) fn state(&self, store: &MemoryBlockstore) -> State {
        let mut state = State::new(store).unwrap();
        let mut proposals = state.proposals.load(store).unwrap();
        for (id, deal) in &self.proposals {
            proposals.set(*id, deal.clone()).unwrap();
        }
        state.proposals = proposals.flush().unwrap();
        let mut states = state.states.load(store).unwrap();
        for (id, deal) in &self.states {
            states.set(*id, *deal).unwrap();
        }
        state.states = states.flush().unwrap();
        let mut pending = state.pending_proposals.load(store).unwrap();
        for cid in &self.pending {
            pending.set(cid, ()).unwrap();
        }
        state.pending_proposals = pending.flush().unwrap();
        for (root, entries) in [
            (&mut state.escrow_table, &self.escrow),
            (&mut state.locked_table, &self.locked),
        ] {
            let mut table = root.load(store).unwrap();
            for (who, v) in entries {
                table.set(&id(*who), atto(*v)).unwrap();
            }
            *root = table.flush().unwrap();
        }
        state.next_id = self.next_id;
        let mut ops = SetMultimap::load(&state.deal_ops_by_epoch, store).unwrap();
        for (epoch, ids) in &self.ops {
            ops.add(epoch, ids).unwrap();
        }
        state.deal_ops_by_epoch = ops.flush().unwrap();
        state.last_cron = self.last_cron;
        let [client, provider, fee] = self.totals.map(atto);
        state.total_client_locked_collateral = client;
        state.total_provider_locked_collateral = provider;
        state.total_client_storage_fee = fee;
        let mut allocations = state.pending_deal_allocation_ids.load(store).unwrap();
        for (id, allocation) in &self.allocations {
            allocations.set(id, *allocation).unwrap();
        }
        state.pending_deal_allocation_ids = allocations.flush().unwrap();
        let mut sectors = MapMap::load(&state.provider_sectors, store).unwrap();
        for (provider, of_provider) in &self.sectors {
            for (sector, ids) in of_provider {
                let ids = ids.iter().copied().collect();
                sectors.set(provider, sector, ids).unwrap();
            }
        }
        state.provider_sectors = sectors.flush().unwrap();
        state
    }
}

/// Spec 00 §5.1: by five bits of the hash after the other; three keys share a slot, and
/// stand in it by themselves.
fn in_tree_order(ids: impl IntoIterator<Item = DealID>, level: usize) -> Vec<DealID> {
    let key = |id: DealID| match id {
        0..=0x7f => vec![id as u8],
        _ => vec![id as u8 | 0x80, u8::try_from(id >> 7).unwrap()],
    };
    let mut slots: BTreeMap<usize, BTreeMap<Vec<u8>, DealID>> = BTreeMap::new();
    for id in ids {
        let digest = Code::Sha2_256.digest(&key(id));
        let bit = |n: usize| usize::from(digest.digest()[n / 8] >> (7 - n % 8) & 1);
        let slot = (0..5).fold(0, |slot, n| slot << 1 | bit(5 * level + n));
        slots.entry(slot).or_default().insert(key(id), id);
    }
    let order = |in_slot: BTreeMap<_, _>| match in_slot.len() {
        0..=3 => in_slot.into_values().collect(),
        _ => in_tree_order(in_slot.into_values(), level + 1),
    };
    slots.into_values().flat_map(order).collect()
}
