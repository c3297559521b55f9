//! Plans: a text that somebody pastes, read and told apart.

use axum::{Json, body::Bytes, extract::State};

use crate::{
    problem::Problem,
    server::App,
    wire::{Plan, PlanAnswer},
};

/// Largest text: a plan of thousands of partitions has a few megabytes.
pub(crate) const PLAN_BYTES_MAX: usize = 8 << 20;

/// Reads plans as `EXPLAIN` printed them, in any format. Nothing of them is kept.
#[utoipa::path(
    post,
    path = "/api/v1/plan",
    tag = "databases",
    request_body(content = String, content_type = "text/plain",
        description = "what `EXPLAIN` printed, at most 8 MiB"),
    responses(
        (status = 200, description = "the plans in it", body = PlanAnswer),
        (status = 400, description = "there is no plan in it", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn read(State(app): State<App>, body: Bytes) -> Result<Json<PlanAnswer>, Problem> {
    app.read(move |source| {
        let limits = source.plan_limits();
        let text = String::from_utf8_lossy(&body);
        let plans = sql::plan::read(&text)
            .map_err(|error| Problem::wrong(error.to_string(), error.hint()))?;
        let problems = plans.iter().flat_map(|plan| plan.notes.0.iter().cloned()).collect();
        let plans = plans.iter().map(|plan| Plan::new(plan, &limits)).collect();
        Ok(Json(PlanAnswer { plans, problems }))
    })
    .await
}
