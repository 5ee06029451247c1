//! Spec 08 §A6 once more, over plain maps.

use boatyard_actors_shared::ext::account::{AUTHENTICATE_MESSAGE, AuthenticateMessageParams};
use boatyard_actors_shared::ext::verifreg::{GetClaimsParams, GetClaimsReturn, SectorClaimSummary};
use boatyard_sdk::nested::MapMap;
use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_shared::bigint::bigint_ser::BigIntDe;
use multihash_codetable::{Code, MultihashDigest};

use super::*;

/// Spec 00 §5.1: by five bits of the hash after the other; three keys share a slot, and
/// stand in it by themselves.
fn in_tree_order(ids: impl IntoIterator<Item = u64>, level: usize) -> Vec<u64> {
    let key = |id: u64| match id {
        0..=0x7f => vec![id as u8],
        _ => vec![id as u8 | 0x80, u8::try_from(id >> 7).unwrap()],
    };
    let mut slots: BTreeMap<usize, BTreeMap<Vec<u8>, u64>> = BTreeMap::new();
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

fn entry(flags: u64, key: &str, value: &(impl Serialize + ?Sized)) -> (u64, String, Vec<u8>) {
    (flags, key.into(), to_vec(value).unwrap())
}

impl Model {
    // --- §A5 ---

    fn resolve(&mut self, address: &Address, must_exist: bool) -> Result<ActorID, Exit> {
        let known = address.id().ok().or(self.known.get(address).copied());
        let id = match known {
            Some(id) => id,
            None if *address == robust() => {
                let refused = Answer::Refused(ErrorNumber::NotFound);
                self.send(*address, 0, None, false, refused)?;
                unreachable!()
            }
            None => {
                self.send(*address, 0, None, false, Answer::Creates(NEW))?;
                self.known.insert(*address, NEW);
                NEW
            }
        };
        if must_exist && id == NOBODY {
            return Err(17);
        }
        Ok(id)
    }

    fn balance(&mut self, of: ActorID) -> Result<DataCap, Exit> {
        let has = self.balances.get(&of).cloned().unwrap_or_default();
        // What is no whole byte does not count.
        let held = token::tokens(&has) + TokenAmount::from_atto(5);
        let params = to_vec(&id(of)).unwrap();
        let answer = Answer::returns(&held);
        self.send(DATACAP_ACTOR, token::BALANCE, Some(params), true, answer)?;
        Ok(has)
    }

    fn tell_token(
        &mut self,
        method: MethodNum,
        params: &impl Serialize,
        code: Exit,
    ) -> Result<(), Exit> {
        let params = to_vec(params).unwrap();
        self.send(
            DATACAP_ACTOR,
            method,
            Some(params),
            false,
            Answer::exits(code),
        )
    }

    fn burn(&mut self, bytes: u64, code: Exit) -> Result<(), Exit> {
        if bytes == 0 {
            return Ok(());
        }
        let amount = TokenAmount::from_whole(bytes);
        self.tell_token(token::BURN, &token::BurnParams { amount }, code)
    }

    // --- §A7 ---

    fn tell_verifier(&mut self, verifier: ActorID, balance: &DataCap, client: Option<ActorID>) {
        let mut event = vec![
            entry(3, "$type", "verifier-balance"),
            entry(3, "verifier", &verifier),
            entry(1, "balance", &BigIntSer(balance)),
        ];
        event.extend(client.map(|client| entry(3, "client", &client)));
        self.events.push(event);
    }

    fn tell_allocation(&mut self, name: &str, id: u64, a: &Allocation) {
        self.events.push(vec![
            entry(3, "$type", name),
            entry(3, "id", &id),
            entry(3, "client", &a.client),
            entry(3, "provider", &a.provider),
            entry(3, "piece-cid", &a.data),
            entry(1, "piece-size", &a.size),
            entry(1, "term-min", &a.term_min),
            entry(1, "term-max", &a.term_max),
            entry(1, "expiration", &a.expiration),
        ]);
    }

    fn tell_claim(&mut self, name: &str, id: u64, c: &Claim) {
        self.events.push(vec![
            entry(3, "$type", name),
            entry(3, "id", &id),
            entry(3, "client", &c.client),
            entry(3, "provider", &c.provider),
            entry(3, "piece-cid", &c.data),
            entry(1, "piece-size", &c.size),
            entry(1, "term-min", &c.term_min),
            entry(1, "term-max", &c.term_max),
            entry(1, "term-start", &c.term_start),
            entry(3, "sector", &c.sector),
        ]);
    }

    // --- §A6 ---

    pub(super) fn add_verifier(&mut self, caller: ActorID, params: &VerifierParams) -> Done {
        if params.allowance < bytes(MIB) {
            return Err(16);
        }
        let verifier = self.resolve(&params.address, true)?;
        if caller != ROOT {
            return Err(18);
        }
        if verifier == ROOT || self.balance(verifier)? > bytes(0) {
            return Err(16);
        }
        self.verifiers.insert(verifier, params.allowance.clone());
        self.tell_verifier(verifier, &params.allowance, None);
        Ok(None)
    }

    pub(super) fn remove_verifier(&mut self, caller: ActorID, verifier: &Address) -> Done {
        let verifier = self.resolve(verifier, false)?;
        if caller != ROOT {
            return Err(18);
        }
        self.verifiers.remove(&verifier).ok_or(16u32)?;
        self.tell_verifier(verifier, &bytes(0), None);
        Ok(None)
    }

    pub(super) fn add_client(
        &mut self,
        caller: ActorID,
        params: &AddVerifiedClientParams,
        mint: Exit,
    ) -> Done {
        if params.allowance < bytes(MIB) {
            return Err(16);
        }
        let client = self.resolve(&params.address, true)?;
        if client == ROOT {
            return Err(16);
        }
        let cap = self.verifiers.get(&caller).cloned().ok_or(17u32)?;
        if self.verifiers.contains_key(&client) || cap < params.allowance {
            return Err(16);
        }
        let left = cap - &params.allowance;
        self.verifiers.insert(caller, left.clone());
        self.tell_verifier(caller, &left, Some(client));
        let params = token::MintParams {
            to: id(client),
            amount: token::tokens(&params.allowance),
            operators: vec![MARKET_ACTOR],
        };
        self.tell_token(token::MINT, &params, mint)?;
        Ok(None)
    }

    pub(super) fn remove_datacap(
        &mut self,
        caller: ActorID,
        params: &RemoveDataCapParams,
        consents: [Consent; 2],
        destroy: Exit,
    ) -> Done {
        let requests = [&params.verifier_request_1, &params.verifier_request_2];
        let client = self.resolve(&params.verified_client_to_remove, false)?;
        let verifiers = [
            self.resolve(&requests[0].verifier, true)?,
            self.resolve(&requests[1].verifier, true)?,
        ];
        if verifiers[0] == verifiers[1] {
            return Err(16);
        }
        if caller != ROOT {
            return Err(18);
        }
        if params.verified_client_to_remove == VERIFREG_ACTOR {
            return Err(16);
        }
        if verifiers
            .iter()
            .any(|who| !self.verifiers.contains_key(who))
        {
            return Err(17);
        }
        let ids = verifiers.map(|verifier| {
            let next = self.proposal_ids.entry((verifier, client)).or_default();
            *next += 1;
            *next - 1
        });
        let wanted = &params.data_cap_amount_to_remove;
        for n in 0..2 {
            let signed = to_vec(&(id(client), BigIntSer(wanted), (ids[n],))).unwrap();
            let asked = AuthenticateMessageParams {
                signature: RawBytes::new(requests[n].signature.bytes.clone()),
                message: RawBytes::new([b"fil_removedatacap:", &signed[..]].concat()),
            };
            let answer = match consents[n] {
                Consent::Yes => Answer::returns(&true),
                Consent::No => Answer::returns(&false),
                Consent::Nothing => Answer::exits(0),
                Consent::Fails => Answer::exits(19),
            };
            let asked = to_vec(&asked).unwrap();
            let to = requests[n].verifier;
            self.send(to, AUTHENTICATE_MESSAGE, Some(asked), true, answer)?;
            match consents[n] {
                Consent::No => return Err(16),
                Consent::Nothing => return Err(24),
                _ => {}
            }
        }
        let removed = self.balance(client)?.min(wanted.clone());
        if removed != bytes(0) {
            let params = token::DestroyParams {
                owner: id(client),
                amount: token::tokens(&removed),
            };
            self.tell_token(token::DESTROY, &params, destroy)?;
        }
        let returned = RemoveDataCapReturn {
            verified_client: id(client),
            data_cap_removed: removed,
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    pub(super) fn remove_allocations(
        &mut self,
        client: ActorID,
        ids: &[u64],
        transfer: Exit,
    ) -> Done {
        let now = self.now;
        let of_client = self.allocations.get(&client).cloned().unwrap_or_default();
        let is_over = |id: &u64| of_client[id].expiration <= now;
        let mut considered = ids.to_vec();
        if ids.is_empty() {
            considered = in_tree_order(of_client.keys().copied(), 0);
            considered.retain(is_over);
        }
        let outcome = |id: &u64| match of_client.get(id) {
            None => 17,
            Some(_) if !is_over(id) => 18,
            Some(_) => 0,
        };
        let codes: Vec<_> = considered.iter().map(outcome).collect();
        let mut recovered = 0;
        for (id, _) in considered
            .iter()
            .zip(&codes)
            .filter(|(_, code)| **code == 0)
        {
            let removed = self.allocations.get_mut(&client).unwrap().remove(id);
            let removed = removed.ok_or(24u32)?;
            self.tell_allocation("allocation-removed", *id, &removed);
            recovered += removed.size;
        }
        let params = token::TransferParams {
            to: id(client),
            amount: TokenAmount::from_whole(recovered),
            operator_data: RawBytes::default(),
        };
        self.tell_token(token::TRANSFER, &params, transfer)?;
        let returned = RemoveExpiredAllocationsReturn {
            considered,
            results: batch(&codes),
            datacap_recovered: bytes(recovered),
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    pub(super) fn remove_claims(&mut self, provider: ActorID, ids: &[u64]) -> Done {
        let now = self.now;
        let of_provider = self.claims.get(&provider).cloned().unwrap_or_default();
        let is_over = |id: &u64| of_provider[id].term_start + of_provider[id].term_max <= now;
        let mut considered = ids.to_vec();
        if ids.is_empty() {
            considered = in_tree_order(of_provider.keys().copied(), 0);
            considered.retain(is_over);
        }
        let outcome = |id: &u64| match of_provider.get(id) {
            None => 17,
            Some(_) if !is_over(id) => 18,
            Some(_) => 0,
        };
        let codes: Vec<_> = considered.iter().map(outcome).collect();
        for (id, _) in considered
            .iter()
            .zip(&codes)
            .filter(|(_, code)| **code == 0)
        {
            let removed = self.claims.get_mut(&provider).unwrap().remove(id);
            self.tell_claim("claim-removed", *id, &removed.ok_or(24u32)?);
        }
        let returned = RemoveExpiredClaimsReturn {
            considered,
            results: batch(&codes),
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    pub(super) fn claim(
        &mut self,
        caller: ActorID,
        params: &ClaimAllocationsParams,
        burn: Exit,
    ) -> Done {
        if ![MINER, MINER_2].contains(&caller) {
            return Err(18);
        }
        if params.sectors.is_empty() {
            return Err(16);
        }
        let (mut codes, mut summaries, mut total) = (vec![], vec![], 0);
        'sectors: for sector in &params.sectors {
            let mut made = Vec::new();
            for claim in &sector.claims {
                let of_client = self.allocations.get(&claim.client);
                let Some(found) = of_client.and_then(|a| a.get(&claim.allocation_id)) else {
                    codes.push(17);
                    continue 'sectors;
                };
                let lifetime = sector.expiry - self.now;
                if found.provider != caller
                    || found.client != claim.client
                    || found.data != claim.data
                    || found.size != claim.size
                    || self.now > found.expiration
                    || lifetime < found.term_min
                    || lifetime > found.term_max
                {
                    codes.push(18);
                    continue 'sectors;
                }
                made.push(Claim {
                    provider: caller,
                    client: found.client,
                    data: found.data,
                    size: found.size,
                    term_min: found.term_min,
                    term_max: found.term_max,
                    term_start: self.now,
                    sector: sector.sector,
                });
            }
            let mut claimed = 0;
            for (claim, made) in sector.claims.iter().zip(made) {
                let number = claim.allocation_id;
                let of_provider = self.claims.entry(caller).or_default();
                if of_provider.contains_key(&number) {
                    return Err(16);
                }
                of_provider.insert(number, made.clone());
                self.tell_claim("claim", number, &made);
                self.allocations
                    .get_mut(&claim.client)
                    .unwrap()
                    .remove(&number);
                claimed += made.size;
            }
            codes.push(0);
            summaries.push(SectorClaimSummary {
                claimed_space: bytes(claimed),
            });
            total += claimed;
        }
        if params.all_or_nothing && codes.iter().any(|code| *code != 0) {
            return Err(16);
        }
        self.burn(total, burn)?;
        let returned = ClaimAllocationsReturn {
            sector_results: batch(&codes),
            sector_claims: summaries,
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    pub(super) fn get_claims(&self, params: &GetClaimsParams) -> Done {
        let of_provider = self.claims.get(&params.provider);
        let found = |id: &u64| of_provider.and_then(|claims| claims.get(id)).cloned();
        let found: Vec<_> = params.claim_ids.iter().map(found).collect();
        let codes: Vec<_> = found
            .iter()
            .map(|c| if c.is_some() { 0 } else { 17 })
            .collect();
        let returned = GetClaimsReturn {
            batch_info: batch(&codes),
            claims: found.into_iter().flatten().collect(),
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    pub(super) fn extend_terms(&mut self, caller: ActorID, terms: &[ClaimTerm]) -> Done {
        let mut codes = Vec::new();
        for term in terms {
            let of_provider = self.claims.get_mut(&term.provider);
            let found = of_provider.and_then(|claims| claims.get_mut(&term.claim_id));
            codes.push(match found {
                _ if term.term_max > 5_259_485 => 16,
                None => 17,
                Some(claim) if claim.client != caller => 18,
                Some(claim) if term.term_max < claim.term_max => 16,
                Some(claim) => {
                    claim.term_max = term.term_max;
                    let claim = claim.clone();
                    self.tell_claim("claim-updated", term.claim_id, &claim);
                    0
                }
            });
        }
        Ok(Some(to_vec(&batch(&codes)).unwrap()))
    }

    pub(super) fn receive(
        &mut self,
        caller: ActorID,
        kind: u32,
        received: &FRC46TokenReceived,
        requests: &AllocationRequests,
        burn: Exit,
    ) -> Done {
        if caller != DATACAP_ACTOR_ID {
            return Err(18);
        }
        if kind != 2_233_613_279 || received.to != 6 {
            return Err(16);
        }
        let mut total = 0;
        for request in &requests.allocations {
            if request.size < MIB
                || request.term_min < 518_400
                || request.term_max > 5_259_485
                || request.term_min > request.term_max
                || request.expiration < self.now
                || request.expiration > self.now + 172_800
                || ![MINER, MINER_2].contains(&request.provider)
            {
                return Err(16);
            }
            total += request.size;
        }
        let mut extended = Vec::new();
        let mut extension_total = 0;
        for request in &requests.extensions {
            let of_provider = self.claims.get(&request.provider);
            let claim = of_provider.and_then(|claims| claims.get(&request.claim));
            let claim = claim.ok_or(17u32)?;
            if request.term_max > self.now + 5_259_485 - claim.term_start
                || request.term_max <= claim.term_max
            {
                return Err(16);
            }
            if self.now > claim.term_start + claim.term_max {
                return Err(18);
            }
            extension_total += claim.size;
            let claim = Claim {
                term_max: request.term_max,
                ..claim.clone()
            };
            extended.push((request.claim, claim));
        }
        total += extension_total;
        if bytes(total) != received.amount.atto() / 1_000_000_000_000_000_000u64 {
            return Err(16);
        }
        self.burn(extension_total, burn)?;
        let mut ids = Vec::new();
        for request in &requests.allocations {
            let made = Allocation {
                client: received.from,
                provider: request.provider,
                data: request.data,
                size: request.size,
                term_min: request.term_min,
                term_max: request.term_max,
                expiration: request.expiration,
            };
            let number = self.next_id;
            self.next_id += 1;
            self.tell_allocation("allocation", number, &made);
            let of_client = self.allocations.entry(received.from).or_default();
            of_client.insert(number, made);
            ids.push(number);
        }
        for (number, claim) in extended {
            self.tell_claim("claim-updated", number, &claim);
            let of_provider = self.claims.get_mut(&claim.provider).unwrap();
            of_provider.insert(number, claim);
        }
        let returned = AllocationsResponse {
            allocation_results: BatchReturn::ok(requests.allocations.len() as u32),
            extension_results: BatchReturn::ok(requests.extensions.len() as u32),
            new_allocations: ids,
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    // --- §A3 ---

    /// The state, made anew.
    pub(super) fn state(&self, store: &MemoryBlockstore) -> State {
        let mut state = State::new(store, id(ROOT)).unwrap();
        let mut verifiers = state.verifiers.load(store).unwrap();
        for (who, cap) in &self.verifiers {
            verifiers.set(&id(*who), BigIntDe(cap.clone())).unwrap();
        }
        state.verifiers = verifiers.flush().unwrap();
        let mut ids = state.remove_data_cap_proposal_ids.load(store).unwrap();
        for ((verifier, client), next) in &self.proposal_ids {
            let key = [id(*verifier).to_bytes(), id(*client).to_bytes()].concat();
            ids.set(&key, RemoveDataCapProposalId { id: *next })
                .unwrap();
        }
        state.remove_data_cap_proposal_ids = ids.flush().unwrap();
        let mut allocations = MapMap::load(&state.allocations, store).unwrap();
        for (client, of_client) in &self.allocations {
            for (number, allocation) in of_client {
                allocations.set(client, number, allocation.clone()).unwrap();
            }
        }
        state.allocations = allocations.flush().unwrap();
        state.next_allocation_id = self.next_id;
        let mut claims = MapMap::load(&state.claims, store).unwrap();
        for (provider, of_provider) in &self.claims {
            for (number, claim) in of_provider {
                claims.set(provider, number, claim.clone()).unwrap();
            }
        }
        state.claims = claims.flush().unwrap();
        state
    }
}
