// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.26;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// A token whose holders vote.
contract Share is ERC20, ERC20Permit, ERC20Votes {
    constructor(uint256 supply) ERC20("Harbour Share", "SHARE") ERC20Permit("Harbour Share") {
        _mint(msg.sender, supply);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }
}

/// A berth each, given out by those who hold the role.
contract Berths is ERC721, AccessControl {
    bytes32 public constant HARBOURMASTER = keccak256("HARBOURMASTER");

    uint256 public next;

    constructor() ERC721("Berth", "BERTH") {
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
    }

    function give(address to) external onlyRole(HARBOURMASTER) returns (uint256 id) {
        id = next++;
        _safeMint(to, id);
    }

    function supportsInterface(bytes4 id) public view override(ERC721, AccessControl) returns (bool) {
        return super.supportsInterface(id);
    }
}

/// Gives its money back to its owner at a time.
contract Lock {
    uint256 public immutable opens;
    address payable public immutable owner;

    error TooEarly(uint256 now, uint256 opens);

    constructor(uint256 when) payable {
        opens = when;
        owner = payable(msg.sender);
    }

    function open() external {
        if (block.timestamp < opens) revert TooEarly(block.timestamp, opens);
        owner.transfer(address(this).balance);
    }
}
