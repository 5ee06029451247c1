// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {Berth} from "../src/Berth.sol";

interface Vm {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// Deploys a berth, and three ships take a place.
contract Fleet {
    bool public constant IS_SCRIPT = true;
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external returns (Berth berth) {
        vm.startBroadcast();
        berth = new Berth(5);
        for (uint256 ship = 0; ship < 3; ++ship) berth.take{value: 5 + ship}();
        vm.stopBroadcast();
    }
}
