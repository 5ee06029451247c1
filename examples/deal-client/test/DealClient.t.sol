// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {MarketCBOR} from "filecoin-solidity-api/contracts/v0.8/cbor/MarketCbor.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {MarketTypes} from "filecoin-solidity-api/contracts/v0.8/types/MarketTypes.sol";
import {FilAddresses} from "filecoin-solidity-api/contracts/v0.8/utils/FilAddresses.sol";
import {DealCBOR} from "../src/DealCBOR.sol";
import {DealClient} from "../src/DealClient.sol";
import {MarketClient} from "../src/MarketClient.sol";

interface Vm {
    function etch(address where, bytes calldata code) external;
    function prank(address who) external;
    function roll(uint256 height) external;
    function expectRevert() external;
    function expectRevert(bytes calldata reason) external;
}

/// Stands where the FEVM has its precompile for calls of actors: a market in which everybody has
/// 1000 attoFIL, 100 of them locked.
contract Market {
    fallback() external {
        bytes memory answer = hex"82430003e8420064";
        bytes memory result = abi.encode(int256(0), uint64(0x51), answer);
        assembly {
            return(add(result, 32), mload(result))
        }
    }
}

/// What needs no node: who may do what, and what is an authentic proposal.
contract DealClientTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    address private constant MARKET = 0xff00000000000000000000000000000000000005;
    address private constant CALL_ACTOR_ID = 0xfe00000000000000000000000000000000000005;
    uint64 private constant AUTHENTICATE = 2643134072;
    uint64 private constant NOTIFY = 4186741094;

    DealClient private client;

    function setUp() external {
        vm.etch(CALL_ACTOR_ID, address(new Market()).code);
        vm.roll(100);
        client = new DealClient();
    }

    function testTheProposalIsWhatWasProposed() external {
        bytes32 id = client.propose(terms(7), extra());
        bytes memory encoded = client.getDealProposal(id);
        require(id == keccak256(encoded), "the ID is the hash");
        MarketTypes.DealProposal memory deal = MarketCBOR.deserializeDealProposal(encoded);
        require(keccak256(deal.client.data) == keccak256(self().data), "client");
        require(keccak256(deal.provider.data) == keccak256(hex"0007"), "provider");
        require(deal.storage_price_per_epoch.val.length == 1, "canonical price");
        require(keccak256(client.getExtraParams(id)) == keccak256(abi.encode(extra())), "extra");
        require(client.status(id) == MarketClient.Status.Proposed, "status");
        vm.roll(201);
        require(client.status(id) == MarketClient.Status.Lapsed, "nobody came");
    }

    function testOneProposalIsAuthentic() external {
        bytes32 id = client.propose(terms(7), extra());
        bytes memory message = client.getDealProposal(id);
        require(authentic(message), "its own");
        require(!authentic(bytes.concat(message, hex"00")), "a byte more");
        MarketTypes.DealProposal memory deal = MarketCBOR.deserializeDealProposal(message);
        deal.storage_price_per_epoch = DealCBOR.amount(2);
        require(!authentic(DealCBOR.encode(deal)), "a better price");
        deal = MarketCBOR.deserializeDealProposal(message);
        deal.provider = FilAddresses.fromActorID(8);
        require(!authentic(DealCBOR.encode(deal)), "another provider");
        // As the package writes it: zero as a sign without a number, which the market never does.
        deal = MarketCBOR.deserializeDealProposal(message);
        require(!authentic(MarketCBOR.serializeDealProposal(deal)), "not canonical");
    }

    function testAnyProviderMayTakeAnOpenProposal() external {
        bytes32 id = client.propose(terms(0), extra());
        MarketTypes.DealProposal memory deal = MarketCBOR.deserializeDealProposal(client.getDealProposal(id));
        deal.provider = FilAddresses.fromActorID(1234567);
        require(authentic(DealCBOR.encode(deal)), "any provider");
        deal.end_epoch = CommonTypes.ChainEpoch.wrap(600_001);
        require(!authentic(DealCBOR.encode(deal)), "an epoch longer");
    }

    function testAProposalIsPublishedOnce() external {
        bytes32 id = client.propose(terms(0), extra());
        MarketTypes.DealProposal memory deal = MarketCBOR.deserializeDealProposal(client.getDealProposal(id));
        deal.provider = FilAddresses.fromActorID(300);
        bytes memory message = DealCBOR.encode(deal);
        // The market notifies with IDs in place of other addresses.
        deal.client = FilAddresses.fromActorID(1001);
        bytes memory notification = bytes.concat(hex"82", bytesHead(DealCBOR.encode(deal)), hex"1863");
        vm.prank(MARKET);
        client.handle_filecoin_method(NOTIFY, 0x51, notification);
        require(client.proposal(id).dealId == 99 && client.proposal(id).provider == 300, "noted");
        require(!authentic(message), "published already");
        vm.prank(MARKET);
        vm.expectRevert(abi.encodeWithSelector(MarketClient.UnknownProposal.selector, id));
        client.handle_filecoin_method(NOTIFY, 0x51, notification);
        vm.expectRevert(abi.encodeWithSelector(MarketClient.UnknownProposal.selector, id));
        client.cancel(id);
    }

    function testOnlyTheMarketIsAnswered() external {
        bytes memory message = client.getDealProposal(client.propose(terms(7), extra()));
        vm.expectRevert(abi.encodeWithSelector(MarketClient.NotTheMarket.selector, address(this)));
        client.handle_filecoin_method(AUTHENTICATE, 0x51, bytes.concat(hex"8240", bytesHead(message)));
        vm.prank(MARKET);
        vm.expectRevert(abi.encodeWithSelector(MarketClient.UnknownMethod.selector, uint64(1024)));
        client.handle_filecoin_method(1024, 0x51, "");
    }

    function testCancelledProposalsAreNotAuthentic() external {
        bytes32 id = client.propose(terms(7), extra());
        bytes memory message = client.getDealProposal(id);
        client.cancel(id);
        require(!authentic(message), "cancelled");
        require(client.status(id) == MarketClient.Status.Cancelled, "status");
        vm.expectRevert(abi.encodeWithSelector(MarketClient.ProposedBefore.selector, id));
        client.propose(terms(7), extra());
    }

    function testTermsMustBeAffordableAndInTheFuture() external {
        MarketClient.Terms memory wrong = terms(7);
        wrong.clientCollateral = 1000;
        uint256 needed = 1000;
        wrong.pricePerEpoch = 0;
        vm.expectRevert(abi.encodeWithSelector(MarketClient.NotEnoughEscrow.selector, needed, uint256(900)));
        client.propose(wrong, extra());
        wrong = terms(7);
        wrong.startEpoch = 100;
        vm.expectRevert(abi.encodeWithSelector(MarketClient.NoSuchTime.selector, int64(100), wrong.endEpoch));
        client.propose(wrong, extra());
    }

    function testOnlyTheOwnerDecides() external {
        address stranger = address(0xbad);
        bytes memory refusal = abi.encodeWithSelector(DealClient.NotTheOwner.selector, stranger);
        MarketClient.Terms memory wanted = terms(7);
        vm.prank(stranger);
        vm.expectRevert(refusal);
        client.propose(wanted, extra());
        vm.prank(stranger);
        vm.expectRevert(refusal);
        client.withdraw(payable(stranger), 1);
        vm.prank(stranger);
        vm.expectRevert(refusal);
        client.cancel(bytes32(0));
    }

    function testActorIdsAreReadStrictly() external pure {
        (bool known, uint64 id) = DealCBOR.actorId(FilAddresses.fromActorID(type(uint64).max).data);
        require(known && id == type(uint64).max, "the greatest");
        (known, id) = DealCBOR.actorId(FilAddresses.fromActorID(0).data);
        require(known && id == 0, "the smallest");
        (known,) = DealCBOR.actorId(hex"00ff");
        require(!known, "unfinished");
        (known,) = DealCBOR.actorId(hex"000100");
        require(!known, "too long");
        (known,) = DealCBOR.actorId(hex"00ffffffffffffffffff02");
        require(!known, "too great");
        (known,) = DealCBOR.actorId(hex"040a");
        require(!known, "another kind");
    }

    function testFuzzNoChangedByteIsAuthentic(uint256 index, uint8 change) external {
        bytes memory message = client.getDealProposal(client.propose(terms(7), extra()));
        message[index % message.length] ^= bytes1(change == 0 ? 1 : change);
        vm.prank(MARKET);
        // What does not even decode ends in an exit code, which the market takes for a no.
        try client.handle_filecoin_method(AUTHENTICATE, 0x51, bytes.concat(hex"8240", bytesHead(message))) returns (
            uint32, uint64, bytes memory result
        ) {
            require(result[0] == 0xf4, "a changed proposal");
        } catch {}
    }

    function testFuzzProposalsAreCanonical(MarketClient.Terms memory wanted, uint64 startsIn, uint64 lasts) external {
        wanted.pieceCid = terms(7).pieceCid;
        wanted.startEpoch = int64(uint64(block.number)) + 1 + int64(startsIn >> 3);
        wanted.endEpoch = wanted.startEpoch + 1 + int64(lasts >> 3);
        // What the escrow of this test can hold.
        wanted.pricePerEpoch = 0;
        wanted.clientCollateral %= 901;
        bytes memory encoded = client.getDealProposal(client.propose(wanted, extra()));
        MarketTypes.DealProposal memory deal = MarketCBOR.deserializeDealProposal(encoded);
        require(keccak256(DealCBOR.encode(deal)) == keccak256(encoded), "decoded and encoded again");
        require(keccak256(deal.label.data) == keccak256(bytes(wanted.label)), "label");
        require(CommonTypes.ChainEpoch.unwrap(deal.end_epoch) == wanted.endEpoch, "end");
        // A price and a collateral of nothing are no bytes at all.
        require(deal.storage_price_per_epoch.val.length == 1 && deal.storage_price_per_epoch.val[0] == 0, "zero");
    }

    /// Whether the client answers yes when the market asks.
    function authentic(bytes memory message) private returns (bool) {
        vm.prank(MARKET);
        (uint32 exitCode, uint64 codec, bytes memory result) =
            client.handle_filecoin_method(AUTHENTICATE, 0x51, bytes.concat(hex"8243c0ffee", bytesHead(message)));
        require(exitCode == 0 && codec == 0x51 && result.length == 1, "a bool");
        return result[0] == 0xf5;
    }

    function self() private view returns (CommonTypes.FilAddress memory) {
        return FilAddresses.fromEthAddress(address(client));
    }

    /// CBOR of 24 to 255 bytes.
    function bytesHead(bytes memory value) private pure returns (bytes memory) {
        return bytes.concat(hex"58", bytes1(uint8(value.length)), value);
    }

    function terms(uint64 provider) private pure returns (MarketClient.Terms memory) {
        return MarketClient.Terms({
            pieceCid: hex"0181e203922020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            pieceSize: 2048,
            provider: provider,
            label: "mars.jpg",
            startEpoch: 200,
            endEpoch: 1000,
            pricePerEpoch: 1,
            providerCollateral: 1000,
            clientCollateral: 0
        });
    }

    function extra() private pure returns (MarketClient.ExtraParamsV1 memory) {
        return MarketClient.ExtraParamsV1("http://127.0.0.1/mars.car", 1900, true, false);
    }
}
