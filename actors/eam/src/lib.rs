//! boatyard-eam
