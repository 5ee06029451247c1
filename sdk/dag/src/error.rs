//! Why something cannot be read.

use cid::Cid;

/// Why a DAG cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DagError {
    /// A block is nowhere to be found.
    #[error("block {0} is not here")]
    Missing(Cid),
    /// A block's bytes are not those of its CID.
    #[error("the bytes found for block {0} are not those of its CID")]
    WrongBytes(Cid),
    /// The CID's hash function is unknown here, so that nothing can be checked.
    #[error("block {cid} is named by the hash function 0x{code:x}, which is not known here")]
    UnknownHash {
        /// The block.
        cid: Cid,
        /// Multicodec of the function.
        code: u64,
    },
    /// The CID's codec has no links or files that are known here.
    #[error("block {cid} is of codec 0x{codec:x}; only whole blocks of it can be had")]
    UnknownCodec {
        /// The block.
        cid: Cid,
        /// Multicodec of the block's form.
        codec: u64,
    },
    /// A block is not what its codec says.
    #[error("block {cid} is malformed: {reason}")]
    Malformed {
        /// The block.
        cid: Cid,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory where a file was asked for.
    #[error("{0} is a directory; name a file in it")]
    IsDirectory(Cid),
    /// Neither file nor directory.
    #[error("{cid} is {kind}, not a file")]
    NotAFile {
        /// The block.
        cid: Cid,
        /// What it is.
        kind: &'static str,
    },
    /// A path goes on below something that is no directory.
    #[error("{0} is no directory, so no path goes on from it")]
    NotADirectory(Cid),
    /// A directory does not have the entry.
    #[error("directory {directory} has no entry `{name}`")]
    NoEntry {
        /// The directory.
        directory: Cid,
        /// The name that was asked for.
        name: String,
    },
    /// The DAG is deeper than anything sensible.
    #[error("the DAG under {0} is deeper than {MAX_DEPTH} levels", MAX_DEPTH = crate::walk::MAX_DEPTH)]
    TooDeep(Cid),
    /// What was asked for is larger than what the caller is ready to hold.
    #[error("{cid} takes more than the {limit} bytes that are allowed here")]
    TooLarge {
        /// Where it was noticed.
        cid: Cid,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The place where blocks come from failed.
    #[error("block {cid} cannot be had: {reason}")]
    Source {
        /// The block.
        cid: Cid,
        /// Why not.
        reason: String,
    },
}

impl DagError {
    pub(crate) fn malformed(cid: &Cid, reason: impl ToString) -> Self {
        Self::Malformed {
            cid: *cid,
            reason: reason.to_string(),
        }
    }
}
