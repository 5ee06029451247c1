//! A client of storage providers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use boatyard_actors_shared::ext::datacap::{TRANSFER, TransferParams};
use boatyard_actors_shared::ext::verifreg::{AllocationRequest, AllocationRequests};
use boatyard_chain::{ChainHandle, Key, KeyKind, StateEdit};
use boatyard_market::{ClientDealProposal, DealProposal, Label};
use boatyard_proofs::piece;
use boatyard_verifreg::types::{AddVerifiedClientParams, VerifierParams};
use fvm_ipld_encoding::{RawBytes, to_vec};
use fvm_shared::address::Address;
use fvm_shared::bigint::BigInt;
use fvm_shared::crypto::signature::Signature;
use fvm_shared::econ::TokenAmount;
use fvm_shared::message::Message;
use fvm_shared::piece::PieceInfo;
use serde::Serialize;
use serde_json::{Value, json};

use super::DAY;
use super::http::ask;

/// Storage market.
pub const MARKET: Address = Address::new_id(5);

/// Registry of verified clients.
pub const VERIFREG: Address = Address::new_id(6);

/// Somebody with money, a key and files.
pub struct Client {
    /// The chain.
    pub chain: ChainHandle,
    /// An f1 key.
    pub key: Key,
}

impl Client {
    /// The owner of a development account.
    pub fn new(chain: &ChainHandle, account: usize) -> Self {
        let key = &chain.dev_accounts()[account];
        Self {
            chain: chain.clone(),
            key: key.as_kind(KeyKind::Secp256k1).unwrap(),
        }
    }

    /// Sends a message and has it mined; gives what it returned.
    pub async fn send(
        &self,
        to: Address,
        value: TokenAmount,
        method_num: u64,
        params: &impl Serialize,
    ) -> RawBytes {
        self.send_as(self.key.address(), to, value, method_num, params)
            .await
    }

    /// The same in the name of anybody.
    pub async fn send_as(
        &self,
        from: Address,
        to: Address,
        value: TokenAmount,
        method_num: u64,
        params: &impl Serialize,
    ) -> RawBytes {
        self.chain.set_impersonated(&from, true);
        let message = Message {
            version: 0,
            from,
            to,
            sequence: u64::MAX,
            value,
            method_num,
            params: RawBytes::serialize(params).unwrap(),
            // Leaves room in the tipset for what providers send.
            gas_limit: 2_000_000_000,
            gas_fee_cap: TokenAmount::from_nano(1),
            gas_premium: TokenAmount::default(),
        };
        let pushed = self.chain.push_impersonated(message).await.unwrap();
        self.chain.mine(1).await.unwrap();
        let Some(boatyard_chain::Found::Mined(location)) = self.chain.message(&pushed.cid) else {
            panic!("the message is not mined");
        };
        let mined = location.message();
        assert!(mined.receipt.exit_code.is_success(), "{:?}", mined.error);
        mined.receipt.return_data.clone()
    }

    /// Puts money into its escrow.
    pub async fn add_balance(&self, fil: u64) {
        let own = self.key.address();
        self.send(MARKET, TokenAmount::from_whole(fil), 2, &own)
            .await;
    }

    /// Gets datacap for so many bytes from the registry's root, by way of a verifier.
    pub async fn get_datacap(&self, bytes: u64) {
        let root = Address::new_id(80);
        let verifier = self.chain.dev_accounts()[9]
            .as_kind(KeyKind::Secp256k1)
            .unwrap()
            .address();
        let amount = TokenAmount::from_whole(100);
        let fund = StateEdit::Balance {
            address: root,
            amount,
        };
        self.chain.edit(vec![fund]).await.unwrap();
        let nothing = TokenAmount::default;
        let allowance = BigInt::from(1 << 30);
        let params = VerifierParams {
            address: verifier,
            allowance,
        };
        self.send_as(root, VERIFREG, nothing(), 2, &params).await;
        let params = AddVerifiedClientParams {
            address: self.key.address(),
            allowance: BigInt::from(bytes),
        };
        self.send_as(verifier, VERIFREG, nothing(), 4, &params)
            .await;
    }

    /// Sets datacap aside for a piece.
    pub async fn allocate(&self, provider: u64, piece: &PieceInfo, terms: (i64, i64)) {
        let request = AllocationRequest {
            provider,
            data: piece.cid,
            size: piece.size.0,
            term_min: terms.0,
            term_max: terms.1,
            expiration: self.chain.head().height() + 10 * DAY,
        };
        let requests = AllocationRequests {
            allocations: vec![request],
            extensions: Vec::new(),
        };
        let params = TransferParams {
            to: VERIFREG,
            amount: TokenAmount::from_whole(piece.size.0),
            operator_data: RawBytes::serialize(requests).unwrap(),
        };
        let datacap = Address::new_id(7);
        self.send(datacap, TokenAmount::default(), TRANSFER, &params)
            .await;
    }

    /// Hands the bytes of a piece in.
    pub async fn put(&self, url: &str, data: &[u8]) -> PieceInfo {
        let info = piece::of_bytes(data);
        let (status, answer) = ask(url, "PUT", &format!("/piece/{}", info.cid), data).await;
        assert_eq!(status, 201, "{answer}");
        assert_eq!(answer["piece_size"], info.size.0);
        info
    }

    /// A proposal that a provider likes.
    pub fn proposal(&self, provider: u64, piece: &PieceInfo) -> DealProposal {
        let start = self.chain.head().height() + 200;
        DealProposal {
            piece_cid: piece.cid,
            piece_size: piece.size,
            verified_deal: false,
            client: self.key.address(),
            provider: Address::new_id(provider),
            label: Label::Text("mars".into()),
            start_epoch: start,
            end_epoch: start + 180 * DAY,
            storage_price_per_epoch: TokenAmount::from_atto(1_000),
            provider_collateral: TokenAmount::from_nano(100_000_000),
            client_collateral: TokenAmount::default(),
        }
    }

    /// The proposal with the client's signature.
    pub fn sign(&self, proposal: DealProposal) -> ClientDealProposal {
        let signature = self.key.sign(&to_vec(&proposal).unwrap());
        ClientDealProposal {
            proposal,
            client_signature: Signature::new_secp256k1(signature.data),
        }
    }

    /// Proposes a deal.
    pub async fn propose(&self, url: &str, proposal: DealProposal) -> (u16, Value) {
        post_deal(url, &self.sign(proposal)).await
    }
}

/// Hands a signed proposal in.
pub async fn post_deal(url: &str, signed: &ClientDealProposal) -> (u16, Value) {
    let body = json!({ "proposal": STANDARD.encode(to_vec(signed).unwrap()) });
    ask(url, "POST", "/deals", body.to_string().as_bytes()).await
}
