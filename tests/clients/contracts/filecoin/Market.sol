// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {MarketAPI} from "filecoin-solidity-api/contracts/v0.8/MarketAPI.sol";
import {MarketCBOR} from "filecoin-solidity-api/contracts/v0.8/cbor/MarketCbor.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {MarketTypes} from "filecoin-solidity-api/contracts/v0.8/types/MarketTypes.sol";
import {BigInts} from "filecoin-solidity-api/contracts/v0.8/utils/BigInts.sol";

/// Every function of MarketAPI, for anybody.
contract Market {
    /// Exit code of a call that may change state.
    event Exit(int256 code);

    receive() external payable {}

    function addBalance(CommonTypes.FilAddress memory whose, uint256 value)
        external
        payable
        returns (int256 code, bytes memory result)
    {
        (code, result) = MarketAPI.addBalance(whose, value);
        emit Exit(code);
    }

    function withdrawBalance(CommonTypes.FilAddress memory whose, uint256 amount)
        external
        returns (int256 code, uint256 withdrawn)
    {
        CommonTypes.BigInt memory result;
        (code, result) =
            MarketAPI.withdrawBalance(MarketTypes.WithdrawBalanceParams(whose, BigInts.fromUint256(amount)));
        if (code == 0) (withdrawn,) = BigInts.toUint256(result);
        emit Exit(code);
    }

    function publishStorageDeals(MarketTypes.PublishStorageDealsParams memory params)
        external
        returns (int256 code, MarketTypes.PublishStorageDealsReturn memory result)
    {
        (code, result) = MarketAPI.publishStorageDeals(params);
        emit Exit(code);
    }

    /// What a client signs.
    function proposalBytes(MarketTypes.DealProposal memory proposal) external pure returns (bytes memory) {
        return MarketCBOR.serializeDealProposal(proposal);
    }

    function getBalance(CommonTypes.FilAddress memory whose)
        external
        view
        returns (int256, MarketTypes.GetBalanceReturn memory)
    {
        return MarketAPI.getBalance(whose);
    }

    function getDealDataCommitment(uint64 deal)
        external
        view
        returns (int256, MarketTypes.GetDealDataCommitmentReturn memory)
    {
        return MarketAPI.getDealDataCommitment(deal);
    }

    function getDealClient(uint64 deal) external view returns (int256, uint64) {
        return MarketAPI.getDealClient(deal);
    }

    function getDealProvider(uint64 deal) external view returns (int256, uint64) {
        return MarketAPI.getDealProvider(deal);
    }

    function getDealLabel(uint64 deal) external view returns (int256, CommonTypes.DealLabel memory) {
        return MarketAPI.getDealLabel(deal);
    }

    function getDealTerm(uint64 deal) external view returns (int256, MarketTypes.GetDealTermReturn memory) {
        return MarketAPI.getDealTerm(deal);
    }

    function getDealTotalPrice(uint64 deal) external view returns (int256, CommonTypes.BigInt memory) {
        return MarketAPI.getDealTotalPrice(deal);
    }

    function getDealClientCollateral(uint64 deal) external view returns (int256, CommonTypes.BigInt memory) {
        return MarketAPI.getDealClientCollateral(deal);
    }

    function getDealProviderCollateral(uint64 deal) external view returns (int256, CommonTypes.BigInt memory) {
        return MarketAPI.getDealProviderCollateral(deal);
    }

    function getDealVerified(uint64 deal) external view returns (int256, bool) {
        return MarketAPI.getDealVerified(deal);
    }

    function getDealActivation(uint64 deal)
        external
        view
        returns (int256, MarketTypes.GetDealActivationReturn memory)
    {
        return MarketAPI.getDealActivation(deal);
    }
}
