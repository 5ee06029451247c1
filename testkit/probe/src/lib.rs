//! An actor that does what its parameters say.
//!
//! Any call carries a list of [`Step`]s, CBOR or DAG-CBOR, and returns what came of
//! each ([`Report`]). A step is a bare system call, so scripts reach every corner
//! of a machine; run natively and as Wasm, the reports, the traces and the states
//! must be the same. Has no state of its own, no ABI worth reading, and no
//! protection: never install it where anything is worth something.

use boatyard_sdk::{ActorError, Host, Runtime, actor};
use cid::Cid;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_ipld_encoding::{CBOR, RawBytes};
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::crypto::hash::SupportedHashes;
use fvm_shared::crypto::signature::SignatureType;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::event::{ActorEvent, Entry, Flags};
use fvm_shared::sector::{RegisteredSealProof, WindowPoStVerifyInfo};
use fvm_shared::sys::SendFlags;
use fvm_shared::{ActorID, MethodNum, Response};
use serde::{Deserialize, Serialize};

/// A block in a script: codec and bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data(pub u64, pub RawBytes);

impl Data {
    /// A block of this codec.
    pub fn new(codec: u64, bytes: impl Into<Vec<u8>>) -> Self {
        Self(codec, RawBytes::new(bytes.into()))
    }

    fn block(self) -> IpldBlock {
        IpldBlock {
            codec: self.0,
            data: self.1.into(),
        }
    }
}

/// A call to another actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendStep {
    /// Receiver.
    pub to: Address,
    /// Method number.
    pub method: MethodNum,
    /// Parameters.
    pub params: Option<Data>,
    /// Value in attoFIL.
    pub value: TokenAmount,
    /// Bits of [`SendFlags`], known or not.
    pub flags: u64,
}

/// One entry of an event: flags, key, codec, value.
pub type EntryStep = (u64, String, u64, RawBytes);

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Stores a block under a hash function.
    Put(Data, u64),
    /// Opens a block.
    Get(Cid),
    /// Reads the head.
    Root,
    /// Sets the head.
    SetRoot(Cid),
    /// Sends.
    Send(SendStep),
    /// Emits an event.
    Emit(Vec<EntryStep>),
    /// Deletes this actor.
    Delete,
    /// Creates an actor record, as only the init actor may.
    Create(Cid, ActorID, Option<Address>),
    /// Replaces this actor's code.
    Upgrade(Cid, Option<Data>),
    /// Tells the message's and the network's context.
    Context,
    /// Tells this actor's balance.
    Balance,
    /// Tells what is known of an actor: code, delegated address, balance.
    Look(ActorID),
    /// Resolves an address.
    Resolve(Address),
    /// Tells the type of a code, and the code of a type.
    Types(Cid, u32),
    /// Tells the next f2 address.
    NextAddress,
    /// Asks for ticket randomness, or that of the beacon.
    Randomness(bool, ChainEpoch),
    /// Asks for a tipset.
    Tipset(ChainEpoch),
    /// Hashes with one of the five functions, by its multihash code.
    Hash(u64, RawBytes),
    /// Checks a signature: type, signature, signer, message.
    Verify(u8, RawBytes, Address, RawBytes),
    /// Recovers a key from 32 bytes of hash and 65 of signature.
    Recover(RawBytes, RawBytes),
    /// Checks an empty Window PoSt.
    Post,
    /// Computes the unsealed CID of an empty 2 KiB sector.
    CommD,
    /// Looks for a consensus fault in this header.
    Fault(RawBytes),
    /// Writes a line into the log.
    Log(String),
    /// Panics.
    Panic(String),
    /// Ends with this code and data.
    Exit(u32, Option<Data>),
    /// Ends well with this block.
    Return(Data),
}

/// What came of the steps, in order.
pub type Report = Vec<Outcome>;

/// What came of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It worked, with this answer (CBOR).
    Done(RawBytes),
    /// The system refused, with this error number.
    Refused(u32),
}

/// Does what its parameters say.
pub struct Probe;

#[actor(name = "probe", unrestricted)]
impl Probe {
    /// Runs a script.
    #[fallback]
    fn run(
        rt: &impl Runtime,
        _method: MethodNum,
        script: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError> {
        rt.accept_any_caller()?;
        run(rt, script)
    }

    /// Runs a script as well.
    #[upgrade]
    fn upgraded(
        rt: &impl Runtime,
        _old_code: Cid,
        script: Option<IpldBlock>,
    ) -> Result<Option<IpldBlock>, ActorError> {
        rt.accept_any_caller()?;
        run(rt, script)
    }
}

boatyard_sdk::entry!(Probe);

fn run(rt: &impl Runtime, script: Option<IpldBlock>) -> Result<Option<IpldBlock>, ActorError> {
    let steps: Vec<Step> = match script {
        Some(script) => boatyard_sdk::dispatch::params(Some(script))?,
        None => Vec::new(),
    };
    let mut report = Report::new();
    for step in steps {
        match step {
            Step::Panic(words) => panic!("{words}"),
            Step::Exit(code, data) => {
                return Err(ActorError::with_data(
                    ExitCode::new(code),
                    "told to give up",
                    data.map(Data::block),
                ));
            }
            Step::Return(data) => return Ok(Some(data.block())),
            step => report.push(match take(rt.host(), step) {
                Ok(answer) => Outcome::Done(RawBytes::new(answer)),
                Err(number) => Outcome::Refused(number as u32),
            }),
        }
    }
    Ok(Some(cbor_block(&report)))
}

/// Takes one step, and encodes the system's answer.
fn take(host: &impl Host, step: Step) -> Result<Vec<u8>, ErrorNumber> {
    Ok(match step {
        Step::Put(Data(codec, bytes), hash) => cbor(&host.block_put(codec, hash, &bytes)?),
        Step::Get(cid) => cbor(&RawBytes::new(host.block_get(&cid)?)),
        Step::Root => cbor(&host.root()?),
        Step::SetRoot(cid) => cbor(&host.set_root(&cid)?),
        Step::Send(SendStep {
            to,
            method,
            params,
            value,
            flags,
        }) => {
            let params = params.map(Data::block);
            let flags = SendFlags::from_bits_retain(flags);
            response(host.send(&to, method, params, value, None, flags)?)
        }
        Step::Emit(entries) => {
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(flags, key, codec, value)| Entry {
                    flags: Flags::from_bits_retain(flags),
                    key,
                    codec,
                    value: value.into(),
                })
                .collect();
            cbor(&host.emit_event(&ActorEvent::from(entries))?)
        }
        Step::Delete => cbor(&host.self_destruct()?),
        Step::Create(code, id, delegated) => cbor(&host.create_actor(&code, id, delegated)?),
        Step::Upgrade(code, params) => {
            response(host.upgrade_actor(&code, params.map(Data::block))?)
        }
        Step::Context => context(host),
        Step::Balance => cbor(&host.current_balance()),
        Step::Look(id) => cbor(&(
            host.code_cid(id),
            host.delegated_address(id),
            host.balance_of(id),
        )),
        Step::Resolve(address) => cbor(&host.resolve_address(&address)),
        Step::Types(code, position) => {
            // The FVM ends an actor that asks for a type beyond the manifest.
            let named = (1..=16)
                .contains(&position)
                .then(|| host.builtin_code(position));
            cbor(&(host.builtin_type(&code), named.flatten()))
        }
        Step::NextAddress => cbor(&host.next_actor_address()),
        Step::Randomness(false, epoch) => cbor(&bytes(&host.ticket_randomness(epoch)?)),
        Step::Randomness(true, epoch) => cbor(&bytes(&host.beacon_randomness(epoch)?)),
        Step::Tipset(epoch) => cbor(&host.tipset_cid(epoch)?),
        Step::Hash(code, data) => match hasher(code) {
            Some(hasher) => cbor(&bytes(&host.hash(hasher, &data))),
            None => return Err(ErrorNumber::IllegalArgument),
        },
        Step::Verify(kind, signature, signer, plaintext) => {
            let kind = match kind {
                1 => SignatureType::Secp256k1,
                _ => SignatureType::BLS,
            };
            cbor(&host.verify_signature(kind, &signature, &signer, &plaintext)?)
        }
        Step::Recover(hash, signature) => {
            let (Ok(hash), Ok(signature)) = (hash[..].try_into(), signature[..].try_into()) else {
                return Err(ErrorNumber::IllegalArgument);
            };
            cbor(&bytes(&host.recover_secp_key(hash, signature)?))
        }
        Step::Post => cbor(&host.verify_post(&WindowPoStVerifyInfo::default())?),
        Step::CommD => {
            cbor(&host.unsealed_sector_cid(RegisteredSealProof::StackedDRG2KiBV1P1, &[])?)
        }
        Step::Fault(header) => {
            let fault = host.verify_consensus_fault(&header, &[], &[])?;
            cbor(&fault.map(|fault| (fault.target, fault.epoch)))
        }
        Step::Log(line) => {
            host.log(&line);
            cbor(&())
        }
        Step::Panic(_) | Step::Exit(..) | Step::Return(_) => unreachable!("ends of scripts"),
    })
}

fn response(response: Response) -> Vec<u8> {
    let data = response
        .return_data
        .map(|data| Data::new(data.codec, data.data));
    cbor(&(response.exit_code, data))
}

fn context(host: &impl Host) -> Vec<u8> {
    let (message, network) = (host.message(), host.network());
    cbor(&(
        (
            message.origin,
            message.nonce,
            message.caller,
            message.receiver,
            message.method,
            &message.value,
            &message.gas_premium,
            message.read_only,
        ),
        (
            network.epoch,
            network.timestamp,
            &network.base_fee,
            network.chain_id,
            network.network_version,
        ),
        host.circulating_supply(),
    ))
}

fn hasher(code: u64) -> Option<SupportedHashes> {
    use SupportedHashes::{Blake2b256, Blake2b512, Keccak256, Ripemd160, Sha2_256};
    [Sha2_256, Blake2b256, Blake2b512, Keccak256, Ripemd160]
        .into_iter()
        .find(|hasher| u64::from(*hasher) == code)
}

fn bytes(data: &[u8]) -> RawBytes {
    RawBytes::new(data.to_vec())
}

fn cbor(value: &impl Serialize) -> Vec<u8> {
    fvm_ipld_encoding::to_vec(value).expect("answers of the system can be encoded")
}

fn cbor_block(value: &impl Serialize) -> IpldBlock {
    IpldBlock {
        codec: CBOR,
        data: cbor(value),
    }
}

/// A script as parameters that link to nothing.
pub fn script(steps: &[Step]) -> Data {
    Data::new(CBOR, cbor(&steps))
}
