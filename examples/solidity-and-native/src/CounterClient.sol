// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {CBOR} from "solidity-cborutils/contracts/CBOR.sol";
import {CBORDecoder} from "filecoin-solidity-api/contracts/v0.8/utils/CborDecode.sol";
import {Actor} from "filecoin-solidity-api/contracts/v0.8/utils/Actor.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {FilAddressIdConverter} from "filecoin-solidity-api/contracts/v0.8/utils/FilAddressIdConverter.sol";
import {Misc} from "filecoin-solidity-api/contracts/v0.8/utils/Misc.sol";

/// Talks to the native counter of `examples/native-counter`, in both directions.
contract CounterClient {
    using CBOR for CBOR.CBORBuffer;
    using CBORDecoder for bytes;

    /// Numbers of the actor's methods, which FRC-0042 derives from their names;
    /// `boatyard abi` prints them.
    uint256 private constant ADD = 45300949;
    uint256 private constant GET = 355179992;

    /// The actor: its ID, the number after `f0`.
    uint64 public immutable counter;

    /// What the actor reported last.
    uint64 public lastReport;

    event Added(uint64 by, uint64 sum);
    event Reported(uint64 count);

    /// The actor refused; `exitCode` says why.
    error CounterFailed(int256 exitCode);
    /// Only the actor may report.
    error NotTheCounter(address caller);

    constructor(uint64 counter_) {
        counter = counter_;
    }

    /// Adds to the actor's count.
    function add(uint64 by) external returns (uint64 sum) {
        // The method takes a tuple of one number: a CBOR array of one element.
        CBOR.CBORBuffer memory params = CBOR.create(16);
        params.startFixedArray(1);
        params.writeUInt64(by);
        (int256 exitCode, bytes memory result) = Actor.callByID(
            CommonTypes.FilActorId.wrap(counter), ADD, Misc.CBOR_CODEC, params.data(), 0, false
        );
        sum = read(exitCode, result);
        emit Added(by, sum);
    }

    /// Asks the actor for its count; changes nothing.
    function get() external view returns (uint64) {
        (int256 exitCode, bytes memory result) =
            Actor.callByIDReadOnly(CommonTypes.FilActorId.wrap(counter), GET, Misc.NONE_CODEC, "");
        return read(exitCode, result);
    }

    /// The actor calls this one (its method `Report`). Answers with twice the count.
    function reported(uint64 count) external returns (uint64) {
        // A native actor has no Ethereum address of its own: it calls from the one
        // that masks its ID.
        if (msg.sender != FilAddressIdConverter.toIDAddress(counter)) {
            revert NotTheCounter(msg.sender);
        }
        lastReport = count;
        emit Reported(count);
        return count * 2;
    }

    function read(int256 exitCode, bytes memory result) private pure returns (uint64 number) {
        if (exitCode != 0) {
            revert CounterFailed(exitCode);
        }
        (number,) = result.readUInt64(0);
    }
}
