//! boatyard-rpc
