//! boatyard-evm
