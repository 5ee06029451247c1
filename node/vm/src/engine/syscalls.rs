//! What a module may import: the FVM's syscalls (FVM 4.8 with `upgrade-actor`).

/// A syscall: module, name, and its parameters, `i` for i32 and `I` for i64. The
/// result is always one i32.
type Import = (&'static str, &'static str, &'static str);

/// Every syscall that our kernel links. A test imports all of them.
pub(super) const SYSCALLS: &[Import] = &[
    ("actor", "balance_of", "iI"),
    ("actor", "create_actor", "Iiii"),
    ("actor", "get_actor_code_cid", "iIii"),
    ("actor", "get_builtin_actor_type", "ii"),
    ("actor", "get_code_cid_for_type", "iiii"),
    ("actor", "lookup_delegated_address", "iIii"),
    ("actor", "next_actor_address", "iii"),
    ("actor", "resolve_address", "iii"),
    ("actor", "upgrade_actor", "iii"),
    ("crypto", "batch_verify_seals", "iii"),
    ("crypto", "compute_unsealed_sector_cid", "iIiiii"),
    ("crypto", "hash", "iIiiii"),
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
    ("gas", "charge", "iiI"),
    ("ipld", "block_create", "iIii"),
    ("ipld", "block_link", "iiIiii"),
    ("ipld", "block_open", "ii"),
    ("ipld", "block_read", "iiiii"),
    ("ipld", "block_stat", "ii"),
    ("network", "context", "i"),
    ("network", "tipset_cid", "iIii"),
    ("network", "total_fil_circ_supply", "i"),
    ("rand", "get_beacon_randomness", "iI"),
    ("rand", "get_chain_randomness", "iI"),
    ("self", "current_balance", "i"),
    ("self", "root", "iii"),
    ("self", "self_destruct", "i"),
    ("self", "set_root", "i"),
    ("send", "send", "iiiIiIIII"),
    ("vm", "exit", "iiii"),
    ("vm", "message_context", "i"),
];

/// The parameters of a syscall, if there is such a one.
pub(super) fn parameters(module: &str, name: &str) -> Option<&'static str> {
    SYSCALLS
        .iter()
        .find(|(m, n, _)| *m == module && *n == name)
        .map(|(_, _, params)| *params)
}
