//! boatyard-sdk-macros
