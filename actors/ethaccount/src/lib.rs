//! boatyard-ethaccount
