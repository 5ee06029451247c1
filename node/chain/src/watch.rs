//! Looking inside what was executed or is tried: every message a second time, on the
//! native machine, where each instruction of a contract is open to view. Runs on the
//! call threads; everything is written into a store that is forgotten afterwards.

use std::sync::Arc;

use boatyard_vm::context::{Context, Interceptor, Tracing};
use boatyard_vm::machine::{Applied, Machine, Mode};
use boatyard_vm::store::SharedStore;
use cid::Cid;
use fvm_shared::message::Message;

use crate::core::Core;
use crate::error::ChainError;
use crate::execute::Work;
use crate::machines::Purpose;
use crate::randomness::View;
use crate::store::Scratch;
use crate::tipset::ExecutedTipset;
use crate::view::StateView;

/// A message seen from inside.
pub struct Watched {
    /// What came of it on the machine that the chain runs on, with its calls.
    pub applied: Applied,
    /// What came of it on the native machine, if it was watched there. The two agree,
    /// unless the message depends on what gas costs.
    pub native: Option<Applied>,
    /// State before it.
    pub before: StateView,
    /// State after it.
    pub after: StateView,
}

/// Who looks at the instructions of the message with this index, if anybody.
pub type Watchers = Arc<dyn Fn(usize) -> Option<Arc<dyn Interceptor>> + Send + Sync>;

/// Executes a tipset again as far as needed and shows some of its messages.
pub(crate) fn tipset(
    core: &Arc<Core>,
    tipset: &ExecutedTipset,
    messages: std::ops::Range<usize>,
    watchers: &Watchers,
) -> Result<Vec<Watched>, ChainError> {
    let scratch = Scratch::over(&core.store);
    let context = core.context(
        tipset.height(),
        tipset.tipset.base_fee().clone(),
        tipset.circulating_supply.clone(),
        View::on_chain(core, tipset.height()),
        Tracing::Calls,
    );
    let inside = Inside {
        core,
        store: scratch.shared(),
        context,
    };
    let mut machine = inside.open(Purpose::Trace, tipset.start_root, None)?;
    let mut seen = Vec::new();
    let mut before = tipset.start_root;
    for (index, message) in tipset.messages.iter().enumerate().take(messages.end) {
        if index < messages.start {
            inside.apply(machine.as_mut(), message)?;
            continue;
        }
        if index == messages.start {
            before = machine.flush()?;
        }
        let applied = inside.apply(machine.as_mut(), message)?;
        let after = machine.flush()?;
        let native = match watchers(index) {
            None => None,
            Some(watcher) => {
                let mut machine = inside.open(Purpose::Watch, before, Some(watcher))?;
                Some(inside.apply(machine.as_mut(), message)?)
            }
        };
        seen.push(Watched {
            applied,
            native,
            before: inside.view(before),
            after: inside.view(after),
        });
        before = after;
    }
    Ok(seen)
}

struct Inside<'a> {
    core: &'a Arc<Core>,
    store: SharedStore,
    context: Context,
}

impl Inside<'_> {
    fn open(
        &self,
        purpose: Purpose,
        root: Cid,
        interceptor: Option<Arc<dyn Interceptor>>,
    ) -> Result<Box<dyn Machine>, ChainError> {
        let context = Context {
            interceptor,
            ..self.context.clone()
        };
        let machines = &self.core.machines;
        Ok(machines.open(purpose, self.store.clone(), root, context)?)
    }

    fn apply(
        &self,
        machine: &mut dyn Machine,
        message: &crate::tipset::ExecutedMessage,
    ) -> Result<Applied, ChainError> {
        let work = Work {
            cid: message.cid,
            signed: &message.signed,
            authority: message.authority,
        };
        Ok(machine.apply(&message.signed.message, work.mode())?)
    }

    fn view(&self, root: Cid) -> StateView {
        StateView::new(self.store.clone(), root)
    }
}

/// Tries a message on a state that is ready for it, its sender included.
pub(crate) fn call(
    core: &Arc<Core>,
    store: SharedStore,
    root: Cid,
    context: Context,
    message: &Message,
    watcher: Option<Arc<dyn Interceptor>>,
) -> Result<Watched, ChainError> {
    let inside = Inside {
        core,
        store,
        context,
    };
    let mut machine = inside.open(Purpose::Call, root, None)?;
    let applied = machine.apply(message, Mode::Unchecked)?;
    let after = machine.flush()?;
    let native = match watcher {
        None => None,
        Some(watcher) => {
            let mut machine = inside.open(Purpose::Watch, root, Some(watcher))?;
            Some(machine.apply(message, Mode::Unchecked)?)
        }
    };
    Ok(Watched {
        applied,
        native,
        before: inside.view(root),
        after: inside.view(after),
    })
}
