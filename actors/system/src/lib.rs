//! boatyard-system
