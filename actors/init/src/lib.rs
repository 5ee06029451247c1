//! boatyard-init
