// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {CBOR} from "solidity-cborutils/contracts/CBOR.sol";
import {PowerAPI} from "filecoin-solidity-api/contracts/v0.8/PowerAPI.sol";
import {SendAPI} from "filecoin-solidity-api/contracts/v0.8/SendAPI.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {Actor} from "filecoin-solidity-api/contracts/v0.8/utils/Actor.sol";
import {CBORDecoder} from "filecoin-solidity-api/contracts/v0.8/utils/CborDecode.sol";
import {Misc} from "filecoin-solidity-api/contracts/v0.8/utils/Misc.sol";
import {SectorContent} from "./SectorContent.sol";

/// @title Money for whoever stores a piece, and only for as long as it is stored.
/// @notice A sponsor posts a bounty on a piece. A provider that proves a sector with the piece, and
/// names this contract in the piece's notifications, wins it: the miner tells this contract about
/// its sector (SectorContentChanged), an advance is paid on the spot, and the rest vests epoch by
/// epoch. Anybody may have vested money paid out (`collect`), which shows that the sector is proven
/// at that moment; and anybody may end a bounty whose sector is faulty or gone (`clawBack`), which
/// gives all that was not paid out back to the sponsor.
///
/// All payments to a provider go to its miner actor, whose owner takes them with WithdrawBalance.
/// A provider should collect regularly: what it did not collect before a fault is lost.
contract Bounty {
    using CBOR for CBOR.CBORBuffer;
    using CBORDecoder for bytes;

    enum Stage {
        None,
        Open,
        Won,
        /// Paid in full, clawed back or withdrawn.
        Closed
    }

    struct Offer {
        Stage stage;
        address sponsor;
        /// Padded size of the piece in bytes.
        uint64 size;
        /// For how many epochs it must be stored.
        int64 duration;
        /// keccak256 of the piece's CID in bytes.
        bytes32 piece;
        /// Part of the money that is paid when the piece is stored.
        uint256 advance;
        /// Part that vests over the duration.
        uint256 vesting;
        /// How much of `vesting` has been paid.
        uint256 paid;
        /// Who won: the miner's actor ID, its sector, and since when.
        uint64 miner;
        uint64 sector;
        int64 since;
    }

    /// @notice A sector's state, as miners number it.
    enum SectorStatus {
        Dead,
        Active,
        Faulty
    }

    event Posted(uint256 indexed id, address indexed sponsor, bytes pieceCid, uint64 size, int64 duration, uint256 money);
    event Won(uint256 indexed id, uint64 indexed miner, uint64 sector, int64 since);
    event Paid(uint256 indexed id, uint64 indexed miner, uint256 amount);
    event ClawedBack(uint256 indexed id, SectorStatus status, uint256 amount);
    event Withdrawn(uint256 indexed id, uint256 amount);

    error UnknownMethod(uint64 method);
    error NotAMiner(address caller);
    error NotTheSponsor(address caller);
    error WrongStage(uint256 id, Stage stage);
    error BadOffer();
    error NothingVested(uint256 id);
    error NotSo(uint64 sector, SectorStatus claimed);
    error StillStored(uint64 sector);
    error MinerFailed(int256 exitCode);
    error NotPaid(address to, uint256 amount);

    uint64 private constant SECTOR_CONTENT_CHANGED = 2034386435;
    uint64 private constant VALIDATE_SECTOR_STATUS = 3092458564;
    /// @dev Actors without an Ethereum address call as this and their ID.
    uint160 private constant ID_MASK = uint160(0xff) << 152;

    uint256 public count;
    mapping(uint256 id => Offer) private offers;
    /// @dev (miner, sector, piece) that won a bounty: one copy earns one.
    mapping(bytes32 copy => bool) private rewarded;

    /// @notice Posts a bounty: the value of this message.
    /// @param pieceCid the piece's CID in bytes.
    /// @param size its padded size in bytes.
    /// @param duration for how many epochs it must be stored.
    /// @param advance how much of the value is paid at once.
    /// @return id of the bounty; a provider passes it on as the notification's payload, as 32 bytes.
    function post(bytes calldata pieceCid, uint64 size, int64 duration, uint256 advance)
        external
        payable
        returns (uint256 id)
    {
        if (msg.value == 0 || advance > msg.value || duration <= 0 || size < 128) revert BadOffer();
        id = ++count;
        Offer storage offer = offers[id];
        offer.stage = Stage.Open;
        offer.sponsor = msg.sender;
        offer.piece = keccak256(pieceCid);
        offer.size = size;
        offer.duration = duration;
        offer.advance = advance;
        offer.vesting = msg.value - advance;
        emit Posted(id, msg.sender, pieceCid, size, duration, msg.value);
    }

    /// @notice Gives the sponsor the money of a bounty back that nobody has won.
    function withdraw(uint256 id) external {
        Offer storage offer = offers[id];
        if (msg.sender != offer.sponsor) revert NotTheSponsor(msg.sender);
        if (offer.stage != Stage.Open) revert WrongStage(id, offer.stage);
        offer.stage = Stage.Closed;
        uint256 amount = offer.advance + offer.vesting;
        emit Withdrawn(id, amount);
        paySponsor(offer.sponsor, amount);
    }

    /// @notice Pays the provider what has vested. Anybody may call this.
    /// @param location where the sector is: what the miner's GenerateSectorLocation gives as
    /// `aux_data`. It is checked, and so is that the sector is proven and not faulty.
    function collect(uint256 id, bytes calldata location) external {
        Offer storage offer = won(id);
        requireStatus(offer, SectorStatus.Active, location);
        uint256 amount = vested(offer) - offer.paid;
        if (amount == 0) revert NothingVested(id);
        offer.paid += amount;
        if (offer.paid == offer.vesting) offer.stage = Stage.Closed;
        emit Paid(id, offer.miner, amount);
        payMiner(offer.miner, amount);
    }

    /// @notice Ends a bounty whose sector is faulty or gone, and gives the sponsor all that was not
    /// paid out. Anybody may call this.
    /// @param status Faulty or Dead, and
    /// @param location as GenerateSectorLocation gives them; both are checked.
    function clawBack(uint256 id, SectorStatus status, bytes calldata location) external {
        Offer storage offer = won(id);
        if (status == SectorStatus.Active) revert StillStored(offer.sector);
        requireStatus(offer, status, location);
        offer.stage = Stage.Closed;
        uint256 amount = offer.vesting - offer.paid;
        emit ClawedBack(id, status, amount);
        paySponsor(offer.sponsor, amount);
    }

    /// @notice What is known of a bounty.
    function bounty(uint256 id) external view returns (Offer memory) {
        return offers[id];
    }

    /// @notice How much a provider could collect now.
    function collectable(uint256 id) external view returns (uint256) {
        Offer storage offer = offers[id];
        return offer.stage == Stage.Won ? vested(offer) - offer.paid : 0;
    }

    /// @notice Where miners tell that a sector is proven and what it holds. Gives back, for each
    /// piece, whether it won the bounty that its payload names.
    /// @dev The sector is in the miner's state already when this is called.
    function handle_filecoin_method(uint64 method, uint64 codec, bytes memory params)
        external
        returns (uint32 exitCode, uint64 returnCodec, bytes memory result)
    {
        if (method != SECTOR_CONTENT_CHANGED || codec != Misc.CBOR_CODEC) revert UnknownMethod(method);
        uint64 miner = callingMiner();
        SectorContent.Piece[][] memory sectors = SectorContent.decode(params);
        bool[][] memory accepted = new bool[][](sectors.length);
        for (uint256 i = 0; i < sectors.length; i++) {
            accepted[i] = new bool[](sectors[i].length);
            for (uint256 j = 0; j < sectors[i].length; j++) accepted[i][j] = award(miner, sectors[i][j]);
        }
        return (0, Misc.CBOR_CODEC, SectorContent.encode(accepted));
    }

    /// @dev Awards the bounty that a piece's payload names, if the piece earns it.
    function award(uint64 miner, SectorContent.Piece memory piece) private returns (bool) {
        if (piece.payload.length != 32) return false;
        uint256 id = abi.decode(piece.payload, (uint256));
        Offer storage offer = offers[id];
        if (offer.stage != Stage.Open || offer.piece != keccak256(piece.cid) || offer.size != piece.size) return false;
        int64 since = int64(uint64(block.number));
        // Beyond the duration, so that the last part can be collected while the sector lives.
        if (int256(piece.until) <= int256(since) + offer.duration) return false;
        bytes32 copy = keccak256(abi.encode(miner, piece.sector, offer.piece));
        if (rewarded[copy]) return false;
        rewarded[copy] = true;
        offer.stage = offer.vesting == 0 ? Stage.Closed : Stage.Won;
        offer.miner = miner;
        offer.sector = piece.sector;
        offer.since = since;
        emit Won(id, miner, piece.sector, since);
        if (offer.advance > 0) {
            emit Paid(id, miner, offer.advance);
            payMiner(miner, offer.advance);
        }
        return true;
    }

    /// @dev The caller, if it is a miner: it calls by its ID, and the power actor, which creates all
    /// miners, has a claim of it. An ID alone would not do, wallets have one too.
    function callingMiner() private view returns (uint64 id) {
        id = uint64(uint160(msg.sender));
        if (msg.sender != minerAddress(id)) revert NotAMiner(msg.sender);
        (int256 exitCode,) = PowerAPI.minerRawPower(id);
        if (exitCode != 0) revert NotAMiner(msg.sender);
    }

    /// @dev Asks the miner whether its sector has a status.
    function requireStatus(Offer storage offer, SectorStatus status, bytes calldata location) private view {
        CBOR.CBORBuffer memory buffer = CBOR.create(32 + location.length);
        buffer.startFixedArray(3);
        buffer.writeUInt64(offer.sector);
        buffer.writeUInt64(uint64(status));
        buffer.writeBytes(location);
        (int256 exitCode, bytes memory result) = Actor.callByIDReadOnly(
            CommonTypes.FilActorId.wrap(offer.miner), VALIDATE_SECTOR_STATUS, Misc.CBOR_CODEC, buffer.data()
        );
        if (exitCode != 0) revert MinerFailed(exitCode);
        (bool so,) = result.readBool(0);
        if (!so) revert NotSo(offer.sector, status);
    }

    function won(uint256 id) private view returns (Offer storage offer) {
        offer = offers[id];
        if (offer.stage != Stage.Won) revert WrongStage(id, offer.stage);
    }

    /// @dev How much of the vesting part has vested until now: all of it after the duration.
    function vested(Offer storage offer) private view returns (uint256) {
        uint256 passed = block.number - uint64(offer.since);
        uint256 duration = uint64(offer.duration);
        return passed >= duration ? offer.vesting : offer.vesting * passed / duration;
    }

    function minerAddress(uint64 id) private pure returns (address) {
        return address(ID_MASK | uint160(id));
    }

    /// @dev A plain transfer: native actors take no calls of the EVM. It runs no code of anybody's.
    function payMiner(uint64 id, uint256 amount) private {
        int256 exitCode = SendAPI.send(CommonTypes.FilActorId.wrap(id), amount);
        if (exitCode != 0) revert MinerFailed(exitCode);
    }

    /// @dev The last thing done: a sponsor may be a contract and call again.
    function paySponsor(address to, uint256 amount) private {
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert NotPaid(to, amount);
    }
}
