//! Saved views: questions with a name, kept in the store for everyone who looks.

use std::sync::{Mutex, PoisonError};

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use store::Store;

use crate::{
    params::sent,
    problem::Problem,
    server::App,
    wire::{SavedView, Views},
};

/// Name of the document in the store.
const NAME: &str = "views";

/// Views that are kept: more than a list can show.
const VIEWS_MAX: usize = 200;

/// Bytes of a name, and of the query of an address.
const NAME_BYTES_MAX: usize = 100;
const QUERY_BYTES_MAX: usize = 4_000;

/// Held from reading to writing, so that of two who save at once neither is lost.
static SAVING: Mutex<()> = Mutex::new(());

/// Saved views, by name.
#[utoipa::path(
    get,
    path = "/api/v1/views",
    tag = "explore",
    responses((status = 200, description = "saved views, by name", body = Views))
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Views>, Problem> {
    app.read(|source| Ok(Json(Views { views: load(source.store())? }))).await
}

/// Saves a view, in place of one of the same name.
#[utoipa::path(
    post,
    path = "/api/v1/views",
    tag = "explore",
    request_body = SavedView,
    responses(
        (status = 200, description = "saved views, by name; it is on the disk", body = Views),
        (status = 400, description = "it has no name, is too long, or there are too many", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn save(
    State(app): State<App>,
    body: Result<Json<SavedView>, JsonRejection>,
) -> Result<Json<Views>, Problem> {
    let hint = "send JSON with `name` and `query`, the query of the page's address";
    let mut view = sent(body, hint)?;
    view.name = view.name.trim().to_owned();
    if view.name.is_empty() || NAME_BYTES_MAX < view.name.len() {
        let what = format!("`name`: it has 1 to {NAME_BYTES_MAX} bytes, not {}", view.name.len());
        return Err(Problem::wrong(what, "call it what it answers"));
    }
    if QUERY_BYTES_MAX < view.query.len() || view.query.contains(char::is_control) {
        let what = format!("`query`: it is no query of up to {QUERY_BYTES_MAX} bytes");
        return Err(Problem::wrong(what, hint));
    }
    change(&app, move |views| {
        views.retain(|known| known.name != view.name);
        if VIEWS_MAX <= views.len() {
            let what = format!("there are {VIEWS_MAX} views already");
            return Err(Problem::wrong(what, "remove some that nobody needs"));
        }
        views.push(view);
        Ok(())
    })
    .await
}

/// Removes a view.
#[utoipa::path(
    delete,
    path = "/api/v1/views/{name}",
    tag = "explore",
    params(("name" = String, Path, description = "its name")),
    responses((status = 200, description = "the views that are left", body = Views))
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Path(name): Path<String>,
) -> Result<Json<Views>, Problem> {
    change(&app, move |views| {
        views.retain(|known| known.name != name);
        Ok(())
    })
    .await
}

async fn change(
    app: &App,
    how: impl FnOnce(&mut Vec<SavedView>) -> Result<(), Problem> + Send + 'static,
) -> Result<Json<Views>, Problem> {
    app.read(|source| {
        let _saving = SAVING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut views = load(source.store())?;
        how(&mut views)?;
        views.sort_by(|one, other| one.name.cmp(&other.name));
        let text = serde_json::to_vec(&views).unwrap_or_default();
        source.store().save_document(NAME, &text)?;
        Ok(Json(Views { views }))
    })
    .await
}

/// What was saved last; nothing if there is nothing, or if it is damaged.
fn load(store: &dyn Store) -> Result<Vec<SavedView>, Problem> {
    let bytes = match store.load_document(NAME) {
        Err(store::StoreError::Damaged { .. }) => None,
        loaded => loaded?,
    };
    Ok(serde_json::from_slice(&bytes.unwrap_or_default()).unwrap_or_default())
}
