//! Who a provider is and what it asks for.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use fvm_shared::address::Address;
use serde_json::json;

use super::{Answer, Office, Refusal};

/// The routes of this file.
pub fn routes() -> Router<Office> {
    Router::new().route("/", get(about))
}

async fn about(State(office): State<Office>) -> Result<Answer, Refusal> {
    office
        .work(|office| {
            let config = office.provider.config();
            let info = office.miner()?.info()?;
            let ask = office.provider.ask();
            Ok(Answer::ok(json!({
                "miner": Address::new_id(config.miner).to_string(),
                "worker": config.worker.address().to_string(),
                "owner": info.owner.to_string(),
                "sector_size": config.sector_size() as u64,
                "ask": {
                    "price_per_gib_epoch": ask.price.atto().to_string(),
                    "verified_price_per_gib_epoch": ask.verified_price.atto().to_string(),
                    "min_piece_size": ask.min_piece_size,
                    "max_piece_size": ask.max_piece_size,
                    "min_duration": ask.min_duration,
                    "max_duration": ask.max_duration,
                    "start_delay": ask.start_delay,
                },
                "retrieval": {
                    "price_per_byte": config.retrieval_price.atto().to_string(),
                },
            })))
        })
        .await
}
