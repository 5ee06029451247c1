// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {CBOR} from "solidity-cborutils/contracts/CBOR.sol";
import {DataCapAPI} from "filecoin-solidity-api/contracts/v0.8/DataCapAPI.sol";
import {VerifRegAPI} from "filecoin-solidity-api/contracts/v0.8/VerifRegAPI.sol";
import {FilecoinCBOR} from "filecoin-solidity-api/contracts/v0.8/cbor/FilecoinCbor.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {DataCapTypes} from "filecoin-solidity-api/contracts/v0.8/types/DataCapTypes.sol";
import {VerifRegTypes} from "filecoin-solidity-api/contracts/v0.8/types/VerifRegTypes.sol";
import {BigInts} from "filecoin-solidity-api/contracts/v0.8/utils/BigInts.sol";
import {CBORDecoder} from "filecoin-solidity-api/contracts/v0.8/utils/CborDecode.sol";
import {FilAddresses} from "filecoin-solidity-api/contracts/v0.8/utils/FilAddresses.sol";
import {FilAddressIdConverter} from "filecoin-solidity-api/contracts/v0.8/utils/FilAddressIdConverter.sol";
import {Misc} from "filecoin-solidity-api/contracts/v0.8/utils/Misc.sol";

/// @title Holds datacap and spends it on pieces, without a deal.
/// @notice A verifier gives this contract datacap. Its owner allocates some of it to a piece and a
/// provider; the provider proves a sector with the piece (ProveCommitSectors3) and claims the
/// allocation in the same message. What nobody claims in time comes back.
contract DatacapVault {
    using CBOR for CBOR.CBORBuffer;
    using CBORDecoder for bytes;
    using FilecoinCBOR for CBOR.CBORBuffer;

    /// @notice What an allocation is for. Epochs last 30 seconds.
    struct Request {
        /// Actor ID of the miner that may claim it.
        uint64 provider;
        /// The piece's CID in bytes.
        bytes pieceCid;
        /// Its padded size in bytes, which is the datacap it takes.
        uint64 size;
        /// For how many epochs it must be stored at least (180 days or more), and counts at most.
        int64 termMin;
        int64 termMax;
        /// Epoch by which it must be claimed: within 60 days.
        int64 expiration;
    }

    enum Status {
        Unknown,
        /// Waits for its provider.
        Allocated,
        /// Stored and proven.
        Claimed,
        /// Nobody claimed it in time.
        Expired
    }

    event DatacapReceived(uint64 indexed from, uint256 datacap);
    event Allocated(uint64 indexed allocation, uint64 indexed provider, bytes pieceCid, uint64 size);
    event Recovered(uint256 datacap);

    error NotTheOwner(address caller);
    error NotTheDatacapToken(address caller);
    error UnknownMethod(uint64 method);
    error Malformed();
    error UnknownAllocation(uint64 allocation);
    error ActorFailed(int256 exitCode);

    /// @dev The token actor as a caller: f07 in the form of an Ethereum address.
    address private constant DATACAP_TOKEN = 0xfF00000000000000000000000000000000000007;
    uint64 private constant VERIFIED_REGISTRY = 6;
    /// @dev What the hook of FRC-46 tokens is called with.
    uint32 private constant FRC46_TOKEN = 2233613279;
    /// @dev A byte of datacap is a token of 18 decimals.
    uint256 private constant BYTE = 10 ** 18;

    address public immutable owner;
    mapping(uint64 allocation => Request) private requests;

    constructor() {
        owner = msg.sender;
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotTheOwner(msg.sender);
        _;
    }

    /// @notice Sets datacap aside for a piece.
    /// @return allocation number, which its provider claims and which the claim keeps.
    function allocate(Request calldata request) external onlyOwner returns (uint64 allocation) {
        (int256 exitCode, DataCapTypes.TransferReturn memory result) = DataCapAPI.transfer(
            DataCapTypes.TransferParams({
                to: FilAddresses.fromActorID(VERIFIED_REGISTRY),
                amount: BigInts.fromUint256(request.size * BYTE),
                operator_data: allocationRequest(request)
            })
        );
        if (exitCode != 0) revert ActorFailed(exitCode);
        allocation = allocationFrom(result.recipient_data);
        requests[allocation] = request;
        emit Allocated(allocation, request.provider, request.pieceCid, request.size);
    }

    /// @notice Takes datacap of allocations back that expired. Anybody may call this; the datacap
    /// returns to this contract.
    /// @param allocations their numbers; none: all that expired.
    /// @return recovered bytes of datacap.
    function recover(uint64[] calldata allocations) external returns (uint256 recovered) {
        CommonTypes.FilActorId[] memory ids = new CommonTypes.FilActorId[](allocations.length);
        for (uint256 i = 0; i < ids.length; i++) ids[i] = CommonTypes.FilActorId.wrap(allocations[i]);
        (int256 exitCode, VerifRegTypes.RemoveExpiredAllocationsReturn memory result) = VerifRegAPI
            .removeExpiredAllocations(VerifRegTypes.RemoveExpiredAllocationsParams(actorId(), ids));
        if (exitCode != 0) revert ActorFailed(exitCode);
        (recovered,) = BigInts.toUint256(result.datacap_recovered);
        emit Recovered(recovered);
    }

    /// @notice Lets a claim count for longer.
    /// @param termMax in epochs since the claim began.
    function extend(uint64 allocation, int64 termMax) external onlyOwner {
        VerifRegTypes.ClaimTerm[] memory terms = new VerifRegTypes.ClaimTerm[](1);
        terms[0] = VerifRegTypes.ClaimTerm(
            CommonTypes.FilActorId.wrap(known(allocation).provider),
            CommonTypes.FilActorId.wrap(allocation),
            CommonTypes.ChainEpoch.wrap(termMax)
        );
        (int256 exitCode, CommonTypes.BatchReturn memory result) = VerifRegAPI.extendClaimTerms(terms);
        if (exitCode != 0) revert ActorFailed(exitCode);
        if (result.fail_codes.length > 0) revert ActorFailed(int256(uint256(result.fail_codes[0].code)));
    }

    /// @notice Bytes of datacap that can still be allocated.
    function datacap() external view returns (uint256 available) {
        (int256 exitCode, CommonTypes.BigInt memory tokens) =
            DataCapAPI.balance(FilAddresses.fromEthAddress(address(this)));
        if (exitCode != 0) revert ActorFailed(exitCode);
        (available,) = BigInts.toUint256(tokens);
        available /= BYTE;
    }

    /// @notice What became of an allocation.
    function status(uint64 allocation) external view returns (Status) {
        Request storage request = requests[allocation];
        if (request.size == 0) return Status.Unknown;
        (bool claimed,) = claimOf(allocation);
        if (claimed) return Status.Claimed;
        return int64(uint64(block.number)) > request.expiration ? Status.Expired : Status.Allocated;
    }

    /// @notice The sector that holds the piece of an allocation, once it is claimed.
    function sectorOf(uint64 allocation) external view returns (uint64 sector, int64 since) {
        (bool claimed, VerifRegTypes.Claim memory claim) = claimOf(allocation);
        if (!claimed) revert UnknownAllocation(allocation);
        return (CommonTypes.FilActorId.unwrap(claim.sector), CommonTypes.ChainEpoch.unwrap(claim.term_start));
    }

    /// @notice What was asked for.
    function requestOf(uint64 allocation) external view returns (Request memory) {
        return known(allocation);
    }

    /// @notice Where the datacap token announces that it gives this contract datacap; without an
    /// answer here, no verifier could give it any.
    function handle_filecoin_method(uint64 method, uint64 codec, bytes memory params)
        external
        returns (uint32 exitCode, uint64 returnCodec, bytes memory result)
    {
        if (msg.sender != DATACAP_TOKEN) revert NotTheDatacapToken(msg.sender);
        if (method != CommonTypes.UniversalReceiverHookMethodNum || codec != Misc.CBOR_CODEC) {
            revert UnknownMethod(method);
        }
        (uint64 from, uint256 received) = receivedFrom(params);
        emit DatacapReceived(from, received);
        return (0, 0, "");
    }

    /// @dev The number of this contract's actor.
    function actorId() private view returns (CommonTypes.FilActorId) {
        (, uint64 id) = FilAddressIdConverter.getActorID(address(this));
        return CommonTypes.FilActorId.wrap(id);
    }

    function known(uint64 allocation) private view returns (Request storage found) {
        found = requests[allocation];
        if (found.size == 0) revert UnknownAllocation(allocation);
    }

    /// @dev A claim keeps the number of the allocation it came from.
    function claimOf(uint64 allocation) private view returns (bool claimed, VerifRegTypes.Claim memory claim) {
        CommonTypes.FilActorId[] memory ids = new CommonTypes.FilActorId[](1);
        ids[0] = CommonTypes.FilActorId.wrap(allocation);
        CommonTypes.FilActorId provider = CommonTypes.FilActorId.wrap(known(allocation).provider);
        (int256 exitCode, VerifRegTypes.GetClaimsReturn memory found) =
            VerifRegAPI.getClaims(VerifRegTypes.GetClaimsParams(provider, ids));
        if (exitCode != 0) revert ActorFailed(exitCode);
        if (found.claims.length == 1) (claimed, claim) = (true, found.claims[0]);
    }

    /// @dev `[[[provider, cid, size, termMin, termMax, expiration]], []]`: one allocation, no
    /// extension of a claim.
    function allocationRequest(Request calldata wanted) private pure returns (bytes memory) {
        CBOR.CBORBuffer memory buffer = CBOR.create(128);
        buffer.startFixedArray(2);
        buffer.startFixedArray(1);
        buffer.startFixedArray(6);
        buffer.writeUInt64(wanted.provider);
        buffer.writeCid(wanted.pieceCid);
        buffer.writeUInt64(wanted.size);
        buffer.writeInt64(wanted.termMin);
        buffer.writeInt64(wanted.termMax);
        buffer.writeInt64(wanted.expiration);
        buffer.startFixedArray(0);
        return buffer.data();
    }

    /// @dev What the registry answers, `[[1, []], [0, []], [allocation]]`.
    function allocationFrom(bytes memory answer) private pure returns (uint64 allocation) {
        (uint256 fields, uint256 cursor) = answer.readFixedArray(0);
        if (fields != 3) revert Malformed();
        for (uint256 i = 0; i < 2; i++) {
            uint256 failures;
            (fields, cursor) = answer.readFixedArray(cursor);
            (, cursor) = answer.readUInt64(cursor);
            (failures, cursor) = answer.readFixedArray(cursor);
            // The registry takes all requests or none.
            if (fields != 2 || failures != 0) revert Malformed();
        }
        (fields, cursor) = answer.readFixedArray(cursor);
        if (fields != 1) revert Malformed();
        (allocation,) = answer.readUInt64(cursor);
    }

    /// @dev `[type, payload]` with payload `[from, to, operator, amount, operatorData, tokenData]`.
    function receivedFrom(bytes memory params) private pure returns (uint64 from, uint256 received) {
        (uint256 fields, uint256 cursor) = params.readFixedArray(0);
        uint64 kind;
        (kind, cursor) = params.readUInt64(cursor);
        if (fields != 2 || kind != FRC46_TOKEN) revert Malformed();
        (bytes memory payload,) = params.readBytes(cursor);
        (fields, cursor) = payload.readFixedArray(0);
        if (fields != 6) revert Malformed();
        (from, cursor) = payload.readUInt64(cursor);
        (, cursor) = payload.readUInt64(cursor);
        (, cursor) = payload.readUInt64(cursor);
        bytes memory amount;
        (amount, cursor) = payload.readBytes(cursor);
        // A sign, then the magnitude.
        for (uint256 i = 1; i < amount.length; i++) received = (received << 8) | uint8(amount[i]);
        received /= BYTE;
    }
}
