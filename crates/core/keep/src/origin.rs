//! Resources and scopes, which many rows share: to numbers of texts and back.

use std::{collections::BTreeMap, sync::Arc};

use model::{Resource, Scope};

use crate::{chunk::Chunk, json};

/// The resource and the scope of the row before: those of the next are mostly the same.
#[derive(Debug, Default)]
pub(crate) struct LastOrigin {
    resource: Option<(Arc<Resource>, u32, u32)>,
    scope: Option<(Arc<Scope>, u32)>,
}

impl LastOrigin {
    /// Numbers of the resource as JSON, and of the name of its service.
    pub(crate) fn resource(&mut self, resource: &Arc<Resource>, chunk: &mut Chunk) -> (u32, u32) {
        match &self.resource {
            Some((known, number, service)) if Arc::ptr_eq(known, resource) => (*number, *service),
            _ => {
                let number = chunk.text(&json::resource(resource));
                let service = chunk.text(resource.service());
                self.resource = Some((Arc::clone(resource), number, service));
                (number, service)
            }
        }
    }

    /// Number of the scope as JSON.
    pub(crate) fn scope(&mut self, scope: &Arc<Scope>, chunk: &mut Chunk) -> u32 {
        match &self.scope {
            Some((known, number)) if Arc::ptr_eq(known, scope) => *number,
            _ => {
                let number = chunk.text(&json::scope(scope));
                self.scope = Some((Arc::clone(scope), number));
                number
            }
        }
    }
}

/// Resources and scopes, each made once for all rows that have it.
#[derive(Default)]
pub(crate) struct Origins {
    resources: BTreeMap<u32, Arc<Resource>>,
    scopes: BTreeMap<u32, Arc<Scope>>,
}

impl Origins {
    pub(crate) fn resource(&mut self, chunk: &Chunk, number: u32) -> Arc<Resource> {
        let made = || Arc::new(json::read_resource(chunk.texts().get(number)));
        Arc::clone(self.resources.entry(number).or_insert_with(made))
    }

    pub(crate) fn scope(&mut self, chunk: &Chunk, number: u32) -> Arc<Scope> {
        let made = || Arc::new(json::read_scope(chunk.texts().get(number)));
        Arc::clone(self.scopes.entry(number).or_insert_with(made))
    }
}
