//! What this build carries.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use boatyard_sdk::NetworkVariant;

use crate::bundle::Bundle;

/// Name, module and whether it is a stand-in, in the manifest's order. The
/// modules follow mainnet's policy until another is written into them.
static ACTORS: &[(&str, &[u8], bool)] = include!(concat!(env!("OUT_DIR"), "/manifest.rs"));

static REGISTRY: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/registry.rs"));

const VARIANTS: usize = NetworkVariant::ALL.len();

pub(crate) fn bundle(variant: NetworkVariant) -> &'static Bundle {
    static BUNDLES: [OnceLock<Bundle>; VARIANTS] = [const { OnceLock::new() }; VARIANTS];
    BUNDLES[variant as usize].get_or_init(|| {
        let modules = ACTORS
            .iter()
            .map(|(name, wasm, _)| ((*name).to_owned(), with_policy(wasm, variant)));
        let missing = ACTORS.iter().filter(|(_, _, missing)| *missing);
        Bundle::new(modules.collect())
            .with_missing(missing.map(|(name, ..)| (*name).to_owned()).collect())
            .with_registry(REGISTRY.map(|wasm| with_policy(wasm, variant)))
    })
}

pub(crate) fn abi(name: &str) -> Option<&'static str> {
    static ABIS: LazyLock<BTreeMap<&str, String>> = LazyLock::new(|| {
        let registry = REGISTRY.map(|wasm| ("registry", wasm));
        let modules = ACTORS
            .iter()
            .map(|(name, wasm, _)| (*name, *wasm))
            .chain(registry);
        modules
            .filter_map(|(name, wasm)| {
                let abi = boatyard_build::abi(wasm).expect("the build script checked the module");
                Some((name, abi?))
            })
            .collect()
    });
    ABIS.get(name).map(String::as_str)
}

/// The module with the network's number in it; most never read the policy and
/// stay as they are.
fn with_policy(wasm: &'static [u8], variant: NetworkVariant) -> Cow<'static, [u8]> {
    if variant == NetworkVariant::Mainnet {
        return Cow::Borrowed(wasm);
    }
    let mut patched = wasm.to_vec();
    match boatyard_build::set_network(&mut patched, variant as u8) {
        Ok(true) => Cow::Owned(patched),
        Ok(false) => Cow::Borrowed(wasm),
        Err(error) => unreachable!("the build script wrote the number once: {error}"),
    }
}
