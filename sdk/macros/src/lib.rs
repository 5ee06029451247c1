//! The attributes of `boatyard-sdk`.
//!
//! | macro | module | makes |
//! |---|---|---|
//! | [`macro@actor`] | [`actor`](mod@actor_attr) | the dispatch table and the description of an actor |
//! | [`macro@AbiType`] | [`abi_type`](mod@abi_type) | the shape of a tuple struct |

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemImpl, parse_macro_input};

mod abi_type;
mod actor_attr;

/// Turns an `impl` block into an actor's dispatch table.
///
/// ```text
/// #[actor(name = "paymentchannel", state = State, exit_codes = EXIT_CODES, events = EVENTS)]
/// impl PaymentChannel { … }
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `name` | the actor's name (built-in: its manifest name) |
/// | `state` | type of its state object; omit for actors without one |
/// | `exit_codes` | a `&[(u32, &str)]` constant with its own codes |
/// | `events` | a `&[EventAbi]` constant |
/// | `unrestricted` | any caller may call methods below 2^24 |
///
/// Every function is a method and takes `rt: &impl Runtime`, then, if it has
/// parameters, one value of them; it returns `Result<T, ActorError>`, where `()`
/// is "no block" and `Option<IpldBlock>` a block of its own making.
///
/// | attribute | meaning |
/// |---|---|
/// | `#[method(2)]` | number 2 |
/// | `#[method(exported)]` | the FRC-0042 number of its name in UpperCamelCase |
/// | `#[method(exported = "Name")]` | the FRC-0042 number of another name |
/// | `#[method(2, exported)]` | both |
/// | `#[method(…, raw)]` | takes `Option<IpldBlock>`, whatever was passed |
/// | `#[fallback]` | every other number: takes `MethodNum` and `Option<IpldBlock>` |
/// | `#[upgrade]` | the code was replaced by this one: takes `Cid` (the old code) and `Option<IpldBlock>` |
#[proc_macro_attribute]
pub fn actor(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as actor_attr::Arguments);
    let item = parse_macro_input!(item as ItemImpl);
    actor_attr::expand(arguments, item)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// The shape of a struct that is encoded as a CBOR array of its fields, in order.
/// With `#[abi(transparent)]`, or for a one-field `struct Name(T)` marked so, the
/// shape of its only field.
#[proc_macro_derive(AbiType, attributes(abi))]
pub fn abi_type(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    abi_type::expand(item)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
