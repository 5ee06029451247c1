//! boatyard-build
