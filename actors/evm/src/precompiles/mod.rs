//! Contracts that are built in: Ethereum's, and Filecoin's own (spec 02 §9).
//!
//! | module | addresses |
//! |---|---|
//! | [`ethereum`] | `00…01` to `00…11` and `00…0100` |
//! | [`filecoin`] | `fe…01` to `fe…06` |
//!
//! They run inside the calling frame. What fails gives the caller a 0 and no data.

mod ethereum;
mod filecoin;
mod reader;
#[cfg(test)]
mod tests;

use boatyard_actors_shared::EthAddress;
use boatyard_sdk::{ActorError, Runtime};

use self::reader::Reader;
#[cfg(not(target_arch = "wasm32"))]
use crate::interpreter::memory::MILLIGAS_PER_BYTE;
use crate::interpreter::{CallKind, Machine};

/// A call of a precompile.
pub(crate) struct Request<'a> {
    /// Which instruction calls.
    pub kind: CallKind,
    /// Its gas operand; only calls of actors look at it.
    pub gas: u64,
    /// Calldata.
    pub input: &'a [u8],
}

/// Why a precompile gave no output.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The call failed, the caller goes on.
    Failed,
    /// The caller ends too.
    Abort(ActorError),
}

impl From<ActorError> for Failure {
    fn from(error: ActorError) -> Self {
        Self::Abort(error)
    }
}

/// Output, or why there is none.
type Output = Result<Vec<u8>, Failure>;

/// A precompile that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precompile {
    EcRecover,
    Sha256,
    Ripemd160,
    Identity,
    ModExp,
    Bn254Add,
    Bn254Mul,
    Bn254Pairing,
    Blake2F,
    BlsG1Add,
    BlsG1Msm,
    BlsG2Add,
    BlsG2Msm,
    BlsPairing,
    BlsMapFpToG1,
    BlsMapFp2ToG2,
    P256Verify,
    ResolveAddress,
    LookupDelegatedAddress,
    CallActor,
    CallActorId,
    GetRandomness,
}

impl Precompile {
    fn at(address: EthAddress) -> Option<Self> {
        use Precompile::*;
        let [first, middle @ .., high, low] = address.0;
        if middle != [0; 17] {
            return None;
        }
        Some(match (first, high, low) {
            (0, 0, 0x01) => EcRecover,
            (0, 0, 0x02) => Sha256,
            (0, 0, 0x03) => Ripemd160,
            (0, 0, 0x04) => Identity,
            (0, 0, 0x05) => ModExp,
            (0, 0, 0x06) => Bn254Add,
            (0, 0, 0x07) => Bn254Mul,
            (0, 0, 0x08) => Bn254Pairing,
            (0, 0, 0x09) => Blake2F,
            (0, 0, 0x0b) => BlsG1Add,
            (0, 0, 0x0c) => BlsG1Msm,
            (0, 0, 0x0d) => BlsG2Add,
            (0, 0, 0x0e) => BlsG2Msm,
            (0, 0, 0x0f) => BlsPairing,
            (0, 0, 0x10) => BlsMapFpToG1,
            (0, 0, 0x11) => BlsMapFp2ToG2,
            (0, 1, 0x00) => P256Verify,
            (0xfe, 0, 0x01) => ResolveAddress,
            (0xfe, 0, 0x02) => LookupDelegatedAddress,
            (0xfe, 0, 0x03) => CallActor,
            (0xfe, 0, 0x05) => CallActorId,
            (0xfe, 0, 0x06) => GetRandomness,
            _ => return None,
        })
    }
}

/// Whether there is a precompile at an address.
pub(crate) fn exists(address: EthAddress) -> bool {
    Precompile::at(address).is_some()
}

/// Whether calls of an address end here, with or without a precompile there.
pub(crate) fn is_reserved(address: EthAddress) -> bool {
    let [first, middle @ .., low] = address.0;
    (matches!(first, 0 | 0xfe) && middle == [0; 18] && low != 0) || exists(address)
}

/// Runs the precompile at a reserved address; where there is none the output is
/// empty.
pub(crate) fn run<RT: Runtime>(
    machine: &mut Machine<'_, RT>,
    address: EthAddress,
    request: &Request<'_>,
) -> Output {
    use Precompile::*;
    let input = request.input;
    let precompile = Precompile::at(address);
    #[cfg(not(target_arch = "wasm32"))]
    if let Some(precompile) = precompile {
        charge(machine.rt, precompile, input);
    }
    match precompile {
        None => Ok(Vec::new()),
        Some(EcRecover) => Ok(ethereum::ecrecover(machine.rt, input)),
        Some(Sha256) => Ok(ethereum::sha256(machine.rt, input)),
        Some(Ripemd160) => Ok(ethereum::ripemd160(machine.rt, input)),
        Some(Identity) => Ok(input.to_vec()),
        Some(ModExp) => ethereum::modexp(input),
        Some(Bn254Add) => ethereum::bn254_add(input),
        Some(Bn254Mul) => ethereum::bn254_mul(input),
        Some(Bn254Pairing) => ethereum::bn254_pairing(input),
        Some(Blake2F) => ethereum::blake2f(input),
        Some(BlsG1Add) => ethereum::bls_g1_add(input),
        Some(BlsG1Msm) => ethereum::bls_g1_msm(input),
        Some(BlsG2Add) => ethereum::bls_g2_add(input),
        Some(BlsG2Msm) => ethereum::bls_g2_msm(input),
        Some(BlsPairing) => ethereum::bls_pairing(input),
        Some(BlsMapFpToG1) => ethereum::bls_map_fp_to_g1(input),
        Some(BlsMapFp2ToG2) => ethereum::bls_map_fp2_to_g2(input),
        Some(P256Verify) => Ok(ethereum::p256_verify(input)),
        Some(ResolveAddress) => filecoin::resolve_address(machine.rt, input),
        Some(LookupDelegatedAddress) => filecoin::lookup_delegated_address(machine.rt, input),
        Some(CallActor) => filecoin::call_actor(machine, request),
        Some(CallActorId) => filecoin::call_actor_id(machine, request),
        Some(GetRandomness) => filecoin::get_randomness(machine.rt, input),
    }
}

/// Tells a native machine of work that the instructions say nothing of; on chain the
/// FVM counts it. Input that is not refused costs at least as much there.
#[cfg(not(target_arch = "wasm32"))]
fn charge(rt: &impl Runtime, precompile: Precompile, input: &[u8]) {
    use Precompile::*;
    use boatyard_sdk::Host;

    let length = input.len() as u64;
    let each = |bytes: u64, gas: u64| length / bytes * gas;
    let gas = match precompile {
        EcRecover => 1_000_000,
        Sha256 => 7 * length,
        Ripemd160 => 35 * length,
        ModExp => modexp_gas(input),
        Bn254Add => 50_000,
        Bn254Mul => 1_000_000,
        Bn254Pairing => each(192, 10_000_000),
        // Other input fails at once.
        Blake2F if length == 213 && input[212] <= 1 => {
            2_000 * u64::from(u32::from_be_bytes(Reader::new(input).array()))
        }
        BlsG1Add => 100_000,
        BlsG1Msm => each(160, 500_000),
        BlsG2Add => 200_000,
        BlsG2Msm => each(288, 1_500_000),
        BlsPairing => each(384, 20_000_000),
        BlsMapFpToG1 => 1_000_000,
        BlsMapFp2ToG2 => 3_000_000,
        P256Verify if length == 160 => 2_000_000,
        CallActor | CallActorId => copied(claimed_params(input)),
        Identity
        | Blake2F
        | P256Verify
        | ResolveAddress
        | LookupDelegatedAddress
        | GetRandomness => return,
    };
    rt.host().charge_gas("EVM precompile", gas);
}

#[cfg(not(target_arch = "wasm32"))]
fn copied(bytes: u64) -> u64 {
    bytes * MILLIGAS_PER_BYTE / 1_000
}

#[cfg(not(target_arch = "wasm32"))]
fn modexp_gas(input: &[u8]) -> u64 {
    const GAS_PER_PRODUCT: u64 = 100;

    let mut head = Reader::new(input);
    let mut length = || head.u32().map_or(0, u64::from);
    let (base, exponent, modulus) = (length(), length(), length());
    let limbs = base.max(modulus).div_ceil(8);
    GAS_PER_PRODUCT
        .saturating_mul(limbs * limbs)
        .saturating_mul(8 * exponent)
        .saturating_add(copied(base + exponent + modulus))
}

/// How long the parameters of a call of an actor say they are.
#[cfg(not(target_arch = "wasm32"))]
fn claimed_params(input: &[u8]) -> u64 {
    let mut head = Reader::new(input);
    for _ in 0..4 {
        head.word();
    }
    let length = |offset| Reader::at(input, offset).u32().map_or(0, u64::from);
    head.u32().map_or(0, length)
}
