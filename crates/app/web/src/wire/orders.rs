//! Orders to the gateway, and what it says of what it did.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to do with a member of a service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayMemberOrder {
    /// Its service.
    pub service: String,
    /// Its host and port.
    pub member: String,
    /// What to do.
    pub order: GatewayMemberVerb,
    /// Its weight from then on, from 0 to 1000: with `weight`.
    pub weight: Option<u32>,
    /// Do it also where nobody of the service is left then.
    pub force: Option<bool>,
}

/// What can be done with a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayMemberVerb {
    /// No new requests; what has begun ends.
    Drain,
    /// Requests as before.
    Undrain,
    /// Another share of them.
    Weight,
}

impl GatewayMemberVerb {
    /// Its name at the admin port.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Undrain => "undrain",
            Self::Weight => "weight",
        }
    }
}

/// What is ordered of a member from then on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayMemberDone {
    /// Its service.
    pub service: String,
    /// Its host and port.
    pub member: String,
    /// No new requests are sent to it.
    pub drained: bool,
    /// Its weight by order; nothing where that of the settings counts.
    pub weight: Option<u32>,
    /// For how long, in words.
    pub lasts: String,
}

/// What the cache is to forget: one of `url`, `prefix`, `tag`, `route` and `all`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayPurge {
    /// Answers to this address: `http://shop.example/items/1`, or `/items/1` of any host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Answers to what begins like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Answers with this tag (surrogate key).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Answers of this route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// Keep it for where members fail, as what is stale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft: Option<bool>,
}

impl GatewayPurge {
    /// How many things it names: one, if it makes sense.
    pub(crate) fn names(&self) -> usize {
        let texts = [&self.url, &self.prefix, &self.tag, &self.route];
        let texts = texts.into_iter().flatten().filter(|text| !text.is_empty());
        texts.count() + usize::from(self.all == Some(true))
    }
}

/// What the cache forgot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayForgotten {
    /// Answers.
    pub forgotten: u64,
    /// They are kept for where members fail.
    pub soft: bool,
}

/// Addresses to ask for, so that their answers are in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayWarm {
    /// `http://shop.example/items/`; at most 1,000.
    pub urls: Vec<String>,
}

/// What was warmed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct GatewayWarmed {
    /// Addresses that were asked for.
    pub asked: u64,
    /// Those that were answered with 2xx.
    pub answered: u64,
}

/// What to do with a version that is tried.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayCanaryOrder {
    /// Its route.
    pub route: String,
    /// What to do.
    pub order: GatewayCanaryVerb,
}

/// What can be done with a version that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GatewayCanaryVerb {
    /// Give it its next share.
    Step,
    /// Leave it at its share.
    Hold,
    /// Take it back.
    Revert,
    /// Give it everything.
    Finish,
}

impl GatewayCanaryVerb {
    /// Its name at the admin port.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Hold => "hold",
            Self::Revert => "revert",
            Self::Finish => "finish",
        }
    }
}
