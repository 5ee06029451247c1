// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {DataCapAPI} from "filecoin-solidity-api/contracts/v0.8/DataCapAPI.sol";
import {VerifRegAPI} from "filecoin-solidity-api/contracts/v0.8/VerifRegAPI.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {DataCapTypes} from "filecoin-solidity-api/contracts/v0.8/types/DataCapTypes.sol";
import {VerifRegTypes} from "filecoin-solidity-api/contracts/v0.8/types/VerifRegTypes.sol";
import {BigInts} from "filecoin-solidity-api/contracts/v0.8/utils/BigInts.sol";

/// Every function of DataCapAPI, for anybody; it can be a verified client.
contract DataCap {
    /// Exit code of a call that may change state.
    event Exit(int256 code);

    /// Takes datacap: actors announce tokens to their receiver.
    function handle_filecoin_method(uint64 method, uint64, bytes calldata)
        external
        pure
        returns (uint32, uint64, bytes memory)
    {
        require(method == CommonTypes.UniversalReceiverHookMethodNum, "only tokens");
        return (0, 0, "");
    }

    function name() external view returns (int256, string memory) {
        return DataCapAPI.name();
    }

    function symbol() external view returns (int256, string memory) {
        return DataCapAPI.symbol();
    }

    function totalSupply() external view returns (int256, CommonTypes.BigInt memory) {
        return DataCapAPI.totalSupply();
    }

    function balance(CommonTypes.FilAddress memory whose)
        external
        view
        returns (int256, CommonTypes.BigInt memory)
    {
        return DataCapAPI.balance(whose);
    }

    function allowance(CommonTypes.FilAddress memory owner, CommonTypes.FilAddress memory operator)
        external
        view
        returns (int256, CommonTypes.BigInt memory)
    {
        return DataCapAPI.allowance(DataCapTypes.GetAllowanceParams(owner, operator));
    }

    function transfer(CommonTypes.FilAddress memory to, uint256 amount, bytes memory data)
        external
        returns (int256 code, DataCapTypes.TransferReturn memory result)
    {
        (code, result) = DataCapAPI.transfer(DataCapTypes.TransferParams(to, BigInts.fromUint256(amount), data));
        emit Exit(code);
    }

    function transferFrom(
        CommonTypes.FilAddress memory from,
        CommonTypes.FilAddress memory to,
        uint256 amount,
        bytes memory data
    ) external returns (int256 code, DataCapTypes.TransferFromReturn memory result) {
        (code, result) =
            DataCapAPI.transferFrom(DataCapTypes.TransferFromParams(from, to, BigInts.fromUint256(amount), data));
        emit Exit(code);
    }

    function increaseAllowance(CommonTypes.FilAddress memory operator, int256 by)
        external
        returns (int256 code, CommonTypes.BigInt memory result)
    {
        (code, result) =
            DataCapAPI.increaseAllowance(DataCapTypes.IncreaseAllowanceParams(operator, BigInts.fromInt256(by)));
        emit Exit(code);
    }

    function decreaseAllowance(CommonTypes.FilAddress memory operator, int256 by)
        external
        returns (int256 code, CommonTypes.BigInt memory result)
    {
        (code, result) =
            DataCapAPI.decreaseAllowance(DataCapTypes.DecreaseAllowanceParams(operator, BigInts.fromInt256(by)));
        emit Exit(code);
    }

    function revokeAllowance(CommonTypes.FilAddress memory operator)
        external
        returns (int256 code, CommonTypes.BigInt memory result)
    {
        (code, result) = DataCapAPI.revokeAllowance(operator);
        emit Exit(code);
    }

    function burn(uint256 amount) external returns (int256 code, CommonTypes.BigInt memory result) {
        (code, result) = DataCapAPI.burn(BigInts.fromUint256(amount));
        emit Exit(code);
    }

    function burnFrom(CommonTypes.FilAddress memory owner, uint256 amount)
        external
        returns (int256 code, DataCapTypes.BurnFromReturn memory result)
    {
        (code, result) = DataCapAPI.burnFrom(DataCapTypes.BurnFromParams(owner, BigInts.fromUint256(amount)));
        emit Exit(code);
    }

    /// Only the client of a claim may extend it, so this contract can.
    function extendClaimTerms(VerifRegTypes.ClaimTerm[] memory terms)
        external
        returns (int256 code, CommonTypes.BatchReturn memory result)
    {
        (code, result) = VerifRegAPI.extendClaimTerms(terms);
        emit Exit(code);
    }
}
