//! boatyard-node
