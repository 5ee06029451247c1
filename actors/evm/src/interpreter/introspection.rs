//! What lies behind an address, and its code (spec 02 §8.3).

use boatyard_actors_shared::EthAddress;
use boatyard_actors_shared::ext::evm::{GET_BYTECODE, GET_BYTECODE_HASH};
use boatyard_sdk::error::{decode_return, propagated_code};
use boatyard_sdk::{ActorError, Context, Host, Runtime, Type, actor_error};
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::ExitCode;
use fvm_shared::sys::SendFlags;
use fvm_shared::{ActorID, MethodNum};
use revm_interpreter::primitives::{B256, U256};

use super::memory::{copy, region};
use super::{Machine, OrAbort, Outcome, Step, pop, top};
use crate::address;
use crate::precompiles;
use crate::types::BytecodeHash;

/// The code that native actors show.
const NATIVE_CODE: [u8; 1] = [0xfe];

/// What lies behind an Ethereum address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A precompile that exists.
    Precompile,
    /// Nothing.
    NotFound,
    /// An account, or a placeholder for one.
    Account,
    /// A contract.
    Contract(ActorID),
    /// Any other actor.
    Native,
}

impl<RT: Runtime> Machine<'_, RT> {
    pub(super) fn kind_of(&self, address: EthAddress) -> Kind {
        if precompiles::exists(address) {
            return Kind::Precompile;
        }
        let Some(id) = self.resolve(address) else {
            return Kind::NotFound;
        };
        let Some(code) = self.rt.host().code_cid(id) else {
            return Kind::NotFound;
        };
        match self.rt.builtin_type(&code) {
            Some(Type::Account | Type::Placeholder | Type::EthAccount) => Kind::Account,
            Some(Type::Evm) => Kind::Contract(id),
            _ => Kind::Native,
        }
    }

    /// Where a contract's bytecode lies; `None` if the contract is dead.
    pub(super) fn bytecode_of(&mut self, contract: ActorID) -> Result<Option<Cid>, ActorError> {
        decode_return(self.ask(contract, GET_BYTECODE)?)
    }

    fn code_of(&mut self, kind: Kind) -> Result<Vec<u8>, ActorError> {
        match kind {
            Kind::Precompile | Kind::NotFound | Kind::Account => Ok(Vec::new()),
            Kind::Native => Ok(NATIVE_CODE.to_vec()),
            Kind::Contract(id) => match self.bytecode_of(id)? {
                None => Ok(Vec::new()),
                Some(cid) => self.rt.host().block_get(&cid).or_exit(
                    ExitCode::USR_ILLEGAL_STATE,
                    format!("the bytecode of f0{id} cannot be read"),
                ),
            },
        }
    }

    fn hash_of(&mut self, kind: Kind) -> Result<B256, ActorError> {
        let hash = match kind {
            Kind::NotFound => return Ok(B256::ZERO),
            Kind::Precompile | Kind::Account => BytecodeHash::EMPTY,
            Kind::Native => BytecodeHash::NATIVE,
            Kind::Contract(id) => decode_return(self.ask(id, GET_BYTECODE_HASH)?)?,
        };
        Ok(hash.0.into())
    }

    /// Sends a question without parameters to a contract; a failure ends the run.
    fn ask(
        &mut self,
        contract: ActorID,
        method: MethodNum,
    ) -> Result<Option<IpldBlock>, ActorError> {
        let sent = self.send(
            &Address::new_id(contract),
            method,
            None,
            TokenAmount::default(),
            None,
            SendFlags::READ_ONLY,
        )?;
        match sent {
            Ok(response) if response.exit_code.is_success() => Ok(response.return_data),
            Ok(response) => Err(ActorError::with_data(
                propagated_code(response.exit_code),
                format!("f0{contract} does not tell its code"),
                response.return_data,
            )),
            Err(refusal) => Err(actor_error!(
                USR_UNSPECIFIED,
                "f0{contract} cannot be asked for its code: {refusal}"
            )),
        }
    }
}

pub(super) fn extcodesize<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let word = top(ctx.interpreter)?;
    let kind = ctx.host.kind_of(address::from_word(*word));
    let code = ctx.host.code_of(kind).or_abort(ctx.host)?;
    *word = U256::from(code.len());
    Ok(())
}

pub(super) fn extcodehash<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let word = top(ctx.interpreter)?;
    let kind = ctx.host.kind_of(address::from_word(*word));
    *word = ctx.host.hash_of(kind).or_abort(ctx.host)?.into();
    Ok(())
}

/// Asks for the code before it looks at the region, even for no bytes of it.
pub(super) fn extcodecopy<RT: Runtime>(ctx: Step<'_, '_, RT>) -> Outcome {
    let [account, target, offset, size] = pop(ctx.interpreter)?;
    let kind = ctx.host.kind_of(address::from_word(account));
    let code = ctx.host.code_of(kind).or_abort(ctx.host)?;
    let target = region(ctx.interpreter, ctx.host, target, size)?;
    copy(&mut ctx.interpreter.memory, target, &code, offset);
    Ok(())
}
