// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// Answers like the account book of Filecoin Pay; of a payment system it has only that.
contract Till {
    mapping(address => mapping(address => uint256)) private funds;

    function put(address token, address owner, uint256 amount) external {
        funds[token][owner] += amount;
    }

    function accounts(address token, address owner) external view returns (uint256, uint256, uint256, uint256) {
        return (funds[token][owner], 30, 2, block.number);
    }
}
