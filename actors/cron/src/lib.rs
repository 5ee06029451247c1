//! boatyard-cron
