//! Spec 07 §7, PublishStorageDeals.

use std::collections::btree_map::Entry;

use boatyard_actors_shared::DATACAP_ACTOR;
use boatyard_actors_shared::ext::datacap::{
    BALANCE, TRANSFER_FROM, TransferFromParams, TransferFromReturn, tokens,
};
use boatyard_actors_shared::ext::verifreg::{
    AllocationId, AllocationRequest, AllocationRequests, AllocationsResponse,
};

use super::*;

/// A proposal with IDs that is no copy and can be paid.
struct Accepted {
    index: usize,
    deal: DealProposal,
    refuses: bool,
}

impl Model {
    pub(in super::super) fn publish(
        &mut self,
        caller: ActorID,
        offers: &[Offer],
        transfer: TransferAnswer,
    ) -> Done {
        let raw = offers.first().ok_or(16u32)?.proposal.provider;
        let provider = resolve(&raw).ok_or(17u32)?;
        match provider {
            PROVIDER | PROVIDER_2 => {}
            NOBODY => return Err(17),
            _ => return Err(16),
        }
        let asked = Some(to_vec(&id(caller)).unwrap());
        let controls = caller == WORKER;
        let answer = returns(&controls);
        self.send(id(provider), IS_CONTROLLING_ADDRESS, asked, 0, answer)?;
        if !controls {
            return Err(18);
        }
        self.send(REWARD_ACTOR, THIS_EPOCH_REWARD, None, 0, reward())?;
        self.send(POWER_ACTOR, CURRENT_TOTAL_POWER, None, 0, power())?;
        let valid = self.validate(offers);
        let accepted = self.select(&valid, provider, raw)?;
        let allocated = self.allocate(&accepted, provider, transfer)?;
        if accepted.is_empty() {
            return Err(16);
        }
        let ids = self.record(&accepted, &allocated)?;
        for (deal_id, Accepted { deal, refuses, .. }) in ids.iter().zip(&accepted) {
            let params = MarketNotifyDealParams {
                proposal: RawBytes::serialize(deal).unwrap(),
                deal_id: *deal_id,
            };
            let params = Some(to_vec(&params).unwrap());
            let answer = if *refuses { (33, None) } else { OK };
            self.send(deal.client, MARKET_NOTIFY_DEAL, params, 0, answer)
                .map_err(|_| 16u32)?;
            self.tell("deal-published", *deal_id);
        }
        let bits = accepted.iter().map(|accepted| accepted.index as u64);
        let returned = PublishStorageDealsReturn {
            ids,
            valid_deals: BitField::try_from_bits(bits).unwrap(),
        };
        Ok(Some(to_vec(&returned).unwrap()))
    }

    /// Step 7.
    fn validate<'a>(&mut self, offers: &'a [Offer]) -> Vec<(usize, &'a Offer)> {
        let mut valid = Vec::new();
        for (index, offer) in offers.iter().enumerate() {
            let params = AuthenticateMessageParams {
                signature: RawBytes::new(b"signature".to_vec()),
                message: RawBytes::serialize(&offer.proposal).unwrap(),
            };
            let answer = match offer.consent {
                Consent::Yes => returns(&true),
                Consent::No => returns(&false),
                Consent::Nothing => OK,
                Consent::Fails => (24, None),
                Consent::Nonsense => returns("yes"),
            };
            self.send_read_only(offer.proposal.client, &params, answer);
            if offer.consent == Consent::Yes && self.is_valid(&offer.proposal) {
                valid.push((index, offer));
            }
        }
        valid
    }

    /// Steps 7.2 to 7.10.
    fn is_valid(&self, deal: &DealProposal) -> bool {
        let duration = deal.end_epoch - deal.start_epoch;
        deal.label.size_bytes() <= 256
            && deal.piece_size.0 >= 128
            && deal.piece_size.0.is_power_of_two()
            && duration > 0
            && self.now <= deal.start_epoch
            && (518_400..=3_680_640).contains(&duration)
            && amount(&deal.storage_price_per_epoch) >= 0
            && amount(&deal.provider_collateral) >= 0
            && amount(&deal.client_collateral) >= 0
    }

    /// Step 8.
    fn select(
        &mut self,
        valid: &[(usize, &Offer)],
        provider: ActorID,
        raw: Address,
    ) -> Result<Vec<Accepted>, Exit> {
        let mut by_client = Table::new();
        let mut by_provider = 0;
        let mut datacap: BTreeMap<ActorID, i128> = BTreeMap::new();
        let mut accepted: Vec<Accepted> = Vec::new();
        for (
            index,
            Offer {
                proposal, refuses, ..
            },
        ) in valid
        {
            if proposal.provider != id(provider) && proposal.provider != raw {
                continue;
            }
            let Some(client) = resolve(&proposal.client) else {
                continue;
            };
            let needs = fee(proposal) + amount(&proposal.client_collateral);
            let of_client = held(&by_client, client) + needs;
            let of_provider = by_provider + amount(&proposal.provider_collateral);
            if held(&self.locked, client) + of_client > held(&self.escrow, client)
                || held(&self.locked, provider) + of_provider > held(&self.escrow, provider)
            {
                continue;
            }
            let deal = DealProposal {
                client: id(client),
                provider: id(provider),
                ..proposal.clone()
            };
            let is_copy = |before: &Accepted| cid(&before.deal) == cid(&deal);
            if self.pending.contains(&cid(&deal)) || accepted.iter().any(is_copy) {
                continue;
            }
            if deal.verified_deal {
                if let Entry::Vacant(entry) = datacap.entry(client) {
                    let has = held(&self.datacap, client);
                    entry.insert(has.into());
                    let answer = returns(&tokens(&has.into()));
                    let params = Some(to_vec(&id(client)).unwrap());
                    self.send(DATACAP_ACTOR, BALANCE, params, 0, answer)?;
                }
                let left = datacap.get_mut(&client).unwrap();
                // 2^63 turns negative.
                let size = i128::from(deal.piece_size.0 as i64);
                if *left < size {
                    continue;
                }
                *left -= size;
            }
            by_client.insert(client, of_client);
            by_provider = of_provider;
            accepted.push(Accepted {
                index: *index,
                deal,
                refuses: *refuses,
            });
        }
        Ok(accepted)
    }

    /// Step 9.
    fn allocate(
        &mut self,
        accepted: &[Accepted],
        provider: ActorID,
        transfer: TransferAnswer,
    ) -> Result<BTreeMap<Cid, AllocationId>, Exit> {
        let mut requests: BTreeMap<ActorID, Vec<(Cid, AllocationRequest)>> = BTreeMap::new();
        for Accepted { deal, .. } in accepted.iter().filter(|a| a.deal.verified_deal) {
            let duration = deal.end_epoch - deal.start_epoch;
            let request = AllocationRequest {
                provider,
                data: deal.piece_cid,
                size: deal.piece_size.0,
                term_min: duration,
                term_max: (duration + 259_200).min(5_259_485),
                expiration: deal.start_epoch.min(self.now + 172_800),
            };
            let of_client = requests.entry(party(&deal.client)).or_default();
            of_client.push((cid(deal), request));
        }
        let mut allocated = BTreeMap::new();
        for (client, requests) in requests {
            let (cids, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
            let mut sizes = requests.iter().map(|request| request.size);
            let size = sizes.try_fold(0u64, u64::checked_add).ok_or(24u32)?;
            let mut ids: Vec<_> = (self.next_allocation..).take(requests.len()).collect();
            self.next_allocation += requests.len() as u64;
            if transfer == TransferAnswer::TooFew {
                ids.pop();
            }
            let enough = i128::from(size) <= i128::from(held(&self.datacap, client));
            let answer = match transfer {
                TransferAnswer::Fails => (19, None),
                _ if !enough => (19, None),
                _ => transferred(&ids),
            };
            let params = TransferFromParams {
                from: id(client),
                to: id(6),
                amount: tokens(&size.into()),
                operator_data: RawBytes::serialize(AllocationRequests {
                    allocations: requests,
                    extensions: vec![],
                })
                .unwrap(),
            };
            let params = Some(to_vec(&params).unwrap());
            self.send(DATACAP_ACTOR, TRANSFER_FROM, params, 0, answer)
                .map_err(|_| 20u32)?;
            *self.datacap.entry(client).or_default() -= size as i64;
            if ids.len() != cids.len() {
                return Err(20);
            }
            allocated.extend(cids.into_iter().zip(ids));
        }
        Ok(allocated)
    }

    /// Step 11.
    fn record(
        &mut self,
        accepted: &[Accepted],
        allocated: &BTreeMap<Cid, AllocationId>,
    ) -> Result<Vec<DealID>, Exit> {
        let mut ids = Vec::new();
        for Accepted { deal, .. } in accepted {
            let client_collateral = amount(&deal.client_collateral);
            let provider_collateral = amount(&deal.provider_collateral);
            self.lock(party(&deal.client), fee(deal) + client_collateral)?;
            self.lock(party(&deal.provider), provider_collateral)?;
            self.totals[Total::ClientCollateral as usize] += client_collateral;
            self.totals[Total::Fee as usize] += fee(deal);
            self.totals[Total::ProviderCollateral as usize] += provider_collateral;
            let number = self.next_id;
            self.next_id += 1;
            self.pending.insert(cid(deal));
            self.proposals.insert(number, deal.clone());
            if let Some(allocation) = allocated.get(&cid(deal)) {
                self.allocations.insert(number, *allocation);
            }
            let look = next_update(number, deal.start_epoch);
            self.ops.entry(look).or_default().insert(number);
            ids.push(number);
        }
        Ok(ids)
    }
}

/// What the token returns when the registry made these allocations.
fn transferred(ids: &[AllocationId]) -> Answer {
    returns(&TransferFromReturn {
        from_balance: TokenAmount::default(),
        to_balance: TokenAmount::default(),
        allowance: TokenAmount::default(),
        recipient_data: RawBytes::serialize(AllocationsResponse {
            allocation_results: BatchReturn::ok(ids.len() as u32),
            extension_results: BatchReturn::empty(),
            new_allocations: ids.to_vec(),
        })
        .unwrap(),
    })
}
