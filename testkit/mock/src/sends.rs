//! Expected sends: in order, each with its answer.

use std::fmt;
use std::panic::Location;

use fvm_ipld_encoding::CBOR;
use fvm_ipld_encoding::ipld_block::IpldBlock;
use fvm_shared::address::Address;
use fvm_shared::econ::TokenAmount;
use fvm_shared::error::{ErrorNumber, ExitCode};
use fvm_shared::sys::SendFlags;
use fvm_shared::{MethodNum, Response};
use serde::Serialize;

use crate::runtime::MockRuntime;
use crate::world::World;

/// A send as its receiver sees it; see [`MockRuntime::answer_requests`].
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who is called.
    pub to: &'a Address,
    /// Which method.
    pub method: MethodNum,
    /// Its parameters.
    pub params: &'a Option<IpldBlock>,
    /// What comes with it.
    pub value: &'a TokenAmount,
    /// Whether nothing may change.
    pub read_only: bool,
}

/// What a send has to look like to count as the expected one.
enum ExpectedParams {
    Exactly(Option<IpldBlock>),
    Any,
}

type Effect = Box<dyn FnOnce(&MockRuntime)>;

pub(crate) struct Expected {
    id: u64,
    to: Address,
    method: MethodNum,
    params: ExpectedParams,
    value: TokenAmount,
    flags: SendFlags,
    gas_limit: Option<u64>,
    pub answer: Result<Response, ErrorNumber>,
    pub effect: Option<Effect>,
    written_at: &'static Location<'static>,
}

impl Expected {
    pub fn new(
        id: u64,
        to: Address,
        method: MethodNum,
        written_at: &'static Location<'static>,
    ) -> Self {
        Self {
            id,
            to,
            method,
            params: ExpectedParams::Exactly(None),
            value: TokenAmount::default(),
            flags: SendFlags::empty(),
            gas_limit: None,
            answer: Ok(Response {
                exit_code: ExitCode::OK,
                return_data: None,
            }),
            effect: None,
            written_at,
        }
    }

    pub fn matches(&self, send: &Sent<'_>) -> bool {
        let params = match &self.params {
            ExpectedParams::Exactly(params) => params == send.params,
            ExpectedParams::Any => true,
        };
        params
            && self.to == *send.to
            && self.method == send.method
            && self.value == *send.value
            && self.flags == send.flags
            && self.gas_limit == send.gas_limit
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params = match &self.params {
            ExpectedParams::Exactly(params) => show_block(params),
            ExpectedParams::Any => "any".into(),
        };
        show(
            f,
            &self.to,
            self.method,
            &params,
            &self.value,
            self.flags,
            self.gas_limit,
        )?;
        write!(f, " [expected at {}]", self.written_at)
    }
}

/// A send that an actor made.
pub(crate) struct Sent<'a> {
    pub to: &'a Address,
    pub method: MethodNum,
    pub params: &'a Option<IpldBlock>,
    pub value: &'a TokenAmount,
    pub flags: SendFlags,
    pub gas_limit: Option<u64>,
}

impl fmt::Display for Sent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(
            f,
            self.to,
            self.method,
            &show_block(self.params),
            self.value,
            self.flags,
            self.gas_limit,
        )
    }
}

fn show(
    f: &mut fmt::Formatter<'_>,
    to: &Address,
    method: MethodNum,
    params: &str,
    value: &TokenAmount,
    flags: SendFlags,
    gas_limit: Option<u64>,
) -> fmt::Result {
    write!(
        f,
        "to {to}, method {method}, params {params}, value {} atto",
        value.atto()
    )?;
    if flags.contains(SendFlags::READ_ONLY) {
        f.write_str(", read-only")?;
    }
    if let Some(limit) = gas_limit {
        write!(f, ", gas limit {limit}")?;
    }
    Ok(())
}

pub(crate) fn show_block(block: &Option<IpldBlock>) -> String {
    match block {
        None => "none".into(),
        Some(block) => {
            let hex: String = block.data.iter().map(|b| format!("{b:02x}")).collect();
            format!("{hex} (codec {:#x})", block.codec)
        }
    }
}

/// An expected send, for saying more about it. What is not said is: no
/// parameters, no value, no flags, no gas limit, success without return data.
pub struct ExpectedSend<'a> {
    world: &'a World,
    id: u64,
}

impl<'a> ExpectedSend<'a> {
    pub(crate) fn new(world: &'a World, id: u64) -> Self {
        Self { world, id }
    }

    fn change(self, change: impl FnOnce(&mut Expected)) -> Self {
        let mut expected = self.world.expected.borrow_mut();
        let this = expected
            .iter_mut()
            .find(|expected| expected.id == self.id)
            .expect("the send has not been made yet");
        change(this);
        drop(expected);
        self
    }

    /// With these parameters, as a CBOR block (codec 0x51).
    pub fn params(self, params: &(impl Serialize + ?Sized)) -> Self {
        let block = IpldBlock::serialize(CBOR, params).expect("the test's parameters encode");
        self.block(Some(block))
    }

    /// With this parameter block.
    pub fn block(self, params: Option<IpldBlock>) -> Self {
        self.change(|expected| expected.params = ExpectedParams::Exactly(params))
    }

    /// Whatever the parameters are.
    pub fn any_params(self) -> Self {
        self.change(|expected| expected.params = ExpectedParams::Any)
    }

    /// With this value.
    pub fn value(self, value: TokenAmount) -> Self {
        self.change(|expected| expected.value = value)
    }

    /// With the read-only flag.
    pub fn read_only(self) -> Self {
        self.change(|expected| expected.flags = SendFlags::READ_ONLY)
    }

    /// With this gas limit.
    pub fn gas_limit(self, limit: u64) -> Self {
        self.change(|expected| expected.gas_limit = Some(limit))
    }

    /// Succeeds with this value, as a CBOR block (codec 0x51).
    pub fn returns(self, value: &(impl Serialize + ?Sized)) -> Self {
        let block = IpldBlock::serialize(CBOR, value).expect("the test's return value encodes");
        self.responds(ExitCode::OK, Some(block))
    }

    /// Fails with this exit code and no data.
    pub fn exits(self, exit_code: u32) -> Self {
        self.responds(ExitCode::new(exit_code), None)
    }

    /// Ends with this exit code and block.
    pub fn responds(self, exit_code: ExitCode, return_data: Option<IpldBlock>) -> Self {
        self.change(|expected| {
            expected.answer = Ok(Response {
                exit_code,
                return_data,
            });
        })
    }

    /// The machine does not make the call.
    pub fn refused(self, error: ErrorNumber) -> Self {
        self.change(|expected| expected.answer = Err(error))
    }

    /// What else happens in the world before the answer comes, such as an actor
    /// that the callee created, or a call back into this one.
    pub fn effect(self, effect: impl FnOnce(&MockRuntime) + 'static) -> Self {
        self.change(|expected| expected.effect = Some(Box::new(effect)))
    }
}
