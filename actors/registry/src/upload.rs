//! Modules in chunks.
//!
//! The code's CID names an upload, so a client can send all its messages at once,
//! repeat them, and go on where it was cut off.

use boatyard_sdk::{ActorError, Context, Map, Runtime, ensure, exit_codes::*};
use cid::Cid;
use fvm_ipld_blockstore::Blockstore;

use crate::install;
use crate::module::{MAX_MODULE_BYTES, MIN_CHUNK_BYTES, check_code_cid, code_cid};
use crate::state::{State, Upload, UploadKey};
use crate::types::{AppendUploadParams, BeginUploadParams, InstallReturn, UploadProgress};

/// Announces a module. An upload of the same caller, code and size goes on; one of
/// another size begins anew.
///
/// # Errors
/// `USR_ILLEGAL_ARGUMENT` (16) for a CID or a size that no module can have.
pub(crate) fn begin(
    rt: &impl Runtime,
    params: BeginUploadParams,
) -> Result<UploadProgress, ActorError> {
    rt.accept_any_caller()?;
    let BeginUploadParams { code, size } = params;
    check_code_cid(&code)?;
    ensure!(
        (1..=MAX_MODULE_BYTES).contains(&size),
        USR_ILLEGAL_ARGUMENT,
        "a module of {size} bytes; the longest has {MAX_MODULE_BYTES}"
    );
    change_uploads(
        rt,
        |state, uploads, key| {
            if state.find(rt.store(), &code)?.is_some() {
                return Ok(UploadProgress {
                    received: size,
                    installed: true,
                });
            }
            let received = match uploads.get(&key)? {
                Some(upload) if upload.size == size => upload.received,
                _ => {
                    let upload = Upload {
                        size,
                        received: 0,
                        epoch: rt.epoch(),
                        chunks: Vec::new(),
                    };
                    uploads.set(&key, upload)?;
                    0
                }
            };
            Ok(UploadProgress {
                received,
                installed: false,
            })
        },
        &code,
    )
}

/// Adds a chunk.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_NOT_FOUND` (17) | there is no such upload of the caller |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the chunk does not begin where the last one ended, is too short or too long |
pub(crate) fn append(
    rt: &impl Runtime,
    params: AppendUploadParams,
) -> Result<UploadProgress, ActorError> {
    rt.accept_any_caller()?;
    let AppendUploadParams {
        code,
        offset,
        chunk,
    } = params;
    let length = chunk.len() as u64;
    change_uploads(
        rt,
        |_, uploads, key| {
            let mut upload = find(uploads, &key)?;
            ensure!(
                offset == upload.received,
                USR_ILLEGAL_ARGUMENT,
                "the next chunk begins at {}, not at {offset}",
                upload.received
            );
            let missing = upload.size - upload.received;
            ensure!(
                length <= missing,
                USR_ILLEGAL_ARGUMENT,
                "a chunk of {length} bytes where {missing} are missing"
            );
            ensure!(
                length == missing || length >= MIN_CHUNK_BYTES,
                USR_ILLEGAL_ARGUMENT,
                "a chunk of {length} bytes; only the last may have fewer than {MIN_CHUNK_BYTES}"
            );
            upload.received += length;
            upload.chunks.push(rt.put_raw(&chunk)?);
            let received = upload.received;
            uploads.set(&key, upload)?;
            Ok(UploadProgress {
                received,
                installed: false,
            })
        },
        &code,
    )
}

/// Installs a module whose chunks are all there.
///
/// # Errors
/// | exit code | when |
/// |---|---|
/// | `USR_NOT_FOUND` (17) | there is no such upload of the caller |
/// | `USR_ILLEGAL_STATE` (20) | chunks are missing |
/// | `USR_ILLEGAL_ARGUMENT` (16) | the bytes have another CID or are no Wasm module |
pub(crate) fn commit(rt: &impl Runtime, code: &Cid) -> Result<InstallReturn, ActorError> {
    rt.accept_any_caller()?;
    let upload = change_uploads(
        rt,
        |_, uploads, key| {
            let upload = find(uploads, &key)?;
            uploads.remove(&key)?;
            Ok(upload)
        },
        code,
    )?;
    ensure!(
        upload.received == upload.size,
        USR_ILLEGAL_STATE,
        "{} of {} bytes are there",
        upload.received,
        upload.size
    );
    let mut module = Vec::with_capacity(upload.size as usize);
    for chunk in &upload.chunks {
        module.extend_from_slice(&rt.get_block(chunk)?);
    }
    ensure!(
        code_cid(&module) == *code,
        USR_ILLEGAL_ARGUMENT,
        "the uploaded bytes are not module {code}"
    );
    install::enter(rt, &module)
}

/// Forgets an upload.
pub(crate) fn abort(rt: &impl Runtime, code: &Cid) -> Result<(), ActorError> {
    rt.accept_any_caller()?;
    change_uploads(
        rt,
        |_, uploads, key| {
            uploads.remove(&key)?;
            Ok(())
        },
        code,
    )
}

/// Runs `change` on the uploads, with the key of the caller's upload of `code`.
fn change_uploads<RT: Runtime, T>(
    rt: &RT,
    change: impl FnOnce(&State, &mut Uploads<'_, RT>, UploadKey) -> Result<T, ActorError>,
    code: &Cid,
) -> Result<T, ActorError> {
    let key = UploadKey {
        uploader: rt.message().caller,
        code: *code,
    };
    rt.transaction(|state: &mut State| {
        let mut uploads = state.uploads.load(rt.store())?;
        let value = change(state, &mut uploads, key)?;
        state.uploads = uploads.flush()?;
        Ok(value)
    })
}

type Uploads<'a, RT> =
    Map<boatyard_sdk::runtime::HostStore<'a, <RT as Runtime>::Host>, UploadKey, Upload>;

fn find<BS: Blockstore>(
    uploads: &Map<BS, UploadKey, Upload>,
    key: &UploadKey,
) -> Result<Upload, ActorError> {
    uploads.get(key)?.cloned().or_exit(
        USR_NOT_FOUND,
        format_args!("f0{} uploads no module {}", key.uploader, key.code),
    )
}
