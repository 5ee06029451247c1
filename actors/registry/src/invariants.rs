//! What must hold of the state.

use boatyard_actors_shared::Violations;
use boatyard_sdk::ActorError;
use fvm_ipld_blockstore::Blockstore;

use crate::State;
use crate::module::{MAX_BLOCK_BYTES, check_code_cid, load};

/// Every violation: modules are whole and have their CIDs, those of up to 1 MiB are
/// one block, and no upload has more than was announced.
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
        found.read("code CID", check_code_cid(&code));
        if let Some(Some(bytes)) = found.read(&format!("module {code}"), load(state, store, &code))
        {
            found.require(bytes.len() as u64 == module.size, || {
                format!(
                    "module {code} has {} bytes, not {}",
                    bytes.len(),
                    module.size
                )
            });
        }
        found.require(
            module.size > MAX_BLOCK_BYTES || module.chunks == [code],
            || format!("module {code} fits into a block but is not one"),
        );
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
