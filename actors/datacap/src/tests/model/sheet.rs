//! Spec 08 §B4 and §B5 once more, over plain maps.

use boatyard_sdk::MapRoot;
use frc46_token::token::state::TokenState;
use fvm_ipld_blockstore::MemoryBlockstore;

use super::*;

fn whole(v: &TokenAmount) -> Result<(), Exit> {
    let rest = v.atto() % 1_000_000_000_000_000_000u64;
    if v.is_negative() || rest != 0.into() {
        return Err(16);
    }
    Ok(())
}

fn encoded(value: &impl Serialize) -> Done {
    Ok(Some(to_vec(value).unwrap()))
}

/// No tokens.
fn zero() -> TokenAmount {
    TokenAmount::default()
}

impl Model {
    pub(super) fn balance(&self, owner: ActorID) -> TokenAmount {
        self.balances.get(&owner).cloned().unwrap_or_default()
    }

    pub(super) fn allowance(&self, owner: ActorID, operator: ActorID) -> TokenAmount {
        let of_owner = self.allowances.get(&owner);
        let allowed = of_owner.and_then(|allowances| allowances.get(&operator));
        allowed.cloned().unwrap_or_default()
    }

    fn balance_of(&self, owner: &Address) -> TokenAmount {
        resolve(owner).map_or(zero(), |owner| self.balance(owner))
    }

    fn set_allowance(&mut self, owner: ActorID, operator: ActorID, v: TokenAmount) {
        let of_owner = self.allowances.entry(owner).or_default();
        if v.is_zero() {
            of_owner.remove(&operator);
        } else {
            of_owner.insert(operator, v);
        }
        self.allowances.retain(|_, of_owner| !of_owner.is_empty());
    }

    fn change_balance(&mut self, owner: ActorID, v: TokenAmount) -> Result<(), Exit> {
        let left = self.balance(owner) + v;
        if left.is_negative() {
            return Err(19);
        }
        if left.is_zero() {
            self.balances.remove(&owner);
        } else {
            self.balances.insert(owner, left);
        }
        Ok(())
    }

    fn transfer_between(
        &mut self,
        from: ActorID,
        to: ActorID,
        v: &TokenAmount,
    ) -> Result<(), Exit> {
        if from == to {
            return if self.balance(from) < *v {
                Err(19)
            } else {
                Ok(())
            };
        }
        self.change_balance(from, -v)?;
        self.change_balance(to, v.clone())
    }

    fn use_allowance(
        &mut self,
        operator: ActorID,
        owner: ActorID,
        v: &TokenAmount,
    ) -> Result<(), Exit> {
        let allowed = self.allowance(owner, operator);
        if (allowed.is_zero() && operator != owner) || allowed < *v {
            return Err(19);
        }
        self.set_allowance(owner, operator, allowed - v);
        Ok(())
    }

    fn burn_of(&mut self, owner: ActorID, v: &TokenAmount) -> Result<(), Exit> {
        self.change_balance(owner, -v)?;
        self.supply -= v;
        Ok(())
    }

    /// Tells the receiver; gives what it returns. The state is that of after the hook.
    fn hook(&mut self, to: Address, told: FRC46TokenReceived) -> Result<RawBytes, Exit> {
        if self.read_only {
            return Err(24);
        }
        let params = UniversalReceiverParams {
            type_: 2_233_613_279,
            payload: RawBytes::serialize(&told).unwrap(),
        };
        self.sends.push((to, to_vec(&params).unwrap()));
        match &self.receiver {
            _ if told.to == NOBODY => Err(23),
            Receiver::Takes => Ok(RawBytes::default()),
            Receiver::Answers => Ok(RawBytes::new(ANSWER.to_vec())),
            Receiver::Fails(code) => Err(*code),
            Receiver::Burns(v) => {
                let v = v.clone();
                let mut after = self.clone();
                if whole(&v).and_then(|()| after.burn_of(told.to, &v)).is_ok() {
                    *self = after;
                }
                Ok(RawBytes::default())
            }
        }
    }

    fn told(from: ActorID, to: ActorID, operator: ActorID, v: &TokenAmount) -> FRC46TokenReceived {
        FRC46TokenReceived {
            from,
            to,
            operator,
            amount: v.clone(),
            operator_data: RawBytes::default(),
            token_data: RawBytes::default(),
        }
    }

    /// A change without a hook cannot be saved in a read-only call.
    fn saved<T>(&self, done: T) -> Result<T, Exit> {
        if self.read_only { Err(25) } else { Ok(done) }
    }

    // --- §B5 ---

    pub(super) fn mint(&mut self, caller: ActorID, params: &MintParams) -> Done {
        if caller != 6 {
            return Err(18);
        }
        let to = resolve(&params.to);
        let minted = whole(&params.amount).and_then(|()| {
            self.change_balance(to.ok_or(17u32)?, params.amount.clone())?;
            self.supply += &params.amount;
            Ok(())
        });
        let mut allowed = Ok(());
        for operator in &params.operators {
            match (to, resolve(operator)) {
                (Some(to), Some(operator)) => {
                    let infinite = TokenAmount::from_whole(10u128.pow(21));
                    self.set_allowance(to, operator, infinite);
                }
                _ => {
                    allowed = Err(17);
                    break;
                }
            }
        }
        match (minted, allowed) {
            (Ok(()), Err(_)) => return Err(24),
            (_, Err(code)) | (Err(code), Ok(())) => return Err(code),
            _ => {}
        }
        let before = self.clone();
        let told = Self::told(7, to.unwrap(), 6, &params.amount);
        let recipient_data = self.hook(params.to, told)?;
        encoded(&MintReturn {
            balance: before.balance_of(&params.to),
            supply: before.supply,
            recipient_data,
        })
    }

    pub(super) fn destroy(&mut self, caller: ActorID, params: &DestroyParams) -> Done {
        if caller != 6 {
            return Err(18);
        }
        whole(&params.amount)?;
        let owner = resolve(&params.owner).ok_or(17u32)?;
        self.burn_of(owner, &params.amount)?;
        let balance = self.saved(self.balance(owner))?;
        encoded(&BurnReturn { balance })
    }

    pub(super) fn transfer(&mut self, caller: ActorID, params: &TransferParams) -> Done {
        let to = resolve(&params.to).ok_or(16u32)?;
        if to != 6 && caller != 6 {
            return Err(18);
        }
        whole(&params.amount)?;
        self.transfer_between(caller, to, &params.amount)?;
        let before = self.clone();
        let told = FRC46TokenReceived {
            operator_data: params.operator_data.clone(),
            ..Self::told(caller, to, caller, &params.amount)
        };
        let recipient_data = self.hook(id(to), told)?;
        encoded(&TransferReturn {
            from_balance: before.balance(caller),
            to_balance: before.balance(to),
            recipient_data,
        })
    }

    pub(super) fn transfer_from(&mut self, caller: ActorID, params: &TransferFromParams) -> Done {
        let to = resolve(&params.to).ok_or(16u32)?;
        if to != 6 {
            return Err(18);
        }
        whole(&params.amount)?;
        let from = resolve(&params.from);
        if from == Some(caller) {
            return Err(16);
        }
        let from = from.ok_or(19u32)?;
        self.use_allowance(caller, from, &params.amount)?;
        self.transfer_between(from, to, &params.amount)?;
        let before = self.clone();
        let told = FRC46TokenReceived {
            operator_data: params.operator_data.clone(),
            ..Self::told(from, to, caller, &params.amount)
        };
        let recipient_data = self.hook(id(to), told)?;
        encoded(&TransferFromReturn {
            from_balance: before.balance(from),
            to_balance: before.balance(to),
            allowance: before.allowance(from, caller),
            recipient_data,
        })
    }

    /// IncreaseAllowance, and with −1 DecreaseAllowance.
    pub(super) fn allow(
        &mut self,
        caller: ActorID,
        operator: &Address,
        v: &TokenAmount,
        sign: i64,
    ) -> Done {
        if v.is_negative() {
            return Err(16);
        }
        let operator = resolve(operator).ok_or(17u32)?;
        let allowed = (self.allowance(caller, operator) + v * sign).max(zero());
        self.set_allowance(caller, operator, allowed.clone());
        encoded(&self.saved(allowed)?)
    }

    pub(super) fn revoke(&mut self, caller: ActorID, operator: &Address) -> Done {
        let mut allowed = zero();
        if let Some(operator) = resolve(operator) {
            allowed = self.allowance(caller, operator);
            self.set_allowance(caller, operator, zero());
        }
        encoded(&self.saved(allowed)?)
    }

    pub(super) fn burn(&mut self, caller: ActorID, v: &TokenAmount) -> Done {
        whole(v)?;
        self.burn_of(caller, v)?;
        let balance = self.saved(self.balance(caller))?;
        encoded(&BurnReturn { balance })
    }

    pub(super) fn burn_from(&mut self, caller: ActorID, params: &BurnFromParams) -> Done {
        whole(&params.amount)?;
        let owner = resolve(&params.owner);
        if owner == Some(caller) {
            return Err(16);
        }
        let owner = owner.ok_or(19u32)?;
        self.use_allowance(caller, owner, &params.amount)?;
        self.burn_of(owner, &params.amount)?;
        let returned = BurnFromReturn {
            balance: self.balance(owner),
            allowance: self.allowance(owner, caller),
        };
        encoded(&self.saved(returned)?)
    }

    pub(super) fn ask_balance(&self, owner: &Address) -> Done {
        encoded(&self.balance_of(owner))
    }

    pub(super) fn ask_allowance(&self, owner: &Address, operator: &Address) -> Done {
        encoded(&match (resolve(owner), resolve(operator)) {
            (Some(owner), Some(operator)) => self.allowance(owner, operator),
            _ => zero(),
        })
    }

    // --- §B3 ---

    /// The state, made anew, with the sdk's maps.
    pub(super) fn state(&self, store: &MemoryBlockstore) -> State {
        type Amounts = MapRoot<ActorID, TokenAmount, 3>;
        let amounts = |entries: &BTreeMap<ActorID, TokenAmount>| {
            let mut map = Amounts::empty(store).unwrap().load(store).unwrap();
            for (who, v) in entries {
                map.set(who, v.clone()).unwrap();
            }
            map.flush().unwrap()
        };
        let empty = MapRoot::<ActorID, Amounts, 3>::empty(store).unwrap();
        let mut allowances = empty.load(store).unwrap();
        for (owner, of_owner) in &self.allowances {
            allowances.set(owner, amounts(of_owner)).unwrap();
        }
        State {
            governor: id(6),
            token: TokenState {
                supply: self.supply.clone(),
                balances: *amounts(&self.balances).cid(),
                allowances: *allowances.flush().unwrap().cid(),
                hamt_bit_width: 3,
            },
        }
    }
}
