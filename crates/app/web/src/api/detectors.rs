//! What can be found, with the pages of the manual.

use axum::Json;

use crate::wire::{Detector, Detectors};

/// Every detector with its manual page.
#[utoipa::path(
    get,
    path = "/api/v1/detectors",
    tag = "findings",
    responses((status = 200, description = "all detectors, by code", body = Detectors))
)]
pub(crate) async fn list() -> Json<Detectors> {
    let detectors = find::DETECTORS.iter().copied().map(Detector::from).collect();
    Json(Detectors { detectors })
}
