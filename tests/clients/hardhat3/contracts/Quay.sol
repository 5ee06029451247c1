// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.26;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Money of a harbour; those with the role make it.
contract Dues is ERC20, AccessControl {
    bytes32 public constant CASHIER = keccak256("CASHIER");

    constructor(uint256 supply) ERC20("Harbour Dues", "DUES") {
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
        _mint(msg.sender, supply);
    }

    function mint(address to, uint256 value) external onlyRole(CASHIER) {
        _mint(to, value);
    }
}

/// Ships lie here until their time is up.
contract Quay {
    struct Stay {
        address ship;
        uint256 until;
    }

    Dues public immutable dues;
    Stay[] public stays;

    event Moored(address indexed ship, uint256 until);

    error Occupied(uint256 now, uint256 until);

    constructor(Dues dues_) {
        dues = dues_;
    }

    function moor(uint256 duration) external returns (uint256 until) {
        if (stays.length > 0 && block.timestamp < stays[stays.length - 1].until) {
            revert Occupied(block.timestamp, stays[stays.length - 1].until);
        }
        require(dues.transferFrom(msg.sender, address(this), duration), "unpaid");
        until = block.timestamp + duration;
        stays.push(Stay(msg.sender, until));
        emit Moored(msg.sender, until);
    }

    function count() external view returns (uint256) {
        return stays.length;
    }
}
