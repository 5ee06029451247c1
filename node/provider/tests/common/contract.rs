//! A contract that wants a deal: a few instructions and the answers to what it is asked.

use alloy::primitives::{Address as EthAddress, B256, Bytes};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use boatyard_chain::{ChainHandle, StateEdit, ethereum};
use boatyard_market::DealProposal;
use boatyard_provider::listen::{
    DealProposalCreate, ExtraParamsV1, getDealProposalCall, getExtraParamsCall,
};
use fvm_ipld_encoding::to_vec;
use fvm_shared::address::Address;

/// Number of its proposal.
pub const PROPOSAL: [u8; 32] = [7; 32];

/// Where it lives.
pub fn address() -> Address {
    ethereum::to_filecoin(&EthAddress::repeat_byte(0xca))
}

/// Puts a contract there that answers for this proposal, and emits `DealProposalCreate`
/// whatever else it is asked.
pub async fn deploy(chain: &ChainHandle, deal: &DealProposal, location: &str) {
    let proposal = Bytes::from(to_vec(deal).unwrap());
    let extra = ExtraParamsV1 {
        location_ref: location.into(),
        car_size: 0,
        skip_ipni_announce: true,
        remove_unsealed_copy: true,
    };
    let extra = Bytes::from(extra.abi_encode());
    // Exit code 0, and true in CBOR.
    let handled = (0u32, 0x51u64, Bytes::from_static(&[0xf5])).abi_encode_params();
    let code = assemble(&[
        (getDealProposalCall::SELECTOR, proposal.abi_encode()),
        (getExtraParamsCall::SELECTOR, extra.abi_encode()),
        // handle_filecoin_method(uint64,uint64,bytes)
        ([0x86, 0x8e, 0x10, 0xc4], handled),
    ]);
    let address = address();
    chain
        .edit(vec![StateEdit::Code { address, code }])
        .await
        .unwrap();
}

/// Instructions that compare the selector with those known, and give the answer out of
/// the code's own bytes.
fn assemble(answers: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    const COMPARE: usize = 11;
    const GIVE: usize = 16;
    let mut event = Vec::new();
    for topic in [
        B256::ZERO,
        B256::from(PROPOSAL),
        DealProposalCreate::SIGNATURE_HASH,
    ] {
        event.push(0x7f);
        event.extend(topic);
    }
    // LOG3 of 64 bytes of zeros, STOP.
    event.extend([0x60, 0x40, 0x60, 0x00, 0xa3, 0x00]);
    let branches = 6 + COMPARE * answers.len() + event.len();
    let mut data = branches + GIVE * answers.len();
    // The selector: the first four bytes of the input.
    let mut code = vec![0x60, 0x00, 0x35, 0x60, 0xe0, 0x1c];
    let mut give = Vec::new();
    for (number, (selector, answer)) in answers.iter().enumerate() {
        let word = |value: usize| u16::try_from(value).unwrap().to_be_bytes();
        let [high, low] = word(branches + GIVE * number);
        code.extend([0x80, 0x63]);
        code.extend(selector);
        code.extend([0x14, 0x61, high, low, 0x57]);
        let [length_high, length_low] = word(answer.len());
        let [high, low] = word(data);
        give.extend([0x5b, 0x61, length_high, length_low, 0x61, high, low]);
        give.extend([
            0x60,
            0x00,
            0x39,
            0x61,
            length_high,
            length_low,
            0x60,
            0x00,
            0xf3,
        ]);
        data += answer.len();
    }
    code.extend(event);
    code.extend(give);
    for (_, answer) in answers {
        code.extend(answer);
    }
    code
}
