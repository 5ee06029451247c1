//! boatyard-actors-shared
