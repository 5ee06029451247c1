use fvm_shared::econ::TokenAmount;

use super::*;
use crate::store::SharedStore;

const CODE: u64 = 0x55;

fn code(name: &str) -> Cid {
    let hash = multihash_codetable::MultihashDigest::digest(&Code::Blake2b256, name.as_bytes());
    Cid::new_v1(CODE, hash)
}

fn actor(balance: i64) -> ActorState {
    ActorState::new(
        code("account"),
        fvm_shared::EMPTY_ARR_CID,
        TokenAmount::from_atto(balance),
        0,
        None,
    )
}

fn key_address(n: u8) -> Address {
    Address::new_secp256k1(&[n; 65]).expect("65 bytes are a public key")
}

/// A tree that has an init actor with an empty address map.
fn tree() -> StateTree<SharedStore> {
    let store = SharedStore::memory();
    let mut tree = StateTree::new(store.clone()).unwrap();
    let map = Hamt::<_, ActorID>::new_with_bit_width(&store, HAMT_BIT_WIDTH)
        .flush()
        .unwrap();
    let init = InitState {
        address_map: map,
        next_id: 100,
        network_name: "test".into(),
    };
    let head = init.save(&store).unwrap();
    tree.set_actor(
        INIT_ACTOR,
        ActorState::new(code("init"), head, TokenAmount::default(), 0, None),
    );
    tree
}

#[test]
fn a_flushed_tree_can_be_loaded_again() {
    let mut tree = tree();
    tree.set_actor(1000, actor(5));
    let root = tree.flush().unwrap();
    let again = StateTree::load(tree.store().clone(), &root).unwrap();
    assert_eq!(again.actor(1000).unwrap(), Some(actor(5)));
    assert_eq!(again.actor(1001).unwrap(), None);
    assert_eq!(
        again.actors().unwrap().into_keys().collect::<Vec<_>>(),
        [1, 1000]
    );
}

#[test]
fn the_root_depends_on_the_content_only() {
    let mut straight = tree();
    straight.set_actor(7, actor(1));
    straight.set_actor(8, actor(2));
    let mut winding = tree();
    winding.set_actor(8, actor(9));
    winding.set_actor(300, actor(9));
    winding.flush().unwrap();
    winding.delete_actor(300);
    winding.set_actor(7, actor(1));
    winding.set_actor(8, actor(2));
    assert_eq!(straight.flush().unwrap(), winding.flush().unwrap());
}

#[test]
fn our_tree_reads_and_writes_what_the_fvm_does() {
    let mut ours = tree();
    ours.set_actor(1000, actor(5));
    let root = ours.flush().unwrap();
    let store = ours.store().clone();
    let mut theirs = ::fvm::state_tree::StateTree::new_from_root(store.clone(), &root).unwrap();
    let id = theirs.register_new_address(&key_address(3)).unwrap();
    theirs.set_actor(id, actor(6));
    theirs.delete_actor(1000);
    assert_eq!(ours.register(&key_address(3)).unwrap(), id);
    ours.set_actor(id, actor(6));
    ours.delete_actor(1000);
    assert_eq!(ours.flush().unwrap(), theirs.flush().unwrap());
}

#[test]
fn reverting_a_layer_undoes_it_and_the_layers_inside_it() {
    let mut tree = tree();
    tree.set_actor(7, actor(1));
    let before = tree.flush().unwrap();
    let outer = tree.begin();
    tree.set_actor(7, actor(2));
    let inner = tree.begin();
    let id = tree.register(&key_address(1)).unwrap();
    tree.set_actor(id, actor(3));
    tree.delete_actor(7);
    tree.commit(inner);
    assert_eq!(tree.resolve(&key_address(1)).unwrap(), Some(id));
    tree.revert(outer);
    assert_eq!(tree.actor(7).unwrap(), Some(actor(1)));
    assert_eq!(tree.actor(id).unwrap(), None);
    assert_eq!(tree.resolve(&key_address(1)).unwrap(), None);
    assert_eq!(tree.flush().unwrap(), before);
}

#[test]
fn reverting_reaches_behind_a_flush() {
    let mut tree = tree();
    tree.set_actor(7, actor(1));
    let before = tree.flush().unwrap();
    let layer = tree.begin();
    tree.set_actor(7, actor(2));
    tree.set_actor(8, actor(2));
    assert_ne!(tree.flush().unwrap(), before);
    tree.revert(layer);
    assert_eq!(tree.flush().unwrap(), before);
}

#[test]
fn a_committed_inner_layer_survives_unless_the_outer_one_is_reverted() {
    let mut tree = tree();
    let outer = tree.begin();
    let inner = tree.begin();
    tree.set_actor(7, actor(1));
    tree.revert(inner);
    assert_eq!(tree.actor(7).unwrap(), None);
    let inner = tree.begin();
    tree.set_actor(7, actor(2));
    tree.commit(inner);
    tree.commit(outer);
    assert_eq!(tree.actor(7).unwrap(), Some(actor(2)));
}

#[test]
fn ids_resolve_to_themselves_and_keys_through_the_map() {
    let mut tree = tree();
    assert_eq!(tree.resolve(&Address::new_id(5)).unwrap(), Some(5));
    assert_eq!(tree.resolve(&key_address(1)).unwrap(), None);
    assert_eq!(tree.register(&key_address(1)).unwrap(), 100);
    assert_eq!(tree.register(&key_address(2)).unwrap(), 101);
    let root = tree.flush().unwrap();
    let again = StateTree::load(tree.store().clone(), &root).unwrap();
    assert_eq!(again.resolve(&key_address(2)).unwrap(), Some(101));
    assert_eq!(again.init_state().unwrap().next_id, 102);
}

#[test]
fn an_edit_of_the_init_actor_from_outside_forgets_its_addresses() {
    let mut tree = tree();
    let before = tree.actor(INIT_ACTOR).unwrap();
    tree.register(&key_address(1)).unwrap();
    tree.edit_actor(INIT_ACTOR, before);
    assert_eq!(tree.resolve(&key_address(1)).unwrap(), None);
}

#[test]
fn a_missing_or_foreign_root_is_an_error_that_says_which() {
    let store = SharedStore::memory();
    let missing = Cid::new_v1(0x71, *code("nothing").hash());
    let error = StateTree::load(store.clone(), &missing)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains(&missing.to_string()) && error.contains("missing"),
        "{error}"
    );
    let old = store
        .put_cbor(&(4, missing, missing), Code::Blake2b256)
        .unwrap();
    let error = StateTree::load(store, &old).err().unwrap().to_string();
    assert!(error.contains("only V5"), "{error}");
}

#[test]
fn the_manifest_numbers_types_from_one() {
    let list = Manifest::new([("system", code("a")), ("init", code("b"))]);
    assert_eq!(list.type_of(&code("b")), Some(2));
    assert_eq!(list.code_of_type(1), Some(code("a")));
    assert_eq!(list.code_of_type(0), None);
    assert_eq!(list.code_of_type(3), None);
    assert_eq!(list.name_of(&code("a")), Some("system"));
    assert!(list.is(&code("b"), "init") && !list.is(&code("c"), "init"));
}
