//! Whatever the code and the parameters, an error is the worst that comes.

use boatyard_actors_shared::ext::evm::INVOKE_CONTRACT;
use boatyard_mock::{MockHost, MockRuntime};
use boatyard_sdk::{
    Actor, ActorError, ActorRuntime, Host, MessageContext, NetworkContext, NetworkVariant, Runtime,
};
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, DAG_CBOR, IPLD_RAW};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::consensus::ConsensusFault;
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::crypto::signature::SignatureType;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::event::ActorEvent;
use fvm_shared::piece::PieceInfo;
use fvm_shared::sector::*;
use fvm_shared::sys::SendFlags;
use fvm_shared::{ActorID, MethodNum, Response};
use proptest::prelude::*;

use super::world::*;
use crate::EvmActor;

/// A mock machine that answers every send, each time with the next of its answers.
struct Answering<'a> {
    mock: &'a MockHost,
    answers: &'a [Result<Response, ErrorNumber>],
    sends: std::cell::Cell<usize>,
}

macro_rules! forwarded {
    ($($name:ident($($argument:ident: $kind:ty),*) $(-> $returned:ty)?;)+) => {
        $(fn $name(&self $(, $argument: $kind)*) $(-> $returned)? {
            self.mock.$name($($argument),*)
        })+
    };
}

impl Host for Answering<'_> {
    fn send(
        &self,
        _to: &Address,
        _method: MethodNum,
        _params: Option<IpldBlock>,
        _value: TokenAmount,
        _gas_limit: Option<u64>,
        _flags: SendFlags,
    ) -> Result<Response, ErrorNumber> {
        let number = self.sends.get();
        self.sends.set(number + 1);
        self.answers[number % self.answers.len()].clone()
    }

    fn verify_bls_aggregate(
        &self,
        signature: &[u8; 96],
        keys: &[[u8; 48]],
        plaintexts: &[&[u8]],
    ) -> Result<bool, ErrorNumber> {
        self.mock.verify_bls_aggregate(signature, keys, plaintexts)
    }

    forwarded! {
        message() -> &MessageContext;
        network() -> &NetworkContext;
        variant() -> NetworkVariant;
        block_get(cid: &Cid) -> Result<Vec<u8>, ErrorNumber>;
        block_put(codec: u64, hash: u64, data: &[u8]) -> Result<Cid, ErrorNumber>;
        root() -> Result<Cid, ErrorNumber>;
        set_root(root: &Cid) -> Result<(), ErrorNumber>;
        current_balance() -> TokenAmount;
        self_destruct() -> Result<(), ErrorNumber>;
        resolve_address(address: &Address) -> Option<ActorID>;
        delegated_address(id: ActorID) -> Option<Address>;
        code_cid(id: ActorID) -> Option<Cid>;
        balance_of(id: ActorID) -> Option<TokenAmount>;
        builtin_type(code: &Cid) -> u32;
        builtin_code(position: u32) -> Option<Cid>;
        next_actor_address() -> Address;
        create_actor(code: &Cid, id: ActorID, delegated: Option<Address>) -> Result<(), ErrorNumber>;
        upgrade_actor(code: &Cid, params: Option<IpldBlock>) -> Result<Response, ErrorNumber>;
        ticket_randomness(epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber>;
        beacon_randomness(epoch: ChainEpoch) -> Result<[u8; 32], ErrorNumber>;
        tipset_cid(epoch: ChainEpoch) -> Result<Cid, ErrorNumber>;
        circulating_supply() -> TokenAmount;
        gas_available() -> u64;
        charge_gas(name: &str, compute: u64);
        hash(hasher: SupportedHashes, data: &[u8]) -> Vec<u8>;
        verify_signature(kind: SignatureType, signature: &[u8], signer: &Address, plaintext: &[u8]) -> Result<bool, ErrorNumber>;
        recover_secp_key(hash: &[u8; 32], signature: &[u8; 65]) -> Result<[u8; 65], ErrorNumber>;
        unsealed_sector_cid(proof: RegisteredSealProof, pieces: &[PieceInfo]) -> Result<Cid, ErrorNumber>;
        verify_post(info: &WindowPoStVerifyInfo) -> Result<bool, ErrorNumber>;
        batch_verify_seals(seals: &[SealVerifyInfo]) -> Result<Vec<bool>, ErrorNumber>;
        verify_aggregate_seals(aggregate: &AggregateSealVerifyProofAndInfos) -> Result<bool, ErrorNumber>;
        verify_replica_update(update: &ReplicaUpdateInfo) -> Result<bool, ErrorNumber>;
        verify_consensus_fault(header_1: &[u8], header_2: &[u8], extra: &[u8]) -> Result<Option<ConsensusFault>, ErrorNumber>;
        emit_event(event: &ActorEvent) -> Result<(), ErrorNumber>;
        log_enabled() -> bool;
        log(line: &str);
    }
}

/// Calls a method; a panic of the actor fails the test.
fn survives(
    rt: &MockRuntime,
    method: MethodNum,
    params: Option<IpldBlock>,
    answers: &[Result<Response, ErrorNumber>],
) -> Result<(), ActorError> {
    rt.within(|mock| {
        let host = Answering {
            mock: mock.host(),
            answers,
            sends: Default::default(),
        };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            EvmActor::invoke(&ActorRuntime::new(host), method, params)
        }));
        // Past the mock, which takes an actor's panic for exit code 24.
        Ok(result.is_ok())
    })
    .map(|survived| assert!(survived, "the actor panicked"))
}

fn any_block() -> impl Strategy<Value = Option<IpldBlock>> {
    let data = prop::collection::vec(any::<u8>(), 0..100);
    let codec = prop_oneof![Just(CBOR), Just(DAG_CBOR), Just(IPLD_RAW), any::<u64>()];
    let encoded = data.clone().prop_map(|data| Some(bytes_block(&data)));
    prop_oneof![
        Just(None),
        (codec, data).prop_map(|(codec, data)| Some(IpldBlock { codec, data })),
        encoded
    ]
}

fn any_answer() -> impl Strategy<Value = Result<Response, ErrorNumber>> {
    let response =
        (prop_oneof![Just(0u32), any::<u32>()], any_block()).prop_map(|(code, return_data)| {
            Ok(Response {
                exit_code: ExitCode::new(code),
                return_data,
            })
        });
    let refusal = prop_oneof![
        Just(ErrorNumber::NotFound),
        Just(ErrorNumber::ReadOnly),
        Just(ErrorNumber::LimitExceeded),
        Just(ErrorNumber::InsufficientFunds)
    ];
    prop_oneof![3 => response, 1 => refusal.prop_map(Err)]
}

const JUMPDEST: u8 = 0x5b;

/// Bytes without JUMPDEST: nothing meters a loop here.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(
        any::<u8>().prop_map(|byte| if byte == JUMPDEST { 0x5a } else { byte }),
        0..300,
    )
}

/// Instructions with operands for most of them, and jumps that go forward only.
fn any_program() -> impl Strategy<Value = Vec<u8>> {
    let operand = prop_oneof![
        4 => (0u8..=64).prop_map(|small| vec![0x60, small]),
        2 => Just(vec![0x60, 0xfe]),
        1 => any::<[u8; 4]>().prop_map(|bytes| [vec![0x63], bytes.to_vec()].concat()),
        1 => any::<[u8; 32]>().prop_map(|bytes| [vec![0x7f], bytes.to_vec()].concat()),
        1 => Just([vec![0x73], eth(OTHER).0.to_vec()].concat()),
        1 => (1u8..=17).prop_map(|low| [vec![0x73, 0], vec![0; 18], vec![low]].concat()),
        1 => (1u8..=6).prop_map(|low| [vec![0x73, 0xfe], vec![0; 18], vec![low]].concat()),
    ];
    let opcode = any::<u8>().prop_filter("jumps and pushes are made elsewhere", |opcode| {
        !matches!(opcode, 0x56 | 0x57 | 0x60..=0x7f) && *opcode != JUMPDEST
    });
    let instruction = (prop::collection::vec(operand, 0..8), opcode)
        .prop_map(|(operands, opcode)| [operands.concat(), vec![opcode]].concat());
    // The jump is relative to its own place: PC + 6 is the JUMPDEST behind it.
    let forward = Just(vec![0x58, 0x60, 0x06, 0x01, 0x56, 0xfe, JUMPDEST]);
    let part = prop_oneof![9 => instruction, 1 => forward];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic(
        code in any_bytes(),
        input in prop::collection::vec(any::<u8>(), 0..100),
        read_only: bool,
        answers in prop::collection::vec(any_answer(), 1..5),
    ) {
        let rt = contract_of(&code);
        let rt = if read_only { rt.read_only() } else { rt };
        survives(&rt, INVOKE_CONTRACT, Some(raw(&input)), &answers)?;
    }

    #[test]
    fn random_programs_never_panic(
        code in any_program(),
        input in prop::collection::vec(any::<u8>(), 0..300),
        read_only: bool,
        answers in prop::collection::vec(any_answer(), 1..5),
    ) {
        let rt = contract_of(&code).balance(CONTRACT, atto(1_000));
        let rt = if read_only { rt.read_only() } else { rt };
        survives(&rt, INVOKE_CONTRACT, Some(raw(&input)), &answers)?;
    }

    #[test]
    fn random_parameters_never_panic(
        method in prop_oneof![0u64..10, Just(INVOKE_CONTRACT), any::<u64>()],
        params in any_block(),
        caller in prop_oneof![Just(0u64), Just(1), Just(10), Just(CONTRACT), Just(CALLER)],
        output in any_bytes(),
    ) {
        // Answers any call with the bytes behind its code.
        let mut code = super::asm::asm("16 CODESIZE SUB DUP1 16 0 CODECOPY 0 RETURN STOP STOP STOP");
        code.truncate(16);
        code.extend(output);
        let answers = [Err(ErrorNumber::NotFound)];
        survives(&contract_of(&code).caller(caller), method, params.clone(), &answers)?;
        survives(&empty_world().caller(caller), method, params, &answers)?;
    }
}
