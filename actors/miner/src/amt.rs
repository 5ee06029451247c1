//! The arrays of the state under the miner's rule of errors (spec 06 §1): what does
//! not encode or decode is `USR_SERIALIZATION` (21), an error that has a code keeps
//! it, everything else is `USR_ILLEGAL_STATE` (20).
//!
//! The sdk's own arrays answer 20 to everything, which is the rule of other actors.

use std::fmt::Display;

use boatyard_sdk::{ActorError, ArrayRoot, exit_codes::*};
use fvm_ipld_amt::Error;
use fvm_ipld_blockstore::Blockstore;
use fvm_ipld_encoding::Error as EncodingError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A loaded array.
pub type Amt<'s, BS, V> = fvm_ipld_amt::Amt<V, &'s BS>;

/// Gives failures of arrays their exit code.
pub trait AmtResult<T> {
    /// Fails with the code of the miner's rule and these words in front.
    fn amt(self, words: impl Display) -> Result<T, ActorError>;
}

impl<T> AmtResult<T> for Result<T, Error> {
    fn amt(self, words: impl Display) -> Result<T, ActorError> {
        self.map_err(|error| {
            let sentence = format!("{words}: {error}");
            let Error::Dynamic(cause) = error else {
                return ActorError::new(USR_ILLEGAL_STATE, sentence);
            };
            if cause.is::<EncodingError>() {
                return ActorError::new(USR_SERIALIZATION, sentence);
            }
            match cause.downcast::<ActorError>() {
                Ok(coded) => coded.context(words),
                Err(_) => ActorError::new(USR_ILLEGAL_STATE, sentence),
            }
        })
    }
}

/// Loads what a root points at.
pub fn open<'s, BS, V, const BITS: u32>(
    root: &ArrayRoot<V, BITS>,
    store: &'s BS,
) -> Result<Amt<'s, BS, V>, ActorError>
where
    BS: Blockstore,
    V: Serialize + DeserializeOwned,
{
    Amt::load(root.cid(), store).amt("loading an array")
}

/// Stores an empty array.
pub fn empty<V, const BITS: u32>(store: &impl Blockstore) -> Result<ArrayRoot<V, BITS>, ActorError>
where
    V: Serialize + DeserializeOwned,
{
    flush(&mut Amt::new_with_bit_width(store, BITS))
}

/// Stores what changed and gives the new root.
pub fn flush<BS, V, const BITS: u32>(
    array: &mut Amt<'_, BS, V>,
) -> Result<ArrayRoot<V, BITS>, ActorError>
where
    BS: Blockstore,
    V: Serialize + DeserializeOwned,
{
    array
        .flush()
        .map(ArrayRoot::from_cid)
        .amt("storing an array")
}

#[cfg(test)]
mod tests {
    use fvm_ipld_bitfield::BitField;
    use fvm_ipld_blockstore::MemoryBlockstore;

    use super::*;

    #[test]
    fn failures_have_the_code_of_the_rule() {
        let store = MemoryBlockstore::new();
        let numbers = empty::<u64, 5>(&store).unwrap();
        let mut array = open(&numbers, &store).unwrap();
        array.set(7, 700u64).unwrap();
        let numbers = flush::<_, _, 5>(&mut array).unwrap();

        let other = ArrayRoot::<BitField, 5>::from_cid(*numbers.cid());
        let mistaken = open(&other, &store).map(|_| ()).unwrap_err();
        assert_eq!(mistaken.exit_code(), USR_SERIALIZATION);

        let elsewhere = MemoryBlockstore::new();
        let missing = open(&numbers, &elsewhere).map(|_| ()).unwrap_err();
        assert_eq!(missing.exit_code(), USR_ILLEGAL_STATE);

        let outside = array.get(u64::MAX).amt("reading").unwrap_err();
        assert_eq!(outside.exit_code(), USR_ILLEGAL_STATE);

        let coded = array
            .for_each(|_, _| Err(ActorError::new(USR_NOT_FOUND, "no such thing").into()))
            .amt("walking")
            .unwrap_err();
        assert_eq!(
            (coded.exit_code(), coded.message()),
            (USR_NOT_FOUND, "walking: no such thing")
        );
    }

    /// Bits that lie apart take more than the 32 KiB that a bitfield may have.
    #[test]
    fn a_bitfield_that_is_too_large_does_not_encode() {
        let store = MemoryBlockstore::new();
        let mut array: Amt<'_, _, BitField> = Amt::new_with_bit_width(&store, 5);
        let far_apart = (0..10_000u64).map(|i| i << 40);
        array
            .set(0, BitField::try_from_bits(far_apart).unwrap())
            .unwrap();
        let failure = flush::<_, _, 5>(&mut array).unwrap_err();
        assert_eq!(failure.exit_code(), USR_SERIALIZATION);
    }
}
