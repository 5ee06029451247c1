// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {FilecoinCBOR} from "filecoin-solidity-api/contracts/v0.8/cbor/FilecoinCbor.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {CBORDecoder} from "filecoin-solidity-api/contracts/v0.8/utils/CborDecode.sol";

/// @title What miners tell about their sectors: the parameters and the result of SectorContentChanged.
library SectorContent {
    using CBORDecoder for bytes;
    using FilecoinCBOR for bytes;

    /// @notice A piece that a sector holds from now on.
    struct Piece {
        uint64 sector;
        /// The miner promises to keep the sector until then.
        int64 until;
        /// CID in bytes.
        bytes cid;
        /// Padded size in bytes.
        uint64 size;
        /// What the provider was asked to pass on.
        bytes payload;
    }

    error Malformed();

    /// @notice Reads `[[sector, until, [[cid, size, payload]…]]…]`.
    /// @return sectors the pieces of each sector, in order.
    function decode(bytes memory params) internal pure returns (Piece[][] memory sectors) {
        (uint256 count, uint256 cursor) = params.readFixedArray(0);
        sectors = new Piece[][](count);
        for (uint256 i = 0; i < count; i++) {
            (sectors[i], cursor) = sectorFrom(params, cursor);
        }
        if (cursor != params.length) revert Malformed();
    }

    /// @notice Writes `[[bool…]…]`: which pieces are accepted.
    function encode(bool[][] memory accepted) internal pure returns (bytes memory written) {
        written = arrayOf(accepted.length);
        for (uint256 i = 0; i < accepted.length; i++) {
            bytes memory row = new bytes(accepted[i].length);
            for (uint256 j = 0; j < row.length; j++) row[j] = accepted[i][j] ? bytes1(0xf5) : bytes1(0xf4);
            written = bytes.concat(written, arrayOf(row.length), row);
        }
    }

    function sectorFrom(bytes memory params, uint256 cursor) private pure returns (Piece[] memory pieces, uint256) {
        uint256 count;
        uint64 sector;
        int64 until;
        (count, cursor) = params.readFixedArray(cursor);
        if (count != 3) revert Malformed();
        (sector, cursor) = params.readUInt64(cursor);
        (until, cursor) = params.readInt64(cursor);
        (count, cursor) = params.readFixedArray(cursor);
        pieces = new Piece[](count);
        for (uint256 i = 0; i < count; i++) {
            pieces[i].sector = sector;
            pieces[i].until = until;
            cursor = pieceFrom(params, cursor, pieces[i]);
        }
        return (pieces, cursor);
    }

    function pieceFrom(bytes memory params, uint256 cursor, Piece memory piece) private pure returns (uint256) {
        uint256 fields;
        CommonTypes.Cid memory cid;
        (fields, cursor) = params.readFixedArray(cursor);
        if (fields != 3) revert Malformed();
        (cid, cursor) = params.readCid(cursor);
        piece.cid = cid.data;
        (piece.size, cursor) = params.readUInt64(cursor);
        (piece.payload, cursor) = params.readBytes(cursor);
        return cursor;
    }

    /// @dev The CBOR header of an array.
    function arrayOf(uint256 length) private pure returns (bytes memory) {
        if (length < 24) return abi.encodePacked(uint8(0x80 + length));
        if (length < 256) return abi.encodePacked(uint8(0x98), uint8(length));
        if (length >= 65536) revert Malformed();
        return abi.encodePacked(uint8(0x99), uint16(length));
    }
}
