// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {MarketClient} from "./MarketClient.sol";

/// @title Stores files on Filecoin for its owner, without anybody's signature.
/// @notice The owner puts money into the escrow and proposes deals; providers publish them.
/// Anybody may add to the escrow; only the owner proposes, cancels and withdraws.
contract DealClient is MarketClient {
    error NotTheOwner(address caller);
    error NotPaid(address to, uint256 amount);

    address public immutable owner;

    constructor() {
        owner = msg.sender;
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotTheOwner(msg.sender);
        _;
    }

    /// @notice Puts the value of this message into the escrow.
    function deposit() external payable {
        _addEscrow(msg.value);
    }

    /// @notice Offers a deal; the value of this message goes into the escrow before.
    /// @return id by which everything else here knows the proposal.
    function propose(Terms calldata terms, ExtraParamsV1 calldata extra)
        external
        payable
        onlyOwner
        returns (bytes32 id)
    {
        if (msg.value > 0) _addEscrow(msg.value);
        return _propose(terms, extra);
    }

    /// @notice Takes a proposal back, unless a provider has published it.
    function cancel(bytes32 id) external onlyOwner {
        _cancel(id);
    }

    /// @notice Pays out money of the escrow that no deal locks: up to `amount`.
    function withdraw(address payable to, uint256 amount) external onlyOwner returns (uint256 paid) {
        paid = _takeEscrow(amount);
        // The last thing done: whoever is paid may call again, as the owner could.
        (bool ok,) = to.call{value: paid}("");
        if (!ok) revert NotPaid(to, paid);
    }
}
