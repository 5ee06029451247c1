// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {MarketClient} from "deal-client/MarketClient.sol";

/// @title Keeps one file stored for as long as somebody pays for it.
/// @notice Nobody owns this contract. Anybody may give money (`fund`), and anybody may call `renew`
/// when it is due: shortly before the deal ends, or at once when a provider failed. That proposes
/// the next deal, which overlaps the present one. Whoever called earns a reward as soon as a
/// provider publishes that deal, so there is nothing to earn from calls that lead nowhere.
///
/// Money leaves in two ways only: to providers through deals of the terms fixed at the start, and
/// to callers as rewards.
contract Evergreen is MarketClient {
    /// @notice What is stored, and where a provider finds it: with the one that has it already, say.
    struct File {
        bytes pieceCid;
        uint64 pieceSize;
        string label;
        string url;
        uint64 carSize;
    }

    /// @notice On which terms. Epochs last 30 seconds, amounts are in attoFIL.
    struct Policy {
        /// Actor ID of the only provider; 0: any.
        uint64 provider;
        /// How long a deal lasts: 518400 epochs (180 days) or more.
        int64 duration;
        /// How many epochs a provider has to publish and prove a deal.
        int64 lead;
        /// How many epochs before the end of a deal the next one is due.
        int64 window;
        uint256 pricePerEpoch;
        /// What a provider loses that fails; makes it costly to publish a deal and not store it.
        uint256 providerCollateral;
        /// For whoever calls `renew`.
        uint256 reward;
    }

    event Renewed(bytes32 indexed id, address indexed by, int64 startEpoch, int64 endEpoch);
    event Funded(address indexed by, uint256 amount);
    event Rewarded(address indexed to, uint256 amount);

    error BadPolicy();
    error NotDue();
    error NotEnoughMoney(uint256 needed, uint256 available);
    error NothingToCollect(address caller);
    error NotPaid(address to);

    File public file;
    Policy public policy;
    /// @notice The deal that was published last; 0 before the first.
    bytes32 public current;
    /// @notice The proposal that waits for a provider; 0: none.
    bytes32 public pending;
    /// @notice Who called `renew` for the waiting proposal.
    address public poker;
    /// @notice Rewards earned and not collected yet.
    mapping(address who => uint256) public rewardOf;
    /// @notice Money of this contract that belongs to `rewardOf` or is promised to `poker`.
    uint256 public setAside;

    constructor(File memory file_, Policy memory policy_) payable {
        // Two tries fit into the window, so that one provider that fails leaves no gap.
        if (policy_.lead <= 0 || policy_.window < 2 * policy_.lead || policy_.duration <= policy_.window) {
            revert BadPolicy();
        }
        file = file_;
        policy = policy_;
        if (msg.value > 0) emit Funded(msg.sender, msg.value);
    }

    /// @notice Money for deals and rewards, sent without a function.
    receive() external payable override {
        emit Funded(msg.sender, msg.value);
    }

    /// @notice Pays for the future of the file.
    function fund() external payable {
        emit Funded(msg.sender, msg.value);
    }

    /// @notice Whether `renew` does something now.
    function due() public view returns (bool) {
        if (pending != 0 && status(pending) == Status.Proposed) return false;
        if (current == 0) return true;
        Status present = status(current);
        if (present != Status.Published && present != Status.Active) return true;
        return _now() + policy.window >= proposal(current).terms.endEpoch;
    }

    /// @notice Proposes the next deal.
    /// @return id of the proposal.
    function renew() external returns (bytes32 id) {
        if (!due()) revert NotDue();
        // A proposal that nobody took: its reward is free again.
        if (pending != 0) setAside -= policy.reward;
        int64 start = _now() + policy.lead;
        Terms memory terms = Terms({
            pieceCid: file.pieceCid,
            pieceSize: file.pieceSize,
            provider: policy.provider,
            label: file.label,
            startEpoch: start,
            endEpoch: start + policy.duration,
            pricePerEpoch: policy.pricePerEpoch,
            providerCollateral: policy.providerCollateral,
            clientCollateral: 0
        });
        setAside += policy.reward;
        poker = msg.sender;
        _topUp(_requirement(terms));
        id = _propose(terms, ExtraParamsV1(file.url, file.carSize, true, false));
        pending = id;
        emit Renewed(id, msg.sender, terms.startEpoch, terms.endEpoch);
    }

    /// @notice Pays the caller what it earned.
    function collect() external returns (uint256 amount) {
        amount = rewardOf[msg.sender];
        if (amount == 0) revert NothingToCollect(msg.sender);
        rewardOf[msg.sender] = 0;
        setAside -= amount;
        (bool ok,) = msg.sender.call{value: amount}("");
        if (!ok) revert NotPaid(msg.sender);
    }

    /// @notice For how many more deals there is money, beyond those that are proposed or running.
    function dealsPaid() external view returns (uint256) {
        (uint256 balance, uint256 locked) = escrow();
        uint256 each = policy.pricePerEpoch * uint256(uint64(policy.duration)) + policy.reward;
        return each == 0 ? type(uint256).max : (balance - locked + address(this).balance - setAside) / each;
    }

    /// @dev Brings the free escrow up to what a deal locks. Only the market is called.
    function _topUp(uint256 needed) private {
        (uint256 balance, uint256 locked) = escrow();
        uint256 missing = needed > balance - locked ? needed - (balance - locked) : 0;
        uint256 mine = address(this).balance;
        if (mine < setAside + missing) revert NotEnoughMoney(setAside + missing, mine);
        if (missing > 0) _addEscrow(missing);
    }

    /// @dev A provider took the proposal: it becomes the current deal, and its reward is earned.
    function _onPublished(bytes32 id) internal override {
        if (id != pending) return;
        address earner = poker;
        current = id;
        pending = 0;
        poker = address(0);
        rewardOf[earner] += policy.reward;
        emit Rewarded(earner, policy.reward);
    }
}
