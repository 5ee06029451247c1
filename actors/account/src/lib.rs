//! boatyard-account
