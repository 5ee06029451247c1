//! boatyard-placeholder
