// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {AccountAPI} from "filecoin-solidity-api/contracts/v0.8/AccountAPI.sol";
import {PrecompilesAPI} from "filecoin-solidity-api/contracts/v0.8/PrecompilesAPI.sol";
import {SendAPI} from "filecoin-solidity-api/contracts/v0.8/SendAPI.sol";
import {AccountTypes} from "filecoin-solidity-api/contracts/v0.8/types/AccountTypes.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {Actor} from "filecoin-solidity-api/contracts/v0.8/utils/Actor.sol";

/// AccountAPI, SendAPI, PrecompilesAPI, and calls of any actor.
contract Basics {
    /// Exit code of a call that may change state.
    event Exit(int256 code);

    receive() external payable {}

    function authenticateMessage(CommonTypes.FilActorId account, bytes memory signature, bytes memory message)
        external
        view
        returns (int256)
    {
        return AccountAPI.authenticateMessage(account, AccountTypes.AuthenticateMessageParams(signature, message));
    }

    function sendToId(CommonTypes.FilActorId to, uint256 value) external returns (int256 code) {
        code = SendAPI.send(to, value);
        emit Exit(code);
    }

    function sendToAddress(CommonTypes.FilAddress memory to, uint256 value) external returns (int256 code) {
        code = SendAPI.send(to, value);
        emit Exit(code);
    }

    function resolveAddress(CommonTypes.FilAddress memory whose) external view returns (uint64) {
        return PrecompilesAPI.resolveAddress(whose);
    }

    function resolveEthAddress(address whose) external view returns (uint64) {
        return PrecompilesAPI.resolveEthAddress(whose);
    }

    function lookupDelegatedAddress(uint64 actor) external view returns (bytes memory) {
        return PrecompilesAPI.lookupDelegatedAddress(actor);
    }

    function callByAddress(bytes memory to, uint256 method, uint64 codec, bytes memory params, uint256 value)
        external
        payable
        returns (int256 code, bytes memory result)
    {
        (code, result) = Actor.callByAddress(to, method, codec, params, value, false);
        emit Exit(code);
    }

    function callById(CommonTypes.FilActorId to, uint256 method, uint64 codec, bytes memory params, uint256 value)
        external
        payable
        returns (int256 code, bytes memory result)
    {
        (code, result) = Actor.callByID(to, method, codec, params, value, false);
        emit Exit(code);
    }

    function callByIdReadOnly(CommonTypes.FilActorId to, uint256 method, uint64 codec, bytes memory params)
        external
        view
        returns (int256 code, bytes memory result)
    {
        return Actor.callByIDReadOnly(to, method, codec, params);
    }

    /// A precompile as it is, without the package.
    function precompile(address which, bytes memory input) external view returns (bool, bytes memory) {
        return which.staticcall(input);
    }
}
