// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {MinerAPI} from "filecoin-solidity-api/contracts/v0.8/MinerAPI.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {MinerTypes} from "filecoin-solidity-api/contracts/v0.8/types/MinerTypes.sol";
import {BigInts} from "filecoin-solidity-api/contracts/v0.8/utils/BigInts.sol";

/// Every function of MinerAPI, for anybody; it can own a miner.
contract Miner {
    /// Exit code of a call that may change state.
    event Exit(int256 code);

    receive() external payable {}

    function getOwner(CommonTypes.FilActorId miner)
        external
        view
        returns (int256, MinerTypes.GetOwnerReturn memory)
    {
        return MinerAPI.getOwner(miner);
    }

    function isControllingAddress(CommonTypes.FilActorId miner, CommonTypes.FilAddress memory who)
        external
        view
        returns (int256, bool)
    {
        return MinerAPI.isControllingAddress(miner, who);
    }

    function getSectorSize(CommonTypes.FilActorId miner) external view returns (int256, uint64) {
        return MinerAPI.getSectorSize(miner);
    }

    function getAvailableBalance(CommonTypes.FilActorId miner)
        external
        view
        returns (int256, CommonTypes.BigInt memory)
    {
        return MinerAPI.getAvailableBalance(miner);
    }

    function getVestingFunds(CommonTypes.FilActorId miner)
        external
        view
        returns (int256, MinerTypes.VestingFunds[] memory)
    {
        return MinerAPI.getVestingFunds(miner);
    }

    function getBeneficiary(CommonTypes.FilActorId miner)
        external
        view
        returns (int256, MinerTypes.GetBeneficiaryReturn memory)
    {
        return MinerAPI.getBeneficiary(miner);
    }

    function getPeerId(CommonTypes.FilActorId miner) external view returns (int256, CommonTypes.FilAddress memory) {
        return MinerAPI.getPeerId(miner);
    }

    function getMultiaddresses(CommonTypes.FilActorId miner)
        external
        view
        returns (int256, CommonTypes.FilAddress[] memory)
    {
        return MinerAPI.getMultiaddresses(miner);
    }

    function changeOwnerAddress(CommonTypes.FilActorId miner, CommonTypes.FilAddress memory owner)
        external
        returns (int256 code)
    {
        code = MinerAPI.changeOwnerAddress(miner, owner);
        emit Exit(code);
    }

    function changeBeneficiary(
        CommonTypes.FilActorId miner,
        CommonTypes.FilAddress memory beneficiary,
        uint256 quota,
        CommonTypes.ChainEpoch expiration
    ) external returns (int256 code) {
        code = MinerAPI.changeBeneficiary(
            miner, MinerTypes.ChangeBeneficiaryParams(beneficiary, BigInts.fromUint256(quota), expiration)
        );
        emit Exit(code);
    }

    function changeWorkerAddress(CommonTypes.FilActorId miner, MinerTypes.ChangeWorkerAddressParams memory params)
        external
        returns (int256 code)
    {
        code = MinerAPI.changeWorkerAddress(miner, params);
        emit Exit(code);
    }

    function confirmChangeWorkerAddress(CommonTypes.FilActorId miner) external returns (int256 code) {
        code = MinerAPI.confirmChangeWorkerAddress(miner);
        emit Exit(code);
    }

    function changePeerId(CommonTypes.FilActorId miner, CommonTypes.FilAddress memory peer)
        external
        returns (int256 code)
    {
        code = MinerAPI.changePeerId(miner, peer);
        emit Exit(code);
    }

    function changeMultiaddresses(CommonTypes.FilActorId miner, CommonTypes.FilAddress[] memory addresses)
        external
        returns (int256 code)
    {
        code = MinerAPI.changeMultiaddresses(miner, addresses);
        emit Exit(code);
    }

    function repayDebt(CommonTypes.FilActorId miner) external returns (int256 code) {
        code = MinerAPI.repayDebt(miner);
        emit Exit(code);
    }

    function withdrawBalance(CommonTypes.FilActorId miner, uint256 amount)
        external
        returns (int256 code, CommonTypes.BigInt memory result)
    {
        (code, result) = MinerAPI.withdrawBalance(miner, BigInts.fromUint256(amount));
        emit Exit(code);
    }
}
