// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {Berth} from "../src/Berth.sol";

interface Vm {
    function envAddress(string calldata name) external view returns (address);
    function envString(string calldata name) external view returns (string memory);
    function createSelectFork(string calldata url) external returns (uint256);
    function createSelectFork(string calldata url, uint256 height) external returns (uint256);
    function snapshotState() external returns (uint256);
    function revertToState(uint256 id) external returns (bool);
    function deal(address who, uint256 balance) external;
    function prank(address who) external;
}

/// Works on the state of a node, in Foundry's own machine.
contract ForkTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function testReadsTheStateOfTheNode() external {
        vm.createSelectFork(vm.envString("BOATYARD_URL"));
        Berth berth = Berth(vm.envAddress("BERTH"));
        require(block.chainid == 31415926, "chain");
        require(berth.taken() == 3 && berth.fee() == 5, "storage");
        require(address(berth).balance == 18, "balance");
        require(berth.at(1) != address(0), "mapping");
    }

    function testSnapshotsGoBack() external {
        vm.createSelectFork(vm.envString("BOATYARD_URL"));
        Berth berth = Berth(vm.envAddress("BERTH"));
        address ship = address(0xabcd);
        vm.deal(ship, 100);
        uint256 snapshot = vm.snapshotState();
        vm.prank(ship);
        require(berth.take{value: 7}() == 3 && berth.at(3) == ship, "taken");
        require(vm.revertToState(snapshot), "reverted");
        require(berth.taken() == 3, "as before");
    }

    function testEarlierStateIsThere() external {
        vm.createSelectFork(vm.envString("BOATYARD_URL"), 1);
        require(vm.envAddress("BERTH").code.length == 0, "not yet");
    }
}
