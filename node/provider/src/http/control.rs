//! Everything that goes wrong on request.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Office, Refusal, read};
use crate::mischief::Mischief;

/// The routes of this file.
pub fn routes() -> Router<Office> {
    Router::new()
        .route(
            "/control/stop",
            post(async |State(office): State<Office>| {
                change(office, |mischief| mischief.stopped = true).await
            }),
        )
        .route(
            "/control/resume",
            post(async |State(office): State<Office>| {
                change(office, |mischief| mischief.stopped = false).await
            }),
        )
        .route("/control/skip-post", post(skip_post))
        .route("/control/bad-proof", post(bad_proof))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    #[serde(default = "yes")]
    on: bool,
}

fn yes() -> bool {
    true
}

async fn skip_post(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let Switch { on } = read(&body)?;
    change(office, move |mischief| mischief.skips_posts = on).await
}

async fn bad_proof(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let Switch { on } = read(&body)?;
    change(office, move |mischief| mischief.spoils_posts = on).await
}

/// Changes what the provider does wrong, and answers with all of it.
async fn change(
    office: Office,
    change: impl FnOnce(&mut Mischief) + Send + 'static,
) -> Result<Answer, Refusal> {
    office
        .work(move |office| {
            office.provider.set_mischief(change);
            let mischief = office.provider.mischief();
            Ok(Answer::ok(json!({
                "stopped": mischief.stopped,
                "skip_post": mischief.skips_posts,
                "bad_proof": mischief.spoils_posts,
            })))
        })
        .await
}
