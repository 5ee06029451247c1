//! boatyard-reward
