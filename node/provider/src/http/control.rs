//! What is asked of a provider's sectors, and everything that goes wrong on request.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::sector::SectorNumber;
use serde::Deserialize;
use serde_json::json;

use super::{Answer, Office, Refusal, nudge, read};
use crate::control::{ControlError, Pledge};
use crate::mischief::Mischief;
use crate::pipeline::PipelineError;
use crate::provider::Provider;

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
        .route("/control/lose-sector", post(lose))
        .route("/control/corrupt-sector", post(corrupt))
        .route("/control/restore-sector", post(restore))
        .route("/control/pledge", post(pledge))
        .route("/control/extend", post(extend))
        .route("/control/terminate", post(terminate))
        .route("/control/double-sign", post(double_sign))
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    sector: SectorNumber,
}

async fn lose(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    files(office, body, "lost", Provider::lose_sector).await
}

async fn corrupt(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    files(office, body, "corrupt", Provider::corrupt_sector).await
}

async fn restore(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let chain = office.chain.clone();
    let answer = files(office, body, "whole", Provider::restore_sector).await?;
    nudge(&chain).await;
    Ok(answer)
}

/// Does something with the files of a sector, and says how they are afterwards.
async fn files(
    office: Office,
    body: Bytes,
    after: &'static str,
    act: fn(&Provider, SectorNumber) -> Result<(), ControlError>,
) -> Result<Answer, Refusal> {
    let Which { sector } = read(&body)?;
    office
        .work(move |office| {
            act(&office.provider, sector)?;
            Ok(Answer::ok(json!({ "sector": sector, "files": after })))
        })
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Capacity {
    #[serde(default = "one")]
    count: u32,
    #[serde(default)]
    non_interactive: bool,
    #[serde(default)]
    expiration: Option<ChainEpoch>,
}

fn one() -> u32 {
    1
}

async fn pledge(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let wanted: Capacity = read(&body)?;
    let chain = office.chain.clone();
    let answer = office
        .work(move |office| {
            let pledge = Pledge {
                count: wanted.count,
                non_interactive: wanted.non_interactive,
                expiration: wanted.expiration,
            };
            let (state, epoch) = (office.chain.head_state(), office.chain.next_epoch());
            let sectors = office.provider.pledge(&state, epoch, &pledge)?;
            Ok(Answer::ok(json!({ "sectors": sectors })))
        })
        .await?;
    nudge(&chain).await;
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extension {
    sector: SectorNumber,
    expiration: ChainEpoch,
}

async fn extend(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let Extension { sector, expiration } = read(&body)?;
    let (provider, chain) = (office.provider, office.chain);
    let message = provider.extend(&chain, sector, expiration).await?;
    Ok(Answer::ok(json!({ "message": message.to_string() })))
}

async fn terminate(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let Which { sector } = read(&body)?;
    let message = office.provider.terminate(&office.chain, sector).await?;
    Ok(Answer::ok(json!({ "message": message.to_string() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

async fn double_sign(State(office): State<Office>, body: Bytes) -> Result<Answer, Refusal> {
    let Nothing {} = read(&body)?;
    let message = office.provider.double_sign(&office.chain).await?;
    Ok(Answer::ok(json!({ "message": message.to_string() })))
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let text = error.to_string();
        match error {
            ControlError::NoSector(_) => Self::not_found(text),
            ControlError::Refused(_)
            | ControlError::Fails { .. }
            | ControlError::Pipeline(PipelineError::NoData(_)) => Self::unfit(text),
            ControlError::NotSent(_) => Self::new(StatusCode::CONFLICT, text),
            ControlError::Pipeline(_) => Self::internal(&text),
        }
    }
}
