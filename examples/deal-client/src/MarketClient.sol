// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {MarketAPI} from "filecoin-solidity-api/contracts/v0.8/MarketAPI.sol";
import {MarketCBOR} from "filecoin-solidity-api/contracts/v0.8/cbor/MarketCbor.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {MarketTypes} from "filecoin-solidity-api/contracts/v0.8/types/MarketTypes.sol";
import {BigInts} from "filecoin-solidity-api/contracts/v0.8/utils/BigInts.sol";
import {CBORDecoder} from "filecoin-solidity-api/contracts/v0.8/utils/CborDecode.sol";
import {FilAddresses} from "filecoin-solidity-api/contracts/v0.8/utils/FilAddresses.sol";
import {DealCBOR} from "./DealCBOR.sol";

/// @title A contract that is a client of the storage market.
/// @notice The path of a deal:
///
/// 1. `_propose` remembers the terms and emits `DealProposalCreate`, which providers listen to.
/// 2. A provider reads `getDealProposal` and `getExtraParams`, fetches the data and publishes the
///    deal. There is no signature: the market asks the client (`AuthenticateMessage`), who answers
///    yes if the proposal is, byte for byte, one that it made and that nobody published yet.
/// 3. The market tells the client the deal's number (`MarketNotifyDeal`). The deal is `Published`;
///    once its sector is proven, `status` says `Active`.
///
/// Who may propose, and who may move money, is decided by the contract that inherits this one.
abstract contract MarketClient {
    using CBORDecoder for bytes;

    /// @notice What a deal is to be. Amounts are in attoFIL, epochs last 30 seconds.
    struct Terms {
        /// CID of the piece in bytes (`baga…`: 39 bytes).
        bytes pieceCid;
        /// Padded size in bytes: a power of two, 128 or more.
        uint64 pieceSize;
        /// Actor ID of the only provider that may publish this; 0: any.
        uint64 provider;
        /// Anything of up to 256 bytes; customarily the CID by which the data is retrieved.
        string label;
        /// The sector must be proven by then.
        int64 startEpoch;
        int64 endEpoch;
        uint256 pricePerEpoch;
        uint256 providerCollateral;
        uint256 clientCollateral;
    }

    /// @notice Where a provider finds the data. Names and order are what providers decode.
    struct ExtraParamsV1 {
        string location_ref;
        uint64 car_size;
        bool skip_ipni_announce;
        bool remove_unsealed_copy;
    }

    enum Stage {
        None,
        Proposed,
        Cancelled,
        Published
    }

    struct Proposal {
        Stage stage;
        /// Actor ID of the provider that published it.
        uint64 provider;
        /// Number of the deal, once published.
        uint64 dealId;
        Terms terms;
        ExtraParamsV1 extra;
    }

    enum Status {
        /// Never proposed.
        Unknown,
        /// Waits for a provider.
        Proposed,
        /// Nobody published it before its start epoch, or nobody proved its sector.
        Lapsed,
        /// Taken back before anybody published it.
        Cancelled,
        /// On the chain; its sector is not proven yet.
        Published,
        /// Stored and proven.
        Active,
        /// Over: at its end, or before because the provider failed.
        Ended
    }

    /// @notice Providers listen to this event.
    event DealProposalCreate(bytes32 indexed id, uint64 size, bool indexed verified, uint256 price);
    /// @notice A provider put the deal on the chain.
    event DealPublished(bytes32 indexed id, uint64 indexed dealId, uint64 indexed provider);

    error NotTheMarket(address caller);
    error UnknownMethod(uint64 method);
    error UnknownProposal(bytes32 id);
    error ProposedBefore(bytes32 id);
    error NoSuchTime(int64 startEpoch, int64 endEpoch);
    error NotEnoughEscrow(uint256 needed, uint256 free);
    error MarketFailed(int256 exitCode);

    /// @dev The market as a caller: the ID f05 in the form of an Ethereum address.
    address internal constant MARKET = 0xff00000000000000000000000000000000000005;
    uint64 private constant AUTHENTICATE_MESSAGE = 2643134072;
    uint64 private constant MARKET_NOTIFY_DEAL = 4186741094;
    uint64 private constant CBOR_CODEC = 0x51;
    bytes private constant TRUE = hex"f5";
    bytes private constant FALSE = hex"f4";
    /// @dev The market's exit code for a deal that it has removed already.
    int256 private constant EX_DEAL_EXPIRED = 32;

    mapping(bytes32 id => Proposal) private proposals;

    /// @notice Money of withdrawals arrives here.
    receive() external payable virtual {
        if (msg.sender != MARKET) revert NotTheMarket(msg.sender);
    }

    /// @notice The CBOR of a proposal; the provider is f00 if any may publish it.
    function getDealProposal(bytes32 id) external view returns (bytes memory) {
        return DealCBOR.encode(_dealOf(_known(id).terms));
    }

    /// @notice The ABI encoding of the proposal's `ExtraParamsV1`.
    function getExtraParams(bytes32 id) external view returns (bytes memory) {
        return abi.encode(_known(id).extra);
    }

    /// @notice Everything that is known of a proposal.
    function proposal(bytes32 id) public view returns (Proposal memory) {
        return _known(id);
    }

    /// @notice What became of a proposal, as the market has it now.
    /// @dev The package reads the market's -1 for "not yet" as 0, which no deal is activated at.
    function status(bytes32 id) public view returns (Status) {
        Proposal storage known = proposals[id];
        if (known.stage == Stage.None) return Status.Unknown;
        if (known.stage == Stage.Cancelled) return Status.Cancelled;
        bool late = _now() > known.terms.startEpoch;
        if (known.stage == Stage.Proposed) return late ? Status.Lapsed : Status.Proposed;
        (int256 exitCode, MarketTypes.GetDealActivationReturn memory activation) =
            MarketAPI.getDealActivation(known.dealId);
        if (exitCode == EX_DEAL_EXPIRED) return Status.Ended;
        if (exitCode != 0) revert MarketFailed(exitCode);
        if (CommonTypes.ChainEpoch.unwrap(activation.activated) <= 0) {
            return late ? Status.Lapsed : Status.Published;
        }
        return _now() >= known.terms.endEpoch ? Status.Ended : Status.Active;
    }

    /// @notice This contract's money in the market, and how much of it deals have locked.
    function escrow() public view returns (uint256 balance, uint256 locked) {
        (int256 exitCode, MarketTypes.GetBalanceReturn memory money) = MarketAPI.getBalance(_self());
        if (exitCode != 0) revert MarketFailed(exitCode);
        // No amount of attoFIL exceeds 256 bits.
        (balance,) = BigInts.toUint256(money.balance);
        (locked,) = BigInts.toUint256(money.locked);
    }

    /// @notice Where messages of actors arrive. Only the market may send any.
    /// @dev The market asks `AuthenticateMessage` in a read-only call, so nothing is written there.
    function handle_filecoin_method(uint64 method, uint64 codec, bytes memory params)
        external
        returns (uint32 exitCode, uint64 returnCodec, bytes memory result)
    {
        if (msg.sender != MARKET) revert NotTheMarket(msg.sender);
        if (codec != CBOR_CODEC) revert UnknownMethod(method);
        if (method == AUTHENTICATE_MESSAGE) return (0, CBOR_CODEC, _isAuthentic(params) ? TRUE : FALSE);
        if (method != MARKET_NOTIFY_DEAL) revert UnknownMethod(method);
        _noteDeal(params);
        return (0, 0, "");
    }

    /// @dev Offers a deal to providers. Each set of terms can be proposed once.
    /// The escrow must hold what this deal will lock; it is not set aside, the market looks again
    /// when a provider publishes.
    function _propose(Terms memory terms, ExtraParamsV1 memory extra) internal returns (bytes32 id) {
        if (terms.startEpoch <= _now() || terms.endEpoch <= terms.startEpoch) {
            revert NoSuchTime(terms.startEpoch, terms.endEpoch);
        }
        (uint256 balance, uint256 locked) = escrow();
        uint256 needed = _requirement(terms);
        if (balance - locked < needed) revert NotEnoughEscrow(needed, balance - locked);
        id = keccak256(DealCBOR.encode(_dealOf(terms)));
        Proposal storage made = proposals[id];
        if (made.stage != Stage.None) revert ProposedBefore(id);
        made.stage = Stage.Proposed;
        made.terms = terms;
        made.extra = extra;
        emit DealProposalCreate(id, terms.pieceSize, false, terms.pricePerEpoch);
    }

    /// @dev Takes a proposal back that nobody has published.
    function _cancel(bytes32 id) internal {
        Proposal storage known = proposals[id];
        if (known.stage != Stage.Proposed) revert UnknownProposal(id);
        known.stage = Stage.Cancelled;
    }

    /// @dev Puts money of this contract into its escrow.
    function _addEscrow(uint256 amount) internal {
        (int256 exitCode,) = MarketAPI.addBalance(_self(), amount);
        if (exitCode != 0) revert MarketFailed(exitCode);
    }

    /// @dev Takes money that no deal locks back into this contract. Gives how much came: less than
    /// asked for if there is less.
    function _takeEscrow(uint256 amount) internal returns (uint256 taken) {
        (int256 exitCode, CommonTypes.BigInt memory result) =
            MarketAPI.withdrawBalance(MarketTypes.WithdrawBalanceParams(_self(), BigInts.fromUint256(amount)));
        if (exitCode != 0) revert MarketFailed(exitCode);
        (taken,) = BigInts.toUint256(result);
    }

    /// @dev Called once for each proposal, in the message that publishes it.
    function _onPublished(bytes32 id) internal virtual {}

    /// @dev What a deal locks of the client's escrow.
    function _requirement(Terms memory terms) internal pure returns (uint256) {
        uint256 duration = uint256(int256(terms.endEpoch) - int256(terms.startEpoch));
        return terms.pricePerEpoch * duration + terms.clientCollateral;
    }

    /// @dev The epoch in which this message is executed.
    function _now() internal view returns (int64) {
        return int64(uint64(block.number));
    }

    function _self() internal view returns (CommonTypes.FilAddress memory) {
        return FilAddresses.fromEthAddress(address(this));
    }

    function _known(bytes32 id) private view returns (Proposal storage known) {
        known = proposals[id];
        if (known.stage == Stage.None) revert UnknownProposal(id);
    }

    /// @dev `[signature, message]`: is the message a proposal of ours that waits?
    function _isAuthentic(bytes memory params) private view returns (bool) {
        (uint256 fields, uint256 cursor) = params.readFixedArray(0);
        if (fields != 2) return false;
        // Whatever stands for the signature says nothing: what is asked for is the proposal.
        (, cursor) = params.readBytes(cursor);
        (bytes memory message,) = params.readBytes(cursor);
        MarketTypes.DealProposal memory deal = MarketCBOR.deserializeDealProposal(message);
        // Every byte counts, also those that decoding passes over.
        if (keccak256(DealCBOR.encode(deal)) != keccak256(message)) return false;
        return proposals[_idOf(deal)].stage == Stage.Proposed;
    }

    /// @dev `[proposal, deal]`: a proposal of ours has become a deal. Addresses are in ID form now.
    function _noteDeal(bytes memory params) private {
        (uint256 fields, uint256 cursor) = params.readFixedArray(0);
        if (fields != 2) revert UnknownMethod(MARKET_NOTIFY_DEAL);
        bytes memory message;
        uint64 dealId;
        (message, cursor) = params.readBytes(cursor);
        (dealId,) = params.readUInt64(cursor);
        MarketTypes.DealProposal memory deal = MarketCBOR.deserializeDealProposal(message);
        (, uint64 provider) = DealCBOR.actorId(deal.provider.data);
        // The market notifies the client of a deal, so the client is this contract.
        deal.client = _self();
        bytes32 id = _idOf(deal);
        Proposal storage known = proposals[id];
        if (known.stage != Stage.Proposed) revert UnknownProposal(id);
        known.stage = Stage.Published;
        known.provider = provider;
        known.dealId = dealId;
        emit DealPublished(id, dealId, provider);
        _onPublished(id);
    }

    /// @dev A proposal's ID: the hash of it with its provider, or with f00 if it names none.
    function _idOf(MarketTypes.DealProposal memory deal) private view returns (bytes32 id) {
        id = keccak256(DealCBOR.encode(deal));
        if (proposals[id].stage != Stage.None) return id;
        deal.provider = FilAddresses.fromActorID(0);
        return keccak256(DealCBOR.encode(deal));
    }

    function _dealOf(Terms memory terms) private view returns (MarketTypes.DealProposal memory) {
        return MarketTypes.DealProposal({
            piece_cid: CommonTypes.Cid(terms.pieceCid),
            piece_size: terms.pieceSize,
            verified_deal: false,
            client: _self(),
            provider: FilAddresses.fromActorID(terms.provider),
            label: CommonTypes.DealLabel(bytes(terms.label), true),
            start_epoch: CommonTypes.ChainEpoch.wrap(terms.startEpoch),
            end_epoch: CommonTypes.ChainEpoch.wrap(terms.endEpoch),
            storage_price_per_epoch: DealCBOR.amount(terms.pricePerEpoch),
            provider_collateral: DealCBOR.amount(terms.providerCollateral),
            client_collateral: DealCBOR.amount(terms.clientCollateral)
        });
    }
}
