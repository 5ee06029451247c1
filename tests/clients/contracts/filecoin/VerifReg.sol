// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {VerifRegAPI} from "filecoin-solidity-api/contracts/v0.8/VerifRegAPI.sol";
import {CommonTypes} from "filecoin-solidity-api/contracts/v0.8/types/CommonTypes.sol";
import {VerifRegTypes} from "filecoin-solidity-api/contracts/v0.8/types/VerifRegTypes.sol";
import {BigInts} from "filecoin-solidity-api/contracts/v0.8/utils/BigInts.sol";

/// Every function of VerifRegAPI, for anybody; it can be a verifier.
contract VerifReg {
    /// Exit code of a call that may change state.
    event Exit(int256 code);

    function getClaims(VerifRegTypes.GetClaimsParams memory params)
        external
        view
        returns (int256, VerifRegTypes.GetClaimsReturn memory)
    {
        return VerifRegAPI.getClaims(params);
    }

    function addVerifiedClient(CommonTypes.FilAddress memory client, uint256 allowance)
        external
        returns (int256 code)
    {
        code = VerifRegAPI.addVerifiedClient(
            VerifRegTypes.AddVerifiedClientParams(client, BigInts.fromUint256(allowance))
        );
        emit Exit(code);
    }

    function removeExpiredAllocations(VerifRegTypes.RemoveExpiredAllocationsParams memory params)
        external
        returns (int256 code, VerifRegTypes.RemoveExpiredAllocationsReturn memory result)
    {
        (code, result) = VerifRegAPI.removeExpiredAllocations(params);
        emit Exit(code);
    }

    function extendClaimTerms(VerifRegTypes.ClaimTerm[] memory terms)
        external
        returns (int256 code, CommonTypes.BatchReturn memory result)
    {
        (code, result) = VerifRegAPI.extendClaimTerms(terms);
        emit Exit(code);
    }

    function removeExpiredClaims(VerifRegTypes.RemoveExpiredClaimsParams memory params)
        external
        returns (int256 code, VerifRegTypes.RemoveExpiredClaimsReturn memory result)
    {
        (code, result) = VerifRegAPI.removeExpiredClaims(params);
        emit Exit(code);
    }
}
