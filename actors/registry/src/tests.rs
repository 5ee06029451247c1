use boatyard_actors_shared::REGISTRY_ACTOR_ID;
use boatyard_actors_shared::ext::registry::IS_INSTALLED;
use boatyard_mock::MockRuntime;
use boatyard_sdk::{Type, method_number};
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::{from_slice, to_vec};

use super::*;
use crate::module::{MAX_MODULE_BYTES, MIN_CHUNK_BYTES, code_cid};

const ALICE: u64 = 200;
const BOB: u64 = 201;

/// The registry of a new devnet, called by Alice, an account.
fn registry() -> MockRuntime {
    let rt = MockRuntime::new().receiver(REGISTRY_ACTOR_ID).caller(0);
    assert_eq!(rt.call::<Registry>(1, None), Ok(None));
    rt.actor(BOB, Type::Evm)
        .caller_of_type(ALICE, Type::Account)
        .epoch(77)
}

/// Bytes that begin like Wasm.
fn wasm(length: u64) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend((module.len() as u64..length).map(|i| (i % 251) as u8));
    module
}

fn install(rt: &MockRuntime, module: &[u8]) -> Result<InstallReturn, u32> {
    let params = RawBytes::new(module.to_vec());
    rt.call_for::<Registry, _>(method_number("Install"), &params)
        .map_err(|error| error.exit_code().value())
}

fn begin(rt: &MockRuntime, code: Cid, size: u64) -> Result<UploadProgress, u32> {
    let params = BeginUploadParams { code, size };
    rt.call_for::<Registry, _>(method_number("BeginUpload"), &params)
        .map_err(|error| error.exit_code().value())
}

fn append(rt: &MockRuntime, code: Cid, offset: u64, chunk: &[u8]) -> Result<UploadProgress, u32> {
    let params = AppendUploadParams {
        code,
        offset,
        chunk: RawBytes::new(chunk.to_vec()),
    };
    rt.call_for::<Registry, _>(method_number("AppendUpload"), &params)
        .map_err(|error| error.exit_code().value())
}

fn commit(rt: &MockRuntime, code: Cid) -> Result<InstallReturn, u32> {
    rt.call_for::<Registry, _>(method_number("CommitUpload"), &code)
        .map_err(|error| error.exit_code().value())
}

fn is_installed(rt: &MockRuntime, code: Cid) -> bool {
    rt.read_only()
        .call_for::<Registry, _>(IS_INSTALLED, &code)
        .unwrap()
}

fn violations(rt: &MockRuntime) -> Vec<String> {
    invariants::check(&rt.state(), rt.store())
}

/// Uploads a module in chunks of this length.
fn upload(rt: &MockRuntime, module: &[u8], chunk_bytes: usize) -> Cid {
    let code = code_cid(module);
    assert_eq!(begin(rt, code, module.len() as u64).unwrap().received, 0);
    for (chunk, number) in module.chunks(chunk_bytes).zip(0..) {
        let offset = number * chunk_bytes as u64;
        let progress = append(rt, code, offset, chunk).unwrap();
        assert_eq!(progress.received, offset + chunk.len() as u64);
    }
    code
}

#[test]
fn only_the_system_actor_constructs() {
    let rt = registry();
    let stranger = rt.call::<Registry>(1, None).unwrap_err();
    assert_eq!(stranger.exit_code().value(), 18);
    let twice = rt.caller(0).call::<Registry>(1, None).unwrap_err();
    assert_eq!(twice.exit_code().value(), 20);
    assert_eq!(violations(&rt), [""; 0]);
}

#[test]
fn an_installed_module_is_a_block_under_its_code_cid() {
    let rt = registry();
    let module = wasm(1_000);
    let code = code_cid(&module);
    assert!(!is_installed(&rt, code));
    assert_eq!(install(&rt, &module), Ok(InstallReturn { code, new: true }));
    assert!(is_installed(&rt, code));
    assert_eq!(rt.store().get(&code).unwrap(), Some(module));
    assert_eq!(violations(&rt), [""; 0]);
}

#[test]
fn installing_again_keeps_the_first_installer_and_is_no_news() {
    let rt = registry();
    let module = wasm(100);
    let code = code_cid(&module);
    install(&rt, &module).unwrap();
    assert_eq!(rt.events().len(), 1);
    rt.caller(BOB).epoch(78);
    assert_eq!(
        install(&rt, &module),
        Ok(InstallReturn { code, new: false })
    );
    assert_eq!(rt.events(), []);
    let info: Option<CodeInfoReturn> = rt
        .read_only()
        .call_for::<Registry, _>(method_number("CodeInfo"), &code)
        .unwrap();
    assert_eq!(
        info,
        Some(CodeInfoReturn {
            installer: ALICE,
            size: 100,
            epoch: 77
        })
    );
}

#[test]
fn an_event_tells_of_a_new_module() {
    let rt = registry();
    let module = wasm(100);
    install(&rt, &module).unwrap();
    let events = rt.events();
    let entries = &events[0].event.entries;
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["$type", "code", "installer", "size"]);
    assert_eq!(entries[0].value, to_vec(&types::CODE_INSTALLED).unwrap());
    assert_eq!(
        from_slice::<Cid>(&entries[1].value).unwrap(),
        code_cid(&module)
    );
    assert_eq!(from_slice::<u64>(&entries[2].value).unwrap(), ALICE);
    assert_eq!(from_slice::<u64>(&entries[3].value).unwrap(), 100);
}

#[test]
fn what_is_no_module_is_refused() {
    let rt = registry();
    assert_eq!(install(&rt, b""), Err(16));
    assert_eq!(install(&rt, b"\0asm\x02\0\0\0"), Err(16));
    assert_eq!(install(&rt, &wasm(MAX_MODULE_BYTES + 1)), Err(16));
    assert!(install(&rt, &wasm(MAX_MODULE_BYTES)).is_ok());
    rt.read_only();
    assert_eq!(install(&rt, &wasm(50)), Err(25));
}

#[test]
fn small_chunks_become_one_block() {
    let rt = registry();
    let module = wasm(100_000);
    let code = upload(&rt, &module, MIN_CHUNK_BYTES as usize);
    assert!(!is_installed(&rt, code));
    assert_eq!(commit(&rt, code), Ok(InstallReturn { code, new: true }));
    assert!(is_installed(&rt, code));
    assert_eq!(rt.store().get(&code).unwrap(), Some(module));
    assert_eq!(violations(&rt), [""; 0]);
    assert_eq!(commit(&rt, code), Err(17), "the upload is over");
}

#[test]
fn the_longest_module_can_be_uploaded() {
    let rt = registry();
    let module = wasm(MAX_MODULE_BYTES);
    let code = upload(&rt, &module, 60_000);
    commit(&rt, code).unwrap();
    assert_eq!(rt.store().get(&code).unwrap(), Some(module));
    assert_eq!(violations(&rt), [""; 0]);
    let again = begin(&rt.caller(BOB), code, MAX_MODULE_BYTES).unwrap();
    assert!(again.installed);
}

#[test]
fn uploads_belong_to_their_callers() {
    let rt = registry();
    let module = wasm(80_000);
    let code = code_cid(&module);
    begin(&rt, code, 80_000).unwrap();
    append(&rt, code, 0, &module[..40_000]).unwrap();

    rt.caller(BOB);
    assert_eq!(append(&rt, code, 40_000, &module[40_000..]), Err(17));
    assert_eq!(commit(&rt, code), Err(17));
    rt.call_with::<Registry>(method_number("AbortUpload"), &code)
        .unwrap();

    rt.caller(ALICE);
    let resumed = begin(&rt, code, 80_000).unwrap();
    assert_eq!(resumed.received, 40_000);
    append(&rt, code, 40_000, &module[40_000..]).unwrap();
    assert!(commit(&rt, code).is_ok());
}

#[test]
fn an_upload_of_another_size_begins_anew() {
    let rt = registry();
    let code = code_cid(b"x");
    begin(&rt, code, 80_000).unwrap();
    append(&rt, code, 0, &[0; 40_000]).unwrap();
    assert_eq!(begin(&rt, code, 80_001).unwrap().received, 0);
    rt.call_with::<Registry>(method_number("AbortUpload"), &code)
        .unwrap();
    assert_eq!(append(&rt, code, 0, &[0; 40_000]), Err(17));
}

#[test]
fn chunks_come_in_order_and_fit() {
    let rt = registry();
    let module = wasm(80_000);
    let code = code_cid(&module);
    begin(&rt, code, 80_000).unwrap();
    for (what, offset, chunk) in [
        ("a gap", 1, &module[..40_000]),
        ("too short", 0, &module[..100]),
        ("nothing", 0, &module[..0]),
        ("too long", 0, &wasm(80_001)[..]),
    ] {
        assert_eq!(append(&rt, code, offset, chunk), Err(16), "{what}");
    }
    assert_eq!(commit(&rt, code), Err(20), "nothing there");
    append(&rt, code, 0, &module[..79_900]).unwrap();
    append(&rt, code, 79_900, &module[79_900..]).unwrap();
    assert!(commit(&rt, code).is_ok(), "the last may be short");
}

#[test]
fn bytes_of_another_module_are_not_installed() {
    let rt = registry();
    let code = code_cid(&wasm(80_000));
    begin(&rt, code, 40_000).unwrap();
    append(&rt, code, 0, &wasm(40_000)).unwrap();
    assert_eq!(commit(&rt, code), Err(16));

    let text = vec![b'a'; 40_000];
    let code = upload(&rt, &text, 40_000);
    assert_eq!(commit(&rt, code), Err(16), "no Wasm");
}

#[test]
fn announcements_are_checked() {
    let rt = registry();
    let code = code_cid(b"x");
    assert_eq!(begin(&rt, code, 0), Err(16));
    assert_eq!(begin(&rt, code, MAX_MODULE_BYTES + 1), Err(16));
    assert_eq!(begin(&rt, boatyard_sdk::EMPTY_STATE, 100), Err(16));
    assert!(begin(&rt, code, MAX_MODULE_BYTES).is_ok());
}

#[test]
fn damage_is_reported() {
    let rt = registry();
    let module = wasm(100);
    let code = code_cid(&module);
    install(&rt, &module).unwrap();
    rt.store().put_keyed(&code, b"something else").unwrap();
    assert_eq!(violations(&rt).len(), 2, "another CID, another length");
    let elsewhere = MockRuntime::new();
    assert_eq!(invariants::check(&rt.state(), elsewhere.store()).len(), 2);
}
