//! Changes of the gateway's settings that answer a finding.

/// A change of the gateway's settings, for the requests of one operation or for a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayChange {
    /// Name of the remedy: `cache-route`.
    pub remedy: String,
    /// What it is set on.
    pub on: GatewayPlace,
    /// The method of the operation.
    pub method: String,
    /// Its paths as a route names them: `/api/trending`, or `/api/orders/*` where a part of it differs from request to request.
    pub paths: String,
    /// A path such as its requests have.
    pub example: String,
    /// Keys and their values, as the settings file has them.
    pub settings: Vec<(String, String)>,
    /// Why, in a sentence or two.
    pub reason: String,
}

/// What a change of the gateway's settings is set on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayPlace {
    /// The route that takes the operation's requests.
    Route,
    /// The service that this route leads to.
    Service,
    /// The service that has this host among its members.
    Host(String),
}
