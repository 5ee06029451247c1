//! Tipsets, blocks, messages (spec 10 §5.2).

use std::sync::Arc;

use boatyard_chain::block::BlockHeader;
use boatyard_chain::handle::Found;
use boatyard_chain::message::{SignatureKind, message_cid};
use boatyard_chain::{ExecutedMessage, ExecutedTipset, SignedMessage, TipsetRef};
use cid::Cid;
use fvm_ipld_encoding::from_slice;
use fvm_shared::message::Message;
use serde::Serialize;

use crate::call::Call;
use crate::error::RpcError;
use crate::fil::json::{
    BigJson, BlockHeaderJson, CidJson, MessageJson, ReceiptJson, SignedMessageJson, TipsetJson,
};
use crate::params::{CidParam, TipsetParam};
use crate::registry::{Method, methods};

/// The methods of this file.
pub fn methods() -> Vec<Method> {
    methods![
        /// The newest tipset.
        ["Filecoin.ChainHead"]
        () -> "TipSet" = compute head;

        /// The tipset with a key.
        ["Filecoin.ChainGetTipSet"]
        (tipset: TipsetParam) -> "TipSet" = compute tipset;

        /// The tipset at an epoch, or the last before it.
        ["Filecoin.ChainGetTipSetByHeight"]
        (epoch: i64, tipset: TipsetParam) -> "TipSet" = compute by_height;

        /// The tipset at an epoch, or the first after it.
        ["Filecoin.ChainGetTipSetAfterHeight"]
        (epoch: i64, tipset: TipsetParam) -> "TipSet" = compute after_height;

        /// The tipset that will not be reverted.
        ["Filecoin.ChainGetFinalizedTipSet"]
        () -> "TipSet" = compute finalized;

        /// The tipset of epoch 0.
        ["Filecoin.ChainGetGenesis"]
        () -> "TipSet" = compute genesis;

        /// Sum of the powers behind a chain.
        ["Filecoin.ChainTipSetWeight"]
        (tipset: TipsetParam) -> "big number" = compute weight;

        /// A block header.
        ["Filecoin.ChainGetBlock"]
        (cid: CidParam) -> "BlockHeader" = compute block;

        /// The messages in a block.
        ["Filecoin.ChainGetBlockMessages"]
        (cid: CidParam) -> "BlockMessages" = compute block_messages;

        /// A message, by the CID of its signed or unsigned form.
        ["Filecoin.ChainGetMessage"]
        (cid: CidParam) -> "Message" = compute message;

        /// The messages of a tipset in order of execution.
        ["Filecoin.ChainGetMessagesInTipset"]
        (tipset: TipsetParam) -> "messages with CIDs" = compute messages_in;

        /// The messages of the tipset before a block.
        ["Filecoin.ChainGetParentMessages"]
        (cid: CidParam) -> "messages with CIDs" = compute parent_messages;

        /// The receipts of the tipset before a block.
        ["Filecoin.ChainGetParentReceipts"]
        (cid: CidParam) -> "Receipts" = compute parent_receipts;

        /// The changes of the head on the way from a tipset to another.
        ["Filecoin.ChainGetPath"]
        (from: TipsetParam, to: TipsetParam) -> "HeadChanges" = compute path;

        /// Goes back to a tipset of the chain.
        ["Filecoin.ChainSetHead"]
        (tipset: TipsetParam) -> "null" [Admin] = wait set_head;
    ]
}

/// A message with its CID.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MessageWithCid {
    cid: CidJson,
    message: MessageJson,
}

impl From<&ExecutedMessage> for MessageWithCid {
    fn from(message: &ExecutedMessage) -> Self {
        Self {
            cid: message.cid.into(),
            message: (&message.signed.message).into(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BlockMessages {
    bls_messages: Vec<MessageJson>,
    secpk_messages: Vec<SignedMessageJson>,
    cids: Vec<CidJson>,
}

fn shown(tipset: &ExecutedTipset) -> TipsetJson {
    tipset.tipset.as_ref().into()
}

fn head(call: &Call) -> Result<TipsetJson, RpcError> {
    Ok(shown(&call.node.chain.head()))
}

fn tipset(call: &Call, tipset: TipsetParam) -> Result<TipsetJson, RpcError> {
    Ok(shown(&*call.node.tipset(&tipset.0)?))
}

fn by_height(call: &Call, epoch: i64, tipset: TipsetParam) -> Result<TipsetJson, RpcError> {
    below(call, epoch, &tipset)?;
    Ok(shown(&*call.node.chain.tipset(&TipsetRef::Height(epoch))?))
}

fn after_height(call: &Call, epoch: i64, tipset: TipsetParam) -> Result<TipsetJson, RpcError> {
    below(call, epoch, &tipset)?;
    Ok(shown(&*call.node.chain.tipset_after(epoch)?))
}

fn below(call: &Call, epoch: i64, tipset: &TipsetParam) -> Result<(), RpcError> {
    let top = call.node.tipset(&tipset.0)?.height();
    if epoch > top {
        return Err(RpcError::failure(format!(
            "looking for tipset with height greater than start point: {epoch} > {top}"
        )));
    }
    Ok(())
}

fn finalized(call: &Call) -> Result<TipsetJson, RpcError> {
    use crate::eth::block_param::{BlockParam, Tag};
    Ok(shown(&*call.node.block(BlockParam::Tag(Tag::Finalized))?))
}

fn genesis(call: &Call) -> Result<TipsetJson, RpcError> {
    Ok(shown(&call.node.chain.genesis()))
}

fn weight(call: &Call, tipset: TipsetParam) -> Result<BigJson, RpcError> {
    let tipset = call.node.tipset(&tipset.0)?;
    Ok(call.node.chain.weight(&tipset)?.into())
}

fn find_block(call: &Call, cid: &Cid) -> Result<(Arc<ExecutedTipset>, BlockHeader), RpcError> {
    let tipset = call.node.chain.tipset_of_block(cid)?;
    let header = tipset
        .tipset
        .blocks()
        .iter()
        .find(|block| block.cid() == *cid)
        .cloned();
    let header = header.unwrap_or_else(|| tipset.tipset.block().clone());
    Ok((tipset, header))
}

fn block(call: &Call, cid: CidParam) -> Result<BlockHeaderJson, RpcError> {
    Ok((&find_block(call, &cid.0)?.1).into())
}

/// BLS messages come first in a tipset, which has one block here.
fn block_messages(call: &Call, cid: CidParam) -> Result<BlockMessages, RpcError> {
    let (tipset, _) = find_block(call, &cid.0)?;
    let (bls, others): (Vec<_>, Vec<_>) = tipset
        .messages
        .iter()
        .partition(|message| message.signed.signature.kind == SignatureKind::Bls);
    Ok(BlockMessages {
        bls_messages: bls
            .iter()
            .map(|message| (&message.signed.message).into())
            .collect(),
        secpk_messages: others
            .iter()
            .map(|message| (&message.signed).into())
            .collect(),
        cids: bls
            .iter()
            .chain(&others)
            .map(|message| message.cid.into())
            .collect(),
    })
}

/// The unsigned message behind a CID: known to the chain, or at least stored.
pub fn find_message(call: &Call, cid: &Cid) -> Result<Message, RpcError> {
    match call.node.chain.message(cid) {
        Some(Found::Mined(location)) => return Ok(location.message().signed.message.clone()),
        Some(Found::Pending(message)) => return Ok(message.signed.message.clone()),
        None => {}
    }
    let block = crate::fil::objects::object(call, cid)?;
    let signed = from_slice::<SignedMessage>(&block).map(|signed| signed.message);
    signed
        .or_else(|_| from_slice::<Message>(&block))
        .map_err(|_| RpcError::failure(format!("the object {cid} is no message")))
}

fn message(call: &Call, cid: CidParam) -> Result<MessageJson, RpcError> {
    let message = find_message(call, &cid.0)?;
    let mut shown = MessageJson::from(&message);
    shown.cid = Some(message_cid(&message).into());
    Ok(shown)
}

fn messages_in(call: &Call, tipset: TipsetParam) -> Result<Vec<MessageWithCid>, RpcError> {
    Ok(call
        .node
        .tipset(&tipset.0)?
        .messages
        .iter()
        .map(Into::into)
        .collect())
}

fn parent_of(call: &Call, cid: &Cid) -> Result<Option<Arc<ExecutedTipset>>, RpcError> {
    Ok(call
        .node
        .chain
        .parent(&*call.node.chain.tipset_of_block(cid)?))
}

fn parent_messages(call: &Call, cid: CidParam) -> Result<Option<Vec<MessageWithCid>>, RpcError> {
    Ok(parent_of(call, &cid.0)?.map(|parent| parent.messages.iter().map(Into::into).collect()))
}

fn parent_receipts(call: &Call, cid: CidParam) -> Result<Option<Vec<ReceiptJson>>, RpcError> {
    let parent = parent_of(call, &cid.0)?;
    Ok(parent.map(|parent| {
        parent
            .messages
            .iter()
            .map(|message| (&message.receipt).into())
            .collect()
    }))
}

/// Most steps of a path.
const MOST_STEPS: usize = 1 << 20;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PathStep {
    #[serde(rename = "Type")]
    kind: &'static str,
    val: TipsetJson,
}

/// There is one chain, so the way is back or forth.
fn path(call: &Call, from: TipsetParam, to: TipsetParam) -> Result<Vec<PathStep>, RpcError> {
    let (from, to) = (call.node.tipset(&from.0)?, call.node.tipset(&to.0)?);
    let back = from.height() > to.height();
    let (low, mut at) = if back {
        (&to, from.clone())
    } else {
        (&from, to.clone())
    };
    let mut steps = Vec::new();
    while at.height() > low.height() {
        if steps.len() >= MOST_STEPS {
            return Err(RpcError::failure("the tipsets lie too far apart"));
        }
        steps.push(PathStep {
            kind: if back { "revert" } else { "apply" },
            val: shown(&at),
        });
        at = match call.node.chain.parent(&at) {
            Some(parent) => parent,
            None => break,
        };
    }
    if !back {
        steps.reverse();
    }
    Ok(steps)
}

async fn set_head(call: Call, tipset: TipsetParam) -> Result<(), RpcError> {
    let chain = &call.node.chain;
    let target = call.node.tipset(&tipset.0)?;
    let mut depth = 0;
    let mut at = chain.head();
    while at.height() > target.height() {
        depth += 1;
        at = match chain.parent(&at) {
            Some(parent) => parent,
            None => break,
        };
    }
    if depth > 0 {
        chain.rollback(depth).await?;
    }
    Ok(())
}
