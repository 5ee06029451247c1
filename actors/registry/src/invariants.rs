//! What must hold of the state.

use boatyard_actors_shared::Violations;
use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;

use crate::State;
use crate::module::code_cid;

/// Every violation: modules are there, whole, and have their CIDs; no upload has
/// more than was announced.
pub fn check(state: &State, store: &impl Blockstore) -> Vec<String> {
    let mut found = Violations::default();
    let modules = check_modules(state, store, &mut found);
    found.read("installed modules", modules);
    let uploads = check_uploads(state, store, &mut found);
    found.read("uploads", uploads);
    found.into_vec()
}

fn check_modules(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<(), ActorError> {
    state.installed.load(store)?.for_each(|code, module| {
        found.require(module.code == code, || {
            format!("module {code} is linked as {}", module.code)
        });
        match store.get(&code) {
            Ok(Some(bytes)) => {
                found.require(code_cid(&bytes) == code, || {
                    format!("the block of module {code} holds something else")
                });
                found.require(bytes.len() as u64 == module.size, || {
                    let length = bytes.len();
                    format!("module {code} has {length} bytes, not {}", module.size)
                });
            }
            Ok(None) => found.add(format!("the block of module {code} is missing")),
            Err(error) => found.add(format!("the block of module {code}: {error:#}")),
        }
        Ok(())
    })
}

fn check_uploads(
    state: &State,
    store: &impl Blockstore,
    found: &mut Violations,
) -> Result<(), ActorError> {
    state.uploads.load(store)?.for_each(|key, upload| {
        found.require(upload.received <= upload.size, || {
            format!(
                "f0{} has uploaded {} of {} bytes of module {}",
                key.uploader, upload.received, upload.size, key.code
            )
        });
        Ok(())
    })
}
