// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {SendAPI} from "filecoin-solidity-api/contracts/v0.8/SendAPI.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {FilAddresses} from "filecoin-solidity-api/contracts/v0.8/utils/FilAddresses.sol";

/// A jar for tips. Whoever owns it empties it to a Filecoin address of any kind.
contract Tips {
    address public immutable owner;

    event Tipped(address indexed from, uint256 amount);
    event Emptied(bytes to, uint256 amount);

    error NotTheOwner();
    /// The transfer was refused; `exitCode` is the machine's reason.
    error NotPaid(int256 exitCode);

    constructor() {
        owner = msg.sender;
    }

    receive() external payable {
        emit Tipped(msg.sender, msg.value);
    }

    /// Sends everything to an address in its binary form: one byte for the
    /// protocol (1 for f1, 3 for f3, …) and the payload.
    function empty(bytes calldata to) external {
        if (msg.sender != owner) {
            revert NotTheOwner();
        }
        uint256 amount = address(this).balance;
        CommonTypes.FilAddress memory receiver = FilAddresses.fromBytes(to);
        int256 exitCode = SendAPI.send(receiver, amount);
        if (exitCode != 0) {
            revert NotPaid(exitCode);
        }
        emit Emptied(to, amount);
    }
}
