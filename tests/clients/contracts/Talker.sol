// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// Talks to the console as Hardhat's and Foundry's libraries do.
contract Talker {
    address private constant CONSOLE = 0x000000000000000000636F6e736F6c652e6c6f67;

    uint256 public count;

    error TooMuch(uint256 asked, uint256 most);

    function talk(string memory what, uint256 number) public {
        log(abi.encodeWithSignature("log(string,uint256)", what, number));
        count += 1;
    }

    function talkAndFail(uint256 asked) external {
        talk("about to fail", asked);
        revert TooMuch(asked, 7);
    }

    function peek() external view returns (uint256) {
        log(abi.encodeWithSignature("log(string)", "a look"));
        return count;
    }

    function log(bytes memory payload) private view {
        (bool ignored, ) = CONSOLE.staticcall(payload);
        ignored;
    }
}
