//! boatyard-registry
