// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {CBORDecoder} from "filecoin-solidity-api/contracts/v0.8/utils/CborDecode.sol";

/// Is told by miners what their sectors hold (SectorContentChanged) and accepts or refuses it.
contract Watcher {
    using CBORDecoder for bytes;

    uint64 constant SECTOR_CONTENT_CHANGED = 2034386435;
    uint64 constant CBOR = 0x51;

    event Piece(uint64 indexed miner, uint64 sector, int64 until, bytes data, uint64 size, bytes payload);

    error NotAMiner(address caller);

    enum Answer {
        Accept,
        Refuse,
        Revert
    }

    Answer public answer;
    uint256 public pieces;

    function willAnswer(Answer next) external {
        answer = next;
    }

    function handle_filecoin_method(uint64 method, uint64 codec, bytes memory params)
        external
        returns (uint32, uint64, bytes memory)
    {
        require(method == SECTOR_CONTENT_CHANGED && codec == CBOR, "only SectorContentChanged");
        require(answer != Answer.Revert, "the watcher sleeps");
        bytes memory accepted;
        uint256 at;
        uint256 sectors;
        (sectors, at) = params.readFixedArray(at);
        accepted = head(sectors);
        for (uint256 i = 0; i < sectors; i++) {
            bytes memory row;
            (row, at) = sectorChanged(params, at);
            accepted = bytes.concat(accepted, row);
        }
        return (0, CBOR, accepted);
    }

    function sectorChanged(bytes memory params, uint256 at) private returns (bytes memory row, uint256) {
        uint256 count;
        uint64 sector;
        int64 until;
        (count, at) = params.readFixedArray(at);
        require(count == 3, "a sector has three fields");
        (sector, at) = params.readUInt64(at);
        (until, at) = params.readInt64(at);
        (count, at) = params.readFixedArray(at);
        row = head(count);
        for (uint256 i = 0; i < count; i++) {
            at = pieceAdded(params, at, sector, until);
            row = bytes.concat(row, answer == Answer.Accept ? bytes1(0xf5) : bytes1(0xf4));
        }
        return (row, at);
    }

    function pieceAdded(bytes memory params, uint256 at, uint64 sector, int64 until) private returns (uint256) {
        uint256 fields;
        bytes memory data;
        uint64 size;
        bytes memory payload;
        (fields, at) = params.readFixedArray(at);
        require(fields == 3, "a piece has three fields");
        require(params[at] == 0xd8 && params[at + 1] == 0x2a, "a piece begins with its CID");
        (data, at) = params.readBytes(at + 2);
        (size, at) = params.readUInt64(at);
        (payload, at) = params.readBytes(at);
        if (answer == Answer.Accept) pieces += 1;
        emit Piece(caller(), sector, until, data, size, payload);
        return at;
    }

    /// The miner's actor ID: actors without an Ethereum address call as 0xff…ID.
    function caller() private view returns (uint64) {
        uint160 sender = uint160(msg.sender);
        if (sender >> 64 != uint160(0xff) << 88) revert NotAMiner(msg.sender);
        return uint64(sender);
    }

    /// The CBOR header of an array of fewer than 24.
    function head(uint256 length) private pure returns (bytes memory) {
        require(length < 24, "too many");
        return abi.encodePacked(uint8(0x80 + length));
    }
}
