// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

contract Child {
    uint256 public constant answer = 42;
}

/// Fails in each of the ways that clients tell apart, and looks at its surroundings.
contract Probe {
    error Refused(uint256 code, string why);

    event Seen(address indexed caller, uint256 indexed epoch, uint256 value);

    uint256 public stored;

    receive() external payable {}

    function failWithReason() external pure {
        require(false, "the harbour is closed");
    }

    function failWithError() external pure {
        revert Refused(42, "no berth");
    }

    function failWithPanic(uint256 divisor) external pure returns (uint256) {
        return 1 / divisor;
    }

    function store(uint256 value) external payable {
        stored = value;
        emit Seen(msg.sender, block.number, msg.value);
    }

    function surroundings()
        external
        view
        returns (uint256 chain, uint256 number, uint256 time, address self, uint256 balance)
    {
        return (block.chainid, block.number, block.timestamp, address(this), address(this).balance);
    }

    /// Creates a contract, so that CREATE inside a call is seen by clients.
    function spawn() external returns (address) {
        return address(new Child());
    }
}
