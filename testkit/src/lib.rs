//! boatyard-testkit
