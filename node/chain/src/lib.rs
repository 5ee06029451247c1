//! boatyard-chain
