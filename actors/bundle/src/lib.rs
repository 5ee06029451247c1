//! boatyard-bundle
