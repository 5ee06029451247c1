//! What must hold of the state.

use boatyard_actors_shared::Violations;
use boatyard_sdk::Type;
use fvm_ipld_blockstore::Blockstore;

use crate::State;

/// Every violation found: the list of built-in actors must be readable and, unless
/// it is empty, begin with the sixteen types in order (spec 00 §1).
pub fn check(state: &State, store: &impl Blockstore) -> Vec<String> {
    let mut found = Violations::default();
    if let Some(list) = found.read("built-in actors", state.list(store))
        && !list.is_empty()
    {
        for (kind, position) in Type::ALL.into_iter().zip(0..) {
            let name = list.get(position).map(|(name, _)| name.as_str());
            found.require(name == Some(kind.name()), || {
                format!(
                    "built-in actor {} is {}, not {}",
                    position + 1,
                    name.unwrap_or("missing"),
                    kind.name()
                )
            });
        }
    }
    found.into_vec()
}

#[cfg(test)]
mod tests {
    use boatyard_mock::{MockRuntime, code_cid};
    use boatyard_sdk::Runtime;

    use super::*;

    fn check_list(list: &[(&str, cid::Cid)]) -> Vec<String> {
        let rt = MockRuntime::new();
        let list: Vec<_> = list.to_vec();
        let builtin_actors = rt.within(move |rt| rt.put(&list)).unwrap();
        check(&State { builtin_actors }, rt.store())
    }

    #[test]
    fn the_manifests_order_is_checked() {
        let mut list: Vec<_> = Type::ALL
            .into_iter()
            .map(|kind| (kind.name(), code_cid(kind)))
            .collect();
        assert_eq!(check_list(&list), [""; 0]);
        list.swap(1, 2);
        assert_eq!(
            check_list(&list),
            [
                "built-in actor 2 is cron, not init",
                "built-in actor 3 is init, not cron"
            ]
        );
        list.truncate(15);
        assert_eq!(check_list(&list).len(), 3);
    }

    #[test]
    fn a_missing_list_is_a_violation() {
        let state = State {
            builtin_actors: code_cid(Type::Miner),
        };
        let rt = MockRuntime::new();
        assert_eq!(check(&state, rt.store()).len(), 1);
    }
}
