//! Profiles: files that somebody drops on the page, read and told apart.

use axum::{Json, body::Bytes, extract::State};
use observe::DecompressedMax;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    params::Params, problem::Problem, profile::profiles, server::App, wire::ProfileAnswer,
};

/// Largest files together: an hour of a busy process in JSON.
pub(crate) const PROFILE_BYTES_MAX: usize = 64 << 20;

/// Largest file once it is decompressed.
const PLAIN_MAX: DecompressedMax = DecompressedMax { bytes: 256 << 20 };

/// Where one file ends and the next begins.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProfileParams {
    /// Bytes of the body that are the file of before; the rest is the one of after. Without it all is one file.
    before_bytes: Option<usize>,
}

/// Reads a profile, or compares two. Nothing of them is kept.
#[utoipa::path(
    post,
    path = "/api/v1/profile",
    tag = "files",
    params(ProfileParams),
    request_body(content = String, content_type = "application/octet-stream",
        description = "a profile by cProfile, V8 or perf script, of pprof, collapsed stacks, speedscope's JSON or Chrome's trace \
            events, at most 64 MiB; or two, one after the other"),
    responses(
        (status = 200, description = "what it says", body = ProfileAnswer),
        (status = 400, description = "there is no profile in it", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn read(
    State(app): State<App>,
    Params(params): Params<ProfileParams>,
    body: Bytes,
) -> Result<Json<ProfileAnswer>, Problem> {
    app.read(move |_| {
        let Some(end) = params.before_bytes else {
            return Ok(Json(profiles(&one(&body)?, None)));
        };
        let Some((before, after)) = body.split_at_checked(end) else {
            return Err(Problem::wrong(
                format!("`before_bytes` is {end}, and there are {} bytes in all", body.len()),
                "send the first file and then the second, and say how long the first is",
            ));
        };
        let answer = profiles(&one(before)?, Some(&one(after)?));
        if answer.profiles.is_empty() {
            return Err(Problem::wrong(
                "the two files have nothing in common: one counts time, the other something else",
                "compare profiles of the same kind",
            ));
        }
        Ok(Json(answer))
    })
    .await
}

fn one(bytes: &[u8]) -> Result<observe::ProfileReading, Problem> {
    observe::read_profiles(bytes, PLAIN_MAX)
        .map_err(|error| Problem::wrong(error.to_string(), error.hint()))
}
