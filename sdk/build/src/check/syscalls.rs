//! The system calls of FVM 4.8 and their types.
//!
//! A call that gives something back takes first the address to put it at;
//! every call returns its error number. A test compiles an actor that uses all
//! of `fvm_sdk::sys` and checks it against this table.

use wasmparser::ValType;

/// One character per parameter: `i` is an i32 (number or address), `l` an i64.
const SYSCALLS: [(&str, &str, &str); 42] = [
    ("actor", "balance_of", "il"),
    ("actor", "create_actor", "liii"),
    ("actor", "get_actor_code_cid", "ilii"),
    ("actor", "get_builtin_actor_type", "ii"),
    ("actor", "get_code_cid_for_type", "iiii"),
    ("actor", "lookup_delegated_address", "ilii"),
    ("actor", "next_actor_address", "iii"),
    ("actor", "resolve_address", "iii"),
    ("actor", "upgrade_actor", "iii"),
    ("crypto", "batch_verify_seals", "iii"),
    ("crypto", "compute_unsealed_sector_cid", "iliiii"),
    ("crypto", "hash", "iliiii"),
    ("crypto", "recover_secp_public_key", "iii"),
    ("crypto", "verify_aggregate_seals", "iii"),
    ("crypto", "verify_bls_aggregate", "iiiiii"),
    ("crypto", "verify_consensus_fault", "iiiiiii"),
    ("crypto", "verify_post", "iii"),
    ("crypto", "verify_replica_update", "iii"),
    ("crypto", "verify_signature", "iiiiiiii"),
    ("debug", "enabled", "i"),
    ("debug", "log", "ii"),
    ("debug", "store_artifact", "iiii"),
    ("event", "emit_event", "iiiiii"),
    ("gas", "available", "i"),
    ("gas", "charge", "iil"),
    ("ipld", "block_create", "ilii"),
    ("ipld", "block_link", "iiliii"),
    ("ipld", "block_open", "ii"),
    ("ipld", "block_read", "iiiii"),
    ("ipld", "block_stat", "ii"),
    ("network", "context", "i"),
    ("network", "tipset_cid", "ilii"),
    ("network", "total_fil_circ_supply", "i"),
    ("rand", "get_beacon_randomness", "il"),
    ("rand", "get_chain_randomness", "il"),
    ("self", "current_balance", "i"),
    ("self", "root", "iii"),
    ("self", "self_destruct", "i"),
    ("self", "set_root", "i"),
    ("send", "send", "iiilillll"),
    ("vm", "exit", "iiii"),
    ("vm", "message_context", "i"),
];

/// The parameters of a system call, or none if there is no such call.
pub(super) fn parameters(module: &str, name: &str) -> Option<Vec<ValType>> {
    let (_, _, parameters) = SYSCALLS
        .iter()
        .find(|(of, called, _)| *of == module && *called == name)?;
    Some(
        parameters
            .chars()
            .map(|kind| {
                if kind == 'l' {
                    ValType::I64
                } else {
                    ValType::I32
                }
            })
            .collect(),
    )
}
