// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {PowerAPI} from "filecoin-solidity-api/contracts/v0.8/PowerAPI.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {PowerTypes} from "filecoin-solidity-api/contracts/v0.8/types/PowerTypes.sol";

/// Every function of PowerAPI, for anybody.
contract Power {
    /// Exit code of a call that may change state.
    event Exit(int256 code);

    function createMiner(PowerTypes.CreateMinerParams memory params)
        external
        payable
        returns (int256 code, PowerTypes.CreateMinerReturn memory result)
    {
        (code, result) = PowerAPI.createMiner(params, msg.value);
        emit Exit(code);
    }

    function minerCount() external view returns (int256, uint64) {
        return PowerAPI.minerCount();
    }

    function minerConsensusCount() external view returns (int256, int64) {
        return PowerAPI.minerConsensusCount();
    }

    function networkRawPower() external view returns (int256, CommonTypes.BigInt memory) {
        return PowerAPI.networkRawPower();
    }

    function minerRawPower(uint64 miner) external view returns (int256, PowerTypes.MinerRawPowerReturn memory) {
        return PowerAPI.minerRawPower(miner);
    }
}
