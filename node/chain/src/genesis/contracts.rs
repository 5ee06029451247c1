//! Contracts that tools expect at fixed addresses (spec 10 §8.14).
//!
//! They are installed as actor state, because the keyless transactions that
//! deploy them elsewhere carry fees far below Filecoin's.

/// A contract of the genesis state.
pub(super) struct Preinstalled {
    /// Where.
    pub address: [u8; 20],
    /// Runtime bytecode, hexadecimal.
    pub runtime: &'static str,
}

impl Preinstalled {
    /// Runtime bytecode.
    pub fn code(&self) -> Vec<u8> {
        alloy::primitives::hex::decode(self.runtime.trim()).expect("a test decodes each of them")
    }
}

/// All of them, in the order in which they get their IDs.
pub(super) const PREINSTALLED: &[Preinstalled] = &[
    // The deterministic deployment proxy: `salt ‖ init code` in, CREATE2, address out.
    Preinstalled {
        address: alloy::primitives::hex!("4e59b44847b379578588920ca78fbf26c0b4956c"),
        runtime: "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0\
                  3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3",
    },
    // Several calls in one. Ours, with the customary interface: the source is
    // `contracts/Multicall3.sol`, compiled by solc 0.8.37 for Paris, optimised for
    // 1 000 000 runs, without metadata.
    Preinstalled {
        address: alloy::primitives::hex!("ca11bde05977b3631167028862be2a173976ca11"),
        runtime: include_str!("../../contracts/Multicall3.hex"),
    },
];
