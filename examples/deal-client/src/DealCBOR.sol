// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {CBOR} from "solidity-cborutils/contracts/CBOR.sol";
import {FilecoinCBOR} from "filecoin-solidity-api/contracts/v0.8/cbor/FilecoinCbor.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {MarketTypes} from "filecoin-solidity-api/contracts/v0.8/types/MarketTypes.sol";

/// @title Deal proposals in the one form that the market signs, compares and notifies.
/// @notice The market encodes a proposal anew before it asks its client about it. So what a client
/// compares with must be canonical: amounts without zeros in front, and zero as no bytes at all.
/// The package's `MarketCBOR` leaves that to its caller and cannot write zero.
library DealCBOR {
    using CBOR for CBOR.CBORBuffer;
    using FilecoinCBOR for CBOR.CBORBuffer;

    /// @notice The canonical CBOR of a proposal.
    function encode(MarketTypes.DealProposal memory deal) internal pure returns (bytes memory) {
        CBOR.CBORBuffer memory buffer = CBOR.create(256);
        buffer.startFixedArray(11);
        buffer.writeCid(deal.piece_cid.data);
        buffer.writeUInt64(deal.piece_size);
        buffer.writeBool(deal.verified_deal);
        buffer.writeBytes(deal.client.data);
        buffer.writeBytes(deal.provider.data);
        buffer.writeDealLabel(deal.label);
        buffer.writeChainEpoch(deal.start_epoch);
        buffer.writeChainEpoch(deal.end_epoch);
        buffer.writeBytes(canonical(deal.storage_price_per_epoch));
        buffer.writeBytes(canonical(deal.provider_collateral));
        buffer.writeBytes(canonical(deal.client_collateral));
        return buffer.data();
    }

    /// @notice An amount as the package's `BigInt`.
    function amount(uint256 value) internal pure returns (CommonTypes.BigInt memory) {
        return CommonTypes.BigInt(abi.encodePacked(value), false);
    }

    /// @notice The number of an actor from its address in ID form (`f0…`).
    /// @return known false for every other kind of address, and for bytes that are no address.
    function actorId(bytes memory data) internal pure returns (bool known, uint64 id) {
        if (data.length < 2 || data.length > 11 || data[0] != 0x00) return (false, 0);
        for (uint256 i = 1; i < data.length; i++) {
            uint256 group = uint8(data[i]) & 0x7f;
            bool last = uint8(data[i]) < 0x80;
            // The tenth group has one bit left, and the last one ends the address.
            if (last != (i == data.length - 1) || (i == 10 && group > 1)) return (false, 0);
            id |= uint64(group << (7 * (i - 1)));
        }
        return (true, id);
    }

    /// @dev Sign and magnitude without zeros in front; nothing for zero.
    function canonical(CommonTypes.BigInt memory value) private pure returns (bytes memory written) {
        uint256 zeros = 0;
        while (zeros < value.val.length && value.val[zeros] == 0) zeros++;
        if (zeros == value.val.length) return "";
        written = new bytes(1 + value.val.length - zeros);
        written[0] = value.neg ? bytes1(0x01) : bytes1(0x00);
        for (uint256 i = zeros; i < value.val.length; i++) written[1 + i - zeros] = value.val[i];
    }
}
