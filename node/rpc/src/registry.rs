//! One declaration per method: everything that answers calls, lists methods or
//! documents them reads it from here.
//!
//! A module of methods is a table written with `methods!`:
//!
//! ```text
//! methods![
//!     /// Balance in attoFIL after a block.
//!     ["eth_getBalance", "Filecoin.EthGetBalance"]
//!     (address: EthAddress, block: BlockParam) -> "quantity" = wait balance;
//! ]
//! ```
//!
//! The first name is the method's own, the others are aliases. Who may do more than
//! read writes the permission behind the result: `-> "CID" [Write] = …`. What a parameter
//! looks like, how it is read and what stands in for a missing one is said once,
//! by its type's [`Param`].

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::{Call, Path};
use crate::error::RpcError;
use crate::stream::Source;

/// What a method answers: JSON that is ready to send.
pub type Answer = Result<Box<RawValue>, RpcError>;

/// A future without a lifetime.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A method as declared.
pub struct Method {
    /// Its own name.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// What it does, from the comment above the declaration.
    pub doc: &'static str,
    /// Paths on which this declaration holds.
    pub paths: Paths,
    /// What a token must allow, where tokens are asked for.
    pub permission: Permission,
    /// In which nodes it exists.
    pub presence: Presence,
    /// Parameters in order.
    pub params: Vec<ParamDoc>,
    /// Shape of the result.
    pub result: &'static str,
    /// How it is answered.
    pub work: Work,
}

impl Method {
    /// All its names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Whether a node that is served so has it.
    pub fn exists(&self, options: &crate::ServeOptions) -> bool {
        match self.presence {
            Presence::Always => true,
            Presence::Lenient => !options.strict,
            Presence::Development => options.development,
        }
    }

    /// The same declaration for some paths only.
    pub fn on(mut self, paths: Paths) -> Self {
        self.paths = paths;
        self
    }

    /// The same declaration for some nodes only.
    pub fn only(mut self, presence: Presence) -> Self {
        self.presence = presence;
        self
    }

    /// The same declaration for whoever may do more than read, unless it says already
    /// what is needed.
    pub fn needs(mut self, permission: Permission) -> Self {
        self.permission = self.permission.max(permission);
        self
    }
}

/// What a caller may do, each with all before it (spec 10 §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Look.
    Read,
    /// Send what others have signed.
    Write,
    /// Use the node's keys.
    Sign,
    /// Everything.
    Admin,
}

impl Permission {
    /// All, in ascending order.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Sign, Self::Admin];

    /// Its name in tokens.
    pub fn name(self) -> &'static str {
        match self {
            Permission::Read => "read",
            Permission::Write => "write",
            Permission::Sign => "sign",
            Permission::Admin => "admin",
        }
    }

    /// The permission with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.name() == name)
    }
}

/// In which nodes a method exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Everywhere.
    Always,
    /// Not in a node that answers as Lotus does.
    Lenient,
    /// Where development methods are on.
    Development,
}

/// A parameter as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamDoc {
    /// Its name.
    pub name: &'static str,
    /// Shape of its JSON.
    pub shape: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it is an array of this shape.
    pub many: bool,
}

impl ParamDoc {
    /// The parameter `name` of type `T`.
    pub fn of<T: Param>(name: &'static str) -> Self {
        Self {
            name: name.strip_prefix('_').unwrap_or(name),
            shape: T::SHAPE,
            optional: T::missing().is_some(),
            many: T::MANY,
        }
    }
}

/// The paths that know a declaration (spec 10 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// Every path, unless another declaration of the name is made for one path.
    All,
    /// This path only, before any declaration for all paths.
    Only(Path),
}

/// Computes an answer.
pub type Compute = Arc<dyn Fn(&Call, Params) -> Answer + Send + Sync>;

/// Waits for an answer.
pub type Wait = Arc<dyn Fn(Call, Params) -> Boxed<Answer> + Send + Sync>;

/// Opens a stream.
pub type Open = Arc<dyn Fn(&Call, Params) -> Result<Source, RpcError> + Send + Sync>;

/// How a method is answered.
#[derive(Clone)]
pub enum Work {
    /// By computing; runs on a thread that may block.
    Compute(Compute),
    /// By waiting for something; runs as a task.
    Wait(Wait),
    /// With a stream of values over a WebSocket.
    Stream(Open),
    /// By ending a stream of the same connection.
    Unsubscribe,
}

/// A type that can be a parameter.
pub trait Param: Sized {
    /// Shape of the JSON, for documentation.
    const SHAPE: &'static str;

    /// Whether it is an array of that.
    const MANY: bool = false;

    /// Reads it.
    ///
    /// # Errors
    /// In words what is wrong; the name of the parameter is added by the caller.
    fn read(value: Value) -> Result<Self, String>;

    /// What stands in for a parameter that was left out or is `null`; `None`
    /// when it must be given.
    fn missing() -> Option<Self> {
        None
    }
}

impl<T: Param> Param for Option<T> {
    const SHAPE: &'static str = T::SHAPE;
    const MANY: bool = T::MANY;

    fn read(value: Value) -> Result<Self, String> {
        T::read(value).map(Some)
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

impl<T: Param> Param for Vec<T> {
    const SHAPE: &'static str = T::SHAPE;
    const MANY: bool = true;

    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Array(items) => items.into_iter().map(T::read).collect(),
            other => Err(format!("expected an array, got {}", kind(&other))),
        }
    }
}

/// The parameters of a call, taken one after another.
pub struct Params {
    method: &'static str,
    given: usize,
    taken: usize,
    values: std::vec::IntoIter<Value>,
    strict: bool,
}

impl Params {
    /// Reads the parameter list of a request. Absent and `null` are empty.
    ///
    /// # Errors
    /// When it is anything but an array (spec 10 §1.2).
    pub fn parse(method: &'static str, text: Option<&str>, strict: bool) -> Result<Self, RpcError> {
        let values = match text.map(str::trim).filter(|text| !text.is_empty()) {
            None | Some("null") => Vec::new(),
            Some(text) => match serde_json::from_str(text) {
                Ok(Value::Array(values)) => values,
                Ok(other) => {
                    return Err(RpcError::invalid_params(format!(
                        "{method}: parameters must be an array, got {}",
                        kind(&other)
                    )));
                }
                Err(error) => {
                    return Err(RpcError::invalid_params(format!(
                        "{method}: cannot read the parameters: {error}"
                    )));
                }
            },
        };
        Ok(Self {
            method,
            given: values.len(),
            taken: 0,
            values: values.into_iter(),
            strict,
        })
    }

    /// Checks the number of parameters against the declaration, as go-jsonrpc
    /// does it. Lenient mode only counts those that have no default, later.
    pub fn check_count(&self, declared: &[ParamDoc]) -> Result<(), RpcError> {
        let needed = declared.iter().filter(|param| !param.optional).count();
        if self.strict && (self.given < needed || self.given > declared.len()) {
            return Err(RpcError::invalid_params(format!(
                "wrong param count (method '{}'): {} != {}",
                self.method,
                self.given,
                declared.len()
            )));
        }
        Ok(())
    }

    /// Takes the next parameter.
    ///
    /// # Errors
    /// When it is missing and has no default, or cannot be read.
    pub fn take<T: Param>(&mut self, name: &'static str) -> Result<T, RpcError> {
        let name = name.strip_prefix('_').unwrap_or(name);
        self.taken += 1;
        match self.values.next() {
            None | Some(Value::Null) if T::missing().is_some() => {
                Ok(T::missing().expect("was asked in the line above"))
            }
            None => Err(RpcError::invalid_params(format!(
                "{}: parameter {} ({name}: {}) is missing",
                self.method,
                self.taken,
                T::SHAPE
            ))),
            Some(value) => T::read(value).map_err(|error| {
                RpcError::invalid_params(format!(
                    "{}: parameter {} ({name}: {}): {error}",
                    self.method,
                    self.taken,
                    T::SHAPE
                ))
            }),
        }
    }
}

/// What kind of JSON value this is, for messages.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Encodes a result.
pub fn answer(result: &impl Serialize) -> Answer {
    serde_json::value::to_raw_value(result)
        .map_err(|error| RpcError::failure(format!("the answer cannot be encoded: {error}")))
}

/// All methods of a node, found by name and path.
pub struct Registry {
    methods: Vec<Arc<Method>>,
    all: HashMap<&'static str, usize>,
    only: HashMap<Path, HashMap<&'static str, usize>>,
}

impl Registry {
    /// Collects declarations.
    ///
    /// # Panics
    /// When a name is declared twice for the same path: a fault of the program
    /// that every start would show.
    pub fn new(methods: impl IntoIterator<Item = Method>) -> Self {
        let methods = methods.into_iter();
        let mut registry = Self {
            methods: Vec::new(),
            all: HashMap::new(),
            only: HashMap::new(),
        };
        for method in methods {
            let index = registry.methods.len();
            for name in method.names() {
                let before = match method.paths {
                    Paths::All => registry.all.insert(name, index),
                    Paths::Only(path) => registry.only.entry(path).or_default().insert(name, index),
                };
                assert!(before.is_none(), "{name} is declared twice");
            }
            registry.methods.push(Arc::new(method));
        }
        registry
    }

    /// The declaration that answers to `name` on `path`.
    pub fn find(&self, name: &str, path: Path) -> Option<&Arc<Method>> {
        let index = self
            .only
            .get(&path)
            .and_then(|methods| methods.get(name))
            .or_else(|| self.all.get(name))?;
        self.methods.get(*index)
    }

    /// Every declaration.
    pub fn methods(&self) -> impl Iterator<Item = &Arc<Method>> {
        self.methods.iter()
    }
}

/// Declares methods; see the module's documentation. `compute`, `wait` and
/// `stream` say which [`Work`] the function does. The function is named before the
/// parameters are bound, for they may have its name.
macro_rules! methods {
    ($(
        $(#[doc = $doc:literal])+
        [$name:literal $(, $alias:literal)* $(,)?]
        ( $($arg:ident : $ty:ty),* $(,)? ) -> $result:literal $([$permission:ident])?
            = $how:ident $work:path;
    )*) => {
        vec![$(
            $crate::registry::Method {
                name: $name,
                aliases: &[$($alias),*],
                doc: concat!($($doc),+).trim(),
                paths: $crate::registry::Paths::All,
                permission: $crate::registry::permission!($($permission)?),
                presence: $crate::registry::Presence::Always,
                params: vec![$($crate::registry::ParamDoc::of::<$ty>(stringify!($arg))),*],
                result: $result,
                work: $crate::registry::work!($how $work, $($arg: $ty),*),
            }
        ),*]
    };
}

/// The [`Permission`] of one declaration of [`methods!`].
macro_rules! permission {
    () => {
        $crate::registry::Permission::Read
    };
    ($permission:ident) => {
        $crate::registry::Permission::$permission
    };
}

/// The [`Work`] of one declaration of [`methods!`].
macro_rules! work {
    (compute $work:path, $($arg:ident : $ty:ty),*) => {
        $crate::registry::Work::Compute(std::sync::Arc::new(
            #[allow(unused_mut, unused_variables)]
            |call: &$crate::call::Call, mut params: $crate::registry::Params| {
                let work = $work;
                $(let $arg = params.take::<$ty>(stringify!($arg))?;)*
                $crate::registry::answer(&work(call, $($arg),*)?)
            },
        ))
    };
    (wait $work:path, $($arg:ident : $ty:ty),*) => {
        $crate::registry::Work::Wait(std::sync::Arc::new(
            #[allow(unused_mut, unused_variables)]
            |call: $crate::call::Call, mut params: $crate::registry::Params| {
                Box::pin(async move {
                    let work = $work;
                    $(let $arg = params.take::<$ty>(stringify!($arg))?;)*
                    $crate::registry::answer(&work(call, $($arg),*).await?)
                })
            },
        ))
    };
    (stream $work:path, $($arg:ident : $ty:ty),*) => {
        $crate::registry::Work::Stream(std::sync::Arc::new(
            #[allow(unused_mut, unused_variables)]
            |call: &$crate::call::Call, mut params: $crate::registry::Params| {
                let work = $work;
                $(let $arg = params.take::<$ty>(stringify!($arg))?;)*
                work(call, $($arg),*)
            },
        ))
    };
}

pub(crate) use methods;
pub(crate) use permission;
pub(crate) use work;
