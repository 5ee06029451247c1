// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {CBOR} from "solidity-cborutils/contracts/CBOR.sol";
import {MarketCBOR} from "filecoin-solidity-api/contracts/v0.8/cbor/MarketCbor.sol";
import {MarketTypes} from "filecoin-solidity-api/contracts/v0.8/types/MarketTypes.sol";
import {FilAddresses} from "filecoin-solidity-api/contracts/v0.8/utils/FilAddresses.sol";
import {DealCBOR} from "deal-client/DealCBOR.sol";
import {MarketClient} from "deal-client/MarketClient.sol";
import {Evergreen} from "../src/Evergreen.sol";

interface Vm {
    function etch(address where, bytes calldata code) external;
    function prank(address who) external;
    function roll(uint256 height) external;
    function deal(address who, uint256 balance) external;
    function expectRevert(bytes calldata reason) external;
}

/// The market as far as a client sees it: one client's escrow, and what became of its deals.
contract Market {
    using CBOR for CBOR.CBORBuffer;

    uint256 public balance;
    uint256 public locked;
    /// Exit code and activation epoch of the newest deal.
    int256 public exitCode;
    int64 public activated = -1;

    function lock(uint256 amount) external {
        locked += amount;
    }

    /// As if the money of a deal went to its provider.
    function spend(uint256 amount) external {
        locked -= amount;
        balance -= amount;
    }

    function becomes(int256 code, int64 epoch) external {
        (exitCode, activated) = (code, epoch);
    }

    function answer(uint64 method) external payable returns (int256, uint64, bytes memory) {
        CBOR.CBORBuffer memory buffer = CBOR.create(64);
        if (method == MarketTypes.AddBalanceMethodNum) {
            balance += msg.value;
            return (0, 0, "");
        }
        if (method == MarketTypes.GetBalanceMethodNum) {
            buffer.startFixedArray(2);
            buffer.writeBytes(abi.encodePacked(uint8(0), balance));
            buffer.writeBytes(abi.encodePacked(uint8(0), locked));
            return (0, 0x51, buffer.data());
        }
        require(method == MarketTypes.GetDealActivationMethodNum, "unknown method");
        if (exitCode != 0) return (exitCode, 0, "");
        buffer.startFixedArray(2);
        buffer.writeInt64(activated);
        buffer.writeInt64(-1);
        return (0, 0x51, buffer.data());
    }
}

/// Stands where the FEVM has its precompile for calls of actors: passes them on to the market.
contract CallActor {
    fallback() external payable {
        (uint64 method, uint256 value,,,,) = abi.decode(msg.data, (uint64, uint256, uint64, uint64, bytes, uint64));
        (int256 code, uint64 codec, bytes memory data) =
            Market(0xff00000000000000000000000000000000000005).answer{value: value}(method);
        bytes memory result = abi.encode(code, codec, data);
        assembly {
            return(add(result, 32), mload(result))
        }
    }
}

/// When the next deal is due, what it costs, and who earns by it.
contract EvergreenTest {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    address private constant MARKET = 0xff00000000000000000000000000000000000005;
    address private constant CALL_ACTOR_ID = 0xfe00000000000000000000000000000000000005;
    uint64 private constant AUTHENTICATE = 2643134072;
    uint64 private constant NOTIFY = 4186741094;
    address private constant POKER = address(0x9e);
    address private constant OTHER = address(0x07e);

    uint256 private constant EACH = 10 * 518_400;
    uint256 private constant REWARD = 1_000;

    Market private market = Market(MARKET);
    Evergreen private evergreen;
    uint64 private deals;

    function setUp() external {
        vm.etch(CALL_ACTOR_ID, address(new CallActor()).code);
        vm.etch(MARKET, address(new Market()).code);
        vm.roll(1_000);
        vm.deal(address(this), 1 ether);
        evergreen = new Evergreen(file(), policy());
        evergreen.fund{value: 3 * (EACH + REWARD)}();
    }

    receive() external payable {}

    function testProposesOnceAndRewardsWhenItIsPublished() external {
        require(evergreen.due() && evergreen.dealsPaid() == 3, "nothing is stored yet");
        bytes32 id = renewAs(POKER);
        MarketClient.Terms memory terms = evergreen.proposal(id).terms;
        require(terms.startEpoch == 1_100 && terms.endEpoch == 519_500, "times");
        require(market.balance() == EACH, "the escrow holds one deal");
        require(!evergreen.due(), "a provider may come");
        vm.expectRevert(abi.encodeWithSelector(Evergreen.NotDue.selector));
        evergreen.renew();
        require(evergreen.rewardOf(POKER) == 0, "not yet");
        publish(id);
        require(evergreen.current() == id && evergreen.pending() == 0, "current");
        require(evergreen.rewardOf(POKER) == REWARD, "earned");
        vm.prank(POKER);
        require(evergreen.collect() == REWARD && POKER.balance == REWARD, "paid");
        vm.prank(POKER);
        vm.expectRevert(abi.encodeWithSelector(Evergreen.NothingToCollect.selector, POKER));
        evergreen.collect();
    }

    function testTheNextDealOverlaps() external {
        publish(renewAs(POKER));
        market.becomes(0, 1_050);
        vm.roll(519_500 - 1_001);
        require(!evergreen.due(), "not in the window yet");
        vm.roll(519_500 - 1_000);
        require(evergreen.due(), "in the window");
        bytes32 next = renewAs(OTHER);
        require(evergreen.proposal(next).terms.startEpoch < 519_500, "no gap");
        publish(next);
        require(evergreen.rewardOf(OTHER) == REWARD, "another poker");
    }

    function testANewTryWhenNobodyComes() external {
        bytes32 first = renewAs(POKER);
        vm.roll(1_100);
        require(!evergreen.due(), "the last epoch to publish it");
        vm.roll(1_101);
        require(evergreen.due(), "lapsed");
        bytes32 second = renewAs(OTHER);
        require(first != second && evergreen.poker() == OTHER, "the first call earns nothing");
        require(evergreen.setAside() == REWARD, "one reward is promised");
        require(market.balance() == EACH, "the escrow is used again");
        publish(second);
        require(evergreen.rewardOf(POKER) == 0 && evergreen.rewardOf(OTHER) == REWARD, "rewards");
    }

    function testANewTryWhenTheProviderFails() external {
        publish(renewAs(POKER));
        require(!evergreen.due(), "to be proven");
        vm.roll(1_101);
        require(evergreen.due(), "never proven");
        publish(renewAs(POKER));
        market.becomes(0, 1_150);
        require(!evergreen.due(), "stored");
        market.becomes(32, 0);
        require(evergreen.due(), "ended early");
    }

    function testRewardsAreSafeFromDeals() external {
        for (uint256 i = 0; i < 3; i++) {
            vm.roll(1_000 + i);
            publish(renewAs(POKER));
            market.becomes(32, 0);
            market.spend(EACH);
        }
        require(address(evergreen).balance == 3 * REWARD && evergreen.setAside() == 3 * REWARD, "all is promised");
        vm.expectRevert(abi.encodeWithSelector(Evergreen.NotEnoughMoney.selector, 4 * REWARD + EACH, 3 * REWARD));
        evergreen.renew();
        vm.prank(POKER);
        require(evergreen.collect() == 3 * REWARD, "paid");
    }

    function testPoliciesLeaveTimeForASecondTry() external {
        Evergreen.Policy memory wrong = policy();
        wrong.window = 199;
        vm.expectRevert(abi.encodeWithSelector(Evergreen.BadPolicy.selector));
        new Evergreen(file(), wrong);
        wrong = policy();
        wrong.lead = 0;
        vm.expectRevert(abi.encodeWithSelector(Evergreen.BadPolicy.selector));
        new Evergreen(file(), wrong);
    }

    function renewAs(address who) private returns (bytes32) {
        vm.prank(who);
        return evergreen.renew();
    }

    /// What the market does when provider f0300 publishes a proposal.
    function publish(bytes32 id) private {
        MarketTypes.DealProposal memory deal = MarketCBOR.deserializeDealProposal(evergreen.getDealProposal(id));
        deal.provider = FilAddresses.fromActorID(300);
        vm.prank(MARKET);
        (,, bytes memory yes) =
            evergreen.handle_filecoin_method(AUTHENTICATE, 0x51, bytes.concat(hex"8240", bytesOf(DealCBOR.encode(deal))));
        require(keccak256(yes) == keccak256(hex"f5"), "authentic");
        market.lock(EACH);
        market.becomes(0, -1);
        deal.client = FilAddresses.fromActorID(1001);
        vm.prank(MARKET);
        bytes memory number = abi.encodePacked(uint8(deals++));
        evergreen.handle_filecoin_method(NOTIFY, 0x51, bytes.concat(hex"82", bytesOf(DealCBOR.encode(deal)), number));
    }

    /// CBOR of 24 to 255 bytes.
    function bytesOf(bytes memory value) private pure returns (bytes memory) {
        return bytes.concat(hex"58", bytes1(uint8(value.length)), value);
    }

    function file() private pure returns (Evergreen.File memory) {
        return Evergreen.File({
            pieceCid: hex"0181e203922020000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            pieceSize: 2048,
            label: "mars.jpg",
            url: "http://127.0.0.1/mars.car",
            carSize: 1900
        });
    }

    function policy() private pure returns (Evergreen.Policy memory) {
        return Evergreen.Policy({
            provider: 0,
            duration: 518_400,
            lead: 100,
            window: 1_000,
            pricePerEpoch: 10,
            providerCollateral: 1,
            reward: REWARD
        });
    }
}
