//! boatyard-sdk
