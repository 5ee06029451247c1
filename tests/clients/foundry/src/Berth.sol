// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// Who lies where, for a fee.
contract Berth {
    error TooLittle(uint256 paid, uint256 fee);

    event Taken(address indexed ship, uint256 place);

    uint256 public immutable fee;
    uint256 public taken;
    mapping(uint256 => address) public at;

    constructor(uint256 fee_) {
        fee = fee_;
    }

    function take() external payable returns (uint256 place) {
        if (msg.value < fee) revert TooLittle(msg.value, fee);
        place = taken++;
        at[place] = msg.sender;
        emit Taken(msg.sender, place);
    }
}
