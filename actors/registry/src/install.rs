//! Whole modules, and questions about them.

use boatyard_sdk::{ActorError, EventBuilder, Runtime, ensure};
use cid::Cid;

use crate::module::{MAX_MODULE_BYTES, check_wasm};
use crate::state::{Installed, State};
use crate::types::{CODE_INSTALLED, CodeInfoReturn, InstallReturn};

/// Installs a module.
///
/// Installing it again changes nothing; the first installer stays.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) for bytes that are no Wasm module, or too many.
pub(crate) fn install(rt: &impl Runtime, module: &[u8]) -> Result<InstallReturn, ActorError> {
    rt.accept_any_caller()?;
    enter(rt, module)
}

/// Stores a module and enters it, and tells the world if it is new.
pub(crate) fn enter(rt: &impl Runtime, module: &[u8]) -> Result<InstallReturn, ActorError> {
    check_wasm(module)?;
    let size = module.len() as u64;
    ensure!(
        size <= MAX_MODULE_BYTES,
        USR_ILLEGAL_ARGUMENT,
        "a module of {size} bytes; the longest has {MAX_MODULE_BYTES}"
    );
    let code = rt.put_raw(module)?;
    let installer = rt.message().caller;
    let entry = Installed {
        installer,
        size,
        epoch: rt.epoch(),
        code,
    };
    let new = rt.transaction(|state: &mut State| state.enter(rt.store(), entry))?;
    if new {
        EventBuilder::named(CODE_INSTALLED)
            .indexed("code", &code)
            .indexed("installer", &installer)
            .field("size", &size)
            .emit(rt)?;
    }
    Ok(InstallReturn { code, new })
}

/// Whether a module is installed.
pub(crate) fn is_installed(rt: &impl Runtime, code: &Cid) -> Result<bool, ActorError> {
    Ok(code_info(rt, code)?.is_some())
}

/// Who installed a module, and when.
pub(crate) fn code_info(
    rt: &impl Runtime,
    code: &Cid,
) -> Result<Option<CodeInfoReturn>, ActorError> {
    rt.accept_any_caller()?;
    let state: State = rt.state()?;
    Ok(state.find(rt.store(), code)?.map(|module| CodeInfoReturn {
        installer: module.installer,
        size: module.size,
        epoch: module.epoch,
    }))
}
